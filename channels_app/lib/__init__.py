"""Tools that know no domain: HTTP, SQL, Redis, encryption, JSON. Imported by adapters and all above."""

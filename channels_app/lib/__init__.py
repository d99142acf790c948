"""Domain-independent tools: HTTP, SQL, Redis, encryption, JSON. Imported by adapters and all above."""

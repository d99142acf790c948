"""The REST API: what the pages do, for programs. Imported by URLs alone."""

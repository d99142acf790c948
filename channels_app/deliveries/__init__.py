"""A reply is stored, sent and judged. Imported by turns and operations."""

"""A reply is planned as calls, stored, sent and judged. Imported by turns and operations."""

"""A reply written down, sent and judged. Imported by turns and operations."""

"""Failures in groups with one cause, and retrying them together. Imported by web and upkeep."""

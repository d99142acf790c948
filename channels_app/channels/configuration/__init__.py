"""Channels from a file, and back into one. Imported by commands and the API."""

"""The fault run: real processes, real trouble, and an account of what became of every message."""

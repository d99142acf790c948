"""Processes beside the workers: guard, jobs, housekeeping, retention, new keys. Imported by the commands."""

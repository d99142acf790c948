"""Processes beside the workers: guard, jobs, housekeeping, retention, re-encryption. Imported by the commands."""

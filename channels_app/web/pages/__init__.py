"""Pages for operators under /ops/: live, read-mostly, with addresses that can be sent to a colleague."""

"""Bytes of a request's body, for the web server and for the doors alike."""

MAX_INBOX_BODY_BYTES = 256 * 1024
"""Events of the inbox are about 1 kB."""
MAX_BOT_BODY_BYTES = 1024 * 1024
"""Bots may send replies of up to 1 MB by their contract."""
MAX_BODY_BYTES = 2 * MAX_BOT_BODY_BYTES
"""For everything else; the webhooks' own limits come first."""

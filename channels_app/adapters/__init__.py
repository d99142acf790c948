"""Bots and inboxes: their APIs and errors in our terms, and what each can do; never a row. Imported by models and
all above."""

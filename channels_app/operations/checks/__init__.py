"""Is it connected? What a test finds, what the doors turned away, and how far the set-up of a channel is."""

from channels_app.operations.checks.connection import check_address, check_bot, check_channel

__all__ = ["check_address", "check_bot", "check_channel"]

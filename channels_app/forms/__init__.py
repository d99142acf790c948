"""What an admin fills in for a channel or a bot."""

from channels_app.forms.rows import BOT_FIELDS, INBOX_FIELDS, BotForm, ChannelForm
from channels_app.forms.secrets import WriteOnlyField

__all__ = ["BOT_FIELDS", "INBOX_FIELDS", "BotForm", "ChannelForm", "WriteOnlyField"]

"""What an admin fills in for a channel or a bot."""

from channels_app.channels.forms.rows import BOT_FIELDS, INBOX_FIELDS, BotForm, ChannelForm
from channels_app.channels.forms.secrets import WriteOnlyField

__all__ = ["BOT_FIELDS", "INBOX_FIELDS", "BotForm", "ChannelForm", "WriteOnlyField"]

"""What an admin enters for a bot behind Direct Line: of Copilot Studio, or of Azure Bot."""

from django import forms

from channels_app.adapters.bots.base import TimeoutField
from channels_app.adapters.settings import AddressField, SecretField

RESOLVE, NOTHING = "resolve", "nothing"
START_EVENT = "startConversation"
DEFAULT_QUIET_S = 2
MAX_QUIET_S = 15


class DirectLineForm(forms.Form):
    secret = SecretField(
        label="Secret",
        required=False,
        help_text="Copilot Studio: Settings > Security > Web channel security > Secret 1. Azure portal: your Azure "
        "Bot > Channels > Direct Line > your site > Secret keys.",
    )
    token_endpoint = AddressField(
        label="Token endpoint",
        required=False,
        help_text="Only for an agent without a secret. Copilot Studio: Channels > Mobile app > Token Endpoint. A "
        "contact who is silent for an hour then starts over; with a secret they don't.",
    )
    url = AddressField(
        label="Direct Line address",
        required=False,
        help_text="Empty: https://directline.botframework.com, or for a token endpoint the address of its region. "
        "Otherwise that of your region, e.g. https://europe.directline.botframework.com.",
    )
    greeting_event = forms.ChoiceField(
        label="Event at the start",
        choices=[
            (START_EVENT, f"{START_EVENT}: Copilot Studio"),
            ("webchat/join", "webchat/join: many bots that were made for Web Chat"),
            (NOTHING, "none: the bot greets by itself, or not at all"),
        ],
        initial=START_EVENT,
        required=False,
        help_text="Sent when a conversation begins or agents give it back. A Copilot Studio agent then runs its topic "
        "Conversation Start.",
    )
    quiet_s = forms.IntegerField(
        label="Seconds of silence after an answer",
        required=False,
        initial=DEFAULT_QUIET_S,
        min_value=0,
        max_value=MAX_QUIET_S,
        help_text="Direct Line doesn't say when a bot has said everything: an answer ends when nothing follows for "
        "this long, or with a question or buttons. Raise it if later messages of an answer come late. Empty: 2.",
    )
    at_end = forms.ChoiceField(
        label="When the bot ends the conversation",
        choices=[(RESOLVE, "resolve it"), (NOTHING, "do nothing: the next message starts over with the bot")],
        initial=RESOLVE,
        required=False,
        help_text="By the activity endOfConversation: in Copilot Studio the node End conversation.",
    )
    timeout_s = TimeoutField(
        help_text="No answer within this time counts as a failed try. Direct Line itself gives a bot 15 seconds to "
        "take a message. Empty: 20."
    )

"""What an admin enters for a bot that speaks our HTTP contract."""

from django import forms

from channels_app.adapters.bots.base import TimeoutField
from channels_app.adapters.settings import AddressField, PhraseField, SecretField

SIGNATURE_HEADER = "X-Chatbridge-Signature"
TIMESTAMP_HEADER = "X-Chatbridge-Timestamp"
TIME_AND_BODY, BODY_ALONE = "time_and_body", "body"


class HttpBotForm(forms.Form):
    url = AddressField(label="Bot address", help_text="We POST each message from a contact here, as JSON.")
    token = SecretField(
        label="Token",
        required=False,
        help_text="Sent as “Authorization: Bearer …”; the bot authenticates later replies with it or with a "
        "signature.",
    )
    signing_secret = PhraseField(
        label="Signing secret",
        required=False,
        help_text=f"We sign each request in {SIGNATURE_HEADER}; the bot can sign its later replies.",
    )
    reply_signature = forms.ChoiceField(
        label="Signature of later replies",
        choices=[
            (TIME_AND_BODY, "over time and body"),
            (BODY_ALONE, "over the body alone: the older form, open to replay"),
        ],
        initial=TIME_AND_BODY,
        required=False,
        help_text=f"With a signing secret: what the bot signs. The time is in {TIMESTAMP_HEADER}. With the older "
        "form both are accepted.",
    )
    hears_silence = forms.BooleanField(
        label="Tell the bot when a silent contact's conversation ends",
        required=False,
        initial=False,
        help_text="Where a channel ends the conversations of silent contacts: the bot gets a turn of type "
        "“contact_silent” before. Its answer is not sent.",
    )
    timeout_s = TimeoutField()

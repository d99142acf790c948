"""What an admin enters for a bot on Chatlayer."""

from django import forms

from channels_app.adapters.bots.chatlayer_turns import CONVERSATION_ID, USER_ID, Payloads
from channels_app.adapters.settings import AddressField, PhraseField, SecretField


class ChatlayerForm(forms.Form):
    url = AddressField(
        label="Webhook channel address",
        help_text="Chatlayer > Channels > Webhook: the complete address it shows for messages. Moving from "
        "Chatlayer's own Sparkcentral integration? docs/moving-from-chatlayer.md says what to change in the flow.",
    )
    access_token = SecretField(label="Access token", help_text="Chatlayer > Channels > Webhook, the same screen.")
    verify_token = PhraseField(
        label="Verify token",
        help_text="Any text that you choose. Enter the same under Chatlayer > Channels > Webhook > Verify token.",
    )
    identify_by = forms.ChoiceField(
        label="Identify the contact by",
        choices=[(CONVERSATION_ID, CONVERSATION_ID), (USER_ID, USER_ID)],
        initial=CONVERSATION_ID,
        required=False,
        help_text="Leave conversationId, unless your bot's webhook channel was set up for user.id.",
    )
    payloads_as = forms.ChoiceField(
        label="How button payloads are sent back",
        choices=Payloads.choices(),
        initial=Payloads.TEXT.value,
        required=False,
        help_text="Press one of your bot's buttons once: if the bot doesn't understand what it gets, choose another "
        "option. Payloads that name a dialog (nextDialogstateId) always go back as a postback.",
    )
    pause_bot = forms.BooleanField(
        label="Pause the bot's session at a handover",
        required=False,
        initial=False,
        help_text="Leave this off. A paused session stays silent until you unpause it in Chatlayer, even when "
        "agents hand the conversation back; and the bot gets no messages while agents have it anyway.",
    )

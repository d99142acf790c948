"""`manage.py send_test_event CHANNEL`: an event as the inbox would send it, to the channel's own address."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from channels_app.lib.http.addresses import public_url_problem
from channels_app.management.checked import CheckedCommand
from channels_app.models import Channel
from channels_app.operations.checks.sample_calls import AFTERWARDS, HONESTY, TEXT, make_sample, send_sample
from channels_app.protocol import EventType
from channels_app.protocol.errors import BridgeError

TYPES = {
    "started": EventType.CONVERSATION_STARTED,
    "delegated": EventType.CONVERSATION_DELEGATED,
    "message": EventType.MESSAGE_RECEIVED,
}


class Command(CheckedCommand):
    help = "Posts a signed event to a channel's webhook URL, as the inbox would, and explains the answer."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channel", metavar="CHANNEL", help="the channel's name")
        parser.add_argument("--type", choices=TYPES, default="message", help="default: message")
        parser.add_argument("--text", default=TEXT, help="the contact's text, for a message")
        parser.add_argument("--conversation", metavar="ID", help="default: a new conversation")
        parser.add_argument(
            "--url", metavar="BASE", help="a base URL instead of PUBLIC_BASE_URL, e.g. http://127.0.0.1:8000"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        channel = find_channel(options["channel"])
        if options["url"] and (problem := public_url_problem(options["url"])):
            raise CommandError(f"{problem} Give --url a base such as http://127.0.0.1:8000.")
        try:
            sample = make_sample(
                channel,
                kind=TYPES[options["type"]],
                text=options["text"],
                conversation_id=options["conversation"] or "",
                base=options["url"] or "",
            )
            self.stdout.write(f"POST {sample.url}\nconversation {sample.conversation_id}")
            answer = send_sample(channel, sample)
        except BridgeError as error:
            raise CommandError(str(error.problem or error.detail)) from None
        self.stdout.write(f"{answer.status} in {answer.took_ms} ms")
        if answer.meaning:
            raise CommandError(f"{answer.code}: {answer.meaning}")
        self.stdout.write(f"The event was accepted. {HONESTY}\n{AFTERWARDS}")


def find_channel(name: str) -> Channel:
    channel = Channel.objects.filter(name=name).first()
    if channel is None:
        names = ", ".join(f"“{known}”" for known in Channel.objects.values_list("name", flat=True))
        raise CommandError(f"There is no channel “{name}”. There are: {names or 'none yet'}.")
    return channel

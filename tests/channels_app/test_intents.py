"""A flow commands the inbox without code: intents give topics, JSON commands are done, and what can't be is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from channels_app.adapters.inboxes import inbox_class
from channels_app.channels.configuration.export import export_channel
from channels_app.channels.forms.intents_field import IntentTopicsField
from channels_app.channels.forms.table_field import Typed
from channels_app.models import WebhookEvent
from channels_app.operations.transcripts import load_transcript
from channels_app.protocol import Completion, Outgoing
from channels_app.protocol.intents import topics_of
from offload.models import Offload, OffloadProvider
from tests.builders import make_bot
from tests.channels_app.test_bot_callbacks import calls_back, patience_ends
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World

TABLE = [
    {"intent": "parcel.*", "topic": "Shipping"},
    {"intent": "Parcel.Lost", "topic": "Claims"},
    {"intent": "invoice", "topic": "Billing"},
    {"intent": "invoice", "topic": "Shipping"},
]


@pytest.mark.parametrize(
    ("names", "topics"),
    [
        (["parcel.status"], ["Shipping"]),
        (["PARCEL.LOST "], ["Shipping", "Claims"]),
        (["parcel"], []),
        (["invoice.paid"], []),
        (["Invoice"], ["Billing", "Shipping"]),
        (["invoice", "parcel.lost"], ["Shipping", "Claims", "Billing"]),
        ([""], []),
        ([], []),
    ],
)
def test_the_rows_that_fit_give_their_topics(names: list[str], topics: list[str]) -> None:
    assert list(topics_of(names, TABLE)) == topics


def test_a_row_can_fit_every_intent_but_none_without_a_name() -> None:
    assert topics_of(["anything"], [{"intent": "*", "topic": "Bot"}]) == ("Bot",)
    assert topics_of([], [{"intent": "*", "topic": "Bot"}]) == ()


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([{"intent": "parcel", "topic": ""}], "Row 1: Enter both the intent and the topic: the topic is missing."),
        ([{"intent": "p*l", "topic": "T"}], "Row 1: Put * only at the end of an intent."),
        ([{"intent": "p", "topic": "T" * 101}], "Row 1: Write the topic as one line of at most 100 characters."),
        ([{"intent": "p", "topic": "T\n"}], "Row 1: Write the topic as one line of at most 100 characters."),
    ],
)
def test_what_a_row_may_not_be(rows: list[dict[str, Any]], wrong: str) -> None:
    field = IntentTopicsField(required=False)
    for given, said in ((Typed(rows), wrong), (rows, wrong.removeprefix("Row 1: "))):
        with pytest.raises(ValidationError) as refused:
            field.clean(given)
        assert refused.value.messages == [said]


# --- from the bot to the inbox ---


@pytest.fixture
def walker(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("chatlayer"), intent_topics=TABLE)


def understood(name: str) -> dict[str, Any]:
    return {"nlp": {"intent": {"name": name, "score": 0.98}}}


def bodies(world: World) -> list[dict[str, Any]]:
    return [body for _, body in world.inbox.calls]


def test_an_intent_gives_its_topics_in_the_call_of_the_words(walker: Walker, world: World) -> None:
    walker.says("Where is my parcel?")
    calls_back(walker, {"text": "On its way."}, **understood("parcel.lost"))
    walker.work()
    assert bodies(world) == [{"sendMessage": {"text": "On its way."}, "applyTopics": ["Shipping", "Claims"]}]
    assert WebhookEvent.objects.get(source="bot").reason == "Understood: “parcel.lost” (98%)."
    lines = [line for line in load_transcript(walker.conversation().pk).lines if line.text == "The bot understood"]
    assert [line.detail for line in lines] == ["“parcel.lost” (98%)."]


def test_commands_are_done_and_what_can_not_be_is_told(walker: Walker, world: World) -> None:
    walker.says("Hello")
    command = {"topics": ["Vip", " "], "attributes": {"order-no": "A", "city": "", "order": "A-1"}, "tgas": ["x"]}
    calls_back(walker, {"payload": command}, 1)
    calls_back(walker, {"text": "Done."}, 2)
    walker.work()
    assert bodies(world) == [
        {"sendMessage": {"text": "Done."}, "applyTopics": ["Vip"], "setContactAttributes": {"order": "A-1"}}
    ]
    told = (
        "“tgas”, a key without a meaning, a topic without a name, contact attribute “city” without a value, "
        "contact attribute “order-no”: a name may contain only letters, digits and _."
    )
    assert WebhookEvent.objects.filter(source="bot").order_by("pk")[0].reason == f"Left out: {told}"
    details = [line.detail for line in load_transcript(walker.conversation().pk).lines if "left out" in line.text]
    assert details == [told]


def test_a_command_alone_is_no_answer(walker: Walker, world: World) -> None:
    for number in (1, 2):
        walker.says("Hello", after_s=number)
        calls_back(walker, {"topics": ["Vip"]}, 1)
        walker.work()
        assert bodies(world)[-1] == {"applyTopics": ["Vip"]}
        assert WebhookEvent.objects.filter(source="inbox").latest("pk").state == "bot_wait"
        if number == 1:
            calls_back(walker, {"text": "Welcome back."}, 2)
            walker.work()
            assert WebhookEvent.objects.get(source="inbox").outcome == "merged"
    patience_ends(walker)
    assert Offload.objects.get().reason == "bot_silent"


def test_words_of_a_contact_command_nothing(walker: Walker, world: World) -> None:
    walker.says('{"complete": "resolved", "topics": ["Spam"]}')
    calls_back(walker, {"text": 'You said: {"complete": "resolved", "topics": ["Spam"]}'})
    walker.work()
    [body] = bodies(world)
    assert body.keys() == {"sendMessage"}


def test_an_offload_request_brings_topics_attributes_and_the_team(walker: Walker, world: World) -> None:
    walker.says("agent")
    provider = OffloadProvider(channel=walker.channel)
    provider.verify_token = "offload-token"
    provider.save()
    payload = {"team": "Billing", "topics": ["Invoices"], "attributes": {"order": "A-1", "b-d": "x"}, "note": "Angry."}
    document = {"event": "offload", "sessionId": str(walker.conversation().session_id), "payload": payload}
    path = f"/webhooks/offload/{provider.uuid}/?challenge.verifyToken=offload-token"
    answer = walker.client.post(path, json.dumps(document), content_type="application/json")
    assert answer.json()["offloadSuccess"] is True
    walker.work()
    body = bodies(world)[-1]
    assert (body["applyTopics"], body["setContactAttributes"]) == (["Invoices"], {"order": "A-1"})
    [note] = body["applyConversationNotes"]
    assert "team: Billing" in note["text"]
    assert "Angry." in note["text"]
    assert Offload.objects.get().payload == {"team": "Billing"}
    assert "Left out: contact attribute “b-d”" in WebhookEvent.objects.get(source="offload").reason


# --- the table on the page, in the API and in files ---


def test_the_page_keeps_the_rows_and_tries_an_intent(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    calls_back(walker, {"text": "Hi"}, **understood("parcel.lost"))
    walker.work()
    url = reverse("admin:channels_app_channel_intents", args=[walker.channel.pk])
    text = admin_client.get(url, {"intent": "<b>invoice"}).content.decode()
    assert "“&lt;b&gt;invoice” gives no topic" in text
    assert "Shipping, Claims" in text
    assert "<strong>Billing</strong>" in admin_client.get(url, {"intent": "invoice"}).content.decode()


def test_the_api_keeps_the_table_and_tells_what_was_seen(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    calls_back(walker, {"text": "Hi"}, **understood("parcel.lost"))
    walker.work()
    path = f"/api/v1/channels/{walker.channel.pk}/"
    found = admin_client.get(f"{path}intents/", {"intent": "invoice"}).json()
    [seen] = found["results"]
    assert (seen["intent"], seen["count"], seen["topics"]) == ("parcel.lost", 1, ["Shipping", "Claims"])
    assert found["tried"] == {"intent": "invoice", "topics": ["Billing", "Shipping"]}

    def patched(table: Any) -> Any:
        return admin_client.patch(path, {"intent_topics": table}, content_type="application/json")

    assert patched([{"intent": " hello ", "topic": "Bot"}] * 2).json()["intent_topics"] == [
        {"intent": "hello", "topic": "Bot"}
    ]
    refused = patched([{"intent": "a", "topic": "T"}, {"intent": "a*b", "topic": "T"}])
    assert refused.status_code == 400
    assert "intent_topics[1].intent" in refused.content.decode()
    walker.channel.refresh_from_db()
    assert walker.channel.intent_topics == [{"intent": "hello", "topic": "Bot"}]


def test_rows_are_added_and_emptied_on_the_page(admin_client: Client, walker: Walker) -> None:
    page = f"/admin/channels_app/channel/{walker.channel.pk}/change/"
    rows = {"intent_topics-intent-0": "", "intent_topics-topic-0": "", "intent_topics-intent-4": " hello* "}
    refused = submit(admin_client, page, "channel_form", **rows)
    assert "Row 4: Enter both the intent and the topic: the topic is missing." in refused.content.decode()
    assert 'value="hello*"' in refused.content.decode()
    submit(admin_client, page, "channel_form", **rows, **{"intent_topics-topic-4": "Bot"})
    walker.channel.refresh_from_db()
    assert walker.channel.intent_topics == [*TABLE[1:], {"intent": "hello*", "topic": "Bot"}]


def test_a_file_keeps_the_table_and_says_where_it_is_wrong(walker: Walker, tmp_path: Path) -> None:
    document, _ = export_channel(walker.channel)
    assert document["channels"][0]["intent_topics"] == TABLE
    file, names = tmp_path / "channel.yaml", {"name": walker.channel.name, "inbox": walker.channel.inbox}
    file.write_text(json.dumps({"channels": [{**names, "intent_topics": [{"intent": 5}]}]}))
    with pytest.raises(CommandError, match=r"channels\[0\]\.intent_topics\[0\]: Enter both"):
        call_command("apply_config", str(file))
    table = [{"intent": "hello", "topic": "Bot"}]
    file.write_text(json.dumps({"channels": [{**names, "intent_topics": table}]}))
    call_command("apply_config", str(file))
    walker.channel.refresh_from_db()
    assert walker.channel.intent_topics == table


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("hootsuite", {"tags": ("a",), "tagged_message_id": "m", "note": "n", "attributes": {"ok_1": "v"}}, []),
        ("hootsuite", {"tags": ("a",)}, ["tags: there is no message from the contact to tag"]),
        (
            "sparkcentral",
            {"tags": ("a",), "tagged_message_id": "m", "note": "n"},
            ["tags: Sparkcentral takes none", "a note: Sparkcentral takes none"],
        ),
        ("sparkcentral", {"note": "n", "complete": Completion.HANDOVER}, []),
        (
            "hootsuite",
            {"attributes": {"é": "v"}},
            ["contact attribute “é”: a name may contain only letters, digits and _"],
        ),
    ],
)
def test_what_an_inbox_can_not_carry_is_told(kind: str, given: dict[str, Any], told: list[str]) -> None:
    inbox = inbox_class(kind)({})
    outgoing = Outgoing(**given)
    assert list(inbox.dropped(outgoing)) == told
    is_whole = inbox.carried(outgoing) == outgoing
    assert is_whole or told or outgoing.complete  # with a handover the note may be ours alone

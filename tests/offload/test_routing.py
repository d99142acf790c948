"""Routing rules: a row a case; the package of a handover on both inboxes; the table at every door, and tried."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from channels_app.channels.forms.routing_field import RoutingField, row_words
from channels_app.channels.forms.table_field import Typed
from channels_app.models import AuditEntry, Channel, WebhookEvent
from offload.routing import PARTS, Case, Condition, Effect, route, wrong_in
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World, answer


def row(condition: str, matches: str = "", effect: str = "topic", value: str = "T", **more: str) -> dict[str, str]:
    return {
        "condition": condition,
        "field": "",
        "matches": matches,
        "effect": effect,
        "name": "",
        "value": value,
        **more,
    }


SATURDAY = datetime(2026, 11, 28, 23, 30)  # by the clock of the opening hours
CASE = Case(
    reason="bot_failed",
    intents=["parcel.lost", "greeting"],
    topics=["Shipping"],
    payload={"Department": "Billing", "order": {"id": 17, "lines": ["a", "b"]}, "vip": True, "none": None},
    language="nl-BE",
    medium="whatsapp",
    inbox_channel=["Acme NL", "channel-7"],
    attributes={"Plan": "gold"},
    words=["I want my\nmoney back!", "Refunding? geld-terug"],
    at=SATURDAY,
)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (row("always"), ""),
        (row("reason", "bot_failed, bot_down"), "bot_failed"),
        (row("reason", "asked_for_human"), None),
        (row("intent", "PARCEL.*"), "parcel.lost"),
        (row("intent", "parcel"), None),
        (row("intent", "invoice, greeting"), "greeting"),
        (row("intent"), "parcel.lost"),
        (row("topic", "shipping"), "Shipping"),
        (row("payload", "billing", field="department"), "Billing"),
        (row("payload", "17", field="order.id"), "17"),
        (row("payload", "b", field="order.lines"), "b"),
        (row("payload", "true", field="vip"), "true"),
        (row("payload", field="none"), None),
        (row("payload", field="order.id.deeper"), None),
        (row("language", "nl"), "nl-BE"),
        (row("language", "n"), None),
        (row("medium", "fb, whatsapp"), "whatsapp"),
        (row("inbox_channel", "*NL"), "Acme NL"),
        (row("inbox_channel", "channel-7"), "channel-7"),
        (row("attribute", "Gold", field="plan"), "gold"),
        (row("attribute", field="unknown"), None),
        (row("words", "my money"), "my money"),
        (row("words", "mon"), None),
        (row("words", "refund*"), "Refunding"),
        (row("words", "refund"), None),
        (row("words", "geld-terug"), "geld-terug"),
        (row("hour", "17:00-09:00"), "23:30"),
        (row("hour", "09:00-17:00"), None),
        (row("hour", "09:00-23:30"), None),
        (row("hour", "22:00-24:00"), "23:30"),
        (row("hour", "sat, sun"), "23:30"),
        (row("hour", "sun, 22:00-24:00"), None),
    ],
)
def test_which_row_fits(rule: dict[str, str], found: str | None) -> None:
    assert wrong_in(rule) == ("", "")
    routed = route([rule], CASE)
    assert routed.fits == ({} if found is None else {0: found})
    assert routed.topics == (() if found is None else ("T",))
    assert not route([rule], Case()).fits or rule["condition"] == "always"


def test_rows_work_together_in_their_order() -> None:
    rules = [
        row("intent", "parcel.*", "and", ""),
        row("language", "fr", value="Colis"),
        row("intent", "parcel.*", "and", ""),
        row("language", "nl", value="Pakket"),
        row("intent", "refund", value="Refunds"),
        row("otherwise", value="General"),
        row("otherwise", effect="tag", value="unsorted"),
        row("payload", "", "attribute", "{value}", field="order.id", name="order_no"),
        row("always", "", "attribute", "0", name="order_no"),
        row("always", "", "note", "VIP"),
        row("always", "", "text", "First"),
        row("always", "", "text", "Second"),
    ]
    routed = route(rules, CASE)
    assert routed.topics == ("Pakket",)
    assert routed.tags == ("unsorted",)
    assert routed.attributes == {"order_no": "17"}
    assert (routed.notes, routed.text) == (("VIP",), "First")
    assert route(rules, Case()).topics == ("General",)


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ({"condition": "always"}, ""),
        (row("sometimes"), "condition"),
        (row("always", effect="fax"), "effect"),
        (row("always", value=" "), "value"),
        (row("attribute", "x"), "field"),
        (row("words"), "matches"),
        (row("hour", "evening"), "matches"),
        (row("intent", "*a*b*"), "matches"),
        (row("always", effect="attribute", name="order-no"), "name"),
        (row("always", value="T" * 501), "value"),
        (row("always", value=7), "value"),  # type: ignore[arg-type]
    ],
)
def test_what_a_row_may_not_be(rule: dict[str, str], part: str) -> None:
    found, wrong = wrong_in(rule)
    assert (found, bool(wrong)) == (part, True)


def test_every_condition_and_effect_has_words_and_useless_parts_go() -> None:
    full = dict.fromkeys(PARTS, "x")
    for condition in Condition:
        for effect in Effect:
            cleaned = RoutingField().cleaned({**full, "condition": condition, "effect": effect})
            assert row_words(cleaned)
            assert bool(cleaned["field"]) == condition.has_field
            assert bool(cleaned["name"]) == (effect is Effect.ATTRIBUTE)
    with pytest.raises(Exception, match="no next row"):
        RoutingField(required=False).clean(Typed([row("always", effect="and", value="")]))


# --- from the bot to the inbox ---

RULES = [
    row("payload", "billing", field="department", value="Billing"),
    row("words", "refund*", "tag", "money"),
    row("payload", "", "attribute", "{value}", field="order", name="order_no"),
    row("inbox_channel", "demo*", "note", "From the demo page"),
    row("always", "", "text", "A colleague will be with you soon."),
]
WISH = {
    "messages": [{"text": "Bye"}],
    "offload": {"reason": "wants money", "payload": {"department": "billing", "order": "A-1"}},
}


@override_settings(PUBLIC_BASE_URL="https://bridge.example.com")
def test_all_leaves_in_one_call_with_the_last_words(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(routing_rules=RULES)
    world.bot.replies = [{}, {"messages": [{"text": "Hi"}], "attributes": {"city": "Gent"}}, WISH]
    walker.starts(data={"language": "nl"})
    walker.says("Hello")
    walker.says("I want a refund")
    body = world.inbox.calls[-1][1]
    assert body["complete"] == "HANDOVER"
    assert [message["text"] for message in body["sendMessages"]] == ["Bye", "A colleague will be with you soon."]
    assert body["applyTopics"] == ["Billing"]
    assert [tag["tag"] for tag in body["applyTags"]] == ["money"]
    assert body["setContactAttributes"] == {"order_no": "A-1"}
    [note] = body["applyConversationNotes"]
    pk = walker.conversation().pk
    assert note["text"] == (
        "Handed over by chatbridge: the bot asked for an agent.\nDetails: wants money\n"
        "Language: nl · Topics: Billing\nFrom the demo page\n"
        "From the bot:\n  department: billing\n  order: A-1\nCollected:\n  city: Gent\n  order_no: A-1\n"
        f"Whole conversation: https://bridge.example.com/ops/conversations/{pk}/\n\n"
        "Contact: Hello\nBot: Hi\nContact: I want a refund\nBot: Bye\nBot: A colleague will be with you soon."
    )


def test_the_bots_own_values_go_before_those_of_rules(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(
        routing_rules=[row("always", "", "attribute", "ours", name="city"), row("topic", "a", value="b")]
    )
    world.bot.replies = [
        {"messages": [{"text": "Bye"}], "topics": ["A"], "attributes": {"city": "Gent"}, "complete": "handover"}
    ]
    walker.says("Hello")
    body = world.inbox.calls[-1][1]
    assert (body["applyTopics"], body["setContactAttributes"]) == (["A", "b"], {"city": "Gent"})


def test_classic_gets_what_it_can_carry_and_operators_read_the_rest(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(inbox="sparkcentral", routing_rules=RULES)
    world.bot.replies = [WISH]
    walker.says("I want a refund")
    body = world.inbox.calls[-1][1]
    assert body["applyTopics"] == ["Billing"]
    assert body["setContactAttributes"] == {"order_no": "A-1"}
    assert body.keys().isdisjoint({"applyTags", "applyConversationNotes"})
    reason = WebhookEvent.objects.get().reason
    assert "Left out: for the agents' note, which Sparkcentral doesn't take: From the demo page" in reason
    assert "tags: Sparkcentral takes none" in reason


def test_agents_who_take_over_unasked_get_it_too(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(
        routing_rules=[row("reason", "bot_*", value="Bot trouble"), row("hour", "00:00-24:00", "tag", "h")]
    )
    world.bot.replies = [answer(500)] * 2
    walker.says("Hello")
    assert world.inbox.calls[-1][1]["applyTopics"] == ["Bot trouble"]


# --- the table at every door, and tried ---


def test_rules_are_edited_on_the_page_and_the_history_has_words(admin_client: Client, walker: Walker) -> None:
    page = f"/admin/channels_app/channel/{walker.channel.pk}/change/"

    def rule(number: int, rule: dict[str, str]) -> dict[str, str]:
        return {f"routing_rules-{part}-{number}": text for part, text in rule.items()}

    submit(
        admin_client,
        page,
        "channel_form",
        **rule(0, row("words", "refund", value="Refunds", field="useless")),
        **rule(1, row("otherwise")),
    )
    walker.channel.refresh_from_db()
    assert walker.channel.routing_rules == [row("words", "refund", value="Refunds"), row("otherwise")]
    answer = submit(admin_client, page, "channel_form", **rule(2, row("hour", "noon")))
    assert "Row 3: “noon” is no time" in answer.content.decode()
    assert AuditEntry.objects.latest("pk").changes["routing_rules"][1][0]["value"] == "Refunds"
    log = admin_client.get("/ops/audit/").content.decode()
    assert "– → If the contact wrote the words refund: set the topic “Refunds”" in log


def test_the_api_takes_the_table_and_names_the_place_of_a_mistake(admin_client: Client, walker: Walker) -> None:
    path = f"/api/v1/channels/{walker.channel.pk}/"

    def patched(table: Any) -> Any:
        return admin_client.patch(path, {"routing_rules": table}, content_type="application/json")

    short = {"condition": "always", "effect": "tag", "value": "bot"}
    assert patched([short]).json()["routing_rules"] == [row("always", effect="tag", value="bot")]
    refused = patched([short, row("attribute", "x")])
    assert refused.status_code == 400
    assert "routing_rules[1].field" in refused.content.decode()


def test_rules_are_tried_by_the_api_before_they_are_saved(
    admin_client: Client, walk_with: Callable[..., Walker]
) -> None:
    walker = walk_with(routing_rules=[row("words", "refund*", value="Refunds")])
    path = f"/api/v1/channels/{walker.channel.pk}/routing/try/"

    def tried(**body: Any) -> Any:
        return admin_client.post(path, body, content_type="application/json")

    saved = tried(words=["Refunds, please"]).json()
    assert (saved["topics"], saved["fits"][0]["number"], saved["fits"][0]["found"]) == (["Refunds"], 1, "Refunds")
    rules = [
        {"condition": "payload", "field": "order.id", "effect": "attribute", "name": "order_no", "value": "{value}"},
        {"condition": "hour", "matches": "sun", "effect": "tag", "value": "Weekend"},
    ]
    other = tried(routing_rules=rules, payload={"order": {"id": 7}}, at="2026-11-29T12:00:00Z").json()
    assert (other["attributes"], other["tags"], other["topics"]) == ({"order_no": "7"}, ["Weekend"], [])
    walker.channel.refresh_from_db()
    assert walker.channel.routing_rules == [row("words", "refund*", value="Refunds")]
    wrong = tried(routing_rules=[{"condition": "hour", "matches": "noon", "effect": "tag", "value": "x"}])
    assert (wrong.status_code, "routing_rules[0].matches" in wrong.content.decode()) == (400, True)
    assert tried(reason="weather").status_code == 400


def test_rules_are_tried_on_a_sample_and_on_what_was(
    admin_client: Client, walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(routing_rules=RULES)
    world.bot.replies = [WISH]
    walker.says("I want a refund")
    url = reverse("admin:channels_app_channel_routing", args=[walker.channel.pk])
    text = admin_client.get(url).content.decode()
    assert "On the last handovers<" in text
    assert all(f"<strong>{number}</strong>" in text for number in range(1, 6))
    sample = {"words": "<b>Refunds", "payload": "department: sales\norder: 7", "at": "2026-11-28T12:00"}
    sample["sample"] = "1"
    text = admin_client.post(url, sample).content.decode()
    assert "&lt;b&gt;Refunds" in text
    assert "3 of 5 rules fit." in text
    assert "<dd>order_no: 7</dd>" in text


def entered(*rules: Any, **more: str) -> dict[str, str]:
    """As the form of the channel's page sends them, with an empty row and a field of its own."""
    rows = [*rules, dict.fromkeys(PARTS, "")]
    inputs = {f"routing_rules-{part}-{at}": one.get(part, "") for at, one in enumerate(rows) for part in PARTS}
    return {"language": "nl", "name": "Acme", **inputs, **more}


def test_rules_are_tried_as_they_were_entered_before_they_are_saved(
    admin_client: Client, walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(routing_rules=RULES)
    world.bot.replies = [WISH]
    walker.says("I want a refund")
    url = reverse("admin:channels_app_channel_routing", args=[walker.channel.pk])
    rule = row("words", "refund", value="New topic")
    text = admin_client.post(url, entered(rule)).content.decode()
    assert "They are not saved" in text and 'value="nl"' not in text and "rules fit" not in text
    assert "New topic" in text and "<strong>2</strong>" not in text  # in the table of the last handovers
    text = admin_client.post(url, entered(rule, sample="1", words="a refund")).content.decode()
    assert "1 of 1 rule fits." in text and "<dd>New topic</dd>" in text
    assert Channel.objects.get().routing_rules == RULES
    text = admin_client.post(url, entered(row("hour", "noon", value="x"), sample="1")).content.decode()
    assert "Row 1: “noon” is no time" in text and "No rule fits" in text


@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        ("Un instant\u00a0: j'arrive\u202f!", True),
        ("👩‍💻", True),
        ("a\nb", False),
        ("a\x07", False),
        ("a\u2028b", False),
    ],
)
def test_a_text_is_one_line_as_people_write_it(value: str, is_right: bool) -> None:
    assert (wrong_in(row("always", effect="text", value=value)) == ("", "")) == is_right

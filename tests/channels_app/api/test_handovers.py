"""Where conversations fail, over the API: the same as on the page."""

from tests.channels_app.api.conftest import Program
from tests.conftest import Walker
from tests.offload.test_watching import handed_over
from tests.world import World

MENU = {"text": "Which one?", "options": [{"title": "Parcel", "payload": "p"}, {"title": "Fax", "payload": "f"}]}


def asks(walker: Walker, world: World) -> None:
    """Five contacts are asked something, choose the same of two, and get an agent."""
    for number in range(5):
        world.bot.replies = [{"messages": [MENU]}, {"complete": "handover", "intent": "parcel.lost"}]
        for text in ("Hi", "Parcel"):
            walker.says(text, f"0-conv-{number}")


def test_where_conversations_fail(operator: Program, walker: Walker, world: World) -> None:
    asks(walker, world)
    body = operator.get("handovers/", days=1, channel=walker.channel.pk).body
    [spot] = body["spots"]
    assert (body["total"], spot["handovers"], spot["line"].splitlines()[0]) == (5, 5, "Which one?")
    assert spot["intents"] == [{"name": "parcel.lost", "count": 5}]
    assert [(row["key"], row["handovers"]) for row in body["reasons"]] == [("bot_completed", 5)]
    assert [(row["offered"], row["ignored"], row["taken"]) for row in body["offers"]] == [
        (5, ["Fax"], [{"name": "Parcel", "count": 5}])
    ]
    assert (body["problems"], [row["reason"] for row in body["waiting"]]) == ([], ["bot_completed"] * 5)
    behind = operator.get("handovers/conversations/", kind="handover", key=spot["key"], days=1).body
    assert sorted(behind["results"]) == sorted(walker.channel.conversations.values_list("pk", flat=True))
    assert "days" in operator.get("handovers/", days=2).fields
    assert "kind" in operator.get("handovers/conversations/", kind="sideways", key="x").fields


def test_no_words_without_the_permission_to_read_texts(viewer: Program, walker: Walker, world: World) -> None:
    asks(walker, world)
    body = viewer.get("handovers/").body
    assert (body["total"], body["spots"][0]["line"], body["offers"][0]["ignored"]) == (5, "", [""])
    assert not any(word in str(body) for word in ("Which one", "Parcel", "Fax"))


def test_who_waits(viewer: Program, walker: Walker, world: World) -> None:
    handed_over(walker, world, minutes=12)
    [row] = viewer.get("handovers/").body["waiting"]
    assert (row["reason"], row["is_late"], round(row["minutes"])) == ("bot_completed", True, 12)
    assert row["channel"] == {"id": walker.channel.pk, "name": walker.channel.name}

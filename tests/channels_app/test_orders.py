"""A person of ours speaks for the bot."""

from channels_app.conversations.events import order_message
from channels_app.models import Conversation, MessageRow, Owner
from tests.conftest import Walker
from tests.world import World, answer


def test_the_contact_reads_what_a_person_says_as_the_bot(walker: Walker, world: World) -> None:
    walker.says("Hello")
    order_message(walker.conversation(), "Anna here: we are on it.", by="anna")
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello", "Anna here: we are on it."]
    assert walker.outcomes() == ["replied", "replied"]
    assert walker.conversation().owner == Owner.BOT
    assert list(MessageRow.objects.order_by("id").values_list("author", flat=True)) == ["contact", "bot", "bot"]


def test_nothing_is_said_into_a_conversation_of_the_agents(walker: Walker, world: World) -> None:
    walker.says("Hello")
    Conversation.objects.update(owner=Owner.OTHER)
    order_message(walker.conversation(), "Too late.", by="anna")
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert walker.outcomes() == ["replied", "moot"]


def test_who_waits_for_the_bot_goes_on_waiting(walker: Walker, world: World) -> None:
    world.bot.replies += [answer(204)]  # "later"
    walker.says("Hello")
    order_message(walker.conversation(), "One moment.", by="anna")
    walker.work()
    assert world.inbox.said("0-conv-1") == ["One moment."]
    assert walker.outcomes() == [None, "replied"]

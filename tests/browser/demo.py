"""An installation that has worked for days: for tests that look at full pages, and for the pictures in the papers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests.bridge import eventually
from tests.browser.stage import Stage, raised
from tests.test_walkthrough import FLAVOURS, Contact, post

LIVE, OTHER, NEW = "Acme EU customer care", "Acme US", "Shop NL"
INBOXES = {LIVE: "sparkcentral", OTHER: "hootsuite", NEW: "sparkcentral"}
BOTS = {LIVE: "Parcel bot", OTHER: "Support bot", NEW: "Shop bot"}
FALLBACK = "One moment, please: a colleague takes over."


HANDS_OVER: dict[str, Any] = {
    "offload_provider": {
        "name": "Customer care",
        "opening_hours": {
            "timezone": "America/New_York",
            **{day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
        },
        "queue_rules": [
            {"condition": "no_agent", "then": "keep"},
            {"condition": "longest_wait", "number": 5, "then": "say_wait"},
        ],
        "opened_texts": {"en": "I'm connecting you with a colleague, {name}. One moment, please."},
    },
    "routing_rules": [
        {"condition": "words", "matches": "refund*, money back", "effect": "topic", "value": "Refunds"},
        {"condition": "payload", "field": "team", "effect": "tag", "value": "{value}"},
        {"condition": "language", "matches": "nl, fr", "effect": "note", "value": "Please answer in {value}."},
        {"condition": "hour", "matches": "sat, sun", "effect": "text", "value": "At weekends it may take longer."},
    ],
}
"""A channel on which agents take over, at all hours."""
BY_DAY: dict[str, Any] = {
    "opening_hours": {
        "timezone": "America/New_York",
        **{day: ["09:00-12:30", "13:15-17:30"] for day in ("mon", "tue", "wed", "thu", "fri")},
        "sat": ["10:00-14:00"],
        "holidays": "US-NY",
        "closed": ["2026-12-24"],
    }
}


@dataclass
class Demo:
    """What can be looked at, and who talks."""

    stage: Stage
    simulator: str
    virtual_agents: dict[str, str]

    def number(self, table: str, where: str = "true") -> int:
        """The newest row's, for an address."""
        with psycopg.connect(self.stage.database_url) as connection:
            found = connection.execute(f"SELECT max(id) FROM channels_app_{table} WHERE {where}").fetchone()
        assert found and found[0], f"no {table} where {where}"
        number: int = found[0]
        return number

    def conversation(self, contact: Contact) -> int:
        return self.number("conversation", f"external_id = '{contact.id}'")

    def channel(self, name: str) -> int:
        return self.number("channel", f"name = '{name}'")

    def contact(self, channel: str, name: str) -> Contact:
        """Begins a conversation."""
        contact = Contact(self.simulator, self.virtual_agents[channel])
        body = {"virtual_agent": contact.virtual_agent, "contact": {"primaryIdentifier": name}}
        contact.id = post(f"{self.simulator}/sim/conversations", body)["conversation_id"]
        return contact

    def break_bot(self, channel: str, fault: str | None) -> None:
        post(f"{self.simulator}/sim/bots", {"id": bot_id(BOTS[channel]), "fault": fault})

    def left_alone(self) -> Contact:
        """Their bot stops answering in the middle of it."""
        contact = self.contact(LIVE, "Mia de Vries")
        for said, answer in (("Where is my parcel?", "order number"), ("A-3301", "A-3301 is on its way")):
            contact.says(said)
            contact.hears(answer)
        self.break_bot(LIVE, "hang")
        contact.says("Can it come a day later?")
        eventually(lambda: contact.sees()["owner"] == "queue", patience_s=60)
        self.break_bot(LIVE, None)
        return contact

    def told_to_the_end(self) -> Contact:
        """Agents take over where the inbox tells what they do."""
        self.stage.apply({"bots": [], "channels": [{"name": OTHER, "inbox": INBOXES[OTHER], **HANDS_OVER}]})
        self._write_back()
        contact = self.contact(OTHER, "Noor Benali")
        for said, answer in (("Where is my parcel?", "order number"), ("A-3301", "A-3301 is on its way")):
            contact.says(said)
            contact.hears(answer)
        contact.says("I want my money back, an agent please")
        eventually(lambda: contact.sees()["owner"] == "queue", patience_s=60)
        contact.agent("take")
        contact.agent("reply", text="Hello Noor, this is Sara. I'm looking into it.")
        contact.agent("note", text="Parcel was returned to the depot on Friday.")
        contact.agent("topic", text="Refunds")
        contact.agent("reply", text="It went back to our depot, sorry! You'll have your money within 3 days.")
        contact.says("Great, thank you!")
        contact.agent("resolve", text="Refunded in full")
        eventually(lambda: self._owner(contact) == "closed", patience_s=60)
        return contact

    def works_by_day(self) -> None:
        """From now on agents of that channel do."""
        self.stage.apply(
            {"bots": [], "channels": [{"name": OTHER, "inbox": INBOXES[OTHER], "offload_provider": BY_DAY}]}
        )

    def _write_back(self) -> None:
        """The inbox's reports come to the channel."""
        agents = requests.get(f"{self.simulator}/sim/virtual-agents", timeout=10).json()
        [agent] = [one for one in agents if one["name"] == OTHER]
        provider = "offload_offloadprovider AS provider JOIN channels_app_channel AS channel"
        with psycopg.connect(self.stage.database_url) as connection:
            found = connection.execute(
                f"SELECT provider.uuid FROM {provider} ON channel.id = channel_id WHERE channel.name = %s",
                [OTHER],
            ).fetchone()
        assert found
        wanted = {name: agent[name] for name in ("client_id", "name", "webhook_url", "channels")}
        made = post(
            f"{self.simulator}/sim/virtual-agents",
            {**wanted, "write_back_url": f"{self.stage.url}/webhooks/write-back/{found[0]}/"},
        )
        secrets = {"write_back_secret": made["write_back_secret"]}
        channel = {"name": OTHER, "inbox": INBOXES[OTHER], "shared_secret": made["shared_secret"]}
        self.stage.apply({"bots": [], "channels": [{**channel, "offload_provider": secrets}]})

    def _owner(self, contact: Contact) -> str | None:
        with psycopg.connect(self.stage.database_url) as connection:
            found = connection.execute(
                "SELECT owner FROM channels_app_conversation WHERE external_id = %s", [contact.id]
            ).fetchone()
        return found[0] if found else None

    def given_up(self) -> Contact:
        """Nothing that is sent to them arrives."""
        contact = self.contact(LIVE, "Bram Jansen")
        eventually(contact.heard)
        post(f"{self.simulator}/sim/faults", {"target": "inbox", "fault": "400"})
        contact.says("I need a refund")
        eventually(lambda: self._outcome(contact) == "dead")
        requests.delete(f"{self.simulator}/sim/faults", timeout=10).raise_for_status()
        return contact

    def _outcome(self, contact: Contact) -> str | None:
        newest = "SELECT outcome FROM channels_app_webhookevent WHERE conversation_id = %s ORDER BY id DESC LIMIT 1"
        with psycopg.connect(self.stage.database_url) as connection:
            found = connection.execute(newest, [self.conversation(contact)]).fetchone()
        return found[0] if found else None


@contextmanager
def raised_demo(
    directory: Path, simulator: str, *, days: int, bot_timeout_s: int, like: str = "", **more: str
) -> Iterator[Demo]:
    """Its processes run, and nobody talks yet."""
    with raised(directory, like=like, **more) as stage:
        virtual_agents = set_up(stage, simulator, bot_timeout_s)
        stage.manage(
            "shell", "--no-imports", "-c", f"from tests.browser.history import write_past; write_past({days})"
        )
        stage.start_all()
        demo = Demo(stage, simulator, virtual_agents)
        demo.contact(NEW, "Hanna Berg")  # refused: that channel has no shared secret yet
        yield demo


def set_up(stage: Stage, simulator: str, bot_timeout_s: int) -> dict[str, str]:
    """Two channels that are live and one in the middle of its set-up; the ids of their virtual agents."""
    flavours = {name: {"flavour": FLAVOURS[inbox]} for name, inbox in INBOXES.items()}
    accounts = {name: post(f"{simulator}/sim/accounts", flavour) for name, flavour in flavours.items()}
    bots = [_bot(simulator, name, bot_timeout_s) for name in BOTS.values()]
    channels = [_channel(simulator, name, account) for name, account in accounts.items()]
    rows = stage.apply({"bots": bots, "channels": channels})["channels"]
    agents = {row["name"]: _virtual_agent(stage, simulator, row, accounts[row["name"]]) for row in rows}
    secrets = {name: {"shared_secret": agents[name]["shared_secret"]} for name in (LIVE, OTHER)}
    known = [{"name": name, "inbox": INBOXES[name], **secret} for name, secret in secrets.items()]
    stage.apply({"bots": [], "channels": known})
    return {name: agent["id"] for name, agent in agents.items()}


def bot_id(name: str) -> str:
    """As it stands in an address."""
    return name.lower().replace(" ", "-")


def _bot(simulator: str, name: str, timeout_s: int) -> dict[str, Any]:
    made = post(f"{simulator}/sim/bots", {"id": bot_id(name)})
    return {"name": name, "kind": "http", "settings": {"url": made["url"], "timeout_s": timeout_s}}


def _channel(simulator: str, name: str, account: dict[str, Any]) -> dict[str, Any]:
    keys = {key: account.get(key) for key in ("client_id", "client_secret", "organization_id")}
    return {
        "name": name,
        "inbox": INBOXES[name],
        "settings": {"base_url": simulator, **keys},
        "bot": BOTS[name],
        "fallback_text": FALLBACK,
        "offload_provider": {"name": "Agents"},
    }


def _virtual_agent(stage: Stage, simulator: str, row: dict[str, Any], account: dict[str, Any]) -> dict[str, Any]:
    """It calls the process itself, whatever the public address is."""
    path = row["webhook_url"].partition("/webhooks/")[2]
    wanted = {
        "client_id": account["client_id"],
        "name": row["name"],
        "webhook_url": f"{stage.url}/webhooks/{path}",
        "channels": [{"id": "phone", "name": "+32 2 555 01 00"}],
    }
    return post(f"{simulator}/sim/virtual-agents", wanted)

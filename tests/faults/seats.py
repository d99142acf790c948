"""Accounts, bots and channels of a run, connected as an admin connects them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.faults.stage import Stage

FLAVOURS = {"sparkcentral": "classic", "hootsuite": "hootsuite"}
KINDS = ("sync", "async", "chatlayer")
ANSWERS_INLINE = ("hootsuite-sync", "sparkcentral-chatlayer")
"""Whose replies leave in the responses to the platform's requests, if they are ready in time."""
TOKEN = "token-of-the-fault-run"
VERIFY_TOKEN = "verify-token-of-the-fault-run"
BOT_TIMEOUT_S = 5
"""Short, so that a hanging bot is met and left several times within a run."""
TIMEOUT_S = 120.0
QUEUE_RULES = [{"condition": "no_agent", "then": "keep"}]
"""An agent is always there, so that each handover asks for the figures, and none may be lost for want of them."""
JSON = dict[str, Any]


def post(url: str, document: JSON) -> JSON:
    """To the simulator's control API."""
    response = requests.post(url, json=document, timeout=TIMEOUT_S)
    assert response.ok, f"{url}: {response.text}"
    answer: JSON = response.json()
    return answer


@dataclass
class Seat:
    """A bot's place in an inbox: a channel of its own, on an account of its own with the platform's true limits."""

    inbox: str
    kind: str
    client_id: str = ""
    virtual_agent: str = ""
    bot: JSON = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.inbox}-{self.kind}"

    @property
    def path(self) -> str:
        """Of its bot in the control API."""
        return "chatlayer" if self.kind == "chatlayer" else "bots"

    def bot_settings(self, simulator: str, delay_ms: float) -> JSON:
        if self.kind == "chatlayer":
            url = f"{simulator}/chatlayer/v1/channels/webhook/{self.name}/messages"
            return {"url": url, "access_token": TOKEN, "verify_token": VERIFY_TOKEN}
        return {
            "url": f"{simulator}/bots/{self.name}",
            "token": TOKEN,
            "timeout_s": BOT_TIMEOUT_S + round(2 * delay_ms / 1000),
        }

    def bot_document(self, reply_url: str, offload_url: str, delay_ms: float) -> JSON:
        common = {"id": self.name, "reply_url": reply_url, "delay_ms": delay_ms}
        if self.kind == "chatlayer":
            tokens = {"access_token": TOKEN, "verify_token": VERIFY_TOKEN, "offload_verify_token": VERIFY_TOKEN}
            return common | tokens | {"offload_url": offload_url}
        return common | {"token": TOKEN, "mode": self.kind}


def connect_seats(stage: Stage, kinds: Sequence[str], *, delay_ms: float) -> list[Seat]:
    """Keys from there to here, addresses from here to there, secrets from there to here."""
    seats = [Seat(inbox, kind) for inbox in FLAVOURS for kind in kinds]
    accounts = [post(f"{stage.simulator}/sim/accounts", {"flavour": FLAVOURS[seat.inbox]}) for seat in seats]
    applied = stage.apply(
        {
            "bots": [_bot(seat, stage.simulator, delay_ms) for seat in seats],
            "channels": [
                _channel(seat, stage.simulator, account) for seat, account in zip(seats, accounts, strict=True)
            ],
        }
    )
    secrets = []
    for seat, account, bot, channel in zip(seats, accounts, applied["bots"], applied["channels"], strict=True):
        seat.client_id = account["client_id"]
        given = {"client_id": seat.client_id, "name": seat.name, "webhook_url": channel["webhook_url"]}
        agent = post(f"{stage.simulator}/sim/virtual-agents", given)
        seat.virtual_agent = agent["id"]
        seat.bot = seat.bot_document(bot["reply_url"], channel["offload_url"], delay_ms)
        post(f"{stage.simulator}/sim/{seat.path}", seat.bot)
        secrets.append({"name": seat.name, "inbox": seat.inbox, "shared_secret": agent["shared_secret"]})
    stage.apply({"bots": [], "channels": secrets})
    return seats


def _bot(seat: Seat, simulator: str, delay_ms: float) -> JSON:
    kind = "chatlayer" if seat.kind == "chatlayer" else "http"
    return {"name": seat.name, "kind": kind, "settings": seat.bot_settings(simulator, delay_ms)}


def _channel(seat: Seat, simulator: str, account: JSON) -> JSON:
    keys = {key: account.get(key) for key in ("client_id", "client_secret", "organization_id")}
    return {
        "name": seat.name,
        "inbox": seat.inbox,
        "settings": {"base_url": simulator, **keys},
        "bot": seat.name,
        "offload_provider": {"name": "Agents", "verify_token": VERIFY_TOKEN, "queue_rules": QUEUE_RULES},
        "inline_answers": "always" if seat.name in ANSWERS_INLINE else "never",
        **({"delegation_dialog": "back"} if seat.kind == "chatlayer" else {}),
    }

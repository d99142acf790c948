"""One simulated Chatlayer bot: how it is set up, and what it remembers."""

import base64
import json
from collections import deque
from dataclasses import dataclass, field

from chatbridge.simulator import demo, messenger
from chatbridge.simulator.conversation import JSON

VERSIONS = ("LIVE", "DRAFT")
PAYLOADS = ("json", "text", "postback")
"""What a button's payload is: a dialog in JSON, as older bots have it; or an opaque id, which this bot understands
only if it comes back as a text, or as a postback."""
KEPT_RECORDS = 10_000


@dataclass(slots=True)
class ChatlayerBot:
    """One bot: its webhook channel, its offloading provider, and what passed."""

    id: str
    access_token: str
    verify_token: str
    reply_url: str = ""
    offload_url: str = ""
    offload_verify_token: str = ""
    identify_by: str = "conversationId"
    is_legacy: bool = False
    version: str = "LIVE"
    payloads: str = "json"
    delay_ms: float = 0
    fault: str | None = None
    received: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))
    callbacks: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))
    actions: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))
    sessions: demo.Sessions = field(default_factory=demo.Sessions)
    opaque: dict[str, str] = field(default_factory=dict)
    """By the id that a button carries, the payload that it stands for."""

    def concealed(self, message: JSON) -> JSON:
        """The message with ids in place of its payloads, if this bot has such."""
        if self.payloads == "json":
            return message
        return messenger.with_payloads(message, self._conceal)

    def _conceal(self, payload: str) -> str:
        key = f"b64:{base64.b64encode(payload.encode()).decode()}"
        self.opaque[key] = payload
        return key

    def revealed(self, message: JSON) -> JSON:
        """What came back, with the payload that its id stands for; an id in another form means nothing."""
        text, postback = message.get("textMessage"), message.get("postbackMessage")
        given = (text or {}).get("text") if self.payloads == "text" else (postback or {}).get("payload")
        if not isinstance(given, str) or given not in self.opaque:
            return message
        payload = self.opaque[given]
        return {"postbackMessage": json.loads(payload) if payload.startswith("{") else {"payload": payload}}

    def view(self) -> JSON:
        """What passed, for the control API."""
        shown: JSON = {"id": self.id, "fault": self.fault, "received": list(self.received)}
        return shown | {"callbacks": list(self.callbacks), "actions": list(self.actions)}

    def outward_id(self, session: demo.Session) -> str:
        """The older form puts a prefix before the session's id."""
        return f"default-{session.id}" if self.is_legacy else session.id

"""A conversation on Direct Line 3.0 during one turn: begun or taken up, told and listened to, within the turn's time.

API: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-direct-line-3-0-api-reference. What is
said between turns waits there, and the watermark tells what was read.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import chain, repeat
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from channels_app.adapters.bots.base import BotConnector
from channels_app.adapters.bots.directline_cards import Activity, asks_for_human, ends
from channels_app.adapters.bots.directline_form import DEFAULT_QUIET_S
from channels_app.lib.encryption import decrypt, encrypt
from channels_app.lib.jsons import JsonObject, object_in, objects_in, text_in
from channels_app.protocol import Turn
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    Effect,
    PayloadError,
    RefusedError,
    TemporaryError,
)

GLOBAL = "https://directline.botframework.com"
API = "/v3/directline"
AGENTS = "/powervirtualagents/"
"""In the path of Copilot Studio's token endpoints, whose host also knows the region's Direct Line."""

LOOKS_S = (0.3, 0.7)
"""After a message a first look soon; then, as Direct Line asks of its clients, one a second."""
LOOK_EVERY_S = 1.0
DOUBT_S = 3.0
"""For a message whose delivery failed halfway: how long its echo is looked for."""
TYPING_S = 10.0
"""A bot that is typing says something; they repeat the sign every few seconds."""
OTHERS_S = 5.0
"""After messages that seem to answer something else."""
SPARE_S = 3.0
"""Of the turn, kept for reading when a message is posted: Direct Line may hold the request until the bot is done."""


class LostConversationError(RefusedError):
    """Direct Line doesn't know the conversation any more, or our token for it has expired."""


class Line:
    """Remembered between turns: its id, how far it was read, and with a token endpoint the token, encrypted, and the
    region's address."""

    def __init__(self, bot: BotConnector, turn: Turn, ends_at: float) -> None:
        self.bot, self.turn, self.ends_at = bot, turn, ends_at
        self.conversation = turn.remembered.get("conversation", "")
        self.since = self.watermark = turn.remembered.get("watermark", "")
        self._base = turn.remembered.get("base", "")
        self._token = self._unsealed(turn.remembered.get("token", ""))
        self.heard: list[Activity] = []
        self.told: set[str] = set()
        """What of this turn has arrived there, by our keys."""
        self._own_ids: set[str] = set()
        self._fresh = 0
        """Where in `heard` begins what came after our latest words."""
        self._doubt: BridgeError | None = None

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()

    def remembered(self, *, is_answered: bool) -> dict[str, str]:
        """For the next turn; a try that failed is read again. Empty texts for a conversation that has ended."""
        token = encrypt(self._token, self._place) if self._token else ""
        kept = {
            "conversation": self.conversation,
            "watermark": self.watermark if is_answered else self.since,
            "base": self._base,
            "token": token,
        }
        return dict.fromkeys(kept, "") if is_answered and any(map(ends, self.said)) else kept

    @property
    def _place(self) -> str:
        return f"directline.{self.turn.session_id}.token"

    def _unsealed(self, sealed: str) -> str:
        try:
            return decrypt(sealed, self._place) if sealed else ""
        except ConfigError:  # its key is lost
            return ""

    # --- begin ---

    def take_up(self) -> None:
        """Go on with the conversation of the turns before. Raises LostConversationError."""
        if self._token:
            self._refresh()
        elif not self.bot.settings.get("secret"):
            raise LostConversationError("The token of the conversation is not known.")

    def begin(self) -> None:
        """A new conversation."""
        if not self.bot.settings.get("secret"):
            self._fetch_token()
        who: dict[str, Any] = {"user": {"id": self.turn.session_id, "name": self._name}}
        if self.turn.language:
            who["locale"] = self.turn.language
        begun = self._call("POST", "/conversations", json=who)
        self.conversation = begun.required_text("conversationId")
        if self._token:
            self._token = begun.text("token") or self._token

    def _fetch_token(self) -> None:
        """From Copilot Studio's endpoint, and the Direct Line of its region."""
        endpoint = self.bot.settings["token_endpoint"]
        self._token = self._get(endpoint).required_text("token")
        parts = urlsplit(endpoint)
        if self.bot.settings.get("url") or AGENTS not in parts.path:
            return
        where = urlunsplit(parts._replace(path=f"{AGENTS}regionalchannelsettings"))
        with suppress(PayloadError, RefusedError, TemporaryError):
            urls = self._get(where).object("channelUrlsById") or JsonObject({})
            region = urls.text("directline")
            self._base = region if region.startswith("https://") else ""

    def _refresh(self) -> None:
        """A token that has expired can't be had back, so it is renewed with each turn."""
        try:
            self._token = self._call("POST", "/tokens/refresh").text("token") or self._token
        except (PayloadError, TemporaryError):
            return  # the old one may still do

    # --- talk ---

    def tell(self, key: str, activity: Mapping[str, Any]) -> None:
        """Post it, unless an earlier try of the turn has. `key` comes back with its echo."""
        if key in self.told:
            return
        mark = {"clientActivityID": key}
        who = {"id": self.turn.session_id, "name": self._name, "role": "user"}
        body = {**activity, "from": who, "channelData": {**object_in(activity, "channelData"), **mark}}
        self._doubt, self._fresh = None, len(self.heard)
        try:
            posted = self._call("POST", self._activities, json=body, spare_s=SPARE_S, may_repeat=False)
        except (PayloadError, TemporaryError) as error:
            if isinstance(error, TemporaryError) and error.effect is Effect.NONE:
                raise
            self._doubt = error  # Direct Line says 502 or 504 of messages that have reached the bot
            return
        self.told.add(key)
        self._own_ids |= {posted.text("id")} - {""}

    def read(self) -> bool:
        """What is new; whether anything is."""
        params = {"watermark": self.watermark} if self.watermark else None
        document = self._call("GET", self._activities, params=params)
        activities = list(document.objects("activities"))
        watermark = document.values.get("watermark")
        self.watermark = str(watermark) if isinstance(watermark, str | int) else self.watermark
        before = len(self.heard)
        for activity in activities:
            if object_in(activity.values, "from").get("id") == self.turn.session_id:
                self._hear_echo(activity.values)
            else:
                self.heard.append(activity.values)
        return len(self.heard) > before

    def skip(self) -> int:
        """Leave out what the bot said before this turn; how many messages that were."""
        old = self.heard[: self._fresh if self.told else None]
        del self.heard[: len(old)]
        self._fresh = 0
        return sum(activity.get("type") == "message" for activity in old)

    def listen(self, patience_s: float) -> bool:
        """Read until the bot has answered, or has said nothing for so long; whether it has answered."""
        last = time.monotonic()
        failure: BridgeError | None = None
        for pause in chain(LOOKS_S, repeat(LOOK_EVERY_S)):
            patient_s = min(last + self._patience(patience_s) - time.monotonic(), self.left_s)
            if self._is_over or patient_s <= 0:
                break
            time.sleep(min(pause, patient_s))
            try:
                is_new, failure = self.read(), None
            except TemporaryError as error:
                failure = error
                continue
            if is_new:
                last = time.monotonic()
        problem = failure or self._doubt
        if problem and not self._has_answer:
            raise problem
        return self._has_answer

    @property
    def said(self) -> list[Activity]:
        """All that the bot said since the last turn. An end of before the contact wrote again isn't one."""
        late = [activity for activity in self.heard[: self._fresh] if not ends(activity)]
        return late + self.heard[self._fresh :]

    # --- how an answer ends ---

    @property
    def _latest(self) -> list[Activity]:
        """What came after our latest words. While it is in doubt if those have arrived, none did."""
        return [] if self._doubt else self.heard[self._fresh :]

    @property
    def _has_answer(self) -> bool:
        return any(map(_says, self._latest))

    @property
    def _answers(self) -> list[Activity]:
        """Without what the bot says to something else, as far as it tells."""
        return [
            activity
            for activity in filter(_says, self._latest)
            if not self._own_ids or text_in(activity, "replyToId") in ("", *self._own_ids)
        ]

    @property
    def _is_over(self) -> bool:
        """Whether the bot says itself that nothing follows now."""
        return any(asks_for_human(said) or ends(said) for said in self._latest) or any(
            answer.get("inputHint") == "expectingInput"
            or bool(objects_in(object_in(answer, "suggestedActions"), "actions"))
            for answer in self._answers
        )

    def _patience(self, patience_s: float) -> float:
        if self._doubt:
            return DOUBT_S
        if self._answers:
            quiet_s = self.bot.settings.get("quiet_s")
            patience_s = DEFAULT_QUIET_S if quiet_s is None else quiet_s
        elif self._has_answer:
            patience_s = OTHERS_S
        is_typing = bool(self._latest) and self._latest[-1].get("type") == "typing"
        return max(patience_s, TYPING_S) if is_typing else patience_s

    def _hear_echo(self, activity: Activity) -> None:
        key = text_in(object_in(activity, "channelData"), "clientActivityID")
        if key.partition(".")[0] == self.turn.turn_id:
            self.told.add(key)
            self._own_ids |= {text_in(activity, "id")} - {""}
            self._fresh, self._doubt = len(self.heard), None

    # --- calls ---

    @property
    def _name(self) -> str:
        return self.turn.contact.primary_identifier

    @property
    def _activities(self) -> str:
        return f"/conversations/{self.conversation}/activities"

    def _get(self, url: str) -> JsonObject:
        answer = self.bot.api.call("GET", url, timeout_s=max(self.left_s, 1.0))
        self.bot.raise_for(answer)
        return JsonObject.read(answer.body)

    def _call(self, method: str, path: str, *, spare_s: float = 0, **request: Any) -> JsonObject:
        """One call with the turn's token or the secret, which stands for the token of any conversation."""
        bearer = self._token or self.bot.settings["secret"]
        base = self.bot.settings.get("url") or self._base or GLOBAL
        answer = self.bot.api.call(
            method,
            api_address(base) + path,
            headers={"Authorization": f"Bearer {bearer}"},
            timeout_s=max(self.left_s - spare_s, 1.0),
            **request,
        )
        try:
            self.bot.raise_for(answer)
        except RefusedError as error:
            gone = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
            if answer.status in gone and self.conversation and not self.told:
                raise LostConversationError(error.detail, status=answer.status) from error
            raise
        return JsonObject.read(answer.body)


def _says(activity: Activity) -> bool:
    return activity.get("type") == "message" or asks_for_human(activity) or ends(activity)


def api_address(url: str) -> str:
    """Of a host, or the address itself if it names the API's path."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") or API))

"""From facts to a code of the catalogue: what a refused request, a call, a handover or an ended event means. Pure.

Rows keep such a code as text, `str(code)`, and "" where nothing was wrong.
"""

from collections.abc import Mapping
from http import HTTPStatus

from channels_app.codes import CODES, Code, Problem, code
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    ConversationGoneError,
    Effect,
    RefusedError,
    TemporaryError,
)

BOT, INBOX, TOKEN, UPLOAD = "bot", "inbox", "token", "upload"
"""Whom a call is made to. UPLOAD: the inbox, with a file that had to be fetched first."""

REFUSALS: Mapping[str, str] = {
    "no_secret": "CB-304",
    "no_signature": "CB-306",
    "bad_signature": "CB-305",
    "old_secret": "CB-308",
    "signed_by_inbox_2": "CB-314",
    "signed_by_classic": "CB-315",
    "old_secret_used": "CB-307",
    "old_address": "CB-409",
    "bad_verify_token": "CB-504",
    "tokens_swapped": "CB-522",
    "bad_time": "CB-520",
    "body_signed": "CB-520",
    "no_callback": "CB-514",
    "too_old": "CB-403",
    "in_future": "CB-405",
    "malformed": "CB-406",
    "too_large": "CB-407",
    "unknown_type": "CB-402",
    "unusable": "CB-411",
    "unknown_version": "CB-412",
    "unknown_address": "CB-404",
    "unknown_session": "CB-515",
    "not_assigned": "CB-516",
    "draft_bot": "CB-523",
    "accepted_unsaid": "CB-519",
    "unknown_conversation": "CB-816",
    "archived": "CB-804",
    "lost_wakeup": "CB-706",
}
"""By the reason that is counted; at the inbox's door, where they differ."""
WRONG_SECRET = ("bad_signature", "old_secret", "signed_by_inbox_2", "signed_by_classic")
"""Why the inbox's door refuses an event although a secret is saved."""
_REFUSALS_AT = {
    ("bot", "no_secret"): "CB-512",
    ("bot", "no_signature"): "CB-513",
    ("bot", "bad_signature"): "CB-513",
    ("offload", "no_secret"): "CB-812",
    ("write_back", "no_secret"): "CB-813",
    ("write_back", "bad_signature"): "CB-814",
}
_OFFLOADS = {
    "contact_asked": "CB-819",
    "message_left": "CB-820",
    "bot_failed": "CB-511",
    "bot_slow": "CB-501",
    "bot_silent": "CB-508",
    "bot_unshowable": "CB-518",
    "bot_down": "CB-510",
    "out_of_time": "CB-807",
    "no_bot": "CB-801",
    "channel_off": "CB-802",
    "channel_paused": "CB-803",
    "channel_archived": "CB-804",
    "inbox_channel_off": "CB-806",
    "contact_file": "CB-817",
    "reply_refused": "CB-605",
    "bounced": "CB-808",
}
_OF_CALLS = ("bot_failed", "bot_slow")
"""Of which the failed call says more."""
_DELIVERIES = {"unconfirmed": "CB-606", "refused": "CB-605", "cancelled": "CB-601", "failed": "CB-608"}


def code_of_refusal(reason: str, door: str = "") -> Code | None:
    """Why a door turned a request away, ignored or watched it; None for a count that is no trouble.

    `reason` is that of `IntakeCount` and of `SignatureError`. The same reason can mean something else at another
    door; without `door` it is the inbox's.
    """
    return _found(_REFUSALS_AT.get((door, reason)) or REFUSALS.get(reason, ""))


def code_of_call(target: str, error: BridgeError | None) -> Code | None:
    """The problem with one call; None if it succeeded. The error's own problem comes first: its raiser knew more."""
    if error is None:
        return None
    return error.problem.code if error.problem else code(_JUDGES[target](error))


def describe_call(target: str, error: BridgeError, **values: object) -> Problem:
    """The same with its sentence; `values` are what the error can't know, e.g. the bot's time `limit` in seconds."""
    if error.problem:
        return error.problem
    known = {"status": error.status, "problem": error.detail.rstrip(".")}
    return Problem(code(_JUDGES[target](error)), {**known, **values})


def code_of_offload(reason: str) -> Code | None:
    """Why agents got a conversation; None if it was requested."""
    return _found(_OFFLOADS.get(reason, ""))


def code_of_delivery(state: str, *, is_handover: bool = False) -> Code | None:
    """The problem with a reply; None while it waits and once it arrived."""
    if is_handover and state in ("refused", "failed"):
        return code("CB-810")
    return _found(_DELIVERIES.get(state, ""))


def code_of_outcome(
    outcome: str, *, offload: str = "", delivery: str = "", is_handover: bool = False, call: str = "", sent: str = ""
) -> Code | None:
    """How an event ended; None if it ended as it should.

    `offload` is the reason of its handover, `delivery` the state of its last delivery, `is_handover` whether that
    one was to hand over, and `call` and `sent` the codes of the last failed calls to the bot and to the inbox, which
    say more than "failed" and "not confirmed".
    """
    match outcome:
        case "dead" if offload in _OF_CALLS and call in CODES:
            return CODES[call]  # what came first; that the handover could not be sent either came after it
        case "dead" if offload and offload != "reply_refused":
            return code_of_offload(offload) or code_of_delivery(delivery, is_handover=is_handover) or code("CB-705")
        case "dead":
            return code_of_delivery(delivery, is_handover=is_handover) or code("CB-705")
        case "moot":
            return code("CB-601" if delivery == "cancelled" else "CB-610")
        case "replied_unconfirmed":
            return code("CB-612" if sent == "CB-612" else "CB-606")
        case "handed_over" if sent == "CB-518":
            return CODES[sent]  # agents were wanted anyway, but not that the contact reads nothing
        case "handed_over" if offload in _OF_CALLS and call in CODES:
            return CODES[call]
        case "handed_over":
            return code_of_offload(offload)
    return None


def _found(text: str) -> Code | None:
    return CODES.get(text)


# --- one call -----------------------------------------------------------------------------------------------------


def _judge_bot(error: BridgeError) -> str:
    if isinstance(error, ConfigError):
        return "CB-507"
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "CB-517"
    if error.status >= HTTPStatus.BAD_REQUEST or isinstance(error, RefusedError):
        return "CB-502"
    if not isinstance(error, TemporaryError):
        return "CB-503"
    if error.effect is Effect.NONE:
        return "CB-506"
    return "CB-501" if error.timed_out else "CB-526"


def _judge_inbox(error: BridgeError) -> str:
    if isinstance(error, ConversationGoneError):
        return "CB-601"
    if isinstance(error, ConfigError):
        return "CB-208" if error.status else "CB-206"
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "CB-602"
    if isinstance(error, TemporaryError):
        return "CB-606" if error.effect is Effect.UNKNOWN else "CB-607"
    return "CB-605"


def _judge_upload(error: BridgeError) -> str:
    """A file is no loss: the contact gets its link. What is not about the file is as for every call."""
    judged = _judge_inbox(error)
    return {"CB-605": "CB-604", "CB-206": "CB-604", "CB-606": "CB-607"}.get(judged, judged)


def _judge_token(error: BridgeError) -> str:
    return "CB-203" if isinstance(error, TemporaryError) else "CB-206"


_JUDGES = {BOT: _judge_bot, INBOX: _judge_inbox, TOKEN: _judge_token, UPLOAD: _judge_upload}

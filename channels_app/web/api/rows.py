"""Channels and bots from a body, and what an answer may show of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from channels_app.access.meanwhile import entries_since
from channels_app.channels.forms.saving import ChangedError, RefusedError
from channels_app.codes import describe
from channels_app.lib.encryption import fingerprint
from channels_app.lib.masking import without_query
from channels_app.models import AuditEntry, SettingsModel
from channels_app.protocol.errors import BridgeError
from channels_app.web.api.problems import ApiError

IF_MATCH = "If-Match"
_TAG = re.compile(r'(?:W/)?"?([0-9]{1,10})(?:[-;][a-z]+)?"?(?:-[a-z]+)?')
"""A revision, with what a proxy that compresses adds to it: "7-gzip", "7;br"."""


@contextmanager
def refusals() -> Iterator[None]:
    """What a form refuses, at the places of the body, and what others changed. Raises ValidationError and ApiError."""
    try:
        yield
    except RefusedError as error:
        raise ValidationError(_at_their_places(error)) from None
    except ChangedError as error:
        problem = describe("CB-909", revision=error.row.revision)
        changes = [_told(entry) for entry in entries_since(error.row, error.expected)]
        status = HTTPStatus.PRECONDITION_FAILED
        raise ApiError(problem, status=status, revision=error.row.revision, changes=changes) from None


def _told(entry: AuditEntry) -> dict[str, Any]:
    return {"at": entry.at, "who": entry.actor, "what": entry.action, "on": entry.object_name, "fields": entry.changes}


def expected_revision(request: Request) -> int | None:
    """Of If-Match; None when the caller doesn't care. Raises ValidationError.

    Of several the highest: revisions only grow, so who has read it can't find one of the others.
    """
    given = request.headers.get(IF_MATCH, "").strip()
    if given in ("", "*"):
        return None
    tags = [_TAG.fullmatch(part.strip()) for part in given.split(",")]
    revisions = [int(tag[1]) for tag in tags if tag]
    if len(revisions) < len(tags):
        raise ValidationError({IF_MATCH: 'Give the revision that you have read, e.g. "7".'})
    return max(revisions)


def etag(row: SettingsModel) -> dict[str, str]:
    """The header with the revision that a later call may name in If-Match."""
    return {"ETag": f'"{row.revision}"'}


def _at_their_places(refused: RefusedError) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    for place, found in refused.errors.items():
        details = [ErrorDetail(" ".join(error.messages), code=str(error.code or "")) for error in found]
        outer, dot, inner = place.partition(".")
        if dot:
            errors.setdefault(outer, {})[inner] = details
        else:
            errors[outer or "non_field_errors"] = details
    return errors


def settings_for(row: SettingsModel, *, may_change: bool) -> dict[str, Any]:
    """All but the secrets; for who may not change them, addresses without what their queries say."""
    shown = row.shown_settings()
    if may_change:
        return shown
    return {name: without_query(value) if isinstance(value, str) else value for name, value in shown.items()}


def secrets_of(row: SettingsModel, saved_at: datetime | None = None, saved_by: str = "") -> dict[str, dict[str, Any]]:
    """What may be shown of each secret among the settings: whether it is saved, when, by whom, and its end."""
    try:
        clear = row.clear_settings()
    except BridgeError:  # the key is lost: that it is saved is all that can be said
        clear = {}
    names = sorted(row.secret_names())
    return {name: secret_facts(bool(row.settings.get(name)), clear.get(name), saved_at, saved_by) for name in names}


def secret_facts(is_saved: bool, clear: Any, saved_at: datetime | None, saved_by: str) -> dict[str, Any]:
    ends_in = fingerprint(str(clear)) if clear else ""
    return {"is_saved": is_saved, "ends_in": ends_in, "saved_at": saved_at, "saved_by": saved_by}

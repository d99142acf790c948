"""The same call twice is done once: what was answered to an Idempotency-Key is kept for a day."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.codes import describe
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.lib.clocks import database_now
from channels_app.models import KeptAnswer
from channels_app.web.api.problems import ApiError

HEADER = "Idempotency-Key"
REPEATED = "Idempotency-Repeated"
"""Says in an answer that nothing was done this time."""
KEPT_FOR = timedelta(hours=24)
MAX_LETTERS = 200
FORGOTTEN_AT_ONCE = 100
"""Answers that are over, deleted with each call that brings a new one."""

Handler = Callable[..., Response]


def once_per_key(handler: Handler) -> Handler:
    """What the handler does and the answer that is kept are committed together, so a call is never half done.

    A second one waits until the first has ended. Failures are not kept: the same key may try again.
    """

    @wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            return handler(view, request, *args, **kwargs)
        if len(key) > MAX_LETTERS or not key.isprintable():
            raise ValidationError({HEADER: f"Give at most {MAX_LETTERS} printable characters."})
        with transaction.atomic():
            kept, is_new = _claim(request, key)
            if not is_new:
                return Response(kept.body, status=kept.status, headers={REPEATED: "true"})
            response = handler(view, request, *args, **kwargs)
            kept.status, kept.body = response.status_code, json.loads(JSONRenderer().render(response.data))
            kept.save()
        wake_a_worker()  # one that was woken before the commit found nothing
        return response

    return handle


def _claim(request: Request, key: str) -> tuple[KeptAnswer, bool]:
    """The row of this key, and whether it is new."""
    user: Any = request.user
    over = KeptAnswer.objects.filter(created_at__lt=database_now() - KEPT_FOR)
    over.filter(user=user, key=key).delete()
    over.filter(pk__in=list(over.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])).delete()
    digest = _digest(request)
    kept, is_new = KeptAnswer.objects.get_or_create(user=user, key=key, defaults={"request_digest": digest})
    if kept.request_digest != digest:
        raise ApiError(describe("CB-906"), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return kept, is_new


def _digest(request: Request) -> str:
    call = json.dumps([request.method, request.path, request.data], sort_keys=True)
    return sha256(call.encode()).hexdigest()

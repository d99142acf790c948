"""What all doors for platforms share: read the raw request within a limit, and turn our errors into answers."""

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from math import inf
from typing import Any, ClassVar, ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from channels_app.channels import readiness
from channels_app.channels.links import READY
from channels_app.conversations.events import Stored
from channels_app.conversations.refusals import count_refusal
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.lib.http.addresses import network_of
from channels_app.lib.postgres import limits
from channels_app.protocol import Incoming
from channels_app.protocol.errors import MissingKeyError, PayloadError, SignatureError

logger = logging.getLogger(__name__)
T = TypeVar("T")
Body = dict[str, Any]
Known = tuple[int, Body]
"""Status and body of an answer."""
Answer = tuple[int, Body | Future[bytes]]
"""The same, or the body comes later."""
MAY_WAIT = "chatbridge.may_wait"
"""In a request whose server can wait for the body without a thread."""
P = ParamSpec("P")
HOLD_S = 6.0
"""How long a request waits for PostgreSQL to come back: a restart takes a few seconds, the platform waits ten."""
HOLD_STEP_S = 0.25
TRY_S = 4.0
"""Of these for one answer: longer than a row's lock is waited for, and a new connection may be tried after it."""
MAX_DIGITS = 10  # of an announced size: what fits into its column. A sender may announce anything
_may_hold = threading.BoundedSemaphore(max(1, settings.WEB_THREADS * 3 // 4))
"""Requests of this process that may wait like this: the remaining threads answer at once, or none would."""


class DatabaseAwayError(Exception):
    """PostgreSQL could not be used in time."""


class TooLargeError(Exception):
    """The body is above the door's limit; nothing of it was kept."""


class LaterResponse(HttpResponse):
    """One whose body comes later. The server keeps the connection, and asks no more of this thread."""

    def __init__(self, later: "Future[bytes]") -> None:
        super().__init__(content_type="application/json")
        self.later = later


class AlwaysJson(BaseContentNegotiation):
    """Platforms get JSON regardless of what they say they accept."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class WebhookView(ABC, APIView):
    """A door: the sender proves itself by what it signs or knows, so sessions and permissions play no part."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson
    default_response_headers: ClassVar[dict[str, str]] = {"Allow": "GET, POST, OPTIONS"}

    door: ClassVar[str]
    max_bytes: ClassVar[int] = settings.MAX_INBOX_BODY_BYTES
    sender: ClassVar[str]
    """Who is expected to post here, for a person who opens the address in a browser."""

    def get(self, request: Request, uuid: UUID) -> HttpResponse:
        text = f"{READY} It expects POST requests from {self.sender}.\n"
        return HttpResponse(text, content_type="text/plain; charset=utf-8")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """No user to authenticate, nothing to negotiate: trying would take longer than the signature."""

    def post(self, request: Request, uuid: UUID) -> HttpResponse:
        try:
            incoming = read_incoming(request._request, self.max_bytes)
            try:
                status, body = self._receive_in_time(uuid, incoming)
            except DatabaseAwayError:
                status, body = self.answer_without_database(uuid, incoming)
            except MissingKeyError as error:
                readiness.forget()
                logger.error("the %s door can't read a secret of %s: %s", self.door, uuid, error.problem or error)
                status, body = self.answer_without_keys(uuid, incoming)
        except TooLargeError:
            return self._too_large(uuid)
        except SignatureError as error:
            return self.refuse(uuid, 401, error.reason, error.detail)
        except PayloadError as error:
            return self.refuse(uuid, 400, "malformed", error.detail)
        if not isinstance(body, Future):
            return _json(status, body)
        return LaterResponse(body) if request.META.get(MAY_WAIT) else _response(status, body.result())

    def _receive_in_time(self, uuid: UUID, incoming: Incoming) -> Answer:
        """All that it asks PostgreSQL together takes no longer than HOLD_S."""
        before = limits.answer_s
        limits.answer_s, limits.until = TRY_S, time.monotonic() + HOLD_S
        try:
            return self.receive(uuid, incoming)
        except Error as error:  # from what is not tried again
            if outages.met(error) is None:
                raise
            raise DatabaseAwayError from error
        finally:
            limits.answer_s, limits.until = before, inf

    def _too_large(self, uuid: UUID) -> HttpResponse:
        """Counted where the address is ours: strangers make up as many as they like."""
        try:
            is_known = not outages.is_away() and self.knows(uuid)
        except MissingKeyError:
            is_known = True
        except Error as error:
            if outages.met(error) is None:
                raise
            is_known = False
        if is_known:
            self.count(uuid, "too_large")
        response = _json(413, {"detail": f"The body is larger than {self.max_bytes} bytes."})
        response["Connection"] = "close"  # the rest of it is not read
        return response

    @abstractmethod
    def knows(self, uuid: UUID) -> bool:
        """Whether there is something at this address. Raises Error and MissingKeyError."""

    def answer_without_database(self, uuid: UUID, incoming: Incoming) -> Known:
        """Status and body while nothing can be stored: the sender is to try again."""
        return 503, {"detail": "The database of this bridge does not answer. Try again."}

    def answer_without_keys(self, uuid: UUID, incoming: Incoming) -> Known:
        """Status and body while this process can't read the secrets of this address."""
        return 503, {"detail": "This bridge can't read its secrets now. Try again."}

    @abstractmethod
    def receive(self, uuid: UUID, incoming: Incoming) -> Answer:
        """Verify, store, wake a worker; status and body of the answer."""

    def refuse(self, uuid: UUID | None, status: int, reason: str, detail: str) -> HttpResponse:
        """Turn a request away; counted, and kept nowhere."""
        self.count(uuid, reason)
        return _json(status, {"detail": detail})

    def count(self, uuid: UUID | None, reason: str) -> None:
        """Count a request that leads to nothing. A figure must not cost an answer: without PostgreSQL it is lost."""
        if outages.is_away():
            return
        size = self.request.META.get("CONTENT_LENGTH") or ""
        size_bytes = int(size) if size.isdecimal() and len(size) < MAX_DIGITS else None
        try:
            count_refusal(self.door, uuid, reason, network=sender_network(self.request), size_bytes=size_bytes)
        except Error as error:
            if outages.met(error) is None:
                logger.exception("%s at the %s door was not counted", reason, self.door)

    def not_found(self) -> Known:
        self.count(None, "unknown_address")
        return 404, {"detail": "There is nothing at this address. Copy it again from the admin page."}


def _json(status: int, body: Body) -> HttpResponse:
    return _response(status, json.dumps(body).encode())


def _response(status: int, body: bytes) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json")


def read_incoming(request: HttpRequest, max_bytes: int) -> Incoming:
    """The request as it came. Raises TooLargeError without reading on."""
    found = request.META.items()
    return Incoming(
        headers={name[5:].replace("_", "-").lower(): text for name, text in found if name.startswith("HTTP_")},
        query=request.GET.dict() if request.META.get("QUERY_STRING") else {},
        body=_read_body(request, max_bytes),
        received_at=database_now(),
    )


def sender_network(request: HttpRequest | Request) -> str:
    """The network that a request comes from, as the proxy in front tells it, if there is one that we trust."""
    told = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return network_of(told.rpartition(",")[2] or request.META.get("REMOTE_ADDR", ""))


def _read_body(request: HttpRequest, max_bytes: int) -> bytes:
    """The body, also one that comes in chunks: Django reads only what Content-Length announces."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > max_bytes:
        raise TooLargeError
    if "chunked" not in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return request.body
    body: bytes = request.META["wsgi.input"].read(max_bytes + 1)
    if len(body) > max_bytes:
        raise TooLargeError
    return body


def with_patience(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it, repeatedly while PostgreSQL is briefly unusable: a 5xx from us costs the conversation.

    Raises DatabaseAwayError when that lasts, and at once when enough requests of this process wait already.
    """
    deadline = min(time.monotonic() + HOLD_S, limits.until)
    cause: Error | None = None
    if not outages.is_away():
        try:
            return act(*args, **kwargs)
        except Error as error:
            if outages.met(error) is None:
                raise
            cause = error
    if not _may_hold.acquire(blocking=False):
        raise DatabaseAwayError from cause
    try:
        done = _until(deadline, act, *args, **kwargs)
    finally:
        _may_hold.release()
    outages.over()
    return done


def wake_if_owed(stored: Stored) -> None:
    if stored.owes_wakeup:
        wake_a_worker()


def _until(deadline: float, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """No try is started that would end too late if it took as long as the previous one."""
    while True:
        time.sleep(HOLD_STEP_S)
        began = time.monotonic()
        try:
            return act(*args, **kwargs)
        except Error as error:
            if outages.met(error) is None:
                raise
            now = time.monotonic()
            if now + (now - began) > deadline:
                raise DatabaseAwayError from error

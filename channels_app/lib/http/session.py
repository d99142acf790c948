"""The one way out over HTTP: it reaches nothing internal, outlasts no deadline, and fails in our words."""

import re
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from http.client import IncompleteRead
from json import JSONEncoder
from typing import Any, BinaryIO
from urllib.parse import urlencode

from django.conf import settings
from urllib3 import BaseHTTPResponse

from channels_app.lib.http.addresses import AllowList, Target, public_url_problem
from channels_app.lib.http.failures import FAILURES, cause_of, failure_of
from channels_app.lib.http.recorder import MAX_LIMITS, Call, is_recording, note_call, told_limits
from channels_app.lib.http.sockets import CallState
from channels_app.lib.http.wire import Adapter, shared_adapter
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, PayloadError, TemporaryError

__all__ = ["AllowList", "Answer", "ApiSession", "public_url_problem"]

POOL_SIZE = 64  # connections kept for one host: more than a process has threads
TOKEN_LEAST = 8  # bytes; a shorter one is no secret, and may be a part of any word
METHOD = re.compile(r"[A-Z]+")
HEADER_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
CHUNK = 64 * 1024  # bytes of an answer that are in memory at a time on their way into a file
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# These decide where the request goes and where it ends, and that is not a caller's choice.
OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"})

Body = bytes | memoryview
"""Of a request. A view of a mapped file leaves without ever being in memory as a whole."""

_encode = JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer, with any status. Header names are lower case. `body` is empty if it went into a file."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: int


# --- requests --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, checked."""

    method: str
    target: Target
    headers: dict[str, str]
    body: Body | None

    @property
    def name(self) -> str:
        """For logs and people: without the query, which may hold a token."""
        return f"{self.method} {self.target.host}{self.target.path}"

    @property
    def told(self) -> bytes:
        """Its body for the record; a file by its size."""
        return _file_of(len(self.body)) if isinstance(self.body, memoryview) else self.body or b""


def _file_of(size: int) -> bytes:
    return b"[file of %d bytes]" % size


@lru_cache(maxsize=1)
def _standard_headers(version: str) -> dict[str, str]:
    return {"User-Agent": f"chatbridge/{version}", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


def _prepared(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    json: Any,
    data: Body | str | Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
) -> Request:
    try:
        target = Target.parse(url)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if not METHOD.fullmatch(method):
        raise ConfigError("The HTTP method is not valid.")
    if params:
        query = "&".join(part for part in (target.query, urlencode(params)) if part)
        target = replace(target, query=query)
    body, content_type = _body(json, data)
    sent = _standard_headers(settings.VERSION) | ({"Content-Type": content_type} if content_type else {})
    if auth is not None:
        sent["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
    if headers:
        _check_headers(headers)
        given = {name.lower() for name in headers}
        sent = {name: value for name, value in sent.items() if name.lower() not in given} | dict(headers)
    return Request(method, target, sent, body)


def _body(json: Any, data: Body | str | Mapping[str, str] | None) -> tuple[Body | None, str]:
    """The body and its content type, "" when the caller knows it."""
    if json is not None:
        return _encode(json).encode(), "application/json"
    if isinstance(data, Mapping):
        return urlencode(data).encode(), "application/x-www-form-urlencoded"
    return data.encode() if isinstance(data, str) else data, ""


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise ConfigError("A header's name is not valid.")
        if name.lower() in OWN_HEADERS:
            raise ConfigError(f"The header {name} is set by the bridge itself.")
        if not HEADER_VALUE.fullmatch(value):
            raise ConfigError(f"The header {name} contains a line break or a character that headers can't carry.")


def _record(
    request: Request,
    started: float,
    *,
    status: int,
    response: bytes = b"",
    headers: Mapping[str, str] | None = None,
    secrets: Sequence[str] = (),
) -> Call:
    return Call(
        method=request.method,
        url=request.target.without_query,
        request=request.told,
        status=status,
        response=_without_own_secrets(request, secrets, response),
        limits=_without_own_secrets(request, secrets, told_limits(headers or {}).encode()).decode()[:MAX_LIMITS],
        took_ms=round((time.monotonic() - started) * 1000),
    )


def _without_own_secrets(request: Request, secrets: Sequence[str], response: bytes) -> bytes:
    """A bot may say our own token back to us, in a sentence such as "the token … is wrong", or all that it got."""
    token = request.headers.get("Authorization", "").rpartition(" ")[2]
    for secret in (token, *secrets):
        if len(secret.encode()) >= TOKEN_LEAST:
            response = response.replace(secret.encode(), b"***")
    return response


@lru_cache(maxsize=4)
def _allow_list(entries: tuple[str, ...]) -> AllowList:
    return AllowList.parse(entries)


class ApiSession:
    """Calls with the same limits. Safe for threads, without state: all sessions share their connections."""

    def __init__(
        self, *, timeout_s: float, max_bytes: int, allow_private: AllowList | None = None, pool_size: int = POOL_SIZE
    ) -> None:
        """`timeout_s` bounds a whole call, `max_bytes` its answer when unpacked.

        Without `allow_private`, the setting ALLOWED_PRIVATE_HOSTS holds.
        """
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._allow_private = allow_private
        self._pool_size = pool_size

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Body | str | Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout_s: float | None = None,
        max_bytes: int | None = None,
        may_repeat: bool = True,
        into: BinaryIO | None = None,
        secrets: Sequence[str] = (),
    ) -> Answer:
        """One request and its answer, with any status; a redirect is an answer too. `into`: a file that takes the
        answer's body, piece by piece.

        A kept connection that closes at once when it is used again was probably closed before our request came;
        then it is made again once. `may_repeat=False`: not if it may have been read, because a second time would
        be noticed; the TemporaryError says FAILED. `secrets`: what of the request no record of the answer may repeat.

        ConfigError: the URL or a header can't be sent, or the host is internal. TemporaryError: no answer.
        PayloadError: the answer is too large or packed wrongly; `status` tells what it was.
        """
        started = time.monotonic()
        request = _prepared(method, url, headers, json, data, params, auth)
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        max_bytes = self._max_bytes if max_bytes is None else max_bytes
        try:
            answer = self._answer(request, timeout_s=timeout_s, max_bytes=max_bytes, may_repeat=may_repeat, into=into)
        except BridgeError as error:
            if is_recording():
                note_call(_record(request, started, status=error.status))
            raise
        if is_recording():
            response = answer.body if into is None else _file_of(into.tell())
            note_call(
                _record(
                    request,
                    started,
                    status=answer.status,
                    response=response,
                    headers=answer.headers,
                    secrets=secrets,
                )
            )
        return answer

    def _answer(
        self, request: Request, *, timeout_s: float, max_bytes: int, may_repeat: bool, into: BinaryIO | None
    ) -> Answer:
        adapter = shared_adapter(self._pool_size)  # a process's first call reads all certificates
        started = time.monotonic()
        allowed = self._allow_private
        if allowed is None:
            allowed = _allow_list(tuple(settings.ALLOWED_PRIVATE_HOSTS))
        exchange = CallState(started + timeout_s, allowed, may_repeat=may_repeat)
        response, body = _exchanged(adapter, request, exchange, max_bytes, into)
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, lower, body, round((time.monotonic() - started) * 1000))


def _exchanged(
    adapter: Adapter, request: Request, exchange: CallState, max_bytes: int, into: BinaryIO | None
) -> tuple[BaseHTTPResponse, bytes]:
    response: BaseHTTPResponse | None = None
    try:
        response = adapter.open(exchange, request.method, request.target, request.headers, request.body)
        if into is None:
            body = response.read(max_bytes + 1, decode_content=True)
            is_whole = len(body) <= max_bytes
        else:
            body, is_whole = b"", _is_copied(response, into, max_bytes)
        if is_whole and _is_packed_in_part(response):
            raise IncompleteRead(body)
    except FAILURES as error:
        if response is not None:
            response.close()
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                return response, b""  # says enough without its text
        cause = cause_of(error)
        if not exchange.met_closed_connection(cause):
            raise failure_of(request.name, exchange, cause) from None
        if not exchange.was_not_sent and not exchange.may_repeat:
            detail = f"{request.name}: the kept connection was closed."
            raise TemporaryError(detail, effect=Effect.FAILED) from None
    else:
        if is_whole:
            return response, body
        response.close()
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            return response, b""
        raise PayloadError(f"{request.name}: the answer has more than {max_bytes} bytes.", status=exchange.status)
    again = CallState(exchange.deadline, exchange.allowed, exchange.may_repeat, must_be_fresh=True)
    return _exchanged(adapter, request, again, max_bytes, into)


def _is_packed_in_part(response: BaseHTTPResponse) -> bool:
    """Whether a compressed answer ended before its content did, which urllib3 takes for its end."""
    packed = getattr(response._decoder, "_obj", None)
    return packed is not None and not packed.eof and response.tell() > 0


def _is_copied(response: BaseHTTPResponse, into: BinaryIO, max_bytes: int) -> bool:
    """Whether all of the answer is in the file; False: it has more bytes than may be."""
    while into.tell() <= max_bytes:
        chunk = response.read(CHUNK, decode_content=True)
        if not chunk:
            return True
        into.write(chunk)
    return False

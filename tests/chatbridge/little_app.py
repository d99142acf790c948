"""An application that says what it got, for tests of the web server."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from django.http import HttpResponse

BIG = b"x" * 3_000_000
waiting: "list[Future[bytes]]" = []


class LaterResponse(HttpResponse):
    def __init__(self) -> None:
        super().__init__(content_type="text/plain")
        self.later: Future[bytes] = Future()
        waiting.append(self.later)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > 1_000_000:
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return [b""]
    if environ["PATH_INFO"] == "/webhooks/later":
        assert environ["chatbridge.may_wait"]
        start_response("200 OK", [])
        return LaterResponse()
    if environ["PATH_INFO"] == "/webhooks/now":
        found = str(len(waiting)).encode()
        while environ["QUERY_STRING"] and waiting:
            waiting.pop(0).set_result(environ["QUERY_STRING"].encode())
        start_response("200 OK", [("Content-Length", str(len(found)))])
        return [found]
    if environ["PATH_INFO"] == "/big":
        start_response("200 OK", [("Content-Length", str(len(BIG)))])
        return [BIG]
    is_chunked = "HTTP_TRANSFER_ENCODING" in environ
    body = environ["wsgi.input"].read(-1 if is_chunked else length)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

"""An application that says what it got, for tests of the web server."""

from collections.abc import Callable, Iterable
from typing import Any

BIG = b"x" * 3_000_000


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > 1_000_000:
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return [b""]
    if environ["PATH_INFO"] == "/big":
        start_response("200 OK", [("Content-Length", str(len(BIG)))])
        return [BIG]
    is_chunked = "HTTP_TRANSFER_ENCODING" in environ
    body = environ["wsgi.input"].read(-1 if is_chunked else length)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

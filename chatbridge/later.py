"""A response whose body comes later, between the application and the web server."""

from concurrent.futures import Future
from datetime import datetime
from typing import Any

MAY_WAIT = "chatbridge.may_wait"
"""Tells the application that its response may have `later`, a future of its body: until then no thread waits."""


class Later(BaseException):
    """The response's body comes later. No error, and nothing may take it for one."""

    def __init__(self, response: Any, environ: dict[str, Any]) -> None:
        super().__init__()
        self.environ = environ
        self.body: Future[bytes] = response.later
        self.headers = [(name, value) for name, value in response.items() if name.lower() != "content-length"]
        self.status = f"{response.status_code} {response.reason_phrase}"
        self.began_at = datetime.now()
        self.request: Any = None


def answer_or_later(application: Any, environ: dict[str, Any], start_response: Any) -> Any:
    environ[MAY_WAIT] = True
    response = application(environ, start_response)
    if getattr(response, "later", None) is None:
        return response
    response.close()
    raise Later(response, environ)

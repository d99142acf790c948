"""The short way to the doors of the platforms: past everything that is there for people."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, resolve

PREFIX = "/webhooks/"


@lru_cache(maxsize=1024)  # paths: one for each channel, bot and provider
def _match(path: str) -> ResolverMatch:
    """Also without the last slash and in capitals, as people copy and programs write an address."""
    return resolve(f"{path.lower().rstrip('/')}/")


class DoorsMiddleware:
    """Gives requests to PREFIX to their view at once.

    A platform has no session, no CSRF token and no theme, and proves itself by a signature whatever host name it
    used; the middleware that follows would cost more than storing its event. See docs/decisions/0014.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        request.resolver_match = match = _match(request.path_info)
        response: Any = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response.render()
        response["Content-Length"] = str(len(response.content))  # else it leaves in chunks
        return cast(HttpResponseBase, response)

"""The short way to the doors of the platforms: past everything that is there for people."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

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

    A platform has no session, no CSRF token and no theme, and authenticates by a signature, regardless of the host
    name it used; the middleware that follows would cost more than storing its event. See docs/decisions/0014.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self._for_people(request)
        request.resolver_match = match = _match(request.path_info)
        response: Any = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response.render()
        response["Content-Length"] = str(len(response.content))  # else it leaves in chunks
        return cast(HttpResponseBase, response)

    def _for_people(self, request: HttpRequest) -> HttpResponseBase:
        """What one person may read is kept by no browser and no proxy, unless the answer itself says otherwise."""
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query:  # no text in a row has it, and PostgreSQL takes no such value
            request.META["QUERY_STRING"] = query.replace("%00", quote("\ufffd"))
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

"""Who called, when a proxy stands in front: the audit log and the limit of log-ins want to know."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ProxyMiddleware:
    """The last address of X-Forwarded-For is the one that our own proxy added; earlier ones can be forged."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        last = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        with suppress(ValueError):  # no address there: who called is the proxy, as far as we know
            request.META["REMOTE_ADDR"] = str(ip_address(last))
        return self.get_response(request)

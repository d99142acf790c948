"""Is the process up, and can it do its work? Asked by load balancers, so answered before anything else."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from channels_app.channels.readiness import why_not_ready


class HealthMiddleware:
    """`/healthz`: this process answers. `/readyz`: it can use PostgreSQL too.

    The first middleware, because a probe calls us by address and would fail ALLOWED_HOSTS. Redis is no part of
    readiness: without it events are still accepted and handled, only later.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return HttpResponse("ok\n", content_type="text/plain")
        if request.path == "/readyz":
            return self._ready()
        return self.get_response(request)

    def _ready(self) -> HttpResponse:
        why = why_not_ready()
        return JsonResponse({"ready": False, "why": why}, status=503) if why else JsonResponse({"ready": True})

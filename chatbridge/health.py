"""Is the process up, and can it do its work? Asked by load balancers, so answered before anything else."""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase


class HealthMiddleware:
    """`/healthz`: this process answers. `/readyz`: it reaches PostgreSQL too.

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
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            connection.close()
            return JsonResponse({"ready": False, "why": "PostgreSQL does not answer."}, status=503)
        return JsonResponse({"ready": True})

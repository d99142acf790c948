"""What a person or a program gets from us while PostgreSQL can't be used: 503 in plain words, and never a 500."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.views.defaults import server_error as django_server_error

from channels_app.lib import outages
from channels_app.web.api.problems import MEDIA_TYPE, problem_document

RETRY_AFTER_S = 10


class UnavailableMiddleware(MiddlewareMixin):
    """For errors of views; those of other middleware come by `server_error`."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _answer(request, error)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500."""
    return _answer(request, sys.exc_info()[1]) or django_server_error(request)


def _answer(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    trouble = outages.met(error) if error else None
    if trouble is None:
        return None
    problem = outages.problem_of(trouble)
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse(
            problem_document(problem, status=503), status=503, content_type=MEDIA_TYPE
        )
    else:
        was_saving = request.method not in ("GET", "HEAD")
        html = render_to_string("503.html", {"problem": problem, "was_saving": was_saving})
        response = HttpResponse(html, status=503)
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response

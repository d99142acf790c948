"""The schema as a file, and the documentation that is made of it: Swagger UI from our own host."""

import threading
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response

from channels_app.web.api.authentication import HasPermission, TokenAuthentication
from channels_app.web.api.problems import answer_problem

_one_at_a_time = threading.Lock()
"""drf-spectacular loads its extensions at the first schema; a concurrent request would find half of them."""


class Schema(SpectacularAPIView):
    """For programs and for the documentation; every logged-in user may read it."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (HasPermission,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with _one_at_a_time:
            return super().dispatch(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return answer_problem


@admin.site.admin_view
def docs(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "api/docs.html", {**admin.site.each_context(request), "title": "REST API"})

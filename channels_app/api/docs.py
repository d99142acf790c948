"""The schema as a file, and the documentation that is made of it: Swagger UI from our own host."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication

from channels_app.api.authentication import HasPermission, TokenAuthentication


class Schema(SpectacularAPIView):
    """For programs and for the documentation; whoever is logged in may read it."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (HasPermission,)


@admin.site.admin_view
def docs(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "api/docs.html", {**admin.site.each_context(request), "title": "REST API"})

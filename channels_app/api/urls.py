"""Addresses of the REST API, version 1, and of its documentation."""

from django.urls import include, path, re_path

from channels_app.api import codes, docs, people
from channels_app.api.base import NothingHere

v1 = [
    path("me/", people.Me.as_view()),
    path("audit/", people.AuditLog.as_view()),
    path("codes/", codes.Catalogue.as_view()),
    path("codes/<str:code>/", codes.CatalogueEntry.as_view()),
    re_path("", NothingHere.as_view()),
]
app_name = "api"
urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", docs.docs, name="docs"),
]

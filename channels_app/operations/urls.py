"""Addresses of the operator pages. Each page's module names its own."""

from django.urls import URLPattern, URLResolver, path

from channels_app.operations import audit

app_name = "ops"
urlpatterns: list[URLPattern | URLResolver] = [
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export.csv", audit.audit_csv, name="audit_csv"),
]

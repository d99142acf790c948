"""The catalogue of codes: what can go wrong, why, and what to do about it."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.codes import CODES, Code, Severity
from channels_app.web.api.base import ApiView
from channels_app.web.api.schema import Tag, example, operations_of

operation = operations_of(Tag.CODES)


@example(
    code="CB-702",
    name="Messages wait too long",
    severity="warning",
    text="Messages wait {wait} before they reach the bot. Add a worker or raise concurrency.",
    meaning="There is more to do than the workers can.",
    causes=["A worker is missing since the last restart."],
    checks=["“Queue and workers” shows what is waiting, and since when."],
    repairs=["Start another worker."],
    retried="Nothing failed. What is waiting is processed, oldest first.",
    contact="Answers come late.",
    docs_url="https://bridge.example.com/ops/codes/CB-702/",
)
class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    severity = serializers.ChoiceField(choices=[str(severity) for severity in Severity])
    text = serializers.CharField(help_text="The sentence shown to users, with {placeholders}.")
    meaning = serializers.CharField()
    causes = serializers.ListField(child=serializers.CharField())
    checks = serializers.ListField(child=serializers.CharField())
    repairs = serializers.ListField(child=serializers.CharField())
    retried = serializers.CharField(help_text="Whether the bridge retries by itself.")
    contact = serializers.CharField(help_text="What the contact notices.")
    docs_url = serializers.SerializerMethodField()

    def get_docs_url(self, code: Code) -> str:
        return f"{settings.PUBLIC_BASE_URL}{code.docs_url}"


@example(results=[getattr(CodeSerializer, "example", {})])
class CatalogueSerializer(serializers.Serializer[Any]):
    results = CodeSerializer(many=True)


class Catalogue(ApiView):
    @operation("listCodes", "All codes", answer=CatalogueSerializer)
    def get(self, request: Request) -> Response:
        return self.answer({"results": CODES.values()}, CatalogueSerializer)


class CatalogueEntry(ApiView):
    @operation("getCode", "What a code means", answer=CodeSerializer)
    def get(self, request: Request, code: str) -> Response:
        if code not in CODES:
            raise NotFound
        return self.answer(CODES[code], CodeSerializer)

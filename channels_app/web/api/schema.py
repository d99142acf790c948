"""How an operation describes itself in the OpenAPI schema, and what it needs."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache, partial
from http import HTTPStatus
from inspect import signature
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers

from channels_app.codes import describe
from channels_app.web.api.base import Strict
from channels_app.web.api.idempotency import HEADER, once_per_key
from channels_app.web.api.problems import MEDIA_TYPE, problem_document

Handler = TypeVar("Handler", bound=Callable[..., Any])
Described = TypeVar("Described", bound=serializers.BaseSerializer[Any])


class Tag(StrEnum):
    """The pages of the product, in the order of its menus."""

    ME = "Who am I"
    CHANNELS = "Channels"
    BOTS = "Bots"
    CONVERSATIONS = "Conversations"
    CALLS = "Calls"
    FAILURES = "Failures"
    HANDOVERS = "Handovers"
    DASHBOARD = "Dashboard"
    WORKERS = "Queue and workers"
    AUDIT = "Audit log"
    CODES = "Codes"


PROBLEMS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "CB-904",
    HTTPStatus.UNAUTHORIZED: "CB-901",
    HTTPStatus.FORBIDDEN: "CB-902",
    HTTPStatus.NOT_FOUND: "CB-903",
    HTTPStatus.CONFLICT: "CB-905",
    HTTPStatus.PRECONDITION_FAILED: "CB-909",
    HTTPStatus.UNPROCESSABLE_ENTITY: "CB-906",
}
_TEXT = {"type": "string"}
PROBLEM_SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "Why a call was not carried out: RFC 9457, with our code and what to do.",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": {"type": "string", "description": "From the catalogue: GET /api/v1/codes/."},
            "hint": {"type": "string", "description": "What to do."},
            "docs_url": {"type": "string", "format": "uri"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
            "revision": {"type": "integer", "description": "With CB-909: the current revision."},
            "changes": {"type": "array", "items": {"$ref": "#/components/schemas/ChangeByOthers"}},
        },
        "required": ["type", "title", "status", "detail", "code", "hint", "docs_url"],
    },
    "ChangeByOthers": {
        "type": "object",
        "description": "With CB-909: an entry of the audit log; newest first.",
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "who": _TEXT,
            "what": _TEXT,
            "on": {"type": "string", "description": "The name of the changed object."},
            "fields": {"type": "object", "description": 'Field to [before, after]; a secret\'s is "changed".'},
        },
        "required": ["at", "who", "what", "on", "fields"],
    },
    "FieldError": {
        "type": "object",
        "properties": {
            "field": {"type": "string", "description": "Its path, e.g. settings.client_id."},
            "detail": _TEXT,
            "code": {"type": "string", "description": "From the catalogue, if it is a known mix-up; otherwise empty."},
        },
        "required": ["field", "detail", "code"],
    },
}
EXAMPLE_BASE = "https://bridge.example.com"
_FAILURES = "x-failures"
"""Between the operations and the hook that writes them out; no part of the schema."""
_KEY = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="A random text. The same call with the same key within 24 hours gets the same response, and nothing "
    "is done twice.",
)

_IF_MATCH = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    description='The revision that you have read (`ETag`, e.g. "7"). Nothing is saved if there is a newer one.',
)


def operation(
    name: str,
    summary: str,
    *,
    tag: Tag,
    answer: type[serializers.Serializer[Any]],
    needs: str = "",
    status: int = HTTPStatus.OK,
    body: type[Strict] | None = None,
    query: type[Strict] | None = None,
    is_page: bool = False,
    is_act: bool = False,
    is_guarded: bool = False,
    problems: Sequence[int] = (),
) -> Callable[[Handler], Handler]:
    """One operation of the API: its place in the schema, the permission that it needs, and its Idempotency-Key.

    `is_act`: it does something that must not be done twice. `is_guarded`: it takes If-Match.
    """
    failures = {HTTPStatus.UNAUTHORIZED, *([HTTPStatus.FORBIDDEN] if needs else []), *problems}
    failures |= {HTTPStatus.BAD_REQUEST} if body or query else set()
    failures |= {HTTPStatus.PRECONDITION_FAILED} if is_guarded else set()
    failures |= {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY} if is_act else set()
    permission = f"Requires the permission `{needs}`." if needs else "Requires a login, but no permission."
    describe_as = partial(
        extend_schema,
        operation_id=name,
        summary=summary,
        tags=[tag],
        request=body,
        parameters=[*([query] if query else []), *([_KEY] if is_act else []), *([_IF_MATCH] if is_guarded else [])],
        responses={int(status): page_of(answer) if is_page else answer},
    )

    def describe_operation(handler: Handler) -> Handler:
        may_miss = {HTTPStatus.NOT_FOUND} if {"pk", "code"} & set(signature(handler).parameters) else set()
        handled: Any = once_per_key(handler) if is_act else handler
        handled.needs = needs
        description = " ".join(filter(None, (handler.__doc__, permission)))
        documented = describe_as(description=description, extensions={_FAILURES: sorted(failures | may_miss)})
        return documented(handled)  # type: ignore[no-any-return]

    return describe_operation


def operations_of(tag: Tag, needs: str = "") -> "partial[Callable[[Handler], Handler]]":
    """`operation` for the views of one area; `needs`: the permission of those that name no other."""
    return partial(operation, tag=tag, needs=needs)


def example(**values: Any) -> Callable[[type[Described]], type[Described]]:
    """What a body or an answer of this kind looks like, for people who read the schema."""

    def describe_serializer(serializer: type[Described]) -> type[Described]:
        serializer.example = values  # type: ignore[attr-defined]
        shown = OpenApiExample("Example", values, status_codes=[200, 201, 202])
        return extend_schema_serializer(examples=[shown])(serializer)

    return describe_serializer


@lru_cache
def page_of(serializer: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The answer of a list."""
    fields = {
        "results": serializer(many=True),
        "next": serializers.URLField(allow_null=True, help_text="The next page; null at the end."),
    }
    name = f"{serializer.__name__.removesuffix('Serializer')}PageSerializer"
    page: type[serializers.Serializer[Any]] = type(name, (serializers.Serializer,), fields)
    return example(results=[getattr(serializer, "example", {})], next=None)(page)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "channels_app.web.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API token: create one on the admin pages."}


class StrictBody(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """As strict as `Strict` and DRF's text fields are: nothing unknown, and no empty text where none is meant."""

    target_class = "channels_app.web.api.base.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        for name, field in self.target.fields.items():
            if isinstance(field, serializers.CharField) and not field.allow_blank and name in schema["properties"]:
                schema["properties"][name] |= {"minLength": 1, **({"pattern": r"\S"} if field.trim_whitespace else {})}
        return {**schema, "additionalProperties": False}


def with_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Each operation's failures, as references to one description of each."""
    operations = [one for path in result["paths"].values() for one in path.values()]
    statuses = {status for one in operations for status in one.get(_FAILURES, ())}
    for one in operations:
        for status in one.pop(_FAILURES, ()):
            one["responses"][str(status)] = {"$ref": f"#/components/responses/{PROBLEMS[status]}"}
    result["components"]["schemas"] |= PROBLEM_SCHEMAS
    result["components"]["responses"] = {PROBLEMS[status]: _problem_response(status) for status in sorted(statuses)}
    return result


def _problem_response(status: int) -> dict[str, Any]:
    problem = describe(
        PROBLEMS[status], need="it needs the permission …", why="agents have the conversation.", revision=8
    )
    document = problem_document(problem, status=status, base=EXAMPLE_BASE)
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": document}
    return {"description": problem.code.name, "content": {MEDIA_TYPE: content}}


def only_our_paths(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The schema is about /api/v1/; webhooks follow the platforms' contracts."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]

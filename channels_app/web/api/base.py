"""What all views of the API share: strict bodies and queries, pages of lists, and who acts."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, NotFound
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_app.access.audit import Actor
from channels_app.access.permissions import READ_TEXT, actor_of
from channels_app.lib import jsons
from channels_app.lib.times import TimeRange
from channels_app.models.periods import next_id, numbers_during, rows_during
from channels_app.web.api.authentication import HasPermission, TokenAuthentication
from channels_app.web.api.problems import answer_problem

Row = TypeVar("Row", bound=Model)
Answer = type[serializers.BaseSerializer[Any]]
ON_A_PAGE = 50
MAX_ON_A_PAGE = 200
MAX_BYTES = 256 * 1024
"""Of a body: the longest that makes sense is a message or a list of inbox channels."""
WINDOW = 50_000
"""Rows that one page looks through for a filter without an index."""
BIGGEST_ID = 2**63 - 1  # PostgreSQL's bigint


class TooLargeError(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is larger than {MAX_BYTES} bytes."


class BodyParser(JSONParser):
    """JSON within the bounds that all doors of the bridge have."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLargeError
        return jsons.read(body)


class Strict(serializers.Serializer[Any]):
    """A body or a query. What is not known is refused: ignored silently, it would seem to work."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, dict):
            known = ", ".join(self.fields) or "none"
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(dict.fromkeys(unknown, f"Not known. Known are: {known}."))
        return super().run_validation(data)


@extend_schema_serializer(examples=[OpenApiExample("Example", {}, request_only=True)])
class NothingSerializer(Strict):
    """No body, or an empty one."""


class RowSerializer(serializers.ModelSerializer[Any]):
    # A row as an answer shows it: columns by name, typed by the model; `x_id` is another row's number. (A docstring
    # would become the description of every subclass in the schema.)

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, dict[str, Any]]:
        """What an answer needs of a column; bounds and help texts are the admin's."""
        field, given = super().build_standard_field(field_name, model_field)
        kwargs: dict[str, Any] = {"allow_null": True} if model_field.null else {}
        if "choices" in given:
            kwargs["choices"] = [value for value, _ in model_field.choices]
        return field, kwargs

    def build_property_field(self, field_name: str, model_class: Any) -> tuple[Any, dict[str, Any]]:
        column = model_class._meta.get_field(field_name.removesuffix("_id"))
        return serializers.IntegerField, {"allow_null": True} if column.null else {}

    def get_uniqueness_extra_kwargs(self, field_names: Any, declared_fields: Any, extra_kwargs: Any) -> Any:
        """None: an answer is never validated."""
        return extra_kwargs, {}


class OneOf(serializers.ChoiceField):
    """One of some words. What was sent is not repeated: it may be a secret."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        words = f"Must be one of: {', '.join(map(str, choices))}."
        super().__init__(choices, error_messages={"invalid_choice": words}, **kwargs)


class IdField(serializers.IntegerField):
    """The id of a row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": BIGGEST_ID, **kwargs})


class MomentField(serializers.DateTimeField):
    """A time that means the same for all readers. Without its zone it would be misread."""

    def to_internal_value(self, value: Any) -> datetime:
        moment = jsons.moment(value)
        if moment is None:
            raise serializers.ValidationError(
                "Give a time with its zone (RFC 3339): 2026-11-28T13:05:00Z or 2026-11-28T14:05:00+01:00. In an "
                "address, + is written as %2B."
            )
        return moment


class TimeRangeFields(Strict):
    """A time range, as all lists take it."""

    since = MomentField(required=False, help_text="Only what happened at or after this time.")
    until = MomentField(required=False, help_text="Only what happened before this time.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": "The end must be after the beginning."})
        return attrs


def asked_range(query: dict[str, Any]) -> TimeRange:
    """The range of a checked query."""
    return TimeRange(since=query.get("since"), until=query.get("until"))


class PageQuery(Strict):
    before = IdField(required=False, help_text="Only rows with smaller ids; `next` contains it.")
    limit = serializers.IntegerField(
        default=ON_A_PAGE, min_value=1, max_value=MAX_ON_A_PAGE, help_text="Rows per response."
    )


class TimedPageQuery(PageQuery, TimeRangeFields):
    """Of rows that say when something happened."""


class ApiView(APIView):
    """JSON in and out, for users and their tokens."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (HasPermission,)
    parser_classes = (BodyParser,)
    renderer_classes = (JSONRenderer,)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return answer_problem

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What one user may read is kept by no cache."""
        answered = super().finalize_response(request, response, *args, **kwargs)
        answered.headers.setdefault("Cache-Control", "no-store")
        return answered

    @property
    def actor(self) -> Actor:
        return actor_of(self.request._request, via="api")

    @property
    def reads_text(self) -> bool:
        return bool(self.request.user.has_perm(READ_TEXT))

    def body(self, serializer: type[Strict], *, is_partial: bool = False) -> dict[str, Any]:
        """The call's body, checked. None at all is an empty one."""
        return _checked(serializer(data=self.request.data, partial=is_partial))

    def query(self, serializer: type[Strict]) -> dict[str, Any]:
        """The call's query, checked."""
        return _checked(serializer(data=self.request.query_params.dict()))

    def answer(
        self, row: Any, serializer: Answer, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
    ) -> Response:
        return Response(serializer(row, context=self._context).data, status=status, headers=headers)

    def page(
        self, rows: QuerySet[Any], serializer: Answer, query: dict[str, Any], *, window: int | None = None
    ) -> Response:
        """A page of rows, newest first.

        `window`: ids one page searches, for filters without an index; the next page continues from there.
        """
        limit, before, during = query["limit"], query.get("before"), asked_range(query)
        numbers = numbers_during(rows.model, during)
        rows = rows_during(rows, during, numbers)
        if before is not None:
            rows = rows.filter(pk__lt=before)
        oldest = 0
        if window is not None:
            newest = numbers.end or next_id(rows.model)
            oldest = max(min(before or newest, newest) - window, numbers.first)
            rows = rows.filter(pk__gte=oldest)
        found = list(rows.order_by("-pk")[: limit + 1])
        end = found[limit - 1].pk if len(found) > limit else oldest
        return self.listing(found[:limit], serializer, str(end) if end > max(numbers.first, 1) else "")

    def listing(self, rows: Sequence[Any], serializer: Answer, before: str) -> Response:
        """Rows, and the way to those before `before`; empty at the end of the list."""
        results = serializer(rows, many=True, context=self._context).data
        return Response({"results": results, "next": self.next_url(before)})

    def next_url(self, before: str) -> str | None:
        if not before:
            return None
        query = self.request.query_params.copy()
        query["before"] = before
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    @property
    def _context(self) -> dict[str, Any]:
        return {"may": self.request.user.has_perm, "reads_text": self.reads_text, "next_url": self.next_url}


class NothingHere(ApiView):
    """Addresses that don't exist, in the API's own words."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound


def row_or_404(rows: QuerySet[Row], pk: int) -> Row:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def _checked(serializer: Strict) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values

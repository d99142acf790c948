"""What is answered when a call was not done: application/problem+json (RFC 9457), with a code of the catalogue."""

import logging
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import Error
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from channels_app.codes import Problem, describe
from channels_app.lib import outages
from channels_app.protocol.errors import BridgeError, PayloadError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ApiError(exceptions.APIException):
    """A call that is not done, with its problem; `detail` says more than the catalogue's sentence.

    `more`: members of the answer beyond the usual ones.
    """

    def __init__(self, problem: Problem, *, status: int, detail: str = "", **more: Any) -> None:
        super().__init__(detail or problem.text)
        self.more = more
        self.problem = problem
        self.status_code = status


def not_now(why: str) -> ApiError:
    """The state of things doesn't allow it."""
    return ApiError(describe("CB-905", why=why), status=HTTPStatus.CONFLICT)


def answer_problem(error: Exception, context: dict[str, Any]) -> Response:
    """The API's exception handler for DRF: for any error the caller gets a problem with a code."""
    status, problem, more = _judge(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("API: %s %s failed", context["request"].method, context["request"].path, exc_info=error)
    handled = exception_handler(error, context)  # rolls back, and knows the headers of 401 and 405
    headers = {name: value for name, value in (handled.items() if handled else ()) if name != "Content-Type"}
    body = problem_document(problem, status=status) | more
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def problem_document(problem: Problem, *, status: int, base: str = settings.PUBLIC_BASE_URL) -> dict[str, Any]:
    url = f"{base}{problem.code.docs_url}"
    return {
        "type": url,
        "title": problem.code.name,
        "status": int(status),
        "detail": problem.text,
        "code": str(problem.code),
        "hint": next(iter(problem.code.repairs), ""),
        "docs_url": url,
    }


def _judge(error: Exception) -> tuple[int, Problem, dict[str, Any]]:
    match error:
        case ApiError():
            return error.status_code, error.problem, {"detail": str(error.detail), **error.more}
        case exceptions.ValidationError():
            return 400, describe("CB-904"), {"errors": list(field_errors(error.detail))}
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return 401, describe("CB-901"), {}
        case exceptions.PermissionDenied() | PermissionDenied():
            return 403, describe("CB-902", need=str(error).rstrip(".") or "the permission is missing"), {}
        case exceptions.NotFound() | Http404():
            return 404, describe("CB-903"), {}
        case exceptions.APIException():
            return error.status_code, describe("CB-904"), {"detail": str(error.detail)}
        case PayloadError():
            return 400, describe("CB-904"), {"detail": error.detail}
        case BridgeError():
            return 409, error.problem or describe("CB-905", why=error.detail), {}
        case Error():
            return _judge_database(error)
        case _:
            return 500, describe("CB-908"), {}


def _judge_database(error: Error) -> tuple[int, Problem, dict[str, Any]]:
    trouble = outages.met(error)
    if trouble is None:
        return 500, describe("CB-908"), {}
    if trouble.is_conflict:
        return 409, describe("CB-907"), {}
    return 503, outages.problem_of(trouble), {}


def field_errors(detail: Any, path: str = "") -> Any:
    """Each error of a field, by its path: "settings.client_id"."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from field_errors(inner, _joined(path, name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            is_message = not isinstance(inner, dict | list)
            yield from field_errors(inner, path if is_message else f"{path}[{index}]")
    else:
        yield {"field": path, "detail": str(detail), "code": _code_of(detail)}


def _joined(path: str, name: str | int) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _code_of(detail: Any) -> str:
    """Only the catalogue's: DRF's own codes, such as "invalid", say nothing useful."""
    code = str(getattr(detail, "code", ""))
    return code if code.startswith("CB-") else ""

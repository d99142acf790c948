"""Programs that call the API over HTTP, each with a role; what they are answered has to fit the schema."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from channels_app.access.audit import Actor
from channels_app.access.tokens import make_token
from channels_app.models import ApiToken

Document = dict[str, Any]


@pytest.fixture(scope="session")
def schema() -> Document:
    document: Document = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong with each field."""
        return {error["field"]: error["detail"] for error in self.body["errors"]}


@dataclass
class Program:
    """Calls with a token, and takes nothing that the schema doesn't say."""

    token: str
    schema: Document
    client: Client

    def get(self, path: str, /, **query: Any) -> Answer:
        return self.call("get", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Any = None, /, **headers: str) -> Answer:
        return self.call("post", path, body, **headers)

    def patch(self, path: str, body: Any) -> Answer:
        return self.call("patch", path, body)

    def delete(self, path: str, body: Any = None) -> Answer:
        return self.call("delete", path, body)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        url = path if path.startswith("http") else f"/api/v1/{path}"
        parts = urlsplit(url)
        data = "" if body is None else json.dumps(body)
        sent = {} if method == "get" else {"data": data, "content_type": "application/json"}
        headers = {"Authorization": f"Bearer {self.token}", **headers} if self.token else headers
        response = getattr(self.client, method)(
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            **sent,
        )
        answer = Answer(response.status_code, json.loads(response.content or b"null"), response.headers)
        self._check(method, parts.path, answer)
        return answer

    def _check(self, method: str, path: str, answer: Answer) -> None:
        operation = next(
            operations[method]
            for template, operations in self.schema["paths"].items()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        )
        described = operation["responses"].get(str(answer.status))
        assert described, f"{method} {path}: {answer.status} is not in the schema: {answer.body}"
        if "$ref" in described:
            described = self.schema["components"]["responses"][described["$ref"].rpartition("/")[2]]
        [media_type] = described["content"]
        assert answer.headers["Content-Type"] == media_type
        shape = described["content"][media_type]["schema"]
        Draft202012Validator({**shape, "components": self.schema["components"]}).validate(answer.body)


@pytest.fixture
def program(db: None, schema: Document) -> Callable[..., Program]:
    """A program with a role; "" for one without any."""

    def make(role: str = "Admin") -> Program:
        user, _ = User.objects.get_or_create(username=f"robot-{role or 'none'}")
        user.groups.set(Group.objects.filter(name=role))
        row = ApiToken(user=user, name="tests", expires_at=timezone.now() + timedelta(days=1))
        return Program(make_token(row, Actor(name="tests")), schema, Client())

    return make


@pytest.fixture
def admin(program: Callable[..., Program]) -> Program:
    return program("Admin")


@pytest.fixture
def operator(program: Callable[..., Program]) -> Program:
    return program("Operator")


@pytest.fixture
def viewer(program: Callable[..., Program]) -> Program:
    return program("Viewer")

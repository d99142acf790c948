"""The schema: kept in the repository, complete, with examples that are true to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from jsonschema import Draft202012Validator

from channels_app.web.api.schema import EXAMPLE_BASE, Tag
from tests.channels_app.api.conftest import Document, Program

BASE_DIR = Path(__file__).resolve().parents[3]
KEPT = BASE_DIR / "docs/openapi.yaml"


def written() -> str:
    """What `make schema` writes."""
    out = StringIO()
    call_command("spectacular", stdout=out)
    return out.getvalue()


def operations(schema: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_the_kept_schema_is_that_of_the_code() -> None:
    assert KEPT.read_text() == written(), "make schema writes it anew"


def test_nothing_in_it_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    GENERATOR_STATS.reset()
    written()
    assert "Warning" not in capsys.readouterr().err
    assert not GENERATOR_STATS


def test_every_operation_has_a_name_a_page_and_a_permission(schema: Document) -> None:
    names = [operation["operationId"] for _, operation in operations(schema)]
    assert len(names) == len(set(names)) > 20
    for where, operation in operations(schema):
        assert operation["summary"] and operation["description"], where
        assert set(operation["tags"]) <= set(Tag), where
        assert "401" in operation["responses"], where


def test_every_body_and_answer_has_an_example_that_fits(schema: Document) -> None:
    components = schema["components"]
    for where, operation in operations(schema):
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in contents:
            if "$ref" in content:
                content = components["responses"][content["$ref"].rpartition("/")[2]]
            for described in content.get("content", {}).values():
                examples = [one["value"] for one in described.get("examples", {}).values()]
                examples += [described["example"]] if "example" in described else []
                assert examples or not described["schema"].get("properties", True), f"{where} has no example"
                for example in examples:
                    Draft202012Validator({**described["schema"], "components": components}).validate(example)


BOT: Document = {"name": "Parcel bot", "kind": "http", "settings": {"url": "https://bot.example.com/"}}
CHANNEL: Document = {
    "name": "Acme",
    "inbox": "sparkcentral",
    "settings": {"region": "eu", "client_id": "a", "client_secret": "b"},
}


SETTINGS: tuple[Any, ...] = ({"url": 5}, {"adress": "x"}, [], "x")
LIMITS: tuple[Any, ...] = (0, 46, True, [1])
STRANGE: tuple[Any, ...] = (5, True, 0.5, ["x"], {})
REFUSED: list[tuple[str, Document, Document]] = [
    *(("bots/", BOT, {"name": name}) for name in ("", " ", None, "x" * 101)),
    *(("bots/", BOT, {key: 1}) for key in ("nmae", "uuid")),
    *(("bots/", BOT, {"settings": {**BOT["settings"], "token": token}}) for token in STRANGE),
    *(("bots/", BOT, {"settings": settings}) for settings in SETTINGS),
    *(("bots/", BOT, {"settings": {**BOT["settings"], "timeout_s": limit}}) for limit in LIMITS),
    ("bots/", BOT, {"settings": {**BOT["settings"], "reply_signature": "none"}}),
    *(("channels/", CHANNEL, {"shared_secret": secret}) for secret in ("", " ")),
    *(("channels/", CHANNEL, {"settings": {**CHANNEL["settings"], "client_id": value}}) for value in (5, False)),
    ("channels/", CHANNEL, {"inbox_channels": [{"external_id": "", "is_enabled": True}]}),
    ("channels/", CHANNEL, {"inbox_channels": [{"external_id": "a", "is_enabled": True, "enabled": True}]}),
]


@pytest.mark.parametrize(("path", "valid", "changes"), REFUSED)
def test_the_schema_is_as_strict_as_the_server(
    admin: Program, schema: Document, path: str, valid: dict[str, Any], changes: dict[str, Any]
) -> None:
    content = schema["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]
    judge = Draft202012Validator({**content["schema"], "components": schema["components"]})
    assert judge.is_valid(valid)
    assert not judge.is_valid({**valid, **changes})
    assert admin.post(path, {**valid, **changes}).status == 400
    assert admin.post(path, valid).status == 201


def test_an_act_takes_no_unknown_body(schema: Document) -> None:
    for where, operation in operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            judge = Draft202012Validator({**content["schema"], "components": schema["components"]})
            assert not judge.is_valid({"surely unknown": 1}), where


def test_it_is_the_same_wherever_it_is_made() -> None:
    text = written()
    assert EXAMPLE_BASE in text and "testserver" not in text and "127.0.0.1" not in text


def test_it_is_served_to_whoever_is_logged_in(client: Client, admin_client: Client) -> None:
    assert client.get("/api/schema/").status_code == 401
    served = admin_client.get("/api/schema/")
    assert served.status_code == 200 and b"operationId: addChannel" in served.content


def test_the_documentation_comes_from_our_own_host_without_inline_scripts(
    client: Client, admin_client: Client
) -> None:
    assert client.get("/api/docs/").status_code == 302
    page = admin_client.get("/api/docs/")
    text = page.content.decode()
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script>" not in text and "style=" not in text and "//cdn" not in text
    for line in text.splitlines():
        if 'src="' in line:
            assert admin_client.get(line.split('src="')[1].split('"')[0]).status_code == 200


def test_the_first_requests_of_a_process_may_come_together() -> None:
    """In a process of its own: what the schema needs is loaded once."""
    code = """
import django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from django.test import RequestFactory
from channels_app.web.api.docs import Schema

Schema.authentication_classes = Schema.permission_classes = ()
together = Barrier(12)

def ask(_):
    together.wait()
    return Schema.as_view()(RequestFactory().get("/api/schema/")).status_code

with ThreadPoolExecutor(12) as threads:
    print(set(threads.map(ask, range(12))))
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "chatbridge.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "{200}", done.stderr

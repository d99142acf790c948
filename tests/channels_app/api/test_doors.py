"""Who gets in, what is refused, and how that is said."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from channels_app.access.audit import Actor, record_audit
from channels_app.models import ApiToken, AuditEntry
from tests.channels_app.api.conftest import Program

Programs = Callable[..., Program]


def test_a_token_acts_as_its_user(viewer: Program) -> None:
    answer = viewer.get("me/")
    me = answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    assert (me["user"], me["roles"]) == ("robot-Viewer", ["Viewer"])
    assert me["token"].startswith("tests (cbt_") and "channels_app.view_message_text" not in me["permissions"]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Bearer cbt_x y", "Bearer \u00e9", "Token x", "Basic eA=="]
)
def test_nobody_gets_in_without_a_token_that_counts(viewer: Program, header: str) -> None:
    viewer.token = ""
    answer = viewer.call("get", "me/", Authorization=header)
    assert (answer.status, answer.code, answer.headers["WWW-Authenticate"]) == (401, "CB-901", "Bearer")


def test_a_token_ends_with_its_user_at_once(viewer: Program) -> None:
    User.objects.update(is_active=False)
    assert viewer.get("me/").status == 401


def test_its_use_is_in_the_audit_log_once(viewer: Program) -> None:
    for _ in range(3):
        viewer.get("me/")
    assert AuditEntry.objects.get(action="used token").object_id == str(ApiToken.objects.get().pk)


def test_a_problem_says_what_to_do(program: Programs) -> None:
    body = program("").get("audit/").body
    assert body == {
        "type": f"{settings.PUBLIC_BASE_URL}/ops/codes/CB-902/",
        "title": "Not allowed",
        "status": 403,
        "detail": "This user may not do that: it needs the permission channels_app.view_auditentry.",
        "code": "CB-902",
        "hint": "A superuser can give the user another role, under “Users” in the admin.",
        "docs_url": f"{settings.PUBLIC_BASE_URL}/ops/codes/CB-902/",
    }


def test_a_person_calls_with_the_session_of_the_pages_and_a_csrf_token(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("ada"))
    assert client.get("/api/v1/me/").json()["token"] is None
    refused = client.post("/api/v1/me/", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "CB-902")
    assert "CSRF" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"), [("get", "nowhere/", 404, "CB-903"), ("put", "me/", 405, "CB-904")]
)
def test_wrong_addresses_and_methods_are_problems_too(
    viewer: Program, method: str, path: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {viewer.token}"}
    response = getattr(viewer.client, method)(f"/api/v1/{path}", headers=headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": 0}, "limit"), ({"limit": "x"}, "limit"), ({"befor": 1}, "befor"), ({"before": 10**30}, "before")],
)
def test_a_query_that_is_not_understood_is_refused(admin: Program, query: dict[str, Any], field: str) -> None:
    answer = admin.get("audit/", **query)
    assert (answer.status, answer.code, list(answer.fields)) == (400, "CB-904", [field])


def test_what_failed_in_an_unforeseen_way_is_a_problem_too(
    admin: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("channels_app.access.audit_log.AuditSearch.entries", lambda self: 1 / 0)
    admin.schema = {"paths": {}}
    response = admin.client.get("/api/v1/audit/", headers={"Authorization": f"Bearer {admin.token}"})
    assert (response.status_code, response.json()["code"]) == (500, "CB-908")
    assert "ZeroDivisionError" in caplog.text and "division" not in response.content.decode()


def test_a_list_goes_on_at_its_next_link(admin: Program) -> None:
    for number in range(5):
        record_audit(Actor(name="anna"), f"did {number}")
    found, url = [], "audit/?limit=2&who=anna"
    while url:
        answer = admin.get(url)
        found += [row["what"] for row in answer.body["results"]]
        url = answer.body["next"]
    assert found == [f"did {number}" for number in (4, 3, 2, 1, 0)]


def test_the_audit_log_is_searched(admin: Program, program: Programs) -> None:
    record_audit(Actor(name="anna"), "paused", User.objects.create_user("vera"), changes={"x": [1, None]})
    [row] = admin.get("audit/", what="paused", object="ver").body["results"]
    assert row["object"]["name"] == "vera" and row["changes"] == {"x": [1, None]}
    assert [program(role).get("audit/").status for role in ("Auditor", "Viewer", "Operator")] == [200, 403, 403]


def test_the_catalogue_of_codes(program: Programs) -> None:
    nobody = program("")
    assert {"CB-201", "CB-901"} <= {row["code"] for row in nobody.get("codes/").body["results"]}
    assert nobody.get("codes/CB-901/").body["name"] == "Not logged in"
    assert nobody.get("codes/CB-000/").code == "CB-903"

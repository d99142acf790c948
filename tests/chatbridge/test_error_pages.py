"""What people see when a page can't be shown: pages of our own, also from a process without a database."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.template.loader import get_template
from django.test import Client

from channels_app.codes import describe
from tests.bridge import Bridge, eventually

CLOTHES = (
    "<title>",
    "| chatbridge</title>",
    'href="/static/chatbridge/admin.css"',
    '<a class="button" href="/admin/">',
    '<p id="kept" role="status" hidden>What you typed is kept',
    '<script src="/static/chatbridge/kept.js" defer>',
)


def shown(response: Any, words: str) -> bool:
    page = response.content.decode()
    return words in page and all(part in page for part in CLOTHES)


@pytest.fixture
def browser(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("anna", is_staff=True))
    return client


@pytest.mark.parametrize("path", ["/nothing/", "/admin/nothing/", "/ops/nothing/", "/ops/conversations/99/", "/x\n"])
def test_an_address_without_a_page(admin_client: Client, path: str) -> None:
    response = admin_client.get(path)
    assert response.status_code == 404 and shown(response, "Page not found")


def test_a_page_for_other_roles(browser: Client) -> None:
    response = browser.get("/ops/")
    assert response.status_code == 403 and shown(response, "Your role does not include this page")
    assert "anna" in response.content.decode()


@pytest.mark.parametrize("path", ["/admin/channels_app/bot/?settings__url__contains=x", "/admin/?x=1"])
def test_a_request_that_nobody_understands(admin_client: Client, path: str) -> None:
    client = admin_client
    response = client.get(path, headers={"host": "elsewhere.example"} if "x=1" in path else {})
    assert response.status_code == 400 and shown(response, "is not valid")


def test_a_form_without_its_token(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    response = strict.post("/admin/password_change/", {})
    assert response.status_code == 403 and shown(response, "nothing was changed")


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "503"])
def test_each_needs_neither_context_nor_database(name: str) -> None:
    """No database is allowed here."""
    context = {"problem": describe("CB-708"), "was_saving": True} if name == "503" else {}
    assert all(part in get_template(f"{name}.html").render(context) for part in CLOTHES)


def test_programs_get_problems_and_no_pages(client: Client, db: None) -> None:
    for path in ("/api/", "/api/v2/channels/", "/api/v1/nothing/", "/api/schema/", "/api/v1/channels/"):
        response = client.get(path)
        assert response.headers["Content-Type"].startswith("application/problem+json"), path
        assert response.status_code in (401, 404)


# --- the ways in and out ------------------------------------------------------------------------------------------

PASSWORD = "correct-horse-battery-staple"


@pytest.mark.parametrize(
    "goal", ["", "/", "https://elsewhere.example/", "//elsewhere.example", "/admin/", "/ops/bulk/"]
)
def test_no_log_in_ends_where_nothing_is(client: Client, db: None, goal: str) -> None:
    User.objects.create_superuser("anna", password=PASSWORD)
    fields = {"username": "anna", "password": PASSWORD, "next": goal}
    response = client.post(f"/admin/login/?next={goal}", fields, follow=True)
    assert response.status_code == 200
    assert all("elsewhere" not in url for url, _ in response.redirect_chain)


@pytest.mark.parametrize("path", ["/nothing/", "/admin/nothing/", "/admin/channels_app/x/1/change/", "/ops/x/"])
def test_nobody_logs_in_to_learn_that_nothing_is_there(client: Client, db: None, path: str) -> None:
    assert client.get(path).status_code == 404


def test_after_log_out_and_a_new_password_there_is_a_page(client: Client, db: None) -> None:
    User.objects.create_superuser("anna", password=PASSWORD)
    assert client.login(username="anna", password=PASSWORD)
    fields = {"old_password": PASSWORD, "new_password1": f"{PASSWORD}-2", "new_password2": f"{PASSWORD}-2"}
    assert client.post("/admin/password_change/", fields, follow=True).status_code == 200
    assert client.post("/admin/logout/", follow=True).status_code == 200
    assert client.post("/admin/logout/", follow=True).status_code == 200  # once more, from another tab


# --- a process without a database ---------------------------------------------------------------------------------


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """A web process whose database refuses connections, with its access log."""
    monkeypatch.setenv("ACCESS_LOG", "1")
    bridge = Bridge(tmp_path, "postgresql://127.0.0.1:1/nobody")
    bridge.start("web", "-m", "gunicorn", "chatbridge.wsgi", "--bind", f"127.0.0.1:{bridge.port}")
    try:
        yield bridge
    finally:
        bridge.stop()


def test_without_a_database_there_is_a_page_too_and_the_log_stays_in_lines(cut_off: Bridge) -> None:
    def look() -> list[requests.Response]:
        try:
            return [requests.get(f"{cut_off.url}/admin/", cookies={"sessionid": "x" * 32}, timeout=20)]
        except requests.RequestException:
            return []

    [answer] = eventually(look)
    assert answer.status_code == 503
    assert all(part in answer.text for part in CLOTHES)
    with socket.create_connection(("127.0.0.1", cut_off.port), timeout=20) as line:
        line.sendall(b'GET /x%0aFORGED%1b[2J%e2%80%a8"GET HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
        assert line.recv(1000).startswith(b"HTTP/1.1 404")
    eventually(lambda: "FORGED" in cut_off.log("web"))
    forged = [line for line in cut_off.log("web").splitlines() if "FORGED" in line]
    assert forged and not [line for line in forged if line.startswith("FORGED") or "\x1b" in line]

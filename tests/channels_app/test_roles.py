"""The roles: what each may open and do, found out by walking through all pages."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from channels_app.access.roles import ROLES, update_roles
from channels_app.models import (
    ApiToken,
    AuditEntry,
    BulkRetry,
    Channel,
    Delivery,
    DeliveryState,
    Exchange,
    FailureGroup,
    Outcome,
    WebhookEvent,
)
from tests.conftest import Walker

SAID = "Where is my parcel, please?"


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_groups_hold_what_the_table_says(db: None) -> None:
    for name, (_words, codenames) in ROLES.items():
        held = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
        assert {f"{app}.{codename}" for app, codename in held} == codenames


def test_groups_are_mended_and_others_left_alone(db: None) -> None:
    own = Group.objects.create(name="Night shift")
    viewer = Group.objects.get(name="Viewer")
    viewer.permissions.set(Permission.objects.filter(codename="delete_user"))
    Group.objects.filter(name="Auditor").delete()
    update_roles()
    assert not viewer.permissions.filter(codename="delete_user").exists()
    assert Group.objects.get(name="Auditor").permissions.count() == len(ROLES["Auditor"][1])
    assert not own.permissions.exists()


def test_no_role_may_make_itself_a_superuser() -> None:
    for _words, codenames in ROLES.values():
        assert not [name for name in codenames if name.startswith("auth.")]


# --- all pages ----------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """One row of each kind, for the ids in addresses."""

    ids: dict[str, int]

    def id_for(self, route: str) -> int:
        return next((pk for word, pk in self.ids.items() if word in route), 1)


@pytest.fixture
def stage(walker: Walker) -> Stage:
    walker.starts()
    walker.says(SAID)
    talk, now = walker.conversation(), timezone.now()
    event = talk.events.latest("id")
    WebhookEvent.objects.filter(pk=event.pk).update(outcome=Outcome.DEAD)
    Delivery.objects.filter(event=event).update(state=DeliveryState.FAILED)
    group = FailureGroup.objects.create(
        fingerprint="f", channel=walker.channel, code="CB-608", first_at=now, last_at=now
    )
    bulk = BulkRetry.objects.create(channel=walker.channel, planned_by="x", planned_at=now)
    channel: Channel = walker.channel
    return Stage(
        {
            "bulk": bulk.pk,
            "failure": group.pk,
            "exchange": Exchange.objects.filter(event=event).latest("id").pk,
            "delivery": event.deliveries.latest("id").pk,
            "deliveries": event.deliveries.latest("id").pk,
            "webhookevent": event.pk,
            "events": event.pk,
            "conversation": talk.pk,
            "channel": channel.pk,
            "bot": channel.bot_id or 0,
        }
    )


@pytest.fixture
def person(db: None) -> Callable[[str], Client]:
    """Somebody with a role, logged in."""

    def make(role: str) -> Client:
        user = User.objects.create_user(f"{role}-person", is_staff=True)
        user.groups.set(Group.objects.filter(name=role))
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    return make


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """The addresses of all pages for people, as patterns."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith(("admin/", "ops/")):
            yield route


def address(route: str, stage: Stage) -> str:
    """An address that exists, as far as its parts are ids of ours."""
    path = route.replace("^", "").replace("$", "").replace("\\Z", "")
    path = re.sub(r"<int:\w+>|<path:object_id>", str(stage.id_for(route)), path)
    path = re.sub(r"<(?:str|slug):(?:code)>", "CB-501", path)
    path = re.sub(r"<(?:str|slug):form>", "text", path)
    path = re.sub(r"<(?:str|slug):\w+>", "resolve" if "failure" in route else "start", path)
    return "/" + path


LEFT_OUT = ("logout", "password", "jsi18n", "autocomplete", "r/<", "(?P<", "login", "auth/")
"""Log-in and log-out, Django's own pages, and those of users, which are tested on their own. What pages show is
looked for in tests/everywhere."""


def pages(stage: Stage) -> list[str]:
    found = {address(route, stage) for route in routes() if not any(word in route for word in LEFT_OUT)}
    return sorted(found)


def status_of(client: Client, path: str) -> int:
    return int(client.get(path).status_code)


def opened(client: Client, paths: list[str]) -> set[str]:
    """The pages of these that a person can see."""
    statuses = {path: status_of(client, path) for path in paths}
    broken = {path: status for path, status in statuses.items() if status >= 500}
    assert not broken
    return {path for path, status in statuses.items() if status == 200}


ADMIN_ONLY = ("/add/", "/rotate", "/keep-old", "/retire", "/archive", "/restore", "/clone", "/pause", "/resume")


def test_each_role_opens_what_is_its_own(person: Callable[[str], Client], stage: Stage) -> None:
    everything = pages(stage)
    assert len(everything) > 50
    seen = {role: opened(person(role), everything) for role in ROLES}
    assert seen["Viewer"] < seen["Operator"] < seen["Admin"]
    assert seen["Viewer"] < seen["Auditor"] < seen["Admin"]
    audit = {path for path in everything if "/audit/" in path}
    assert audit and audit <= seen["Auditor"] and not audit & (seen["Viewer"] | seen["Operator"])
    for role in ("Viewer", "Operator", "Auditor"):
        assert not [path for path in seen[role] if any(word in path for word in ADMIN_ONLY)], role
    assert {"/ops/conversations/", "/admin/channels_app/channel/"} <= seen["Viewer"]


def test_without_a_role_only_the_page_that_says_so_is_open(person: Callable[[str], Client], stage: Stage) -> None:
    start = {f"/admin/{rest}" for rest in ("", "channels_app/", "offload/")}
    own = {"/ops/time-zone/"}  # how they want to read times: nothing of the bridge
    assert opened(person(""), pages(stage)) == start | own


def test_nobody_sees_a_page_without_logging_in(client: Client, stage: Stage) -> None:
    assert opened(client, pages(stage)) == set()


def test_operators_do_read_it(person: Callable[[str], Client], stage: Stage) -> None:
    client = person("Operator")
    assert SAID in client.get(f"/ops/conversations/{stage.ids['conversation']}/").content.decode()
    assert AuditEntry.objects.filter(action="read texts", actor="Operator-person").exists()


@pytest.mark.parametrize("role", ["Viewer", "Auditor"])
def test_who_only_looks_changes_nothing(person: Callable[[str], Client], stage: Stage, role: str) -> None:
    client = person(role)
    AuditEntry.objects.exclude(pk=0)
    before = AuditEntry.objects.count()
    for path in pages(stage):
        assert client.post(path, {"confirmed": "yes", "name": "x", "reason": "x", "text": "x"}).status_code != 500
    changed = AuditEntry.objects.order_by("id")[before:].values_list("action", flat=True)
    assert set(changed) <= {"exported transcript", "exported audit log"}
    assert not ApiToken.objects.exists()


# --- people -------------------------------------------------------------------------------------------------------


def test_people_and_groups_are_for_superusers(person: Callable[[str], Client], admin_client: Client) -> None:
    admin = person("Admin")
    assert [status_of(admin, f"/admin/auth/{page}/") for page in ("user", "group")] == [403, 403]
    user = User.objects.get(username="Admin-person")
    page = admin_client.get(f"/admin/auth/user/{user.pk}/change/").content.decode()
    assert "Viewer sees every page, but not the texts of contacts and bots" in page

"""Where people start, and the menu above every page."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

PASSWORD = "only for a test, and long"
CHANNELS, DASHBOARD = "/admin/channels_app/channel/", "/ops/"
MENU = re.compile(r'<nav class="menu".*?</nav>', re.DOTALL)


def person(role: str = "", *permissions: str) -> User:
    user = User.objects.create_user("pia", password=PASSWORD, is_staff=True, is_superuser=role == "superuser")
    user.groups.set(Group.objects.filter(name=role))
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def menu_of(page: str) -> list[str]:
    found = MENU.search(page)
    return re.findall(r">([^<]+)</a>", found[0]) if found else []


STARTS = [
    ("superuser", (), CHANNELS),
    ("Admin", (), CHANNELS),
    ("Operator", (), DASHBOARD),
    ("Viewer", (), DASHBOARD),
    ("Auditor", (), DASHBOARD),
    ("", ("view_bot",), "/admin/channels_app/bot/"),
    ("", ("view_user",), "/admin/auth/user/"),
    ("", ("view_auditentry",), "/ops/audit/"),
]


@pytest.mark.parametrize(("role", "permissions", "start"), STARTS)
@pytest.mark.parametrize("door", ["/", "/admin/", "/admin/channels_app/", "/admin/auth/", "/admin/offload/"])
def test_people_start_where_they_work(
    client: Client, db: None, role: str, permissions: tuple[str, ...], start: str, door: str
) -> None:
    person(role, *permissions)
    login = client.get(door, follow=True).redirect_chain[-1][0]
    assert login == f"/admin/login/?next={door}"
    page = client.post(login, {"username": "pia", "password": PASSWORD, "next": door}, follow=True)
    assert (page.redirect_chain[-1][0], page.status_code) == (start, 200)
    assert 'aria-current="page"' in page.content.decode()


def test_who_asked_for_a_page_gets_it_after_the_log_in(client: Client, db: None) -> None:
    person("Admin")
    asked = {"username": "pia", "password": PASSWORD, "next": "/ops/failures/"}
    assert client.post("/admin/login/?next=/ops/failures/", asked).headers["Location"] == "/ops/failures/"


@pytest.mark.parametrize("door", ["/", "/admin/", "/admin/login/"])
def test_who_may_see_nothing_is_told_whom_to_ask(client: Client, db: None, door: str) -> None:
    client.force_login(person())
    page = client.get(door, follow=True)
    assert (page.status_code, len(page.redirect_chain)) == (200, 1 if door.endswith("login/") else 0)
    text = page.content.decode()
    assert "You have no role yet" in text and "A superuser opens your name" in text
    assert menu_of(text) == []


def test_who_is_no_member_of_staff_is_asked_to_log_in(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("eve"))
    page = client.get("/", follow=True)
    assert (page.redirect_chain, page.status_code) == ([("/admin/login/?next=/", 302)], 200)
    assert menu_of(page.content.decode()) == []


EVERYBODY = ["Dashboard", "Conversations", "Failures", "Handovers", "Calls", "Queue and workers", "Channels", "Bots"]
MENUS = [
    ("Viewer", EVERYBODY),
    ("Operator", EVERYBODY),
    ("Auditor", [*EVERYBODY, "Audit log"]),
    ("Admin", [*EVERYBODY, "API tokens", "Audit log"]),
    ("superuser", [*EVERYBODY, "API tokens", "People", "Roles", "Audit log"]),
]


@pytest.mark.parametrize(("role", "names"), MENUS)
def test_one_menu_is_above_all_pages_and_all_of_it_opens(
    client: Client, db: None, role: str, names: list[str]
) -> None:
    client.force_login(person(role))
    dashboard, channels = (client.get(path).content.decode() for path in (DASHBOARD, CHANNELS))
    assert menu_of(dashboard) == menu_of(channels) == names
    found = MENU.search(dashboard)
    addresses = re.findall(r'href="([^"]+)"', found[0] if found else "")
    assert [client.get(address).status_code for address in addresses] == [200] * len(names)

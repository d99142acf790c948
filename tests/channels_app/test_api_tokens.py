"""API tokens: made on a page or by a command, shown once, revoked."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.access.tokens import find_token, make_token, note_use
from channels_app.models import ApiToken, AuditEntry
from tests.pages import names_in, submit

PAGE = "/admin/channels_app/apitoken/"


@pytest.fixture
def admin(client: Client, db: None) -> User:
    """Somebody with the role Admin, logged in."""
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.set(Group.objects.filter(name="Admin"))
    client.force_login(user)
    return user


def token_of(user: User, name: str = "report", days: int = 1) -> tuple[ApiToken, str]:
    row = ApiToken(user=user, name=name, expires_at=timezone.now() + timedelta(days=days))
    return row, make_token(row, Actor(name="tests"))


def test_the_page_shows_a_new_token_once(client: Client, admin: User) -> None:
    response = submit(client, f"{PAGE}add/", "apitoken_form", name="nightly report", days="30")
    text = re.findall(r'value="(cbt_[\w-]{43})"', response.content.decode())[0]
    assert "no-store" in response.headers["Cache-Control"]
    row = find_token(text)
    assert row is not None and (row.user, row.name, row.created_by) == (admin, "nightly report", "ada")
    pages = client.get(PAGE).content.decode() + client.get(f"{PAGE}{row.pk}/change/").content.decode()
    assert text[:8] in pages and text[8:] not in pages
    assert text[8:] not in str(list(ApiToken.objects.values()) + list(AuditEntry.objects.values()))
    entry = AuditEntry.objects.get(action="made token")
    assert (entry.actor, entry.object_id, entry.changes["user"]) == ("ada", str(row.pk), [None, "ada"])


def test_a_button_pressed_twice_makes_no_second_token_in_silence(client: Client, admin: User) -> None:
    client.force_login(admin)
    values = {"name": "reporting", "user": admin.pk, "days": 30}
    first, second = (client.post("/admin/channels_app/apitoken/add/", values).content.decode() for _ in range(2))
    unseen = ApiToken.objects.earliest("pk")
    revoking = f"/admin/channels_app/apitoken/{unseen.pk}/revoke/"
    assert "Another valid token" not in first
    assert f"{unseen.start}…" in second and revoking in second
    client.post(revoking)
    assert "Another valid token" in client.post("/admin/channels_app/apitoken/add/", values).content.decode()
    ApiToken.objects.update(revoked_at=unseen.created_at)
    assert "Another valid token" not in client.post("/admin/channels_app/apitoken/add/", values).content.decode()


def test_only_superusers_make_tokens_for_others(client: Client, admin: User, admin_client: Client) -> None:
    robot = User.objects.create_user("robot")
    assert "user" not in names_in(client.get(f"{PAGE}add/").content.decode(), "apitoken_form")
    submit(client, f"{PAGE}add/", "apitoken_form", name="mine", user=str(robot.pk))
    submit(admin_client, f"{PAGE}add/", "apitoken_form", name="its", user=str(robot.pk))
    assert dict(ApiToken.objects.values_list("name", "user__username")) == {"mine": "ada", "its": "robot"}


def test_people_see_and_revoke_their_own_only(client: Client, admin: User) -> None:
    own, own_text = token_of(admin)
    other, other_text = token_of(User.objects.create_user("robot"))
    assert client.get(f"{PAGE}{other.pk}/change/").status_code == 302
    assert client.post(f"{PAGE}{other.pk}/revoke/").status_code == 404
    assert "1 token is revoked." in client.post(f"{PAGE}{own.pk}/revoke/", follow=True).content.decode()
    assert find_token(own_text) is None and find_token(other_text) == other
    assert AuditEntry.objects.get(action="revoked token").object_id == str(own.pk)


def test_a_token_ends_by_date_and_with_its_user(db: None) -> None:
    user = User.objects.create_user("robot")
    _, old = token_of(user, days=-1)
    _, text = token_of(user)
    assert find_token(old) is None and find_token(text) is not None and find_token(f"{text}x") is None
    User.objects.update(is_active=False)
    assert find_token(text) is None


def test_its_use_is_noted_once_an_hour(db: None) -> None:
    row, _ = token_of(User.objects.create_user("robot"))
    for _ in range(3):
        note_use(row, "203.0.113.7")
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(hours=2))
    note_use(row, "203.0.113.8")
    used = AuditEntry.objects.filter(action="used token").order_by("id")
    assert list(used.values_list("actor", "address", "via")) == [
        ("robot", "203.0.113.7", "api"),
        ("robot", "203.0.113.8", "api"),
    ]


def test_the_command_prints_a_token(db: None) -> None:
    user = User.objects.create_user("robot")
    out, err = StringIO(), StringIO()
    call_command("make_token", "robot", "nightly report", "--days", "7", stdout=out, stderr=err)
    row = find_token(out.getvalue().strip())
    assert row is not None and row.user == user and "Only its digest is stored" in err.getvalue()
    for arguments, words in ((["nobody", "x"], "no user"), (["robot", "x", "--days", "0"], "1 to 366")):
        with pytest.raises(CommandError, match=words):
            call_command("make_token", *arguments)


def test_several_are_revoked_from_the_list_after_a_question(client: Client, admin: User) -> None:
    rows = [token_of(admin)[0] for _ in range(2)]
    chosen = {"action": "revoke", "_selected_action": [str(row.pk) for row in rows]}
    assert "Revoke these tokens?" in client.post(PAGE, chosen).content.decode()
    assert not ApiToken.objects.filter(revoked_at__isnull=False).exists()
    for words in ("2 tokens are revoked.", "Already revoked: 2."):
        assert words in client.post(PAGE, {**chosen, "confirmed": "yes"}, follow=True).content.decode()

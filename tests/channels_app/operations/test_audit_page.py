"""The page of the audit log: filters, paging, download."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from channels_app.access.audit import CHANGED, Actor, record_audit
from channels_app.access.audit_log import AuditSearch, known_actions
from channels_app.models import AuditEntry, Channel
from tests.builders import make_channel

PAGE = "/ops/audit/"
ANNA = Actor(name="anna", address="203.0.113.7", via="admin")
XSS = "<script>alert('x')</script>"


@pytest.fixture
def auditor(client: Client, db: None) -> Client:
    user = User.objects.create_user("audra", is_staff=True)
    user.groups.set(Group.objects.filter(name="Auditor"))
    client.force_login(user)
    return client


def html(client: Client, **query: Any) -> str:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


def csv_of(client: Client, **query: Any) -> list[str]:
    response = client.get(f"{PAGE}export.csv", query)
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("text/csv")
    text: str = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return text.splitlines()


def test_an_entry_tells_who_what_when_from_where_and_why(auditor: Client, channel: Channel) -> None:
    changes = {"greet": [True, False], "fallback_text": ["", XSS], "shared_secret": CHANGED}
    record_audit(ANNA, "changed", channel, changes=changes, reason="The bot greets itself.")
    page = html(auditor)
    for words in ("anna", "changed", channel.name, "yes → no", "– → &lt;script&gt;", "203.0.113.7 · admin"):
        assert words in page
    assert "<strong>shared_secret</strong>: changed" in page and "The bot greets itself." in page and XSS not in page
    assert f'href="/admin/channels_app/channel/{channel.pk}/change/"' in page


def test_times_among_the_changes_are_the_readers_on_the_page_and_utc_in_the_file(
    auditor: Client, channel: Channel
) -> None:
    record_audit(ANNA, "changed", channel, changes={"paused_at": [None, "2026-07-01T08:05:09+00:00"]})
    auditor.cookies["time_zone"] = "Europe/Brussels"
    assert "– → 1 Jul 2026 10:05:09 CEST (UTC+02:00)" in html(auditor)
    assert "2026-07-01T08:05:09+00:00" in "".join(csv_of(auditor))


def test_entries_are_found_by_who_what_and_on_which_thing(auditor: Client, db: None) -> None:
    acme, shop = make_channel(name="Acme EU"), make_channel(name="Shop NL")
    for actor, action, row in ((ANNA, "paused", acme), (ANNA, "changed", shop), (Actor(name="bert"), "paused", shop)):
        record_audit(actor, action, row)

    def found(**query: Any) -> list[tuple[str, ...]]:
        rows = AuditSearch(**query).entries()
        return [(row.actor, row.action, row.object_name) for row in rows]

    assert found(who="anna") == [("anna", "changed", "Shop NL"), ("anna", "paused", "Acme EU")]
    assert found(action="paused", thing="shop") == [("bert", "paused", "Shop NL")]
    assert found(thing=f"channel:{acme.pk}") == [("anna", "paused", "Acme EU")]
    assert found(thing="channel:0") == []
    assert "Acme EU" not in html(auditor, thing="shop") and "Shop NL" in html(auditor, thing="shop")
    assert known_actions() == ["changed", "paused"]


def test_pages_go_on_where_the_last_one_ended(
    auditor: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr("channels_app.web.pages.audit.ON_A_PAGE", 2)
    for number in range(5):
        record_audit(ANNA, f"did {number}")
    with django_assert_max_num_queries(15):
        first = html(auditor, who="anna")
    assert "did 4</td>" in first and "did 3</td>" in first and "did 2</td>" not in first
    before = AuditEntry.objects.get(action="did 3").pk
    assert f'href="?who=anna&amp;before={before}"' in first
    second = html(auditor, who="anna", before=before)
    assert "did 2</td>" in second and "did 1</td>" in second and 'href="?who=anna"' in second
    assert "Older entries" not in html(auditor, before=AuditEntry.objects.get(action="did 2").pk)


def test_the_download_has_them_all_and_runs_in_no_spreadsheet(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_app.access.audit_log.READ_AT_ONCE", 2)
    for number in range(5):
        record_audit(ANNA, "paused", reason=f"=HYPERLINK({number})")
    lines = csv_of(auditor, action="paused")
    assert len(lines) == 6 and lines[0].startswith("id,at,who,what")
    assert all("'=HYPERLINK(" in line for line in lines[1:])
    assert AuditEntry.objects.get(action="exported audit log").actor == "audra"


def test_whoever_may_not_read_it_sees_no_link_to_it(client: Client, db: None) -> None:
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.groups.set(Group.objects.filter(name="Viewer"))
    client.force_login(viewer)
    assert client.get(PAGE).status_code == 403 and client.get(f"{PAGE}export.csv").status_code == 403


@pytest.mark.parametrize("query", [{"before": "x"}, {"before": "-1"}, {"action": "unheard of"}, {"who": "x" * 200}])
def test_a_filter_that_nobody_understands_breaks_nothing(auditor: Client, query: dict[str, str]) -> None:
    record_audit(ANNA, "paused")
    assert "paused" in html(auditor, **query)

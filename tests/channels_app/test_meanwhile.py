"""Two people at one page or row: who saves last is told, and nothing is overwritten in silence."""

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from channels_app.channels.rotations import rotate_shared_secret
from channels_app.models import AuditEntry, Bot, Channel, InboxChannel
from offload.models import OffloadProvider
from tests.channels_app.api.conftest import Program
from tests.channels_app.api.conftest import admin as admin
from tests.channels_app.api.conftest import program as program
from tests.channels_app.api.conftest import schema as schema
from tests.channels_app.test_rotations import ANN, NEW_SECRET
from tests.conftest import Walker
from tests.pages import fields_of

LISTS = ("groups", "user_permissions", "permissions")
"""Lists of which nothing is chosen; `fields_of` would choose the first."""
SAVED = "was changed successfully"


@dataclass
class Tab:
    """A form that is open in a window, as a browser without script has it."""

    client: Client
    url: str
    form_id: str
    values: dict[str, Any] = field(default_factory=dict)
    html: str = ""

    def __post_init__(self) -> None:
        self.html = self.client.get(self.url).content.decode()
        self.come_back()

    def save(self, **typed: Any) -> Any:
        self.values |= typed
        self.values = {name: value for name, value in self.values.items() if value is not None}
        answer = self.client.post(self.url, self.values, follow=True)
        self.html = answer.content.decode()
        return answer

    def come_back(self) -> None:
        """The form as it came back is what is sent next time."""
        fields = fields_of(self.html, self.form_id)
        self.values = {name: value for name, value in fields.items() if name not in LISTS}


@pytest.fixture
def bea(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("bea", password="x"))
    return client


def page_of(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def form_of(row: Any) -> str:
    return f"{row._meta.model_name}_form"


def told(answer: Any) -> list[tuple[str, str, str, str]]:
    return [(change.label, change.before, change.now, change.who) for change in answer.context["meanwhile"]]


@pytest.mark.parametrize(
    ("kind", "theirs", "mine", "change"),
    [
        ("channel", {"bot_tries": "5"}, {"keep_days": "9"}, ("Tries", "2", "5", "bea")),
        ("channel", {"region": "us"}, {"keep_days": "9"}, ("Sparkcentral region", "EU", "US", "bea")),
        (
            "channel",
            {"offload_provider-0-closed_texts-*": "Closed."},
            {"keep_days": "9"},
            ("offload provider “Agents”: Text when closed", "No text", "Every other language: Closed.", "bea"),
        ),
        (
            "channel",
            {
                "silence_texts-en": "",
                "silence_texts-nl": "",
                **{f"silence_texts-{tag}": "" for tag in ("fr", "de", "es")},
            },
            {"keep_days": "9"},
            (
                "Question to a silent contact",
                "Ready-made, in English, Dutch, French, German, Spanish",
                "No text",
                "bea",
            ),
        ),
        (
            "channel",
            {"intent_topics-intent-0": "order*", "intent_topics-topic-0": "Orders"},
            {"keep_days": "9"},
            ("Topics for intents", "–", "order* gives Orders", "bea"),
        ),
        (
            "channel",
            {"failure_policies-slow": "stay_silent"},
            {"keep_days": "9"},
            (
                "By kind of failure",
                "–",
                "It is slow: a call had no answer in time: say nothing and stay with the bot",
                "bea",
            ),
        ),
        (
            "channel",
            {
                "offload_provider-0-opening_hours-when": "times",
                "offload_provider-0-opening_hours-timezone": "Europe/Brussels",
                "offload_provider-0-opening_hours-mon-from-0": "09:00",
                "offload_provider-0-opening_hours-mon-until-0": "12:30",
            },
            {"keep_days": "9"},
            ("offload provider “Agents”: Opening hours", "–", "mon 09:00-12:30; timezone Europe/Brussels", "bea"),
        ),
        (
            "channel",
            {"inbox_channels-0-is_enabled": None},
            {"inbox_channels-0-name": "Phone"},
            ("inbox channel “WhatsApp”: Bot answers here", "yes", "no", "bea"),
        ),
        (
            "channel",
            {"inbox_channels-0-name": "Phone"},
            {"keep_days": "9"},
            ("inbox channel “Phone”: Name", "WhatsApp", "Phone", "bea"),
        ),
        ("bot", {"timeout_s": "7"}, {"name": "Parcel bot"}, ("Timeout in seconds", "20", "7", "bea")),
        ("bot", {"token": "a-new-token-of-the-bot"}, {"name": "Parcel bot"}, ("Token", "", "changed", "bea")),
        ("user", {"first_name": "Carl"}, {"last_name": "Berg"}, ("First name", "–", "Carl", "bea")),
        ("user", {"groups": "{viewers}"}, {"last_name": "Berg"}, ("Roles and groups", "–", "Viewers", "bea")),
        ("group", {"name": "Readers"}, {"name": "Writers"}, ("Name", "Viewers", "Readers", "bea")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_second_of_two_tabs_is_told_what_the_first_saved(
    admin_client: Client, bea: Client, channel: Channel, bot: Bot, kind: str, theirs: Any, mine: Any, change: Any
) -> None:
    OffloadProvider.objects.get_or_create(channel=channel, defaults={"closed_texts": {}})
    InboxChannel.objects.create(channel=channel, external_id="w-1", name="WhatsApp", is_enabled=True)
    person, group = User.objects.create_user("carl"), Group.objects.create(name="Viewers")
    row: Any = {"channel": channel, "bot": bot, "user": person, "group": group}[kind]
    tab, other = Tab(admin_client, page_of(row), form_of(row)), Tab(bea, page_of(row), form_of(row))
    theirs = {name: group.pk if value == "{viewers}" else value for name, value in theirs.items()}
    assert SAVED in other.save(**theirs).content.decode()

    for _ in range(2):  # saving once more is no decision
        answer = tab.save(**mine)
        assert SAVED not in tab.html
        assert told(answer) == [change]
        tab.come_back()
        assert {name: tab.values[name] for name in mine} == mine  # nothing that was typed is lost
    answer = tab.save(_on_top=answer.context["on_top"])
    assert SAVED in tab.html
    written = [set(entry.changes) for entry in AuditEntry.objects.filter(actor="admin")]
    assert any({name.rpartition("-")[2] for name in mine} <= names for names in written)


def test_ones_own_other_tab_is_nobody_else(admin_client: Client, channel: Channel) -> None:
    tab = Tab(admin_client, page_of(channel), "channel_form")
    Tab(admin_client, page_of(channel), "channel_form").save(bot_tries="5")
    assert told(tab.save(keep_days="9")) == [("Tries", "2", "5", "admin")]
    assert "This page was saved since you opened it" in tab.html
    assert "omeone else" not in tab.html and "by others" not in tab.html


def test_on_top_means_on_top_of_what_one_was_told(admin_client: Client, bea: Client, channel: Channel) -> None:
    tab = Tab(admin_client, page_of(channel), "channel_form")
    Tab(bea, page_of(channel), "channel_form").save(bot_tries="5")
    answer = tab.save(keep_days="9")
    Tab(bea, page_of(channel), "channel_form").save(bot_tries="6")
    assert told(tab.save(_on_top=answer.context["on_top"])) == [("Tries", "5", "6", "bea")]


def test_of_a_secret_only_that_it_changed_is_told(admin_client: Client, channel: Channel) -> None:
    tab = Tab(admin_client, page_of(channel), "channel_form")
    rotate_shared_secret(channel, NEW_SECRET, ANN)
    assert told(tab.save(keep_days="9")) == [("Shared secret", "", "changed", ANN.name)]
    assert NEW_SECRET not in tab.html


def test_what_runs_by_itself_is_nobodys_change(admin_client: Client, bea: Client, channel: Channel) -> None:
    """Nor is a save that changes nothing, or a row that came in with an event."""
    tab = Tab(admin_client, page_of(channel), "channel_form")
    Tab(bea, page_of(channel), "channel_form").save()
    Channel.objects.update(first_event_at=channel.created_at, live_at=channel.created_at)
    InboxChannel.objects.create(channel=channel, external_id="new")
    assert SAVED in tab.save(keep_days="9").content.decode()


def test_a_mistake_after_the_decision_asks_no_second_time(admin_client: Client, bea: Client, channel: Channel) -> None:
    tab = Tab(admin_client, page_of(channel), "channel_form")
    Tab(bea, page_of(channel), "channel_form").save(bot_tries="5")
    answer = tab.save(keep_days="0")
    tab.save(_on_top=answer.context["on_top"])
    assert "Ensure this value is greater than or equal to 1." in tab.html
    tab.come_back()
    assert SAVED in tab.save(keep_days="9").content.decode()


def test_what_others_deleted_stays_deleted_and_the_rest_is_saved(
    admin_client: Client, bea: Client, channel: Channel
) -> None:
    for name in ("w-1", "w-2", "w-3"):
        InboxChannel.objects.create(channel=channel, external_id=name, name=name)
    tab = Tab(admin_client, page_of(channel), "channel_form")
    Tab(bea, page_of(channel), "channel_form").save(**{"inbox_channels-0-DELETE": "on"})
    answer = tab.save(**{"inbox_channels-0-name": "Gone", "inbox_channels-2-name": "Mine"}, keep_days="9")
    assert told(answer) == [("“w-1”", "", "deleted", "bea")]
    tab.come_back()
    tab.save(_on_top=answer.context["on_top"])
    assert SAVED in tab.html
    assert list(channel.inbox_channels.order_by("pk").values_list("external_id", "name")) == [
        ("w-2", "w-2"),
        ("w-3", "Mine"),
    ]


def test_what_was_typed_and_came_with_an_event_meanwhile_is_one_row(
    admin_client: Client, walker: Walker, channel: Channel
) -> None:
    tab = Tab(admin_client, page_of(channel), "channel_form")
    walker.starts()
    event_at = InboxChannel.objects.get().first_seen_at
    row = {"id": "", "channel": channel.pk, "external_id": "inbox-channel-1", "name": "Phone", "shows_buttons": "on"}
    typed = {f"inbox_channels-0-{name}": value for name, value in row.items()}
    assert SAVED in tab.save(**{"inbox_channels-TOTAL_FORMS": "1"}, **typed).content.decode()
    saved = InboxChannel.objects.get()
    assert (saved.name, saved.shows_buttons, saved.first_seen_at) == ("Phone", True, event_at)
    assert AuditEntry.objects.latest("id").changes.keys() == {"name", "shows_buttons"}


@pytest.mark.parametrize("ids", [("new", "new"), ("w-2", "w-2"), ("w-2", "w-1")])
def test_an_id_stands_in_one_row(admin_client: Client, channel: Channel, ids: tuple[str, str]) -> None:
    """Two that are typed, one that is typed beside the saved one, two that change places."""
    is_new = ids[0] == "new"
    for name in () if is_new else ("w-1", "w-2"):
        InboxChannel.objects.create(channel=channel, external_id=name, name=name)
    tab = Tab(admin_client, page_of(channel), "channel_form")
    typed = {f"inbox_channels-{number}-external_id": external_id for number, external_id in enumerate(ids)}
    rows = {f"inbox_channels-{number}-{name}": "" for number in (0, 1) for name in ("id", "name")} if is_new else {}
    tab.save(**{"inbox_channels-TOTAL_FORMS": "2"}, **rows, **typed)
    assert "errorlist" in tab.html and SAVED not in tab.html


def test_a_provider_that_two_tabs_set_up(admin_client: Client, bea: Client, channel: Channel) -> None:
    tab = Tab(admin_client, page_of(channel), "channel_form")
    Tab(bea, page_of(channel), "channel_form").save(**{"offload_provider-0-name": "Support"})
    answer = tab.save(**{"offload_provider-0-name": "Sales"})
    assert told(answer) == [("offload provider “Support”: Name", "Agents", "Support", "bea")]
    tab.come_back()
    assert SAVED in tab.save(_on_top=answer.context["on_top"]).content.decode()
    assert OffloadProvider.objects.get().name == "Sales"


def test_a_password_that_was_set_meanwhile_is_told(admin_client: Client, bea: Client) -> None:
    person = User.objects.create_user("carl", password="x")
    tab = Tab(admin_client, page_of(person), "user_form")
    passwords = {"usable_password": "true", "password1": "Xk9-velvet-harbour", "password2": "Xk9-velvet-harbour"}
    bea.post(f"/admin/auth/user/{person.pk}/password/", passwords)
    assert told(tab.save(last_name="Berg")) == [("Password", "", "changed", "bea")]


def test_what_is_deleted_while_somebody_has_it_open(admin_client: Client, bea: Client, bot: Bot) -> None:
    """Who did it is said, and that nothing is saved; what was typed is shown there by the page's script."""
    Channel.objects.update(bot=None)
    for row in (User.objects.create_user("carl"), Group.objects.create(name="Viewers"), bot):
        tab = Tab(admin_client, page_of(row), form_of(row))
        bea.post(page_of(row).replace("/change/", "/delete/"), {"post": "yes"})
        for answer, is_told in ((tab.save(name="Berg"), True), (admin_client.get(page_of(row)), False)):
            html = answer.content.decode()
            assert answer.status_code == 404
            assert f"“{row}” was deleted by bea, " in html
            assert ("Nothing was saved." in html) is is_told
            assert 'id="kept" data-gone hidden' in html


@pytest.mark.parametrize("number", ["999999999", "9" * 40, "anna", "%00", "²", "-1", "%F0%9F%98%80"])
def test_a_row_that_never_was(admin_client: Client, db: None, number: str) -> None:
    for kind in ("channels_app/channel", "channels_app/bot", "auth/user", "auth/group"):
        for tail in ("change", "history", "delete"):
            answer = admin_client.get(f"/admin/{kind}/{number}/{tail}/")
            assert answer.status_code == 404
            assert "It may have been deleted." in answer.content.decode() or kind.endswith("channel")


def form_with_everything(channel: Channel) -> dict[str, Any]:
    """What a press sends that changes something of every sort."""
    return {
        "name": " Acme ",
        "client_secret": "a-new-client-secret-of-the-account",
        "shared_secret": NEW_SECRET,
        "fallback_texts-*": "One moment.\r\nA colleague takes over.",
        "keep_days": "09",
        "inbox_channels-0-name": "Phone",
        "inbox_channels-1-DELETE": "on",
        "offload_provider-0-verify_token": "a-new-verify-token",
        "offload_provider-0-opening_hours-when": "times",
        "offload_provider-0-opening_hours-timezone": "Europe/Brussels",
        "offload_provider-0-opening_hours-mon-from-0": "09:00",
        "offload_provider-0-opening_hours-mon-until-0": "12:30",
    }


@pytest.fixture
def furnished(channel: Channel) -> Channel:
    OffloadProvider.objects.get_or_create(channel=channel)
    for name in ("w-1", "w-2"):
        InboxChannel.objects.create(channel=channel, external_id=name, name=name)
    return channel


@pytest.mark.parametrize("is_second_person", [False, True])
def test_what_is_saved_just_as_it_was_typed_is_no_conflict(
    admin_client: Client, bea: Client, furnished: Channel, is_second_person: bool
) -> None:
    """Save pressed twice, or two people who type the same: nothing is held, or written down again."""
    tab = Tab(admin_client, page_of(furnished), "channel_form")
    other = Tab(bea if is_second_person else admin_client, page_of(furnished), "channel_form")
    assert SAVED in other.save(**form_with_everything(furnished)).content.decode()
    entries, revision = AuditEntry.objects.count(), Channel.objects.get().revision
    assert SAVED in tab.save(**form_with_everything(furnished)).content.decode()
    assert (AuditEntry.objects.count(), Channel.objects.get().revision) == (entries, revision)


def test_of_what_two_people_typed_only_what_differs_is_told(
    admin_client: Client, bea: Client, furnished: Channel
) -> None:
    tab = Tab(admin_client, page_of(furnished), "channel_form")
    Tab(bea, page_of(furnished), "channel_form").save(**form_with_everything(furnished))
    typed = form_with_everything(furnished) | {"keep_days": "8", "client_secret": "another-secret-of-the-account"}
    del typed["offload_provider-0-verify_token"], typed["inbox_channels-1-DELETE"]
    assert [label for label, *_ in told(tab.save(**typed))] == [
        "Client secret",
        "Days to keep texts",
        "offload provider “Agents”: Verify token",
        "“w-2”",
    ]
    assert Channel.objects.get().old_secret  # what is only compared forgets nothing


@pytest.mark.parametrize("kind", ["bot", "user", "group"])
def test_two_presses_on_other_pages(admin_client: Client, bot: Bot, kind: str) -> None:
    viewers = Group.objects.create(name="Viewers")
    person = User.objects.create_user("carl")
    forms: dict[str, tuple[Any, dict[str, Any]]] = {
        "bot": (bot, {"token": "a-new-token-of-the-bot", "timeout_s": "7"}),
        "user": (person, {"last_name": "Berg", "groups": viewers.pk}),
        "group": (viewers, {"name": "Readers"}),
    }
    row, typed = forms[kind]
    presses = [Tab(admin_client, page_of(row), form_of(row)) for _ in range(2)]
    for press in presses:
        assert SAVED in press.save(**typed).content.decode()


def test_save_mine_on_top_pressed_twice(admin_client: Client, bea: Client, channel: Channel) -> None:
    presses = [Tab(admin_client, page_of(channel), "channel_form") for _ in range(2)]
    Tab(bea, page_of(channel), "channel_form").save(bot_tries="5")
    on_top = presses[0].save(keep_days="9").context["on_top"]
    for press in presses:
        assert SAVED in press.save(keep_days="9", _on_top=on_top).content.decode()
    assert (Channel.objects.get().bot_tries, Channel.objects.get().keep_days) == (2, 9)


@pytest.mark.parametrize("kind", ["channel", "bot"])
def test_new_encryption_keys_change_nothing_that_people_saved(
    admin_client: Client, admin: Program, furnished: Channel, bot: Bot, settings: Any, kind: str
) -> None:
    """Neither on a page that is open meanwhile, nor for a program that has read the row."""
    row: Any = furnished if kind == "channel" else bot
    provider = OffloadProvider.objects.get(channel=furnished)
    provider.verify_token = "verify-canary-of-tests"
    provider.save()
    tab = Tab(admin_client, page_of(row), form_of(row))
    tag = admin.get(f"{kind}s/{row.pk}/").headers["ETag"]
    settings.ENCRYPTION_KEYS = [b"k" * 32, *settings.ENCRYPTION_KEYS]
    before = row.settings
    call_command("reencrypt", stdout=StringIO())
    row.refresh_from_db()
    assert row.settings != before
    assert admin.call("patch", f"{kind}s/{row.pk}/", {"name": "Theirs"}, If_Match=tag).status == 200
    assert [label for label, *_ in told(tab.save(name="Mine"))] == ["Name"]


# --- the API ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["channels", "bots"])
def test_a_program_that_has_seen_an_older_revision_is_told(
    admin: Program, bea: Client, channel: Channel, bot: Bot, kind: str
) -> None:
    row: Any = channel if kind == "channels" else bot
    path = f"{kind}/{row.pk}/"
    answer = admin.get(path)
    tag = answer.headers["ETag"]
    assert tag == f'"{answer.body["revision"]}"'
    Tab(bea, page_of(row), form_of(row)).save(name="Theirs")

    refused = admin.call("patch", path, {"name": "Mine"}, If_Match=tag)
    assert (refused.status, refused.code) == (412, "CB-909")
    assert [(change["who"], change["fields"]["name"][1]) for change in refused.body["changes"]] == [("bea", "Theirs")]
    assert admin.get(path).body["name"] == "Theirs"

    assert admin.call("patch", path, {"name": "Theirs"}, If_Match=tag).status == 200  # as it is saved by now
    again = admin.call("patch", path, {"name": "Mine"}, If_Match=f'"{refused.body["revision"]}"')
    assert (again.status, again.body["name"]) == (200, "Mine")
    assert again.headers["ETag"] != tag
    for free in ("*", ""):
        assert admin.call("patch", path, {"name": "Mine"}, If_Match=free).status == 200
    for wrong in ("seven", '"7", seven', ",", '"-gzip"', '"٧"', '"12345678901"'):
        assert (
            "If-Match" in admin.call("patch", path, {"name": "Mine"}, If_Match=wrong.encode().decode("latin-1")).fields
        )


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"0", "{}"', '"{}-gzip"', '"{}"-gzip', '"{};br"', "{}"])
def test_tags_as_programs_and_proxies_send_them(admin: Program, bot: Bot, form: str) -> None:
    path = f"bots/{bot.pk}/"
    seen = admin.get(path).body["revision"]
    assert admin.call("patch", path, {"name": "Mine"}, If_Match=form.format(seen)).status == 200
    assert admin.call("patch", path, {"name": "Again"}, If_Match=form.format(seen)).status == 412


def test_an_inbox_channel_is_part_of_its_channels_revision(admin: Program, bea: Client, channel: Channel) -> None:
    for name in ("WhatsApp", "Instagram"):
        InboxChannel.objects.create(channel=channel, external_id=name, name=name)
    path = f"channels/{channel.pk}/"
    tag = admin.get(path).headers["ETag"]
    Tab(bea, page_of(channel), "channel_form").save(
        **{"inbox_channels-0-name": "Phone", "inbox_channels-1-name": "Pictures"}
    )
    refused = admin.call("patch", path, {"keep_days": 9}, If_Match=tag)
    changes = [change["fields"]["name"] for change in refused.body["changes"]]
    assert sorted(changes) == [["Instagram", "Phone"], ["WhatsApp", "Pictures"]]  # in the order of names
    given: dict[str, Any] = {"external_id": "Instagram", "name": "Phone"}
    assert admin.call("patch", path, {"inbox_channels": [given]}, If_Match=tag).status == 200  # as it is saved by now
    given |= {"is_enabled": True}
    assert admin.call("patch", path, {"inbox_channels": [given]}, If_Match=tag).status == 412
    tag = f'"{refused.body["revision"]}"'
    assert admin.call("patch", path, {"inbox_channels": [given]}, If_Match=tag).status == 200
    assert admin.call("patch", path, {"keep_days": 9}, If_Match=tag).status == 412

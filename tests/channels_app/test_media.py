"""Files that bots name, from servers as they are: sent on, oddly written, in the address itself."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest

from channels_app.deliveries import media
from channels_app.deliveries.media import contact_link, fetch_media, file_name
from channels_app.lib.http import addresses
from channels_app.lib.http.addresses import is_link, shown_address, web_address
from channels_app.protocol import Attachment
from channels_app.protocol.errors import BridgeError, ConfigError, PayloadError
from tests.raw_servers import Server, Visit

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
Serve = Callable[..., Server]


def site(files: dict[str, bytes | tuple[str, str]]) -> Callable[[Visit], None]:
    """Answers a path with a file, or sends on: status and where to."""

    def behave(visit: Visit) -> None:
        while request := visit.read():
            found = files.get(request.head.split(" ")[1])
            if isinstance(found, tuple):
                visit.answer(b"", found[0], Location=found[1])
            elif found is None:
                visit.answer(b"nothing here", "404 Not Found")
            else:
                visit.answer(found, Content_Type="application/octet-stream")

    return behave


# --- redirects ---


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("where", ["/b.png", "b.png", "../x/b.png", "{url}/b.png", "//{host}/b.png", "/b.png#top"])
def test_a_file_that_was_moved_is_found(serve: Serve, status: str, where: str) -> None:
    files: dict[str, bytes | tuple[str, str]] = {"/b.png": PNG, "/x/b.png": PNG}
    server = serve(site(files))
    files["/a.png"] = (status, where.format(url=server.url, host=f"127.0.0.1:{server.port}"))
    assert fetch_media(f"{server.url}/a.png").data == PNG


def test_it_may_be_sent_on_five_times(serve: Serve) -> None:
    files: dict[str, bytes | tuple[str, str]] = {f"/{number}": ("302 Found", f"/{number + 1}") for number in range(6)}
    server = serve(site({**files, "/6": PNG}))
    assert fetch_media(f"{server.url}/1").data == PNG
    with pytest.raises(PayloadError, match="more than 5 times"):
        fetch_media(f"{server.url}/0")


@pytest.mark.parametrize(
    "where",
    [
        "http://10.0.0.7/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "ftp://files.example/a.png",
        "http://me:pw@127.0.0.1/a.png",
        "http://127.0.0.1:0/a.png",
        "http://a b/",
    ],
)
def test_each_address_is_checked_like_the_first(serve: Serve, where: str) -> None:
    server = serve(site({"/a.png": ("302 Found", where)}))
    with pytest.raises(ConfigError) as caught:
        fetch_media(f"{server.url}/a.png")
    assert "pw" not in str(caught.value)


def test_a_name_that_turns_internal_between_two_hops_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(site({"/a.png": ("302 Found", "http://inside.example/a.png")}))
    monkeypatch.setattr(addresses, "resolve", lambda host: ["10.1.2.3"])
    with pytest.raises(ConfigError, match=r"inside\.example"):
        fetch_media(f"{server.url}/a.png")


def test_a_redirect_without_a_place_is_an_answer(serve: Serve) -> None:
    def behave(visit: Visit) -> None:
        while visit.read():
            visit.answer(b"", "302 Found")

    with pytest.raises(PayloadError, match="answered 302"):
        fetch_media(f"{serve(behave).url}/a.png")


def test_a_place_in_utf_8_is_found(serve: Serve) -> None:
    def behave(visit: Visit) -> None:
        while request := visit.read():
            if request.head.startswith("GET /a.png"):
                visit.sock.sendall("HTTP/1.1 302 Found\r\nLocation: /ü.png\r\nContent-Length: 0\r\n\r\n".encode())
            elif request.head.startswith("GET /%C3%BC.png"):
                visit.answer(PNG)

    assert fetch_media(f"{serve(behave).url}/a.png").data == PNG


def test_all_hops_share_one_deadline(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "TIMEOUT_S", 0.5)

    def behave(visit: Visit) -> None:
        while visit.read():
            visit.answer(b"", "302 Found", Location="/again")
            visit.drip(b"")

    server = serve(behave)
    with pytest.raises(BridgeError, match="in time"):
        fetch_media(f"{server.url}/a.png")
    assert not server.patience_ended


# --- addresses as bots write them ---


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/my map.png", "/my%20map.png"),
        ("  /my map.png \n", "/my%20map.png"),
        ("/my%20map.png", "/my%20map.png"),
        ("/100%.png", "/100%25.png"),
        ("/m%zzap.png", "/m%25zzap.png"),
        ("/karte ü.png", "/karte%20%C3%BC.png"),
        ("/a\tb.png", "/ab.png"),
        ("/a\tb.png", "/a%09b.png"),
        ("/a\nb.png", "/ab.png"),
        ("\\maps\\a.png", "/maps/a.png"),
        ("/maps\\a.png", "/maps%5Ca.png"),
        ("/map #3.png", "/map%20%233.png"),
        ("/a#b.png", "/a"),
        ("/a.png#page=2", "/a.png"),
        ("/a.png?x=1 2&y=\\", "/a.png?x=1%202&y=%5C"),
        ("?x=1", "/?x=1"),
        ('/<a>"b"|c^`{d}.png', "/%3Ca%3E%22b%22%7Cc%5E%60%7Bd%7D.png"),
        ("/a\0b.png", "/a%00b.png"),
        ("/" + quote("日本") + ".png", "/%E6%97%A5%E6%9C%AC.png"),
    ],
)
def test_an_odd_address_is_read_as_a_browser_does_or_as_it_is_written(serve: Serve, written: str, asked: str) -> None:
    server = serve(site({asked: PNG}))
    blanks = len(written) - len(written.lstrip())
    assert fetch_media(written[:blanks] + server.url + written[blanks:]).data == PNG


@pytest.mark.parametrize(
    "url",
    [
        "",
        "map.png",
        "/map.png",
        "//files.example/map.png",
        "file:///a.png",
        "blob:https://x.example/1",
        "https:/files.example/a.png",
        "https:\\\\files.example\\a.png",
        "https://",
        "https:///a.png",
        "https://a b/c.png",
        "https://me@files.example/a.png",
        "https://me:pw@files.example/a.png",
        "https://files.example\\@10.0.0.1/a.png ",
        "https://files.example:99999/a.png",
        "https://[::1/a.png",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_address_on_the_web(url: str) -> None:
    if "\\@" in url:  # a browser goes to files.example, and so do we
        assert web_address(url) == "https://files.example/@10.0.0.1/a.png"
        return
    with pytest.raises(ValueError, match=r"URL") as caught:
        web_address(url)
    assert "pw" not in str(caught.value)
    assert contact_link(url) == ""


@pytest.mark.parametrize(
    ("url", "held", "type_"),
    [
        (f"data:image/png;base64,{base64.b64encode(PNG).decode()}", PNG, "image/png"),
        (f"DATA:image/png;base64,{base64.urlsafe_b64encode(PNG).decode().rstrip('=')}", PNG, "image/png"),
        (f"data:image/png;base64,{quote(base64.b64encode(PNG).decode())}", PNG, "image/png"),
        (f"data:;base64,{base64.b64encode(PNG).decode()}", PNG, "image/png"),
        (f" data:image/jpeg;name=a.jpg;base64,{base64.b64encode(PNG).decode()}\n", PNG, "image/png"),
        ("data:,Hello%20you", b"Hello you", "text/plain"),
        ("data:text/csv;charset=utf-8,a%2Cb", b"a,b", "text/csv"),
    ],
)
def test_a_data_address_holds_its_file(url: str, held: bytes, type_: str) -> None:
    found = fetch_media(url)
    assert (bytes(found.data), found.type.name) == (held, type_)


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:image/png",
        "data:image/png;base64,",
        "data:image/png;base64,%%%",
        "data:image/png;base64,A",
        "data:text/html,<p>Hi",
        "data:image/svg+xml,<svg/>",
        "data:text/html;base64," + base64.b64encode(b"<script>alert(1)</script>").decode(),
        f"data:image/png;base64,{base64.b64encode(PNG + bytes(10_000_000)).decode()}",
    ],
    ids=lambda url: url[:40],
)
def test_a_data_address_that_holds_no_file_for_agents(url: str) -> None:
    with pytest.raises(PayloadError):
        fetch_media(url)
    assert contact_link(url) == ""


def test_what_the_bot_declares_counts_when_the_server_does_not_know(serve: Serve) -> None:
    server = serve(site({"/a": b"a,b"}))
    assert fetch_media(f"{server.url}/a", "text/csv; charset=utf-8").type.name == "text/csv"
    with pytest.raises(PayloadError, match="of this type are not passed on"):
        fetch_media(f"{server.url}/a")


# --- what people see ---


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://files.example/a.png?sig=1#x", "https://files.example/a.png?sig=1#x"),
        ("https://files.example/my map.png", "https://files.example/my%20map.png"),
        ("https://files.example\\a\tb.png", "https://files.example/ab.png"),
        ("https://files.example/ü.png", "https://files.example/ü.png"),
        ("http://93.184.215.14/a.png", "http://93.184.215.14/a.png"),
        ("http://10.0.0.7/a.png", ""),
        ("http://[fd00::1]/a.png", ""),
        ("http://127.1/a.png", ""),
        ("http://0x7f000001/a.png", ""),
        ("http://localhost:3000/a.png", ""),
        ("http://bot/a.png", ""),
        ("http://bot.internal./a.png", ""),
        ("http://inside.example/a.png", ""),
        ("http://unknown.example/a.png", "http://unknown.example/a.png"),
    ],
)
def test_a_contact_sees_what_a_contact_can_open(url: str, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str) -> list[str]:
        if host == "unknown.example":
            raise OSError
        return ["10.2.3.4"] if host == "inside.example" else ["93.184.215.14"]

    monkeypatch.setattr(addresses, "resolve", resolve)
    assert contact_link(url) == link


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://help.example/a b", True),
        ("www.help.example/a", True),
        ("help.example", True),
        ("mailto:help@shop.example", True),
        ("tel:+3211", True),
        ("whatsapp://send?text=Hi", True),
        ("help.example:8080/a", True),
        ("localhost:3000", False),
        ("10.0.0.7/a", False),
        ("/help", False),
        ("help", False),
        ("#top", False),
        ("file:///a", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("blob:https://x.example/1", False),
        ("https://me:pw@help.example", False),
        ("http://bot.local/a", False),
    ],
)
def test_a_link_is_what_a_contact_can_open(url: str, expected: bool) -> None:
    assert is_link(url) is expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@files.example/a@b", "https://files.example/a@b"),
        ("//me:pw@files.example/", "//files.example/"),
        ("data:image/png;base64,AAAA", "data:image/png;base64"),
        ("data:" + "x" * 500, "data:" + "x" * 55),
        ("https://files.example/?mail=a@b.example", "https://files.example/?mail=a@b.example"),
    ],
)
def test_operators_see_no_password_and_no_content(url: str, shown: str) -> None:
    assert shown_address(url) == shown


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        ("https://x.example/a/map.PNG?x=.exe", "", "map-u.png"),
        ("https://x.example/M%C3%BCller%20Plan.pdf", "", "Muller-Plan-u.pdf"),
        ("https://x.example/a%2Fb.pdf", "", "b-u.pdf"),
        ("https://x.example/a\\b.pdf", "", "b-u.pdf"),
        ("https://x.example/a.pdf#page=2", "", "a-u.pdf"),
        ("https://x.example/download?id=7", "", "download-u"),
        ("https://example.com", "", "file-u"),
        ("https://example.com/", "", "file-u"),
        ("https://x.example/a.png", "Rechnung%2012.pdf", "Rechnung-12-u.pdf"),
        ("https://x.example/a.png", "C:\\Temp\\Rechnung.pdf", "Rechnung-u.pdf"),
        ("https://x.example/a.png", "100%.pdf", "100-u.pdf"),
        ("https://x.example/a.png", "../../etc/passwd", "passwd-u"),
        ("https://x.example/a.png", "日本.pdf", "file-u.pdf"),
        ("https://x.example/a.png", "a.pdf ", "a-u.pdf"),
        ("https://x.example/v1.2 final", "", "v1-2-final-u"),
        ("data:image/png;base64,AA/BB.png", "", "file-u"),
        ("data:image/png;base64,AAAA", "map.png", "map-u.png"),
    ],
)
def test_a_file_has_a_name_that_the_inbox_takes(url: str, name: str, expected: str) -> None:
    assert file_name(Attachment(url=url, name=name), "u") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("map-u", "map-u.png"), ("map-u.png", "map-u.png"), ("map-u.jpg", "map-u.png"), ("map-u.php", "map-u.png")],
)
def test_its_ending_is_that_of_its_content(serve: Serve, name: str, expected: str) -> None:
    server = serve(site({"/a": PNG}))
    assert fetch_media(f"{server.url}/a").rightly_named(name) == expected

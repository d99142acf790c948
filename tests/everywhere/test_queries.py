"""Whatever stands in an address or a field: an answer, and never a failure of ours."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict

from tests.conftest import Walker
from tests.everywhere.installation import Installation, build
from tests.everywhere.test_nothing_shows import client_of
from tests.everywhere.walk import API, Place, forms_on, operations, pages, visit
from tests.world import World

LISTS = ("q", "o", "p", "all", "e", "bot__id__exact", "day__gte", "day__lt", "reason", "state", "outcome")
"""What Django's lists read of an address as a whole."""
BAD = ("9" * 40, "-1", "1e999", "2026-02-30T25:61", "²", "x" * 5000)
ENCODED = ("%ED%A0%80", "%00")
"""Half of a surrogate pair and NUL, as they stand in an address."""


@pytest.fixture
def there(walker: Walker, world: World) -> Installation:
    return build(walker, world)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of parameters that pages look for."""
    names = set[str]()

    def noting(method: Callable[..., Any]) -> Callable[..., Any]:
        def look(query: QueryDict, name: Any, *args: Any) -> Any:
            names.add(str(name))
            return method(query, name, *args)

        return look

    for name in ("get", "getlist", "__getitem__", "__contains__"):
        monkeypatch.setattr(QueryDict, name, noting(getattr(QueryDict, name)))
    return names


def lists(there: Installation) -> list[Place]:
    """What is opened, and can be asked for something; of rows the first of each kind."""
    found = {_kind_of(place.url): place for place in reversed([*pages(there), *operations(there)])}
    return [place for place in found.values() if place.method == "GET" and "/webhooks/" not in place.url]


def _kind_of(url: str) -> str:
    return "".join(letter for letter in url if not letter.isdigit())


def test_no_parameter_of_a_page_or_a_list_can_break_it(there: Installation, asked: set[str]) -> None:
    client, broken = client_of("Superuser"), []
    for place in lists(there):
        asked.clear()
        visit(client, place)
        names = {name for name in asked if name.isidentifier()} | parameters(place)
        if not names:
            continue
        alone = sorted(names) if place.url.startswith("/ops/") else []  # elsewhere each is judged for itself
        queries = [urlencode({name: BAD[0]}) for name in alone]
        queries += [urlencode(dict.fromkeys(names, bad)) for bad in BAD]
        queries += ["&".join(f"{name}={bad}" for name in names) for bad in ENCODED]
        tries = [Place(url=f"{place.url}{'&' if '?' in place.url else '?'}{query}") for query in queries]
        broken += [str(try_)[:150] for try_ in tries if visit(client, try_).status >= 500]
    assert not broken


def parameters(place: Place) -> set[str]:
    if place.url.startswith(API):
        return {"before", "limit", "channel", "conversation", "code", "state", "q", "owner", "event", "since", "until"}
    return set(LISTS) if re.fullmatch(r"/admin/\w+/\w+/", place.url) else set()


@pytest.mark.parametrize("bad", ["99999999999999999999999", "0", "-1", "x", "x%00", "%ED%A0%80", "²", "٣"])
def test_no_part_of_an_address_can_break_it(there: Installation, bad: str) -> None:
    """Where a row's number or a word stands, anything may stand."""
    client, broken = client_of("Superuser"), []
    for place in lists(there):
        parts = place.url.split("/")
        for index, part in enumerate(parts):
            if part.isdigit() or "CB-" in part:
                url = "/".join([*parts[:index], bad, *parts[index + 1 :]])
                broken += [url] if visit(client, Place(url=url)).status >= 500 else []
    assert not broken


def test_nothing_that_is_typed_into_a_form_can_break_it(there: Installation) -> None:
    client, broken, forms = client_of("Superuser"), set[str](), dict[str, Place]()
    for place in lists(there):
        forms |= {f"{form} {sorted(form.fields)}": form for form in forms_on(visit(client, place))}
    for form in forms.values():
        if form.url != "/admin/logout/":
            for bad in ("x\0", "9" * 40):
                fields = {name: bad for name in form.fields if name != "csrfmiddlewaretoken"}
                if bad.isdigit():  # Django builds the thousands of rows that it was told of
                    fields |= {name: value for name, value in form.fields.items() if name.endswith("_FORMS")}
                if visit(client, Place(url=form.url, method="POST", fields=fields)).status >= 500:
                    broken.add(f"{form.url} {bad!r}")
    assert not broken


def test_no_text_in_a_body_of_the_api_can_break_it(there: Installation) -> None:
    client, broken = client_of("Superuser"), []
    for place in operations(there):
        for name in place.fields:
            for bad in ("x\0", "\ud83d", "9" * 40, 10**40, -1, {"x": "\0"}, ["\0"], None):
                try_ = Place(url=place.url, method=place.method, fields=place.fields | {name: bad})
                broken += [f"{place} {name}={bad!r}"] if visit(client, try_).status >= 500 else []
    assert not broken


@pytest.mark.parametrize(
    ("address", "row"),
    [
        ("/ops/failures/?state=all&code=", "/ops/failures/{}/"),
        ("/ops/exchanges/?code=", "/ops/exchanges/{}/"),
        ("/ops/conversations/?owner=", "/ops/conversations/{}/"),
        ("/ops/conversations/?q=", "/ops/conversations/{}/"),
    ],
)
def test_nul_finds_nothing(there: Installation, address: str, row: str) -> None:
    """An empty list, and never the list of all."""
    client = client_of("Superuser")
    kind = address.split("/")[2]
    links = [row.format(one.pk) for one in there.rows.get(kind, [])]
    asked = client.get(f"{address}%00")
    assert asked.status_code == 200
    assert not [link for link in links if link in asked.content.decode()]

"""All addresses of the bridge, found in the resolver and in the API's schema, and what somebody gets there."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from channels_app.models import Channel
from tests.everywhere.installation import Installation
from tests.pages import forms_of

TYPED = "typed-by-somebody-just-now"
"""A secret that is entered in each field for one, together with something that the form refuses."""
API = "/api/v1/"
PARAMETERS: dict[str, tuple[str, ...]] = {
    "ops/figures/<slug:key>.csv": ("answer-time", "conversations", "handovers", "failures", "queue", "inbound"),
    "ops/failures/<int:group_id>/<slug:act>/": ("resolve", "mute", "reopen", "own", "disown"),
    "ops/bulk/<int:bulk_id>/<slug:act>/": ("start", "pause", "resume", "cancel"),
    "ops/conversations/<int:pk>/export/<slug:form>/": ("text", "json", "bug-report"),
    "ops/codes/<slug:code>/": ("CB-501",),
}
"""Of routes whose words are no ids of rows."""
PARTS = ("ops/?part=figures", "ops/bulk/<int:bulk_id>/?part=progress", "ops/workers/?part=now")
"""What pages fetch of themselves."""
QUERIES = {f"{API}handovers/conversations/": f"?kind=handover&key={'0' * 32}"}
"""What operations must be asked with."""
_PART = re.compile(r"<(?:\w+:)?(\w+)>")
MANY = frozenset({"webhookevent", "delivery", "offload", "conversation"})
IDS = frozenset({"object_id", "pk", "id", "group_id", "bulk_id", "uuid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something to open or to call. `fields`: of a form, or the body for the API."""

    url: str
    method: str = "GET"
    fields: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


# --- pages --------------------------------------------------------------------------------------------------------


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """All but the API's, which the schema knows better."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif not route.startswith((API[1:], "api/^")):  # the second: whatever else there might be
            yield route


def pages(there: Installation) -> list[Place]:
    return [Place(url=url) for route in (*routes(), *PARTS) for url in _addresses(route, there)]


def _addresses(route: str, there: Installation) -> Iterator[str]:
    """Each address that a route has here. Fails on a route that it can't fill in: tell it how."""
    if group := re.fullmatch(r"(.*)\^\(\?P<app_label>([\w|]+)\)/\$", route):
        yield from (f"/{group[1]}{label}/" for label in group[2].split("|"))
        return
    kinds = [_values(route, match, there) for match in _PART.finditer(route)]
    for values in product(*kinds):
        left = iter(values)
        yield "/" + _PART.sub(lambda _: next(left), route)  # noqa: B023 - used up at once


def _values(route: str, match: re.Match[str], there: Installation) -> tuple[str, ...]:
    name = match[1]
    if name == "content_type_id":
        return (str(ContentType.objects.get_for_model(Channel).pk),)
    if name not in IDS:
        return PARAMETERS[route]
    kind = route[: match.start()].rstrip("/").rpartition("/")[2]
    ids = _ids_of(kind if "content_type_id" not in kind else "channel", name, there)
    return ids[:1] if route.startswith("admin/") and kind in MANY else ids  # the operator pages show each of them


def _ids_of(kind: str, name: str, there: Installation) -> tuple[str, ...]:
    return (str(there.doors[kind].uuid),) if name == "uuid" else tuple(str(row.pk) for row in there.rows[kind])


# --- the API ------------------------------------------------------------------------------------------------------


def operations(there: Installation) -> list[Place]:
    """Each operation of the schema, with the body of its own example."""
    schema = SchemaGenerator().get_schema(public=True)
    return [
        Place(url=url, method=method.upper(), fields=_example(described) | _own(path, there))
        for path, methods in schema["paths"].items()
        for method, described in methods.items()
        for url in list(_filled(path, there))[: None if method == "get" else 1]
    ]


def _filled(path: str, there: Installation) -> Iterator[str]:
    found = re.search(r"{(\w+)}", path)
    if found is None:
        yield path + QUERIES.get(path, "")
    elif found[1] == "code":
        yield path.replace(found[0], "CB-501")
    else:
        kind = path[: found.start()].rstrip("/").rpartition("/")[2]
        yield from (path.replace(found[0], value) for value in _ids_of(kind, found[1], there))


def _example(described: dict[str, Any]) -> dict[str, Any]:
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = content.get("examples", {})
    return dict(next(iter(examples.values()), {"value": {}})["value"])


def _own(path: str, there: Installation) -> dict[str, Any]:
    """What an example can't know of this installation."""
    if path.endswith("/channels/{id}/delete/"):
        return {"name": there.rows["channel"][0].name}
    if path.endswith(("/channels/", "/channels/{id}/")):
        return {"bot": there.rows["bot"][0].pk}
    return {"group": there.rows["failures"][0].pk} if path.endswith("/bulk-retries/") else {}


# --- what somebody gets -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one request got: the place, the status, and all that was sent to the browser."""

    place: Place
    status: int
    text: str
    headers: dict[str, str]


def visit(client: Client, place: Place) -> Seen:
    """Ask, read all of the answer, and undo what it did, a log-out too."""
    kept = copy.deepcopy(client.cookies)
    with transaction.atomic():
        if place.url.startswith(API) and place.method != "GET":
            body = json.dumps(place.fields)
            response: Any = client.generic(place.method, place.url, body, content_type="application/json")
        elif place.method == "POST":
            response = client.post(place.url, place.fields)
        else:
            response = client.get(place.url)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    client.cookies = kept
    headers = dict(response.items())
    cookies = response.cookies.output()
    text = "\n".join([content.decode(errors="replace"), *map(str, headers.values()), cookies])
    return Seen(place=place, status=response.status_code, text=text, headers=headers)


def forms_on(seen: Seen) -> list[Place]:
    """What a page's forms would send: what they offer, and if they take secrets, a try that has to be refused."""
    found = []
    for form in forms_of(seen.text):
        url = form.action or seen.place.url
        found.append(Place(url=url, method="POST", fields={"confirmed": "yes", **form.values}))
        if form.secrets:
            fields = {**form.values, "name": "", **dict.fromkeys(form.secrets, TYPED)}
            found.append(Place(url=url, method="POST", fields=fields))
    return found

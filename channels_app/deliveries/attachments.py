"""Files of a reply: uploaded before it, or links in it, or left out."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from channels_app.adapters.inboxes.media import medium_of
from channels_app.channels.live import LiveChannel
from channels_app.codes import describe
from channels_app.conversations.lease import Lease
from channels_app.deliveries.media import TIMEOUT_S, Media, contact_link, fetch_media
from channels_app.models import Delivery, DeliveryKind, DeliveryState
from channels_app.protocol import Outgoing, OutgoingMessage
from channels_app.protocol.errors import BridgeError, Effect, RefusedError, TemporaryError

MAX_FILES = 8
"""Files that a process fetches and uploads at a time: 80 MB of disk, or of memory where /tmp lies in it."""
_places = threading.BoundedSemaphore(MAX_FILES)


def upload_file(lease: Lease, channel: LiveChannel, delivery: Delivery) -> None:
    """Fetch a file and put it where the reply can name it. RefusedError: it goes as a link, or not at all."""
    payload = delivery.payload
    with _place(), _fetched(payload) as media:
        problem = medium_of(lease.medium).file_problem(media.type.name, len(media.data))
        if problem:
            raise RefusedError(problem)
        name = media.rightly_named(payload["filename"])
        if name != payload["filename"]:
            payload["sent_as"] = name
            Delivery.objects.filter(pk=delivery.pk).update(payload=payload)
        channel.inbox.upload(lease.external_id, name, media.type.name, media.data)


@contextmanager
def _place() -> Iterator[None]:
    """One of the places for files in this process. TemporaryError: none got free in time."""
    if not _places.acquire(timeout=TIMEOUT_S):
        raise TemporaryError(f"{MAX_FILES} other files are on their way.", effect=Effect.NONE)
    try:
        yield
    finally:
        _places.release()


def _fetched(payload: Mapping[str, str]) -> Media:
    """The file. RefusedError for any problem with the file server or our disk: the contact gets the link."""
    try:
        return fetch_media(payload["url"], payload["content_type"], payload["filename"])
    except BridgeError as error:
        raise RefusedError(error.detail) from error  # the status is not the inbox's
    except OSError as error:
        raise RefusedError(f"The file can't be kept here for its upload: {error.strerror}.") from error


def with_links(delivery: Delivery) -> Outgoing:
    """The reply as it can be sent now: a file that could not be uploaded becomes its link, if the contact could open
    that."""
    outgoing = delivery.outgoing
    links = delivery.payload["links"]
    if not links:
        return outgoing
    uploads = Delivery.objects.filter(event_id=delivery.event_id, kind=DeliveryKind.ATTACHMENT)
    payloads = [row.payload for row in uploads.filter(state=DeliveryState.SENT)]
    uploaded = {payload["filename"]: payload.get("sent_as", payload["filename"]) for payload in payloads}
    messages = (_or_link(message, links, uploaded) for message in outgoing.messages)
    return replace(outgoing, messages=tuple(message for message in messages if message != OutgoingMessage()))


def _or_link(message: OutgoingMessage, links: dict[str, str], uploaded: dict[str, str]) -> OutgoingMessage:
    name = message.attachment_name
    if not name or name in uploaded:
        return replace(message, attachment_name=uploaded.get(name, ""))
    link = contact_link(links[name])
    return OutgoingMessage(text="\n".join(part for part in (message.text, link) if part))


def left_out(delivery: Delivery, error: BridgeError) -> BridgeError | None:
    """The same error of a file that can't go as its link either; None: it can."""
    if contact_link(delivery.payload["url"]):
        return None
    problem = describe("CB-613", problem=error.detail.rstrip("."))
    return RefusedError(problem, status=error.status, trace_id=error.trace_id)


def lost_files(delivery: Delivery) -> str:
    """What could not be shown of a reply that had only files, with the reasons, for operators."""
    uploads = Delivery.objects.filter(event_id=delivery.event_id, kind=DeliveryKind.ATTACHMENT).order_by("seq")
    reasons = dict.fromkeys(uploads.exclude(state=DeliveryState.SENT).values_list("last_error", flat=True))
    return "; ".join(["nothing but a file", *(reason.rstrip(".") for reason in reasons if reason)])


def drop_attachments(delivery: Delivery) -> bool:
    """Let a refused reply go without its files, as links; False if it had none that were uploaded."""
    uploads = Delivery.objects.filter(
        event_id=delivery.event_id, kind=DeliveryKind.ATTACHMENT, state=DeliveryState.SENT
    )
    if not delivery.payload["links"]:
        return False
    return bool(
        uploads.update(state=DeliveryState.REFUSED, last_error="The inbox refused the message that contained it.")
    )

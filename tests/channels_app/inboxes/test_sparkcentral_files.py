"""What a contact sends that is no text, in all forms that a platform may choose: none of them is documented."""

from typing import Any

import pytest

from channels_app.adapters.inboxes.sparkcentral_files import read_files
from channels_app.protocol import ContactMessage
from channels_app.protocol.contact_message import ContactFile, FileKind

PHOTO = "https://files.example/photo.jpg?token=1"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, []),
        ({"text": "Hello", "type": "text"}, []),
        ({"type": "IMAGE"}, ["[image]"]),
        ({"type": "sticker"}, ["[sticker]"]),
        ({"attachments": [{"type": "image", "url": PHOTO}]}, ["[image]"]),
        ({"attachments": [{"url": PHOTO}, {"name": "offer.pdf"}]}, ["[image]", "[document]"]),
        ({"attachments": [{"type": "file", "name": "holiday.mp4"}]}, ["[video]"]),
        ({"attachments": [PHOTO, PHOTO]}, ["[image]"]),
        ({"attachment": {"contentType": "audio/ogg; codecs=opus"}}, ["[audio]"]),
        ({"attachment": "voice.mp3"}, ["[audio]"]),
        ({"attachment": {"type": "template"}}, ["[attachment]"]),
        ({"media": {"mediaType": "application/pdf", "mediaUrl": "https://x.example/1"}}, ["[document]"]),
        ({"location": {"latitude": 51.2, "longitude": 4.4}}, ["[location 51.2,4.4]"]),
        ({"location": {"latitude": "51.21945", "longitude": "-4.402464"}}, ["[location 51.21945,-4.40246]"]),
        ({"attachments": [{"type": "location", "coordinates": {"lat": 0, "long": 0}}]}, ["[location 0,0]"]),
        ({"text": "Here", "payload": {"lat": 51.2, "lng": 4.4}}, ["[location 51.2,4.4]"]),
        ({"location": {"latitude": 91, "longitude": 4}}, ["[attachment]"]),
        ({"location": {"latitude": "nan", "longitude": True}}, ["[attachment]"]),
        ({"type": "location", "location": None}, ["[location]"]),
        ({"attachments": [None, 3, "", {}, []], "media": "", "file": False}, []),
        ({"attachments": [{"name": f"{n}.png"} for n in range(30)]}, ["[image]"] * 10),
        ({"payload": {"nextDialogstateId": "menu"}}, []),
    ],
)
def test_a_file_is_known_by_whatever_tells_of_it(message: dict[str, Any], expected: list[str]) -> None:
    assert [file.placeholder for file in read_files(message)] == expected


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "HTTPS", "ftp://x/a.png"])
def test_only_a_web_address_is_passed_on(url: str) -> None:
    assert [file.url for file in read_files({"attachment": {"url": url, "type": "image"}})] == [""]


def test_all_that_is_told_of_a_file_is_kept() -> None:
    told = {"type": "document", "url": PHOTO, "fileName": "Offer.PDF", "mimeType": "Application/PDF"}
    kept = ContactFile(kind=FileKind.DOCUMENT, url=PHOTO, name="Offer.PDF", content_type="application/pdf")
    assert read_files({"attachment": told}) == (kept,)


PLACE = ContactFile(kind=FileKind.LOCATION, latitude=51.2, longitude=4.4)
IMAGE = ContactFile(kind=FileKind.IMAGE)


@pytest.mark.parametrize(
    ("message", "is_only_files", "words"),
    [
        (ContactMessage(text="Hello"), False, "Hello"),
        (ContactMessage(text="Look", files=(IMAGE,)), False, "Look"),
        (ContactMessage(files=(IMAGE, IMAGE)), True, "[image] [image]"),
        (ContactMessage(), True, "[attachment]"),
        (ContactMessage(payload="parcel"), False, ""),
        (ContactMessage(files=(PLACE,)), False, "[location 51.2,4.4]"),
        (ContactMessage(files=(IMAGE, PLACE)), False, "[image] [location 51.2,4.4]"),
        (ContactMessage(files=(ContactFile(kind=FileKind.LOCATION),)), True, "[location]"),
    ],
)
def test_a_place_can_be_read_and_other_files_not(message: ContactMessage, is_only_files: bool, words: str) -> None:
    assert (message.is_only_files, message.words) == (is_only_files, words)

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.lib import jsons
from channels_app.lib.jsons import MAX_DEPTH, MAX_TEXT, JsonObject, LongNumber, moment, read, read_object
from channels_app.protocol.errors import PayloadError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(-1e18, 1e18)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(categories=["L"])), inner),
)


@given(VALUES)
def test_a_sound_document_is_read_as_it_is(value: Any) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(json.dumps(value, ensure_ascii=False).encode()) == value


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def nested_objects(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        "{}".encode("utf-16"),
        b"NaN",
        b"[-Infinity]",
        nested(100_000),
    ],
)
def test_what_could_hurt_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_DEPTH),
        nested_objects(MAX_DEPTH),
        nested(MAX_DEPTH + 2),
        nested_objects(MAX_DEPTH + 1),
        json.dumps([0] * 500_000).encode(),
        b"\xef\xbb\xbf{}",
        b' {"a": 1} ',
        b"18446744073709551615",
    ],
)
def test_what_is_only_unusual_is_read(body: bytes) -> None:
    read(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"a\u0000b"', "a\ufffdb"),
        (b'"a\\ud83db"', "a\ufffdb"),
        (rb'"\\u0000"', "\\u0000"),  # the six letters, which are harmless
        (rb'"\ud83d\ude00"', "😀"),
        (b'"\xed\xa0\xbd"', "\ufffd"),
        (b'"a\x00b"', "a\ufffdb"),
        (b'"two\nlines\t\x01"', "two\nlines\t\x01"),
        (json.dumps("x" * (MAX_TEXT + 1)).encode(), "x" * MAX_TEXT),
    ],
)
def test_text_is_cleaned_of_what_can_not_be_stored(body: bytes, text: str) -> None:
    assert read(body) == text
    assert read_object(b'{"a": {%s: [%s]}}' % (body, body)) == {"a": {text: [text]}}


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1"])
def test_an_object_is_an_object(body: bytes) -> None:
    with pytest.raises(PayloadError, match="must be a JSON object"):
        read_object(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-04-28T09:43:26.635984618Z", "2022-04-28T09:43:26.635984+00:00"),
        ("2022-04-28T09:43:26Z", "2022-04-28T09:43:26+00:00"),
        ("2022-04-28T11:43:26.5+02:00", "2022-04-28T09:43:26.500000+00:00"),
        ("2022-04-28T09:43:26", None),
        ("2022-04-28", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("", None),
        ("2022-04-28t09:43:26.5z", "2022-04-28T09:43:26.500000+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31T15:59:60.25-08:00", "2017-01-01T00:00:00.250000+00:00"),
        ("2022-04-28T09:60:26Z", None),
        ("2022-04-28T09:43:61Z", None),
        ("9999-12-31T23:59:60Z", None),
        (None, None),
        (1651139006, None),
    ],
)
def test_a_moment_needs_its_offset(text: Any, expected: str | None) -> None:
    found = moment(text)
    assert (found.isoformat() if found else None) == expected


@given(st.text())
def test_no_text_breaks_a_moment(text: str) -> None:
    assert moment(text) is None or moment(text)


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False), is_listed=st.booleans())
def test_a_number_that_nobody_counts_with_is_kept_by_its_digits(number: float, is_listed: bool) -> None:
    digits = json.dumps(number)
    expected = number if abs(number) < jsons.MAX_NUMBER else LongNumber(digits)
    found = read(f"[{digits}]".encode() if is_listed else digits.encode())
    assert found == ([expected] if is_listed else expected)


@pytest.mark.parametrize(
    "digits", ["1e999", "-1E+999", str(2**64), "9" * 400, "9" * 5000, "1." + "9" * 70_000 + "e400"]
)
def test_a_number_of_any_size_is_no_text_of_ours(digits: str) -> None:
    document = JsonObject.read(f'{{"text": {digits}, "list": [{digits}], "kept": 1}}'.encode())
    assert document.values["kept"] == 1
    with pytest.raises(PayloadError, match=r"^text: must be text$"):
        document.text("text")
    with pytest.raises(PayloadError, match=r"^list\[0\]: must be text$"):
        list(document.texts("list"))


def test_what_is_nested_too_deep_is_left_out() -> None:
    inner: Any = read(b'{"a":' * (MAX_DEPTH + 5) + b"1" + b"}" * (MAX_DEPTH + 5))
    levels = 0
    while inner is not None:
        inner, levels = inner["a"], levels + 1
    assert levels == MAX_DEPTH + 1


def test_an_object_knows_its_place() -> None:
    document = JsonObject.read(b'{"a": {"b": [{"c": 1}]}, "none": null, "blank": " "}')
    inner = document.object("a")
    assert inner
    [item] = inner.objects("b")
    with pytest.raises(PayloadError, match=r"^a\.b\[0\]\.c: must be text$"):
        item.text("c")
    assert (document.text("none"), document.has("none"), document.object("none")) == ("", False, None)
    assert [*document.texts("none"), *document.objects("none")] == []
    with pytest.raises(PayloadError, match="blank: is missing"):
        document.required_text("blank")
    with pytest.raises(PayloadError, match=r"^a\?b: must be text$"):
        JsonObject({"a\nb": 1}).text("a\nb")


_LARGEST = jsons.MAX_NUMBER - 1
_NUMBERS = st.integers(-_LARGEST, _LARGEST) | st.floats(-1e19, 1e19)
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text()
_DOCUMENTS = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=40)


@given(document=_DOCUMENTS, is_ascii=st.booleans(), depth=st.sampled_from([0, 0, 63, 64, 65, 70]))
def test_what_is_not_walked_needs_no_walk(document: Any, is_ascii: bool, depth: int) -> None:
    text = "[" * depth + json.dumps(document, ensure_ascii=is_ascii) + "]" * depth
    body = text.encode("utf-8", "surrogatepass")
    found = json.loads(body.decode("utf-8", "surrogatepass"))
    assert read(body) == jsons._cleaned(found, jsons.MAX_DEPTH)

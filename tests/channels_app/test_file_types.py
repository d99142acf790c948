"""What is in a file decides what it is, and whether agents get it or its link."""

import io
import zipfile

import pytest

from channels_app.deliveries.file_types import Content, recognise

BODY = b"\1" * 60


def packed(*names: str, mimetype: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if mimetype:
            archive.writestr(zipfile.ZipInfo("mimetype"), mimetype)
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "<x/>" * 30)  # dated 1980: names of tests must not tell the time
    return file.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
ODT = "application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize(
    ("data", "told", "ending", "expected"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "", "", "image/jpeg"),
        (b"\xff\xd8\xff\xdb\0C\0", "image/png", ".png", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "text/html", ".html", "image/png"),
        (b"GIF89a", "application/octet-stream", ".js", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "", "", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/x-wav", ".wav", "audio/wav"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "", "", "image/bmp"),
        (b"II*\0\x08\0\0\0", "", "", "image/tiff"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "", "", "image/heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "", "", "image/avif"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "", "", "video/mp4"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "audio/mp4", ".m4a", "audio/mp4"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "", "", "audio/mp4"),
        (b"\0\0\0\x14ftypqt  ", "", "", "video/quicktime"),
        (b"\0\0\0\x14ftyp3gp4", "", "", "video/3gpp"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\1B\x82\x84webm", "", "", "video/webm"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\1B\x82\x84webm", "audio/webm", "", "audio/webm"),
        (b"ID3\3\0\0\0\0\0\x0a", "", "", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "", "", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "", "", "audio/aac"),
        (b"OggS\0\2", "application/ogg", ".ogg", "audio/ogg"),
        (b"OggS\0\2", "video/ogg", ".ogv", "video/ogg"),
        (b"#!AMR\n", "", "", "audio/amr"),
        (b"%PDF-1.7\n", "text/plain", ".txt", "application/pdf"),
        (b"\xef\xbb\xbf%PDF-1.7\n", "", "", "application/pdf"),
        (OLE, "application/msword", ".doc", "application/msword"),
        (OLE, "application/octet-stream", ".xls", "application/vnd.ms-excel"),
        (
            packed("[Content_Types].xml", "word/document.xml"),
            "",
            "",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            packed("xl/workbook.xml", "[Content_Types].xml"),
            "application/zip",
            ".zip",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (packed("content.xml", mimetype=ODT), "", "", ODT),
        ("Grüße\n".encode(), "text/plain", "", "text/plain"),
        ("Grüße\n".encode("latin-1"), "text/plain", ".txt", "text/plain"),
        (b"a;b\r\n1;2\r\n", "text/csv", ".csv", "text/csv"),
        (b"a;b\r\n1;2\r\n", "application/octet-stream", ".csv", "text/csv"),
        (b"BEGIN:VCALENDAR\r\n", "text/calendar", ".ics", "text/calendar"),
        (b"BEGIN:VCARD\r\n", "text/x-vcard", ".vcf", "text/vcard"),
        (b"1 < 2 and <3", "text/plain", "", "text/plain"),
    ],
)
def test_agents_get(data: bytes, told: str, ending: str, expected: str) -> None:
    found = recognise(
        Content.holding(data + (b"" if data.startswith((b"PK", b"a;b")) or told.startswith("text/") else BODY)),
        told,
        ending,
    )
    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize(
    ("data", "told", "ending"),
    [
        (b"<!DOCTYPE html><p>Hi", "text/html", ".html"),
        (b"<!DOCTYPE html><p>Hi", "image/png", ".png"),
        (b"<!DOCTYPE html><p>Hi", "text/plain", ".txt"),
        (b"\xef\xbb\xbf\r\n  <html>", "text/plain", ".txt"),
        (b"words first, then < SCRIPT >alert(1)</script>", "text/plain", ".txt"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", ".svg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", ".png"),
        (b"<?xml version='1.0'?><a/>", "application/xml", ".xml"),
        (b"alert(1)", "text/javascript", ".js"),
        (b"alert(1)", "application/octet-stream", ".js"),
        (b"alert(1)", "text/plain", ".js"),
        (b"echo hello", "text/plain", ".bat"),
        (b"#!/bin/sh\nrm", "application/x-sh", ".sh"),
        (b"{}", "application/json", ".json"),
        (b"MZ\x90\0\3" + bytes(60), "application/x-msdownload", ".exe"),
        (b"MZ\x90\0\3" + bytes(60), "image/png", ".png"),
        (b"\x7fELF\2\1\1" + bytes(60), "application/octet-stream", ""),
        (OLE, "application/octet-stream", ".msi"),
        (OLE, "application/x-msi", ".doc"),
        (packed("setup.exe"), "application/zip", ".zip"),
        (packed("setup.exe"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
        (packed("META-INF/MANIFEST.MF"), "application/java-archive", ".jar"),
        (packed("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "", ".docm"),
        (packed("Basic/script-lc.xml", "content.xml", mimetype=ODT), ODT, ".odt"),
        (packed("a", mimetype="text/html"), "", ".odt"),
        (b"PK\x03\x04 and no archive", "", ".docx"),
        (b"words", "image/png", ".png"),
        (b"words", "", ""),
        (bytes(range(7, 200)), "text/plain", ".txt"),
        (b"", "image/png", ".png"),
    ],
)
def test_agents_get_the_link(data: bytes, told: str, ending: str) -> None:
    assert recognise(Content.holding(data), told, ending) is None


def test_an_archive_of_very_many_files_is_not_looked_into() -> None:
    """Python reads an archive's list of files whole: a hundred times as much memory as the list takes in the file."""
    document = "[Content_Types].xml", "word/document.xml"
    assert recognise(Content.holding(packed(*document, *(f"{n:0>200}" for n in range(4_000)))), "", "") is not None
    assert recognise(Content.holding(packed(*document, *(f"{n:0>200}" for n in range(5_000)))), "", "") is None

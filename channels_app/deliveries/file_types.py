"""Which files reach an agent, and how each is recognised: by its content, not by its declared type.

What isn't in this list is passed on as a link: pages, scripts and drawings that can run scripts (HTML, XML, SVG,
JavaScript), programs, archives, documents with macros, and unknown types.
"""

import codecs
import re
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from io import SEEK_END
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile
from typing import BinaryIO, Self

UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-download"})
"""What servers say that don't know the type."""
MACROS = "vbaproject.bin"
MAX_MIMETYPE = 100
"""Bytes of the file in an OpenDocument that names its type; it is stored unpacked."""
MAX_DIRECTORY = 1_000_000
"""Bytes that the list of an archive's files may take: a document has some dozens, and Python reads the list whole."""
BROKEN = (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, NotImplementedError, RuntimeError)


class Content:
    """A file on the disk that is read like bytes: however large it is, no copy of it is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        is_empty = file.seek(0, SEEK_END) == 0  # what holds nothing can't be mapped
        self._map = None if is_empty else mmap(file.fileno(), 0, access=ACCESS_READ)
        self.data = memoryview(b"" if self._map is None else self._map)

    @classmethod
    def holding(cls, data: bytes) -> Self:
        file = TemporaryFile()  # noqa: SIM115 closed with the content
        file.write(data)
        return cls(file)

    def close(self) -> None:
        with suppress(BufferError):  # a call that failed may still be looked at; then it closes with that
            self.data.release()
            if self._map is not None:
                self._map.close()
        self.file.close()


@dataclass(frozen=True, slots=True)
class FileType:
    """`endings` of its files' names, the usual one first; `aliases`: what else the type is called."""

    name: str
    endings: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    def is_meant(self, told: str, ending: str) -> bool:
        return told == self.name or told in self.aliases or (told in UNTOLD and ending in self.endings)


# The beginning of a file, and what it may be: the first, unless declared as another of them.
_BY_HEAD = (
    (rb"\xff\xd8\xff", FileType("image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"))),
    (rb"\x89PNG\r\n\x1a\n", FileType("image/png", (".png",))),
    (rb"GIF8[79]a", FileType("image/gif", (".gif",))),
    (rb"RIFF.{4}WEBP", FileType("image/webp", (".webp",))),
    (rb"RIFF.{4}WAVE", FileType("audio/wav", (".wav",))),
    (rb"BM.{4}\0{4}", FileType("image/bmp", (".bmp",))),
    (rb"II\*\0|MM\0\*", FileType("image/tiff", (".tif", ".tiff"))),
    (rb".{4}ftyp(?:hei[cmsx]|hevc|mif1|msf1)", FileType("image/heic", (".heic", ".heif"))),
    (rb".{4}ftypavi[fs]", FileType("image/avif", (".avif",))),
    (rb".{4}ftypM4[AB] ", FileType("audio/mp4", (".m4a", ".m4b", ".mp4"))),
    (rb".{4}ftypqt  ", FileType("video/quicktime", (".mov", ".qt"))),
    (rb".{4}ftyp3g", FileType("video/3gpp", (".3gp", ".3g2")), FileType("audio/3gpp", (".3gp",))),
    (
        rb".{4}ftyp(?:isom|iso\d|mp4\d|avc1|dash|mmp4|MSNV|M4V |f4v )",
        FileType("video/mp4", (".mp4", ".m4v")),
        FileType("audio/mp4", (".m4a", ".mp4"), ("audio/x-m4a", "audio/m4a")),
    ),
    (
        rb"\x1aE\xdf\xa3.{,60}webm",
        FileType("video/webm", (".webm",)),
        FileType("audio/webm", (".weba", ".webm")),
    ),
    (
        rb"OggS",
        FileType("audio/ogg", (".ogg", ".oga", ".opus")),
        FileType("video/ogg", (".ogv",)),
    ),
    (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", FileType("audio/mpeg", (".mp3", ".mpga"))),
    (rb"\xff[\xf0\xf1\xf8\xf9]", FileType("audio/aac", (".aac",))),
    (rb"#!AMR", FileType("audio/amr", (".amr",))),
    (rb"(?:\xef\xbb\xbf)?\s{,16}%PDF-", FileType("application/pdf", (".pdf",))),
)
_HEADS = tuple((re.compile(head, re.DOTALL), types) for head, *types in _BY_HEAD)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# An installer (MSI) begins like these, so it must be declared as one of them.
_OLE_TYPES = (
    FileType("application/msword", (".doc",)),
    FileType("application/vnd.ms-excel", (".xls",)),
    FileType("application/vnd.ms-powerpoint", (".ppt",)),
)

_OOXML = "application/vnd.openxmlformats-officedocument."
_OFFICE = {
    "word/": FileType(f"{_OOXML}wordprocessingml.document", (".docx",)),
    "xl/": FileType(f"{_OOXML}spreadsheetml.sheet", (".xlsx",)),
    "ppt/": FileType(f"{_OOXML}presentationml.presentation", (".pptx",)),
}
_ODF = "application/vnd.oasis.opendocument."
_OPEN_DOCUMENTS = (
    FileType(f"{_ODF}text", (".odt",)),
    FileType(f"{_ODF}spreadsheet", (".ods",)),
    FileType(f"{_ODF}presentation", (".odp",)),
)

# Nothing in a text identifies it as one, so it must be declared, and its name must not contradict.
_TEXTS = (
    FileType("text/plain", (".txt", ".text", ".log", ".md")),
    FileType("text/csv", (".csv",), ("application/csv", "text/x-csv")),
    FileType("text/calendar", (".ics",)),
    FileType("text/vcard", (".vcf",), ("text/x-vcard", "text/directory")),
)
_TEXT_ENDINGS = frozenset({"", *(ending for type_ in _TEXTS for ending in type_.endings)})
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_MARKUP = re.compile(
    rb"\s*<|.*?<\s*[!?/]?(?:doctype|html|head|body|script|svg|iframe|object|embed|xml)\b", re.I | re.S
)


def recognise(content: Content, told: str, ending: str) -> FileType | None:
    """A file's type, if it is one we pass on. `told`: its declared type, in lower case; `ending`: that
    of its name, ".pdf". They only decide between types that its content allows."""
    data, start = content.data, bytes(content.data[: len(_OLE)])
    if start.startswith(b"PK\x03\x04"):
        return _office_type(content)
    if start == _OLE:
        return _meant(_OLE_TYPES, told, ending)
    for head, types in _HEADS:
        if head.match(data):
            return _meant(types, told, ending) or types[0]
    words_at = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    if ending in _TEXT_ENDINGS and not _NO_TEXT.search(data) and not _MARKUP.match(data, words_at):
        return _meant(_TEXTS, told, ending)
    return None


def _meant(types: "tuple[FileType, ...] | list[FileType]", told: str, ending: str) -> FileType | None:
    return next((type_ for type_ in types if type_.is_meant(told, ending)), None)


_DIRECTORY_END = b"PK\x05\x06"
_END_SIZE = 22
"""Bytes of what stands at an archive's end, without the comment behind it, of at most 65,535."""
_LARGE_END, _LARGE_END_SIZE = b"PK\x06\x07", 20
"""Stands before the end of an archive whose sizes need more than 32 bits: what holds a document doesn't."""


def _has_small_directory(data: memoryview) -> bool:
    """Whether an archive's list of files may be read: its end is looked for as Python does it."""
    start = max(len(data) - _END_SIZE, 0)
    if bytes(data[start : start + 4]) != _DIRECTORY_END:
        tail_at = max(start - 0xFFFF, 0)
        start = tail_at + bytes(data[tail_at:]).rfind(_DIRECTORY_END)
    is_large = bytes(data[max(start - _LARGE_END_SIZE, 0) : start]).startswith(_LARGE_END)
    return not is_large and int.from_bytes(data[start + 12 : start + 16], "little") <= MAX_DIRECTORY


def _office_type(content: Content) -> FileType | None:
    """What a ZIP file is by what it holds; nothing of it is unpacked."""
    if not _has_small_directory(content.data):
        return None
    try:
        with zipfile.ZipFile(content.file) as archive:
            names = archive.namelist()
            if any(name.lower().endswith(MACROS) or name.startswith("Basic/") for name in names):
                return None
            if "[Content_Types].xml" in names:
                return next((type_ for folder, type_ in _OFFICE.items() if _holds(names, folder)), None)
            if "mimetype" not in names or archive.getinfo("mimetype").file_size > MAX_MIMETYPE:
                return None
            told = archive.read("mimetype").decode("ascii", "replace").strip()
            return _meant(_OPEN_DOCUMENTS, told, "")
    except BROKEN:
        return None


def _holds(names: list[str], folder: str) -> bool:
    return any(name.startswith(folder) for name in names)

"""winmail.dat as Exchange makes it ([MS-OXTNEF])."""

import struct

from . import plain, word
from .file import File

MESSAGE, ATTACHMENT = 1, 2
ATT_MESSAGE_CLASS, ATT_MAPI, ATT_REND, ATT_DATA, ATT_TITLE = 0x00078008, 0x00069003, 0x00069002, 0x0006800F, 0x00018010
ATT_VERSION, ATT_CODEPAGE, ATT_SUBJECT, ATT_BODY = 0x00089006, 0x00069007, 0x00018004, 0x0002800C


def _attribute(level, name, data):
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _property(tag, data):
    """One MAPI property of a variable length."""
    return struct.pack("<III", tag, 1, len(data)) + data + b"\0" * (-len(data) % 4)


def _begin():
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + _attribute(MESSAGE, ATT_VERSION, struct.pack("<I", 0x00010000))
        + _attribute(MESSAGE, ATT_CODEPAGE, struct.pack("<II", 1252, 0))
        + _attribute(MESSAGE, ATT_MESSAGE_CLASS, b"IPM.Microsoft Mail.Note\0")
    )


def tnef_body(random, draft):
    """The text as a MAPI property, in UTF-16, or as the older attribute."""
    text = plain.text(random, draft)
    octets = _begin() + _attribute(MESSAGE, ATT_SUBJECT, b"message\0")
    if random.random() < 0.6:
        octets += _attribute(
            MESSAGE, ATT_MAPI, struct.pack("<I", 1) + _property(0x1000001F, text.encode("utf-16le") + b"\0\0")
        )
    else:
        octets += _attribute(MESSAGE, ATT_BODY, text.encode("windows-1252", "replace") + b"\0")
    return File("dat", "application/ms-tnef", octets, "winmail")


def tnef_file(random, draft):
    """A document within."""
    inner = word.as_docx(random, draft)
    octets = _begin() + _attribute(ATTACHMENT, ATT_REND, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0))
    octets += _attribute(ATTACHMENT, ATT_TITLE, b"letter.docx\0") + _attribute(ATTACHMENT, ATT_DATA, inner.octets)
    return File("dat", random.choice(["application/ms-tnef", "application/octet-stream"]), octets, "winmail")

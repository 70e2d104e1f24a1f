"""Drafts carried by the mail's own text."""

import base64
import binascii

from ..draft import Table
from . import mime, plain, web


def _fits(text, charset):
    try:
        text.encode(charset)
        return True
    except UnicodeEncodeError:
        return False


def _wide(text):
    """The charset a Western mailer picks."""
    return next((name for name in ("iso-8859-1", "windows-1252") if _fits(text, name)), "utf-8")


def plain_7bit(random, draft):
    text = plain.text(random, draft, random.choice([None, 72, 76]))
    if text.isascii() and max(map(len, text.split("\n"))) < 900:
        return mime.text(text, charset="us-ascii", encoding="7bit")
    return mime.text(text, encoding="quoted-printable")


def plain_8bit(random, draft):
    text = plain.text(random, draft, 76)
    charset = random.choice(["utf-8", _wide(text)])
    return mime.text(text, charset=charset, encoding="8bit")


def plain_printable(random, draft):
    text = plain.text(random, draft)
    return mime.text(text, charset=random.choice(["utf-8", _wide(text)]), encoding="quoted-printable")


def plain_base64(random, draft):
    text = plain.text(random, draft)
    charset = random.choice(["utf-8", "iso-8859-15" if _fits(text, "iso-8859-15") else "utf-8", _wide(text)])
    return mime.text(text, charset=charset, encoding="base64")


def utf16(random, draft):
    charset = random.choice(["utf-16", "utf-16le", "utf-16be"])
    return mime.text(plain.text(random, draft), charset=charset, encoding="base64")


def utf7(random, draft):
    return mime.text(plain.text(random, draft), charset="utf-7", encoding="quoted-printable")


def charset_lie(random, draft):
    """Named wrongly, unknown or not at all."""
    text = plain.text(random, draft, 76)
    charset = random.choice(["utf-8", _wide(text)])
    declared = random.choice(["us-ascii", "", "iso-8859-1", "utf-8", "x-unknown", "ansi_x3.110-1983"])
    return mime.text(text, charset=charset, encoding="8bit", declared=declared)


def no_type(random, draft):
    text = plain.text(random, draft, 76)
    return mime.Part([], mime.lines(text.encode()))


def _stuffed(line):
    """RFC 3676 section 4.4."""
    return " " + line if line.startswith((" ", ">", "From ")) else line


def flowed(random, draft):
    """Format=flowed (RFC 3676): a space at a line's end joins it to the next."""
    text = plain.text(random, draft)
    out = []
    for line in text.split("\n"):
        parts = plain.wrapped(line, 66).split("\n")
        out += [part + " " for part in parts[:-1]] + [parts[-1].rstrip(" ")]
    return mime.text("\n".join(map(_stuffed, out)), encoding="8bit", extra="; format=flowed")


def flowed_delsp(random, draft):
    """The space goes with the line's end: any word, any number may be cut."""
    text = plain.text(random, draft)
    out = []
    for line in text.split("\n"):
        while len(line) > 68:
            out.append(line[:68] + " ")
            line = line[68:]
        out.append(line.rstrip(" "))
    return mime.text("\n".join(map(_stuffed, out)), encoding="quoted-printable", extra="; format=flowed; delsp=yes")


def html_printable(random, draft):
    document = web.document(random, draft)
    return mime.text(document, "html", encoding="quoted-printable")


def html_base64(random, draft):
    charset = "utf-8"
    document = web.document(random, draft, charset)
    return mime.text(document, "html", charset=charset, encoding="base64")


def html_windows(random, draft):
    document = web.document(random, draft, "windows-1252", random.choice(["outlook", "plain", "breaks"]))
    return mime.text(document, "html", charset="windows-1252", encoding="quoted-printable", errors="xmlcharrefreplace")


def alternative(random, draft):
    first = mime.text(plain.text(random, draft, 76), encoding="quoted-printable")
    return mime.multipart(random, "alternative", [first, html_printable(random, draft)])


def alternative_html_only(random, draft):
    first = mime.text(
        random.choice(["Your mail program does not show HTML.", "", "View this message in a browser."]),
        encoding="7bit",
        charset="us-ascii",
    )
    return mime.multipart(random, "alternative", [first, html_base64(random, draft)])


def alternative_plain_only(random, draft):
    """What the reader is not shown travels all the same."""
    first = mime.text(plain.text(random, draft, 76), encoding="quoted-printable")
    return mime.multipart(
        random,
        "alternative",
        [first, mime.text("<p>Thank you, done.</p>", "html", encoding="7bit", charset="us-ascii")],
    )


def related(random, draft):
    pixel = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==")
    logo = mime.Part(
        [
            ("Content-Type", "image/gif"),
            ("Content-Transfer-Encoding", "base64"),
            ("Content-ID", "<logo@x>"),
            ("Content-Disposition", "inline"),
        ],
        mime.encoded(pixel, "base64"),
    )
    return mime.multipart(random, "related", [html_printable(random, draft), logo], '; type="text/html"')


BLAND = [
    "Thanks, will do.",
    "Noted.",
    "See below",
    "FYI",
    "Any thoughts?",
    "Can you pick this up please",
    "Done - see trail.",
    "As below, sorry for the delay.",
    "Ta",
    "Looping in the team.",
]


def thread_quoted(random, draft):
    text = plain.text(random, draft, 70)
    depth = random.randrange(1, 4)
    quoted = "\n".join(">" * depth + " " + line for line in text.split("\n"))
    intro = "On Tue, 3 Nov 2026 at 09:14, Admin <admin@surgery.test.example> wrote:"
    return mime.text(f"{random.choice(BLAND)}\n\n{'> ' * (depth - 1)}{intro}\n{quoted}", encoding="quoted-printable")


def thread_outlook(random, draft):
    text = plain.text(random, draft)
    top = random.choice(BLAND)
    head = (
        "\n\n________________________________\nFrom: Office <office@nhs.test.example>\nSent: 03 November 2026 09:14\n"
    )
    head += "To: Team\nSubject: RE: RE: FW: as discussed\n\n"
    return mime.text(top + head * random.randrange(1, 3) + text, encoding="base64")


def nested(random, draft):
    """Mail in mail, several deep, each its subject's own."""
    octets = mime.message(
        random, draft.subject, random.choice([plain_printable, html_printable, alternative])(random, draft)
    )
    for _ in range(random.randrange(1, 4)):
        cover = mime.text(random.choice(BLAND), encoding="7bit", charset="us-ascii")
        part = mime.multipart(random, "mixed", [cover, mime.enclosed(octets)])
        octets = mime.message(random, "Fwd: message", part)
    return mime.multipart(
        random, "mixed", [mime.text("forwarded", encoding="7bit", charset="us-ascii"), mime.enclosed(octets)]
    )


def digest(random, draft):
    other = mime.message(random, "minutes", mime.text("Nothing to report.", encoding="7bit", charset="us-ascii"))
    inner = mime.message(random, draft.subject, plain_printable(random, draft))
    return mime.multipart(random, "digest", [mime.enclosed(other), mime.enclosed(inner)])


def uuencoded(random, draft):
    """As some old systems send a file: in the text."""
    octets = plain.text(random, draft).encode()
    name = random.choice(["report.txt", "results.dat", "letter"])
    rows = b"".join(binascii.b2a_uu(octets[i : i + 45]) for i in range(0, len(octets), 45)).decode()
    return mime.text(f"{random.choice(BLAND)}\n\nbegin 644 {name}\n{rows}`\nend\n", encoding="7bit", charset="us-ascii")


def mixed_inline(random, draft):
    """The text in several pieces, as some phones and lists send it."""
    first, second = mime.text("Hi\n", encoding="7bit", charset="us-ascii"), plain_printable(random, draft)
    return mime.multipart(
        random,
        "mixed",
        [first, second, mime.text("--\nlist footer\n", encoding="7bit", charset="us-ascii")],
        preamble="This is a multi-part message in MIME format.\r\n",
    )


WEIGHTS = {
    plain_7bit: 9,
    plain_8bit: 9,
    plain_printable: 9,
    plain_base64: 5,
    utf16: 2,
    utf7: 1,
    charset_lie: 3,
    no_type: 2,
    flowed: 4,
    flowed_delsp: 3,
    html_printable: 10,
    html_base64: 5,
    html_windows: 5,
    alternative: 9,
    alternative_html_only: 4,
    alternative_plain_only: 2,
    related: 3,
    thread_quoted: 5,
    thread_outlook: 5,
    nested: 4,
    digest: 1,
    uuencoded: 2,
    mixed_inline: 3,
}
# Where a table keeps its cells.
TABULAR = {
    html_printable: 5,
    html_windows: 4,
    html_base64: 2,
    alternative: 2,
    plain_printable: 3,
    plain_8bit: 2,
    plain_base64: 1,
}


def part(random, draft):
    tabular = any(isinstance(block, Table) for block in draft.blocks) and random.random() < 0.6
    weights = TABULAR if tabular else WEIGHTS
    carry = random.choices(list(weights), list(weights.values()))[0]
    draft.tags |= {f"pack:{carry.__name__}", "where:body"}
    return carry(random, draft)

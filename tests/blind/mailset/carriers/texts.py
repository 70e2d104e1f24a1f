"""Plain files, and pictures of writing."""

import io
import json
import textwrap
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

from ..draft import Table
from . import mime, plain, web, word
from .file import File


def as_txt(random, draft):
    text = plain.text(random, draft, random.choice([None, 78]))
    charset = random.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16le", "windows-1252", "iso-8859-1"])
    draft.tags.add(f"txt:{charset}")
    octets = text.encode(charset, "replace" if charset in ("windows-1252", "iso-8859-1") else "strict")
    return File(
        random.choice(["txt", "txt", "log", "dat", ""]),
        random.choice(["text/plain", "application/octet-stream"]),
        octets,
    )


def as_html(random, draft):
    return File(
        random.choice(["html", "htm"]),
        random.choice(["text/html", "application/octet-stream"]),
        web.document(random, draft).encode(),
    )


def as_json(random, draft):
    tables = [block for block in draft.blocks if isinstance(block, Table)]
    records = [dict(zip(block.rows[0], row)) for block in tables for row in block.rows[1:]]
    notes = [block for block in draft.blocks if not isinstance(block, Table)]
    content = {"header": draft.page_header, "records": records, "notes": notes}
    text = json.dumps(content, indent=random.choice([None, 2]), ensure_ascii=random.random() < 0.5)
    return File("json", "application/json", text.encode())


def as_xml(random, draft):
    rows = "".join(
        f"<row>{''.join(f'<c>{escape(cell)}</c>' for cell in row)}</row>"
        for block in draft.blocks
        if isinstance(block, Table)
        for row in block.rows
    )
    notes = "".join(
        f"<note>{escape(block)}</note>"
        for block in [draft.page_header, *draft.blocks]
        if not isinstance(block, Table) and block
    )
    return File("xml", "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<export>{notes}{rows}</export>'.encode())


def rtf_small(random, draft):
    """As small programs write it: escapes for all beyond ASCII."""

    def escaped(text):
        out = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}").replace("\n", "\\line ")
        return "".join(
            c
            if ord(c) < 128
            else (f"\\'{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c) - 65536 if ord(c) > 32767 else ord(c)}?")
            for c in out
        )

    body = []
    for block in ([draft.page_header] if draft.page_header else []) + draft.blocks:
        if isinstance(block, Table):
            for row in block.rows:
                body.append(
                    "\\trowd"
                    + "".join(f"\\cellx{1500 * (i + 1)}" for i in range(len(row)))
                    + "".join(f"\\intbl {escaped(c)}\\cell" for c in row)
                    + "\\row"
                )
        else:
            body.append("\\pard " + escaped(block) + "\\par")
    text = "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}{\\info{\\title x}}\n" + "\n".join(body) + "}"
    return File("rtf", random.choice(["application/rtf", "text/rtf", "application/msword"]), text.encode("ascii"))


def as_eml(random, draft):
    octets = mime.message(random, draft.subject, mime.text(plain.text(random, draft), encoding="quoted-printable"))
    return File("eml", random.choice(["message/rfc822", "application/octet-stream"]), octets)


def mbox(random, draft):
    octets = mime.message(
        random, draft.subject, mime.text(plain.text(random, draft), encoding="quoted-printable")
    ).replace(b"\r\n", b"\n")
    return File("mbox", "application/mbox", b"From office@nhs.test.example Mon Nov  2 09:00:00 2026\n" + octets + b"\n")


def picture(random, draft):
    """A photo of the screen, as it were."""
    lines = [part for line in word.lines(draft) for part in (textwrap.wrap(line, 90) or [""])][:60]
    image = Image.new("RGB", (900, 30 + 18 * len(lines)), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 14)
    for number, line in enumerate(lines):
        pen.text((12, 10 + 18 * number), line, fill="black", font=font)
    store = io.BytesIO()
    suffix, kind = random.choice([("png", "PNG"), ("jpg", "JPEG"), ("pdf", "PDF"), ("tif", "TIFF")])
    image.save(store, kind)
    return File(
        suffix, {"pdf": "application/pdf", "tif": "image/tiff"}.get(suffix, f"image/{kind.lower()}"), store.getvalue()
    )

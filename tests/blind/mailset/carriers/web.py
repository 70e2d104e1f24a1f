"""A draft as HTML, as several programs write it."""

import html
import re

from ..draft import Table

STYLES = ["plain", "outlook", "breaks", "cut", "entities", "hidden", "white", "comment", "preheader", "divs"]
OUTLOOK_HEAD = """<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"><head>
<meta http-equiv="Content-Type" content="text/html; charset={charset}"><meta name=Generator content="Microsoft Word 15">
<style><!-- @font-face {{font-family:Calibri; panose-1:2 15 5 2 2 2 4 3 2 4;}}
p.MsoNormal {{margin:0cm; font-size:11.0pt; mso-font-signature:-536859905 -1073732485 9 0 511 0;}} --></style></head><body lang=EN-GB link="#0563C1">"""


def document(random, draft, charset="utf-8", style=None):
    """`hidden`, `white` and `comment` keep the writing from the eye: it travels
    all the same. Noted as a tag."""
    style = style or random.choice(STYLES)
    draft.tags.add(f"html:{style}")
    blocks = ([draft.page_header] if draft.page_header else []) + draft.blocks
    content = "\n".join(_block(random, block, style) for block in blocks)
    if style in ("hidden", "white", "comment"):
        before, after = {
            "hidden": random.choice(
                [
                    ('<div style="display:none">', "</div>"),
                    ('<span style="font-size:0;mso-hide:all">', "</span>"),
                    ('<div style="visibility:hidden;max-height:0">', "</div>"),
                ]
            ),
            "white": ('<font color="#ffffff">', "</font>"),
            "comment": ("<!-- ", " -->"),
        }[style]
        content = (
            "<p>Please see below.</p>"
            + before
            + (content.replace("--", "- -") if style == "comment" else content)
            + after
        )
    if style == "preheader":
        content = '<span style="display:none">Information for you &zwnj;&nbsp;&zwnj;</span>' + content
    signature = "".join(f"<p>{html.escape(line)}</p>" for line in draft.signature.split("\n") if line)
    head = OUTLOOK_HEAD.format(charset=charset) if style == "outlook" else "<html><body>"
    return head + content + signature + "</body></html>\n"


def _block(random, block, style):
    if isinstance(block, Table):
        return _table(random, block, style)
    if style == "outlook":
        start = "<p class=MsoNormal><span style='font-family:\"Arial\",sans-serif'>"
        return "".join(f"{start}{_text(random, line, style)}<o:p></o:p></span></p>\n" for line in block.split("\n"))
    if style == "divs":
        return "".join(f"<div dir=ltr>{_text(random, line, style)}</div>" for line in block.split("\n"))
    return "<p>" + "<br>\n".join(_text(random, line, style) for line in block.split("\n")) + "</p>"


def _table(random, block, style):
    cell = "td"
    rows = []
    for index, row in enumerate(block.rows):
        tag = "th" if index == 0 and random.random() < 0.5 else cell
        inner = "<p class=MsoNormal>{}<o:p></o:p></p>" if style == "outlook" else "{}"
        rows.append(
            "<tr>" + "".join(f"<{tag}>{inner.format(_text(random, text, style))}</{tag}>" for text in row) + "</tr>"
        )
    return '<table border=1 cellspacing=0 class="MsoNormalTable">' + "\n".join(rows) + "</table>"


def _text(random, text, style):
    escaped = html.escape(text, quote=False).replace("\u00a0", "&nbsp;")
    if style == "cut":
        cut = random.choice(["<b></b>", "<span>", "<wbr>", '<a href="tel:0">'])
        close = {"<span>": "</span>", '<a href="tel:0">': "</a>"}.get(cut, "")
        return re.sub(r"(\d{2,3}[ -]?\d{1,2})(\d[ -]?\d{3,4})", lambda m: f"{m[1]}{cut}{m[2]}{close}", escaped)
    if style == "entities":
        return re.sub(
            r"[0-9a-z]",
            lambda m: f"&#{ord(m[0])};" if random.random() < 0.3 else m[0],
            re.sub(r"&\w+;", lambda m: html.unescape(m[0]), escaped).replace("&", " and ").replace("<", " "),
        ).replace("\u00a0", "&#160;")
    return escaped

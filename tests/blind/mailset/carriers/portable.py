"""PDF by reportlab: text, tables, columns, forms, fonts of its own."""

import html
import io

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, SimpleDocTemplate, Table, TableStyle

from .. import draft as drafts
from . import word
from .file import File

PDF = "application/pdf"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def _story(draft, font):
    style = getSampleStyleSheet()["Normal"].clone("own", fontName=font, fontSize=8)
    story = []
    for block in draft.blocks:
        if isinstance(block, drafts.Table):
            rows = [[Paragraph(html.escape(cell), style) for cell in row] for row in block.rows]
            story.append(Table(rows, style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "black")]), repeatRows=1))
        else:
            story += [Paragraph(html.escape(line) or "&nbsp;", style) for line in block.split("\n")]
    return story


def _font():
    """A TrueType one, cut down to the letters in use: its codes are no
    character's, and only its ToUnicode table tells."""
    if "DejaVu" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("DejaVu", FONT))
    return "DejaVu"


def _latin(draft):
    return all(ord(c) < 256 for line in word.lines(draft) for c in line)


def _margin(draft, font):
    def draw(page, _):
        page.setFont(font, 8)
        page.drawString(40, 820, draft.page_header.replace("\n", " "))

    return draw


def _built(draft, font, size=A4):
    store = io.BytesIO()
    margin = _margin(draft, font) if draft.page_header else (lambda *_: None)
    SimpleDocTemplate(store, pagesize=size, pageCompression=1).build(
        _story(draft, font), onFirstPage=margin, onLaterPages=margin
    )
    return File("pdf", PDF, store.getvalue())


def as_pdf(random, draft):
    return _built(draft, "Helvetica" if _latin(draft) and random.random() < 0.6 else _font())


def pdf_landscape(random, draft):
    return _built(draft, _font(), landscape(A4))


def pdf_columns(random, draft):
    """Two columns, as a letter's head and some reports have."""
    font = _font()
    store = io.BytesIO()
    document = BaseDocTemplate(store, pagesize=A4)
    frames = [Frame(30, 40, 255, 760, id="left"), Frame(305, 40, 255, 760, id="right")]
    margin = _margin(draft, font) if draft.page_header else (lambda *_: None)
    document.addPageTemplates(PageTemplate(frames=frames, onPage=margin))
    document.build(_story(draft, font))
    return File("pdf", PDF, store.getvalue())


def pdf_typewriter(random, draft):
    """A line at a time with coordinates, uncompressed, as old systems print."""
    store = io.BytesIO()
    page = canvas.Canvas(store, pagesize=A4, pageCompression=0)
    font = "Courier" if _latin(draft) else _font()
    height = 800
    page.setFont(font, 7)
    for line in word.lines(draft):
        for start in range(0, max(1, len(line)), 110):
            page.drawString(40, height, line[start : start + 110])
            height -= 10
            if height < 40:
                page.showPage()
                page.setFont(font, 7)
                height = 800
    page.save()
    return File("pdf", PDF, store.getvalue())


def pdf_form(random, draft):
    """Filled-in fields: their values are no text of the page."""
    store = io.BytesIO()
    page = canvas.Canvas(store, pagesize=A4)
    page.drawString(40, 810, "Form 7b")
    height = 780
    for number, line in enumerate(word.lines(draft)):
        page.acroForm.textfield(
            name=f"f{number}",
            value=word.clean(line)[:400],
            x=40,
            y=height,
            width=500,
            height=14,
            fontSize=7,
            maxlen=500,
            borderWidth=0,
        )
        height -= 16
        if height < 40:
            page.showPage()
            height = 780
    page.save()
    return File("pdf", PDF, store.getvalue())

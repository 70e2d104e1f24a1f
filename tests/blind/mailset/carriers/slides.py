"""Presentations: python-pptx, and LibreOffice's of them."""

import io

import pptx
import pptx.util

from ..draft import Table
from . import word
from .file import File, Pending

PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def _deck(draft, notes):
    """Text on slides, or all in the `notes` of one."""
    deck = pptx.Presentation()
    if notes:
        slide = deck.slides.add_slide(deck.slide_layouts[0])
        slide.shapes.title.text = "Teaching session"
        slide.notes_slide.notes_text_frame.text = "\n".join(word.clean(line) for line in word.lines(draft))
        return deck
    for block in ([draft.page_header] if draft.page_header else []) + draft.blocks:
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = "Slide"
        inches = pptx.util.Inches
        if isinstance(block, Table):
            table = slide.shapes.add_table(
                len(block.rows), max(map(len, block.rows)), inches(0), inches(1), inches(9), inches(5)
            ).table
            for number, row in enumerate(block.rows):
                for column, text in enumerate(row):
                    table.cell(number, column).text = word.clean(text)
        else:
            slide.shapes.add_textbox(inches(1), inches(1), inches(8), inches(5)).text_frame.text = word.clean(block)
    return deck


def _file(deck):
    store = io.BytesIO()
    deck.save(store)
    return File("pptx", PPTX, store.getvalue())


def as_pptx(random, draft):
    return _file(_deck(draft, None))


def pptx_notes(random, draft):
    return _file(_deck(draft, "notes"))


def ppt_impress(random, draft):
    return Pending(as_pptx(random, draft), "ppt", "application/vnd.ms-powerpoint", "ppt:MS PowerPoint 97")


def odp_impress(random, draft):
    return Pending(as_pptx(random, draft), "odp", "application/vnd.oasis.opendocument.presentation", "odp:impress8")

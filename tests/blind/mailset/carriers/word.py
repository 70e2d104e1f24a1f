"""Documents of text: python-docx, odfpy, and what LibreOffice makes of them."""

import io
import re

import docx
import odf.opendocument
import odf.style
import odf.table
import odf.text

from ..draft import Table
from .file import File, Pending

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"


def clean(text):
    """Without the controls that XML refuses."""
    return re.sub(r"[\x00-\x08\x0b-\x1f]", "", text)


def _document(random, draft, split):
    """`split` is a function that cuts a line in the runs Word would."""
    document = docx.Document()
    section = document.sections[0]
    if draft.page_header:
        place = section.header if random.random() < 0.6 else section.footer
        place.paragraphs[0].text = clean(draft.page_header)
        draft.tags.add("doc:page_margin")
    for block in draft.blocks:
        if isinstance(block, Table):
            table = document.add_table(rows=0, cols=max(map(len, block.rows)))
            for row in block.rows:
                cells = table.add_row().cells
                for cell, text in zip(cells, row):
                    cell.text = clean(text)
        else:
            for line in block.split("\n"):
                paragraph = document.add_paragraph()
                for run in split(clean(line)):
                    paragraph.add_run(run).bold = random.random() < 0.2
    return document


def _saved(document):
    store = io.BytesIO()
    document.save(store)
    return store.getvalue()


def as_docx(random, draft):
    return File("docx", DOCX, _saved(_document(random, draft, lambda line: [line])))


def docx_runs(random, draft):
    """In runs of a few letters, as Word leaves what was edited."""

    def split(line):
        runs = []
        while line:
            size = random.randrange(1, 7)
            runs.append(line[:size])
            line = line[size:]
        return runs

    return File("docx", DOCX, _saved(_document(random, draft, split)))


def docx_comment(random, draft):
    """The writing stands in a comment on a document that says nothing."""
    document = docx.Document()
    run = document.add_paragraph("Template for the directorate, version 3").runs[0]
    text = "\n".join(lines(draft))
    document.add_comment(run, text=clean(text), author="Reviewer", initials="RV")
    return File("docx", DOCX, _saved(document))


def docx_properties(random, draft):
    """Its title and subject say whose it is."""
    document = _document(random, draft, lambda line: [line])
    document.core_properties.title = clean(draft.page_header or draft.subject)[:250]
    return File("docx", DOCX, _saved(document))


def lines(draft):
    """All of it, a table's row as one line."""
    yield from [draft.page_header] if draft.page_header else []
    for block in draft.blocks:
        if isinstance(block, Table):
            yield from ("  ".join(row) for row in block.rows)
        else:
            yield from block.split("\n")


def as_odt(random, draft):
    document = odf.opendocument.OpenDocumentText()
    if draft.page_header:
        layout = odf.style.PageLayout(name="page")
        layout.addElement(odf.style.HeaderStyle())
        document.automaticstyles.addElement(layout)
        master = odf.style.MasterPage(name="Standard", pagelayoutname=layout)
        header = odf.style.Header()
        header.addElement(odf.text.P(text=clean(draft.page_header)))
        master.addElement(header)
        document.masterstyles.addElement(master)
        draft.tags.add("doc:page_margin")
    for block in draft.blocks:
        if isinstance(block, Table):
            document.text.addElement(odf_table(block))
        else:
            for line in block.split("\n"):
                document.text.addElement(odf.text.P(text=clean(line)))
    store = io.BytesIO()
    document.write(store)
    return File("odt", ODT, store.getvalue())


def odf_table(block):
    table = odf.table.Table(name="Table1")
    for _ in range(max(map(len, block.rows))):
        table.addElement(odf.table.TableColumn())
    for row in block.rows:
        line = odf.table.TableRow()
        for text in row:
            cell = odf.table.TableCell(valuetype="string")
            cell.addElement(odf.text.P(text=clean(text)))
            line.addElement(cell)
        table.addElement(line)
    return table


def _by_office(suffix, kind, export=""):
    def convert(random, draft):
        return Pending(as_docx(random, draft), suffix, kind, export)

    convert.__name__ = f"{suffix}_libreoffice"
    return convert


doc_libreoffice = _by_office("doc", "application/msword", "doc:MS Word 97")
rtf_libreoffice = _by_office("rtf", "application/rtf", "rtf:Rich Text Format")
odt_libreoffice = _by_office("odt", ODT, "odt:writer8")
pdf_libreoffice = _by_office("pdf", "application/pdf", "pdf:writer_pdf_Export")
html_libreoffice = _by_office("html", "text/html", "html:HTML (StarWriter)")
fodt_libreoffice = _by_office(
    "fodt", "application/vnd.oasis.opendocument.text-flat-xml", "fodt:OpenDocument Text Flat XML"
)

"""Spreadsheets: openpyxl, XlsxWriter, xlwt, odfpy, csv, and LibreOffice."""

import csv
import datetime as dt
import io
import re

import odf.opendocument
import openpyxl
import openpyxl.comments
import xlsxwriter
import xlwt

from ..draft import Table
from . import word
from .file import File, Pending

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
DIGITS = re.compile(r"[\d\s\u2009\u2012\u200b\u00ad.-]+")


def rows(draft):
    """Every block as rows: a line of text is a row of one cell."""
    out = [[draft.page_header]] if draft.page_header else []
    for block in draft.blocks:
        if isinstance(block, Table):
            out += block.rows
        else:
            out += [[line] for line in block.split("\n")]
    return [[re.sub(r"[\x00-\x08\x0b-\x1f]", "", cell) for cell in row] for row in out]


def _number(text):
    """A ten-digit cell as Excel would have taken it."""
    bare = re.sub(r"\D", "", text)
    return int(bare) if len(bare) == 10 and not bare.startswith("0") and DIGITS.fullmatch(text) else None


def _day(text):
    found = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text)
    return dt.datetime(int(found[3]), int(found[2]), int(found[1])) if found else None


def _workbook(random, draft, typed, hidden=None):
    """`typed`: numbers and dates as such, shown by a format; `hidden`: the state
    of the sheet they stand on."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = random.choice(["Sheet1", "Data", "Export", "list"])
    if hidden:
        sheet.append(["Summary", 4])
        sheet = book.create_sheet("Raw")
        sheet.sheet_state = hidden
    for row in rows(draft):
        sheet.append(row)
    if typed:
        _type(random, sheet)
    # A number wider than its column is printed as a row of hashes.
    for column in sheet.columns:
        width = max(len(str(cell.value or "")) for cell in column)
        sheet.column_dimensions[column[0].column_letter].width = min(60, width + 4)
    return book


def _type(random, sheet):
    number_format = random.choice(
        ["0", "0", "000 000 0000", "000 000 0000", "General", "General", "000\\-000\\-0000", "#,##0"]
    )
    for row in sheet.iter_rows():
        for cell in row:
            number = _number(str(cell.value or ""))
            day = _day(str(cell.value or ""))
            if number is not None:
                cell.value, cell.number_format = number, number_format
            elif day is not None and day.year >= 1900:
                cell.value, cell.number_format = day, random.choice(["dd/mm/yyyy", "mm-dd-yy", "[$-809]dd mmmm yyyy"])


def _saved(book):
    store = io.BytesIO()
    book.save(store)
    return store.getvalue()


def as_xlsx(random, draft):
    return File("xlsx", XLSX, _saved(_workbook(random, draft, False)))


def xlsx_numbers(random, draft):
    return File("xlsx", XLSX, _saved(_workbook(random, draft, True)))


def xlsx_hidden(random, draft):
    return File("xlsx", XLSX, _saved(_workbook(random, draft, False, random.choice(["hidden", "veryHidden"]))))


def xlsx_comment(random, draft):
    """All of it in the note of one cell."""
    book = openpyxl.Workbook()
    book.active["A1"] = "Budget"
    text = "\n".join(" ".join(row) for row in rows(draft))[:30000]
    book.active["A1"].comment = openpyxl.comments.Comment(text, "ward")
    return File("xlsx", XLSX, _saved(book))


def xlsx_margin(random, draft):
    """What the page header says is printed, and in no cell."""
    book = _workbook(random, draft, False)
    if draft.page_header:
        book.active.delete_rows(1)
        book.active.oddHeader.center.text = draft.page_header.replace("&", "&&").replace("\n", " ")
        draft.tags.add("doc:page_margin")
    return File("xlsx", XLSX, _saved(book))


def xlsx_writer(random, draft):
    """By another library, with formulas and a text box."""
    store = io.BytesIO()
    book = xlsxwriter.Workbook(store, {"in_memory": True})
    sheet = book.add_worksheet()
    content = rows(draft)
    if len(content) < 4:
        sheet.insert_textbox(1, 1, "\n".join(" ".join(row) for row in content))
        draft.tags.add("xlsx:textbox")
    else:
        for number, row in enumerate(content):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    sheet.write_formula(len(content) + 2, 0, "=COUNTA(A1:A99)", None, len(content))
    book.close()
    return File("xlsx", XLSX, store.getvalue())


def as_xls(random, draft):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    typed = random.random() < 0.5
    style = xlwt.easyxf(num_format_str=random.choice(["0", "000 000 0000", "General"]))
    for number, row in enumerate(rows(draft)):
        for column, cell in enumerate(row):
            value = _number(cell) if typed else None
            sheet.write(
                number,
                column,
                cell if value is None else value,
                style if value is not None else xlwt.Style.default_style,
            )
    store = io.BytesIO()
    book.save(store)
    return File("xls", XLS, store.getvalue())


def as_ods(random, draft):
    document = odf.opendocument.OpenDocumentSpreadsheet()
    document.spreadsheet.addElement(word.odf_table(Table(rows(draft))))
    store = io.BytesIO()
    document.write(store)
    return File("ods", "application/vnd.oasis.opendocument.spreadsheet", store.getvalue())


def as_csv(random, draft):
    """By comma, semicolon, tab or pipe; with line ends in cells; in the charsets
    Excel writes."""
    store = io.StringIO()
    delimiter = random.choice([",", ",", ",", ";", "\t", "|"])
    writer = csv.writer(store, delimiter=delimiter, quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    for row in rows(draft):
        writer.writerow([cell.replace(", ", "\n", 1) if random.random() < 0.1 else cell for cell in row])
    charset = random.choice(["utf-8", "utf-8-sig", "windows-1252", "utf-16"])
    draft.tags |= {f"csv:{charset}", "csv:" + {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}[delimiter]}
    octets = store.getvalue().encode(charset, "replace" if charset == "windows-1252" else "strict")
    return File(
        random.choice(["csv", "csv", "txt", "tsv"]),
        random.choice(["text/csv", "application/octet-stream", XLS]),
        octets,
    )


def _by_office(suffix, kind, export):
    def convert(random, draft):
        return Pending(
            File("xlsx", XLSX, _saved(_workbook(random, draft, random.random() < 0.5))), suffix, kind, export
        )

    convert.__name__ = f"{suffix}_calc"
    return convert


xls_calc = _by_office("xls", XLS, "xls:MS Excel 97")
ods_calc = _by_office("ods", "application/vnd.oasis.opendocument.spreadsheet", "ods:calc8")
pdf_calc = _by_office("pdf", "application/pdf", "pdf:calc_pdf_Export")

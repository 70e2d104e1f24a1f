"""Office documents with a patient number in every place a person can write in,
made by libraries that share no code with us."""

import io
import random
import re
import zipfile

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


class Marks:
    """A valid NHS number for each place, made as it is asked for. Two places
    never have the same one."""

    def __init__(self):
        self.places = {}

    def __call__(self, place):
        """`NHS number 4505577104`, to be found wherever `place` is."""
        return f"NHS number {self.number(place)}"

    def number(self, place):
        while True:
            digits = [random.choice("4")] + random.choices("0123456789", k=8)
            check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1))) % 11
            number = "".join(digits) + str(check % 11)
            if check != 10 and number not in self.places.values():
                self.places[place] = number
                return number

    def missing(self, findings):
        """The places whose number is in no finding."""
        found = {re.sub(r"\D", "", finding["value"]) for finding in findings}
        return sorted(place for place, number in self.places.items() if number not in found)


def with_parts(package, parts):
    """A zip with parts replaced or added: octets, or a function of what was."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            octets = old.read(entry)
            if entry.filename in parts:
                change = parts[entry.filename]
                octets = change(octets) if callable(change) else change
            new.writestr(entry.filename, octets)
        for name, octets in parts.items():
            if name not in old.namelist():
                new.writestr(name, octets)
    return out.getvalue()


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def picture():
    """A PNG of one grey point."""
    octets = ("89504e470d0a1a0a0000000d4948445200000001000000010800000000"
              "3a7e9b550000000a49444154789c63600000000200015e21bc330000000049454e44ae426082")
    return io.BytesIO(bytes.fromhex(octets))


def run(text, properties=""):
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def with_notes(xml, end, entry):
    """Footnotes and endnotes among the parts that are listed."""
    entries = "".join(entry.format(kind) for kind in ("footnote", "endnote"))
    return xml.replace(end, entries.encode() + end)


def docx_margins(marks):
    """Paragraphs of what python-docx has no words for."""
    deleted, split = marks.number("deletion"), marks.number("split runs")
    kept = marks.number("number with a deletion in it")
    box = lambda text: f"<w:txbxContent><w:p>{run(text)}</w:p></w:txbxContent>"  # noqa: E731
    return [
        f'<w:p {W}>{run("NHS number ")}{run(split[:4], "<w:b/>")}{run(split[4:7])}{run(split[7:], "<w:i/>")}</w:p>',
        f'<w:p {W}>{run("NHS number ")}<w:del w:id="900" w:author="A"><w:r><w:delText>{deleted}</w:delText></w:r></w:del></w:p>',
        f'<w:p {W}>{run("NHS number " + kept[:5])}<w:del w:id="901" w:author="A"><w:r><w:delText>77</w:delText></w:r></w:del>'
        f'{run(kept[5:])}</w:p>',
        f'<w:p {W}><w:ins w:id="902" w:author="A">{run(marks("insertion"))}</w:ins></w:p>',
        f'<w:p {W}>{run(marks("hidden text"), "<w:vanish/>")}</w:p>',
        f'<w:p {W}><w:sdt><w:sdtContent>{run(marks("content control"))}</w:sdtContent></w:sdt></w:p>',
        f'<w:p {W}><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> QUOTE "{marks("field code")}" '
        f'</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>{run(marks("field result"))}'
        f'<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>',
        f'<w:p {W} xmlns:v="urn:schemas-microsoft-com:vml"><w:r><w:pict><v:rect style="width:200pt;height:50pt"><v:textbox>'
        f'{box(marks("text box"))}</v:textbox></v:rect></w:pict></w:r></w:p>',
        f'<w:p {W}><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:endnoteReference w:id="2"/></w:r></w:p>',
        f'<w:p {W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        f'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
        f'xmlns:v="urn:schemas-microsoft-com:vml"><w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>'
        f'<wps:txbx>{box(marks("text box for new programs"))}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>'
        f'{box(marks("text box for old programs"))}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>',
    ]


def docx(marks):
    import docx as library
    from docx.oxml import parse_xml

    document = library.Document()
    document.add_paragraph(marks("body"))
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).text = "NHS number"
    table.cell(1, 0).text = marks.number("table")
    table.cell(1, 1).add_table(rows=1, cols=1).cell(0, 0).text = marks("table in a table")
    section = document.sections[0]
    section.header.paragraphs[0].text = marks("header")
    section.footer.paragraphs[0].text = marks("footer")
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = marks("header of the first page")
    document.add_comment(document.paragraphs[0].runs[0], text=marks("comment"), author="A", initials="A")
    document.add_picture(picture())
    document.inline_shapes[0]._inline.docPr.set("descr", marks("alternative text"))
    document.add_page_break()
    document.add_paragraph("The second page has another header.")
    properties = document.core_properties
    for name in ("title", "subject", "keywords", "comments", "category", "author"):
        setattr(properties, name, marks(f"property {name}"))
    document.part.relate_to(f"mailto:a@a.example?subject={marks('address')}",
                            "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink", True)
    body = document.element.body
    for paragraph in docx_margins(marks):
        body.insert(len(body) - 1, parse_xml(paragraph))
    notes = f'<w:{{0}}s {W}><w:{{0}} w:id="2"><w:p>{{1}}</w:p></w:{{0}}></w:{{0}}s>'
    return with_parts(saved(document), {
        "[Content_Types].xml": lambda xml: with_notes(xml, b"</Types>", (
            '<Override PartName="/word/{0}s.xml" ContentType='
            '"application/vnd.openxmlformats-officedocument.wordprocessingml.{0}s+xml"/>')),
        "word/_rels/document.xml.rels": lambda xml: with_notes(xml, b"</Relationships>", (
            '<Relationship Id="rId{0}" Target="{0}s.xml" Type='
            '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{0}s"/>')),
        "word/footnotes.xml": notes.format("footnote", run(marks("footnote"))).encode(),
        "word/endnotes.xml": notes.format("endnote", run(marks("endnote"))).encode(),
        "word/glossary/document.xml": f'<w:glossaryDocument {W}><w:p>{run(marks("glossary"))}</w:p></w:glossaryDocument>'.encode(),
        "customXml/item7.xml": f"<record><number>{marks('custom data')}</number></record>".encode(),
        "docProps/custom.xml": f"<Properties><property name='p'><lpwstr>{marks('custom property')}</lpwstr></property></Properties>".encode(),
        "word/embeddings/sheet.xlsx": xlsx_small(marks("embedded workbook")),
        "word/afchunk.html": f"<html><p>{marks('inserted page')}</p></html>".encode(),
    })


def xlsx_small(text):
    import openpyxl

    book = openpyxl.Workbook()
    book.active["B2"] = text
    return saved(book)


def xlsx(marks):
    import openpyxl
    from openpyxl.cell.rich_text import CellRichText, TextBlock
    from openpyxl.cell.text import InlineFont
    from openpyxl.comments import Comment
    from openpyxl.workbook.defined_name import DefinedName
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Ward", "NHS number", "Born"])
    sheet.append(["7", marks("text"), None])
    for place, code in [("number", "General"), ("number with blanks", "000 000 0000"), ("scientific", "0.00E+00"),
                        ("hidden by its format", ";;;"), ("grouped", "#,##0")]:
        sheet.append(["7", int(marks.number(f"cell: {place}")), None])
        sheet.cell(sheet.max_row, 2).number_format = code
    number = marks.number("rich text")
    sheet.append(["7", CellRichText("NHS number ", TextBlock(InlineFont(b=True), number[:5]), number[5:])])
    sheet.append(["7", marks("hidden row")])
    sheet.row_dimensions[sheet.max_row].hidden = True
    sheet["H2"] = marks("hidden column")
    sheet.column_dimensions["H"].hidden = True
    sheet["A30"].comment = Comment(marks("comment"), "A")
    sheet.HeaderFooter.differentOddEven = True
    sheet.oddHeader.center.text = marks("header")
    sheet.evenFooter.left.text = marks("footer")
    validation = DataValidation(type="whole", showInputMessage=True, promptTitle="p", prompt=marks("prompt"))
    sheet.add_data_validation(validation)
    validation.add("A1")
    sheet["A31"].hyperlink = f"mailto:a@a.example?subject={marks('address')}"
    book.create_sheet(marks("title of a sheet"))
    for state in ("hidden", "veryHidden"):
        hidden = book.create_sheet(state)
        hidden["IV65536"] = marks(f"{state} sheet")
        hidden.sheet_state = state
    book.defined_names["n"] = DefinedName("n", attr_text=f'"{marks("defined name")}"')
    book.properties.title = marks("property")
    return saved(book)


def xlsx_drawn(marks):
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("Sheet")
    sheet.write_formula("A1", '="x"', None, marks("result of a formula"))
    sheet.write_formula("A2", f'=IF(A1=1,"{marks("formula")}","")', None, "")
    sheet.insert_textbox("C3", marks("text box"))
    sheet.insert_image("C30", "a.png", {"image_data": picture(), "description": marks("alternative text")})
    chart = book.add_chart({"type": "column"})
    sheet.write_column("F1", [1, 2])
    chart.add_series({"values": "=Sheet!$F$1:$F$2", "name": marks("series")})
    chart.set_title({"name": marks("title of a chart")})
    sheet.insert_chart("C9", chart)
    book.set_custom_property("p", marks("custom property"))
    book.close()
    return out.getvalue()


def pptx(marks):
    import pptx as library
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    show = library.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = marks("title")
    slide.placeholders[1].text = marks("list")
    area = (Inches(1), Inches(1), Inches(2), Inches(1))
    box = slide.shapes.add_textbox(*area)
    number = marks.number("split runs")
    paragraph = box.text_frame.paragraphs[0]
    for part in ("NHS number ", number[:3], number[3:]):
        paragraph.add_run().text = part
    slide.shapes.add_group_shape().shapes.add_textbox(*area).text_frame.text = marks("group")
    table = slide.shapes.add_table(2, 2, *area).table
    table.cell(0, 0).text = "NHS number"
    table.cell(1, 0).text = marks.number("table")
    slide.notes_slide.notes_text_frame.text = marks("notes")
    data = CategoryChartData()
    data.categories = [marks("category of a chart"), "b"]
    data.add_series("s", (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, *area, data)
    shape = slide.shapes.add_picture(picture(), *area[:2])
    shape._element.nvPicPr.cNvPr.set("descr", marks("alternative text"))
    hidden = show.slides.add_slide(show.slide_layouts[6])
    hidden.shapes.add_textbox(*area).text_frame.text = marks("hidden slide")
    hidden._element.set("show", "0")
    show.core_properties.subject = marks("property")
    comment = ('<p:cmLst xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:cm authorId="0" idx="1">'
               f'<p:pos x="1" y="1"/><p:text>{marks("comment")}</p:text></p:cm></p:cmLst>')
    return with_parts(saved(show), {"ppt/comments/comment1.xml": comment.encode()})


def odt(marks):
    from odf import dc, draw, office, style, table, text
    from odf.opendocument import OpenDocumentText

    document = OpenDocumentText()
    number = marks.number("split spans")
    paragraph = text.P(text="NHS number ")
    for part in (number[:4], number[4:]):
        paragraph.addElement(text.Span(text=part))
    document.text.addElement(paragraph)
    paragraph = text.P(text=marks("body"))
    note = text.Note(noteclass="footnote")
    note.addElement(text.NoteCitation(text="1"))
    body = text.NoteBody()
    body.addElement(text.P(text=marks("footnote")))
    note.addElement(body)
    paragraph.addElement(note)
    annotation = office.Annotation()
    annotation.addElement(dc.Creator(text="A"))
    annotation.addElement(text.P(text=marks("comment")))
    paragraph.addElement(annotation)
    box = draw.TextBox()
    box.addElement(text.P(text=marks("text box")))
    frame = draw.Frame(width="3cm", height="1cm")
    frame.addElement(box)
    paragraph.addElement(frame)
    document.text.addElement(paragraph)
    rows = table.Table(name="t")
    for value in ("NHS number", marks.number("table")):
        row = table.TableRow()
        cell = table.TableCell()
        cell.addElement(text.P(text=value))
        row.addElement(cell)
        rows.addElement(row)
    document.text.addElement(rows)
    layout = style.PageLayout(name="l")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Standard", pagelayoutname=layout)
    for place, kind in [("header", style.Header), ("footer", style.Footer)]:
        element = kind()
        element.addElement(text.P(text=marks(place)))
        master.addElement(element)
    document.masterstyles.addElement(master)
    document.meta.addElement(dc.Title(text=marks("property")))
    return saved(document)


def ods(marks):
    from odf import office, style, table, text
    from odf.opendocument import OpenDocumentSpreadsheet

    document = OpenDocumentSpreadsheet()
    unseen = style.Style(name="unseen", family="table")
    unseen.addElement(style.TableProperties(display="false"))
    document.automaticstyles.addElement(unseen)
    for name, look in [("Sheet", None), (marks("title of a sheet"), None), ("hidden", "unseen")]:
        sheet = table.Table(name=name, stylename=look) if look else table.Table(name=name)
        row = table.TableRow()
        row.addElement(table.TableCell(numbercolumnsrepeated=16000))
        cell = table.TableCell()
        cell.addElement(text.P(text=marks(f"cell of {name[:6]}")))
        annotation = office.Annotation()
        annotation.addElement(text.P(text=marks(f"comment on {name[:6]}")))
        cell.addElement(annotation)
        row.addElement(cell)
        number = marks.number(f"number in {name[:6]}")
        cell = table.TableCell(valuetype="float", value=number)
        cell.addElement(text.P(text=f"{float(number):.2E}"))
        row.addElement(cell)
        sheet.addElement(row)
        document.spreadsheet.addElement(sheet)
    return saved(document)


def xls(marks):
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet")
    sheet.write(0, 1, "NHS number")
    for row in range(1, 400):
        # Long enough that the table of strings goes on in other records.
        sheet.write(row, 0, f"row {row} " + "é" * 40)
    sheet.write(5, 1, marks("text"))
    sheet.write(399, 1, marks("last text"))
    for row, (place, code) in enumerate([("number", "General"), ("with blanks", "000 000 0000"), ("scientific", "0.00E+00")]):
        sheet.write(6 + row, 1, int(marks.number(f"cell: {place}")), xlwt.easyxf(num_format_str=code))
    sheet.write_rich_text(20, 1, ["NHS number ", (marks.number("rich text"), xlwt.easyfont("bold true"))])
    sheet.header_str = marks("header").encode()
    sheet.footer_str = marks("footer").encode()
    hidden = book.add_sheet("hidden")
    hidden.visibility = 2
    hidden.write(65535, 255, marks("hidden sheet"))
    return saved(book)


def rtf(marks):
    number, deleted = marks.number("split by formatting"), marks.number("deletion")
    in_unicode = "".join(f"\\u{ord(digit)}?" for digit in marks.number("in Unicode"))
    return rf"""{{\rtf1\ansi\ansicpg1252\deff0{{\fonttbl{{\f0\fcharset0 Arial;}}}}
{{\info{{\title {marks("title")}}}{{\*\company {marks("company")}}}{{\subject {marks("subject")}}}}}
{{\header {marks("header")}\par}}{{\footerf {marks("footer")}\par}}
NHS number {{\b {number[:3]}}} {number[3:6]}\~{{\i {number[6:]}}}\par
{{\v {marks("hidden")}}}\par {{\deleted NHS number {deleted}}}\par
\trowd\cellx1\cellx2\pard\intbl Ward\cell NHS number\cell\row 7\cell {marks.number("table")}\cell\row\pard
x{{\footnote {marks("footnote")}}}{{\*\annotation {marks("comment")}}}\par
{{\field{{\*\fldinst QUOTE {marks("field code")}}}{{\fldrslt {marks("field result")}}}}}\par
{{\shp{{\*\shpinst{{\sp{{\sn wzDescription}}{{\sv {marks("alternative text")}}}}}{{\shptxt {marks("text box")}\par}}}}}}
{{\object\objemb{{\*\objdata {marks("object").encode().hex()}}}}}
\uc1 NHS number {in_unicode}\par
}}""".encode()


MAKERS = {"docx": docx, "xlsx": xlsx, "drawn.xlsx": xlsx_drawn, "pptx": pptx, "odt": odt, "ods": ods, "xls": xls, "rtf": rtf}

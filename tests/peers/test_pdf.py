"""What other programs write into a PDF is read in it: each makes one that
carries an NHS number its own way, and `postern classify` finds the number.
Nobody in them exists; the numbers are made as the tests run."""

import io
import json
import pathlib
import random
import re
import subprocess

import fpdf
import pikepdf
import pytest
from gateway import ROOT, postern
from messages import message
from pikepdf import Array, Dictionary, Name, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, Table, TableStyle
from reportlab.lib.styles import getSampleStyleSheet

LETTER = ["Dear Dr Example,", "Thank you for seeing this patient with asthma."]
PROSE = "The clinic was busy and the letters were typed late, so please forgive the delay in writing. "


def nhs_number():
    """Ten digits of the range that is issued, with their check digit."""
    while True:
        digits = [4] + [random.randrange(10) for _ in range(8)]
        check = 11 - sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1))) % 11
        if check != 10 and len(set(digits)) > 3:
            return "".join(map(str, digits)) + str(check % 11)


def spaced(number):
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def canvas(draw, **options):
    out = io.BytesIO()
    page = Canvas(out, pagesize=A4, **options)
    for at, line in enumerate(LETTER):
        page.drawString(72, 780 - 14 * at, line)
    draw(page)
    page.showPage()
    page.save()
    return out.getvalue()


# ---- Ways to carry a number --------------------------------------------------

def body(number, **options):
    return canvas(lambda page: page.drawString(72, 700, f"NHS number: {spaced(number)}"), **options)


def no_compression(number):
    return body(number, pageCompression=0)


def ascii_85(number):
    return body(number, pageCompression=1)


def kerned(number):
    """Every two digits a string of their own, as good typesetting has it."""
    pairs = [number[at:at + 2] for at in range(0, 10, 2)]
    array = "".join(f"({pair}) {random.choice([-30, 12, 25])} " for pair in pairs)
    return canvas(lambda page: page._code.append(f"BT /F1 11 Tf 72 700 Td (NHS number: ) Tj [{array}] TJ ET"))


def each_digit_placed(number):
    def draw(page):
        page.drawString(72, 700, "NHS number:")
        places = list(enumerate(number))
        random.shuffle(places)
        for at, digit in places:
            page.drawString(145 + at * pdfmetrics.stringWidth("0", "Helvetica", 12), 700, digit)
    return canvas(draw)


def gaps_for_spaces(number):
    words = ["NHS", "number:", number]
    array = " -300 ".join(f"({word})" for word in words)
    return canvas(lambda page: page._code.append(f"BT /F1 11 Tf 72 700 Td [{array}] TJ ET"))


def rotated(number):
    def draw(page):
        page.rotate(90)
        page.drawString(200, -300, f"NHS number: {spaced(number)}")
    return canvas(draw)


def page_turned(number):
    with pikepdf.open(io.BytesIO(body(number))) as pdf:
        pdf.pages[0].rotate(90, relative=False)
        return saved(pdf)


def white(number):
    def draw(page):
        page.setFillColor(colors.white)
        page.drawString(72, 700, f"NHS number: {spaced(number)}")
    return canvas(draw)


def invisible(number):
    """The layer that text recognition lays over a scan."""
    def draw(page):
        text = page.beginText(72, 700)
        text.setTextRenderMode(3)
        text.textLine(f"NHS number: {spaced(number)}")
        page.drawText(text)
    return canvas(draw)


def off_the_page(number):
    return canvas(lambda page: page.drawString(-400, 2000, f"NHS number: {spaced(number)}"))


def under_a_rectangle(number):
    """Blacked out, but still there."""
    def draw(page):
        page.drawString(72, 700, f"NHS number: {spaced(number)}")
        page.rect(60, 690, 300, 24, fill=1)
    return canvas(draw)


def form_x_object(number):
    def draw(page):
        page.beginForm("inner")
        page.drawString(72, 700, f"NHS number: {spaced(number)}")
        page.endForm()
        page.beginForm("outer")
        page.doForm("inner")
        page.endForm()
        page.doForm("outer")
    return canvas(draw)


def table(number):
    rows = [["Name", "NHS number", "Ward"]]
    rows += [["Zelda Testperson", spaced(number), "7"], ["Ada Testperson", "", "8"], ["Max Sample", "", "9"]]

    def draw(page):
        drawn = Table(rows, colWidths=[150, 150, 60])
        drawn.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black)]))
        drawn.wrapOn(page, 400, 400)
        drawn.drawOn(page, 72, 500)
    return canvas(draw)


def two_columns(number):
    """The number breaks at the end of a column's line: the other column must
    not come between."""
    out = io.BytesIO()
    frames = [Frame(50, 50, 230, 700), Frame(310, 50, 230, 700)]
    document = BaseDocTemplate(out, pagesize=A4)
    document.addPageTemplates(PageTemplate(frames=frames))
    style = getSampleStyleSheet()["Normal"]
    broken = f"{PROSE * 3}<br/>NHS number: {number[:3]}<br/>{number[3:6]} {number[6:]}<br/>{PROSE * 60}"
    document.build([Paragraph(broken, style)])
    return out.getvalue()


def subset_font(number):
    """Codes that are numbers of glyphs, two octets each."""
    pdfmetrics.registerFont(TTFont("Sans", sans()))

    def draw(page):
        page.setFont("Sans", 11)
        page.drawString(72, 700, f"NHS number: {spaced(number)}")
    return canvas(draw)


def identity_without_to_unicode(number):
    """Only the font's own program knows its characters."""
    with pikepdf.open(io.BytesIO(fpdf_unicode(number))) as pdf:
        for font in pdf.pages[0].Resources.Font.values():
            del font["/ToUnicode"]
        return saved(pdf)


def fpdf_unicode(number):
    document = fpdf.FPDF()
    document.add_page()
    document.add_font("Sans", fname=sans())
    document.set_font("Sans", size=11)
    document.cell(text=f"Asthma clinic. NHS number: {spaced(number)}")
    return bytes(document.output())


def fpdf_core_font(number):
    document = fpdf.FPDF()
    document.add_page()
    document.set_font("Times", size=11)
    document.multi_cell(0, text=f"Asthma clinic.\nNHS number: {spaced(number)}", markdown=False)
    return bytes(document.output())


def matplotlib_type_3(number):
    return plotted(number, 3)


def matplotlib_type_42(number):
    return plotted(number, 42)


def plotted(number, kind):
    import matplotlib
    matplotlib.use("pdf")
    from matplotlib import pyplot
    with matplotlib.rc_context({"pdf.fonttype": kind}):
        figure = pyplot.figure()
        figure.text(0.1, 0.5, f"Peak flow, asthma. NHS number: {spaced(number)}")
        out = io.BytesIO()
        figure.savefig(out, format="pdf")
        pyplot.close(figure)
    return out.getvalue()


def office_document(number):
    """LibreOffice's export, with its tagged structure."""
    return converted(f"<html><body><p>Asthma clinic.</p><table border=1><tr><th>NHS number</th><th>Name</th></tr>"
                     f"<tr><td>{spaced(number)}</td><td>Zelda Testperson</td></tr></table></body></html>")


def form_field(number):
    """With the appearance that its writer drew."""
    def draw(page):
        page.drawString(72, 700, "NHS number:")
        page.acroForm.textfield(name="n", value=number, x=150, y=694, width=160, height=20)
    return canvas(draw)


def form_field_without_appearance(number):
    with pikepdf.open(io.BytesIO(form_field(number))) as pdf:
        for annotation in pdf.pages[0].Annots:
            del annotation["/AP"]
        return saved(pdf)


def annotation(number):
    return annotated(Dictionary(
        Type=Name.Annot, Subtype=Name.Text, Rect=Array([72, 600, 90, 618]),
        Contents=String(f"NHS number: {spaced(number)} has asthma"),
    ))


def free_text(number):
    return annotated(Dictionary(
        Type=Name.Annot, Subtype=Name.FreeText, Rect=Array([72, 600, 400, 618]), DA=String("/Helv 10 Tf"),
        Contents=String(f"NHS number: {spaced(number)}"),
    ))


def attachment(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        pdf.attachments["notes.txt"] = f"Asthma. NHS number: {spaced(number)}\n".encode()
        return saved(pdf)


def attached_pdf(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        pdf.attachments["letter.pdf"] = body(number)
        return saved(pdf)


def title(number):
    return canvas(lambda page: page.setTitle(f"Asthma review, NHS number {spaced(number)}"))


def property_of_its_own(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        pdf.docinfo["/Patient"] = f"NHS number {spaced(number)}"
        return saved(pdf)


def metadata(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        with pdf.open_metadata(set_pikepdf_as_editor=False) as own:
            own["dc:description"] = f"NHS number {spaced(number)}"
        return saved(pdf)


def outline(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        with pdf.open_outline() as own:
            own.root.append(pikepdf.OutlineItem(f"NHS number {spaced(number)}", 0))
        return saved(pdf)


def layer_that_is_off(number):
    with pikepdf.open(io.BytesIO(body(number))) as pdf:
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("hidden")))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
        page = pdf.pages[0]
        page.Resources.Properties = Dictionary(L0=layer)
        page.contents_add(b"/OC /L0 BDC", prepend=True)
        page.contents_add(b"EMC")
        return saved(pdf)


def xfa(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        packet = f"<xfa:datasets xmlns:xfa='x'><NHSNumber>{number}</NHSNumber></xfa:datasets>".encode()
        pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=Array([String("datasets"), pdf.make_stream(packet)]))
        return saved(pdf)


def alternate_text(number):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        figure = Dictionary(Type=Name.StructElem, S=Name.Figure, Alt=String(f"Wristband, NHS number {spaced(number)}"))
        pdf.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=Array([figure]))
        return saved(pdf)


def second_page(number):
    def draw(page):
        page.showPage()
        page.drawString(72, 700, f"Asthma. NHS number: {spaced(number)}")
    return canvas(draw)


def linearised(number):
    return through_qpdf(body(number), "--linearize")


def object_streams(number):
    return through_qpdf(body(number), "--object-streams=generate")


def rc4_40(number):
    return encrypted(number, "", 40)


def rc4_128(number):
    return encrypted(number, "", 128, "--use-aes=n")


def aes_128(number):
    return encrypted(number, "", 128, "--use-aes=y")


def aes_256(number):
    return encrypted(number, "", 256)


def reportlab_owner_only(number):
    return body(number, encrypt=StandardEncryption("", ownerPassword="owner", strength=128))


def ghostscript(number):
    """Written anew by another program."""
    return run_on(body(number), ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=pdfwrite",
                                 "-sOutputFile={out}", "{in}"])


def no_cross_references(number):
    """Cut before its table of objects: viewers mend it."""
    whole = body(number)
    return whole[:whole.rindex(b"xref\n0")]


def incremental_update(number):
    """A second revision, appended."""
    whole = body(number)
    start = int(re.search(rb"startxref\s+(\d+)", whole).group(1))
    size = int(re.search(rb"/Size (\d+)", whole).group(1))
    root = re.search(rb"/Root (\d+ \d+ R)", whole).group(1)
    added = whole + b"\n"
    place = len(added)
    added += b"%d 0 obj\n<< /Producer (another) >>\nendobj\n" % size
    table = len(added)
    added += b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %s /Prev %d /Info %d 0 R >>\n" % (
        size, place, size + 1, root, start, size)
    return added + b"startxref\n%d\n%%%%EOF\n" % table


READ = [
    body, no_compression, ascii_85, kerned, each_digit_placed, gaps_for_spaces, rotated, page_turned, white, invisible,
    off_the_page, under_a_rectangle, form_x_object, table, two_columns, subset_font, identity_without_to_unicode,
    fpdf_unicode, fpdf_core_font, matplotlib_type_3, matplotlib_type_42, office_document, form_field,
    form_field_without_appearance, annotation, free_text, attachment, attached_pdf, title, property_of_its_own,
    metadata, outline, layer_that_is_off, xfa, alternate_text, second_page, linearised, object_streams, rc4_40,
    rc4_128, aes_128, aes_256, reportlab_owner_only, ghostscript, no_cross_references, incremental_update,
]


# ---- What cannot be read -------------------------------------------------------

def password_rc4(number):
    return encrypted(number, "secret", 128, "--use-aes=n")


def password_aes(number):
    return encrypted(number, "secret", 256)


def scan(_):
    """A page that is one picture."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    out = io.BytesIO()
    page = Canvas(out, pagesize=A4)
    page.drawImage(ImageReader(Image.effect_noise((400, 600), 50)), 0, 0, *A4)
    page.save()
    return out.getvalue()


def font_that_says_nothing(number):
    """Glyphs by numbers of their own, and nothing that says what they show."""
    with pikepdf.open(io.BytesIO(fpdf_unicode(number))) as pdf:
        for font in pdf.pages[0].Resources.Font.values():
            del font["/ToUnicode"]
            del font.DescendantFonts[0].FontDescriptor["/FontFile2"]
        return saved(pdf)


def cut_in_half(number):
    whole = through_qpdf(second_page(number), "--object-streams=generate")
    return whole[:len(whole) // 2]


OPAQUE = {
    password_rc4: "encrypted", password_aes: "encrypted", scan: "picture", font_that_says_nothing: "unreadable",
    cut_in_half: "damaged",
}


# ---- Tools -------------------------------------------------------------------

def sans():
    return str(pathlib.Path(fonts(), "DejaVuSans.ttf"))


def fonts():
    import matplotlib
    return matplotlib.get_data_path() + "/fonts/ttf"


def saved(pdf, **options):
    out = io.BytesIO()
    pdf.save(out, **options)
    return out.getvalue()


def annotated(annotation):
    with pikepdf.open(io.BytesIO(canvas(lambda page: None))) as pdf:
        pdf.pages[0].Annots = Array([pdf.make_indirect(annotation)])
        return saved(pdf)


def run_on(octets, command):
    """Runs a command that makes one file of another."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "in.pdf"), pathlib.Path(folder, "out.pdf")
        source.write_bytes(octets)
        filled = [part.replace("{in}", str(source)).replace("{out}", str(target)) for part in command]
        subprocess.run(filled, check=True, timeout=120, capture_output=True)
        return target.read_bytes()


def through_qpdf(octets, *options):
    return run_on(octets, ["qpdf", *options, "{in}", "{out}"])


def encrypted(number, user, bits, *options):
    weak = ["--allow-weak-crypto"] if bits < 256 else []
    return through_qpdf(body(number), *weak, "--encrypt", user, "owner", str(bits), *options, "--")


def converted(html):
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "in.html")
        source.write_text(html)
        subprocess.run(["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to",
                        "pdf:writer_web_pdf_Export", "--outdir", folder, str(source)],
                       check=True, timeout=180, capture_output=True)
        return pathlib.Path(folder, "in.pdf").read_bytes()


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    """All of them at once: the number in each, and what is said of it."""
    folder = tmp_path_factory.mktemp("pdf")
    numbers = {}
    for make in [*READ, *OPAQUE]:
        numbers[make.__name__] = number = nhs_number()
        mail = message("Letter", text="Please see attached.\n")
        mail.add_attachment(make(number), maintype="application", subtype="octet-stream", filename="letter.bin")
        (folder / f"{make.__name__}.eml").write_bytes(mail.as_bytes())
    done = postern("classify", "--json", "--reveal", str(folder), cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    said = {}
    for line in done.stdout.splitlines():
        line = json.loads(line)
        said[pathlib.Path(line["file"]).stem] = line
    return numbers, said


@pytest.mark.parametrize("make", READ, ids=lambda make: make.__name__)
def test_a_number_is_found_however_it_is_carried(classified, make):
    numbers, said = classified
    said = said[make.__name__]
    found = {re.sub(r"\D", "", finding["value"]) for finding in said["findings"] if finding["kind"] == "nhs_number"}
    assert found == {numbers[make.__name__]}, said
    assert not said["opaque"], said["opaque_parts"]


@pytest.mark.parametrize("make", OPAQUE, ids=lambda make: make.__name__)
def test_what_cannot_be_read_is_said_to_be_so(classified, make):
    _, said = classified
    said = said[make.__name__]
    assert OPAQUE[make] in json.dumps(said["opaque_parts"]), said

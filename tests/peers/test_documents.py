"""Documents that other programs write: a patient number is found wherever a
person can put one, and what is under a password is told."""

import io
import json
import re
import subprocess
from email.message import EmailMessage

import pytest

from documents import MAKERS, Marks, docx, odt, pptx, rtf, with_parts, xlsx
from gateway import ROOT, postern
from processes import needed

# What LibreOffice does not carry over into another format.
NOT_CARRIED = {
    "docx": {"property author", "embedded workbook", "inserted page", "glossary", "custom data", "text box for new programs",
             "text box for old programs", "custom property", "address", "field code"},
    "xlsx": {"hidden by its format"},
    "pptx": {"comment", "category of a chart"},
    "doc": {"alternative text"},
    "xls": {"footer"},
    "ppt": {"alternative text"},
}


def classified(home, octets, kind="application/octet-stream", name="file.bin"):
    """What is found in a file that says nothing of its kind."""
    message = EmailMessage()
    message["Subject"] = "As agreed"
    message["From"] = "a@nhs.test.example"
    message.set_content("See attached.")
    main, _, sub = kind.partition("/")
    message.add_attachment(octets, maintype=main, subtype=sub, filename=name)
    file = home / "message.eml"
    file.write_bytes(message.as_bytes())
    told = postern("classify", "--json", "--reveal", "--policies", ROOT / "policies", file)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def reasons(told):
    return {part["reason"] for part in told["opaque_parts"]}


def converted(home, octets, old, new):
    """A document as LibreOffice writes it in another format."""
    source = home / f"source.{old}"
    source.write_bytes(octets)
    subprocess.run([needed("soffice"), f"-env:UserInstallation=file://{home}/office", "--headless", "--convert-to", new,
                    "--outdir", home / "out", source], check=True, capture_output=True, timeout=240)
    return (home / "out" / f"source.{new.split(':')[0]}").read_bytes()


@pytest.mark.parametrize("kind", MAKERS)
def test_every_place_of_a_document_is_read(home, kind):
    marks = Marks()
    told = classified(home, MAKERS[kind](marks))
    assert marks.missing(told["findings"]) == []
    assert reasons(told) <= {"picture"}


@pytest.mark.parametrize(("old", "new"), [
    ("docx", "doc"), ("docx", "rtf"), ("docx", "odt"), ("docx", "fodt"), ("docx", "docx"),
    ("xlsx", "xls"), ("xlsx", "ods"), ("xlsx", "fods"), ("xlsx", "xlsx"),
    ("pptx", "ppt"), ("pptx", "odp"), ("pptx", "fodp"), ("pptx", "pptx"),
])
def test_what_office_programs_write_is_read(home, old, new):
    marks = Marks()
    octets = converted(home, {"docx": docx, "xlsx": xlsx, "pptx": pptx}[old](marks), old, new)
    told = classified(home, octets)
    missing = {re.sub("^cell: ", "", place) for place in marks.missing(told["findings"])}
    assert missing <= NOT_CARRIED[old] | NOT_CARRIED.get(new, set())
    # A chart in an old presentation is an object of another program's.
    assert reasons(told) <= {"picture"} | ({"unreadable"} if new == "ppt" else set())


@pytest.mark.parametrize("syntax", ["ImplicitVRLittleEndian", "ExplicitVRLittleEndian", "DeflatedExplicitVRLittleEndian"])
def test_who_is_on_a_picture_of_dicom_is_read(home, syntax):
    from pydicom import uid
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

    marks, out = Marks(), io.BytesIO()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = getattr(uid, syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid.SecondaryCaptureImageStorage, uid.generate_uid()
    file = FileDataset(out, {}, file_meta=meta, preamble=bytes(128))
    file.SpecificCharacterSet = "ISO_IR 192"
    file.PatientName, file.PatientID = "Testperson^Zeldé", f"NHS {marks.number('identifier')}"
    file.PatientComments = marks("comment")
    item = Dataset()
    item.ScheduledProcedureStepDescription = marks("sequence")
    file.RequestAttributesSequence = [item]
    file.Rows = file.Columns = 8
    file.BitsAllocated = 8
    file.PixelData = bytes(64)
    file.add_new(0x00420011, "OB", f"NHS number {marks.number('encapsulated document')}".encode())
    file.save_as(out, enforce_file_format=True)
    told = classified(home, out.getvalue())
    assert marks.missing(told["findings"]) == []
    assert reasons(told) == {"picture"}


def test_the_text_of_a_drawing_is_read(home):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    marks, out = Marks(), io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure = pyplot.figure()
        figure.text(0.1, 0.5, marks("drawing"))
        figure.savefig(out, format="svg")
    told = classified(home, out.getvalue())
    assert marks.missing(told["findings"]) == []
    assert reasons(told) == {"picture"}


def test_strings_of_postscript_are_read_and_it_stays_unread(home):
    marks = Marks()
    home.joinpath("letter.txt").write_text(marks("letter"))
    subprocess.run([needed("enscript"), "-q", "-o", "letter.ps", "letter.txt"], cwd=home, check=True)
    told = classified(home, home.joinpath("letter.ps").read_bytes())
    assert marks.missing(told["findings"]) == []
    assert reasons(told) == {"unreadable"}


@pytest.mark.parametrize("make", [docx, odt, rtf])
def test_a_document_called_a_picture_is_read(home, make):
    marks = Marks()
    told = classified(home, make(marks), kind="image/jpeg", name="scan.jpg")
    assert marks.missing(told["findings"]) == []
    assert reasons(told) <= {"picture"}


def test_relationships_may_be_missing_and_names_of_any_kind(home):
    import zipfile

    for make in (docx, xlsx, pptx):
        marks = Marks()
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(make(marks))) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                if not name.endswith(".rels"):
                    new.writestr(name.replace("/", "\\") if "comments" in name else name, old.read(name))
        told = classified(home, out.getvalue())
        assert set(marks.missing(told["findings"])) <= {"address"}, make


def test_strict_documents_are_read(home):
    marks = Marks()
    namespaces = {
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main": b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships":
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    }

    def strict(octets):
        for old, new in namespaces.items():
            octets = octets.replace(old, new)
        return octets

    parts = ["word/document.xml", "word/footnotes.xml", "word/_rels/document.xml.rels", "_rels/.rels"]
    told = classified(home, with_parts(docx(marks), dict.fromkeys(parts, strict)))
    assert marks.missing(told["findings"]) == []


def encrypted_ooxml(octets):
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(octets)).encrypt("secret", out)
    return out.getvalue()


def encrypted_odf(octets):
    entry = b'<manifest:encryption-data manifest:checksum="x"/></manifest:file-entry>'
    manifest = lambda xml: xml.replace(b'media-type="text/xml"/>', b'media-type="text/xml">' + entry, 1)  # noqa: E731
    return with_parts(octets, {"META-INF/manifest.xml": manifest})


def encrypted_doc(octets):
    """With the mark that the text is encrypted (MS-DOC, FibBase.fEncrypted)."""
    at = next(at for at in range(0, len(octets), 512) if octets[at:at + 2] == b"\xec\xa5")
    return octets[:at + 0x0b] + bytes([octets[at + 0x0b] | 1]) + octets[at + 0x0c:]


def encrypted_xls(octets):
    """With a FILEPASS behind the beginning of the workbook."""
    at = octets.index(b"\x09\x08\x10\x00\x00\x06\x05\x00") + 20
    return octets[:at] + b"\x2f\x00" + octets[at + 2:]


@pytest.mark.parametrize(("make", "new", "encrypt"), [
    (docx, None, encrypted_ooxml), (xlsx, None, encrypted_ooxml), (odt, None, encrypted_odf),
    (docx, "doc", encrypted_doc), (xlsx, "xls", encrypted_xls),
])
def test_a_document_under_a_password_is_encrypted(home, make, new, encrypt):
    octets = make(Marks())
    if new:
        octets = converted(home, octets, make.__name__, new)
    assert "encrypted" not in reasons(classified(home, octets))
    told = classified(home, encrypt(octets))
    assert told["opaque"] and "encrypted" in reasons(told)


def test_what_masters_prompt_for_is_no_text_of_a_show(home):
    told = classified(home, pptx(Marks()))
    assert not [finding for finding in told["findings"] if "Click to edit" in finding["value"]]


def test_a_document_that_breaks_off_says_so_and_gives_what_it_has(home):
    for make in (docx, xlsx, odt):
        octets = make(Marks())
        told = classified(home, octets[:len(octets) * 2 // 3])
        assert told["opaque"], make

"""Drafts carried by a file, and the bland note above it."""

import dataclasses

from ..draft import Table
from . import archives, mime, portable, raw, secrets, sheets, slides, texts, tnef, word

DOCUMENTS = {
    word.as_docx: 9,
    word.docx_runs: 4,
    word.docx_comment: 1,
    word.docx_properties: 1,
    word.as_odt: 3,
    word.doc_libreoffice: 4,
    word.rtf_libreoffice: 3,
    word.odt_libreoffice: 2,
    word.pdf_libreoffice: 5,
    word.html_libreoffice: 1,
    word.fodt_libreoffice: 1,
    portable.as_pdf: 8,
    portable.pdf_columns: 3,
    portable.pdf_typewriter: 3,
    portable.pdf_form: 2,
    slides.as_pptx: 3,
    slides.pptx_notes: 2,
    slides.ppt_impress: 2,
    slides.odp_impress: 1,
    texts.as_txt: 5,
    texts.as_html: 3,
    texts.as_json: 1,
    texts.as_xml: 1,
    texts.rtf_small: 3,
    texts.as_eml: 3,
    texts.mbox: 1,
    tnef.tnef_body: 3,
    tnef.tnef_file: 2,
    sheets.as_xlsx: 2,
    sheets.xlsx_comment: 1,
    sheets.xlsx_writer: 1,
}
TABLES = {
    sheets.as_xlsx: 6,
    sheets.xlsx_numbers: 7,
    sheets.xlsx_hidden: 2,
    sheets.xlsx_margin: 1,
    sheets.xlsx_writer: 3,
    sheets.as_xls: 4,
    sheets.xls_calc: 3,
    sheets.as_ods: 2,
    sheets.ods_calc: 2,
    sheets.as_csv: 8,
    sheets.pdf_calc: 2,
    word.as_docx: 4,
    word.doc_libreoffice: 1,
    word.as_odt: 1,
    portable.as_pdf: 3,
    portable.pdf_landscape: 3,
    slides.as_pptx: 1,
    texts.as_html: 2,
    texts.as_txt: 2,
    texts.as_json: 1,
    texts.rtf_small: 1,
    tnef.tnef_file: 1,
}
COVERS = [
    "Please find attached.",
    "As discussed.",
    "Hi, file attached as promised. Thanks",
    "See attached",
    "Attached for your information.",
    "Sent from my iPhone",
    "",
    "For tomorrow. Shout if it doesn't open.",
    "Revised version, please ignore the last one.",
    "Hello,\n\nDocument as requested.\n\nKind regards",
    "FAO the manager",
    "scan from MFP-4411",
    "Good afternoon, attached is the document we spoke about.",
]
SUBJECTS = [
    "as discussed",
    "FW: file",
    "Document",
    "Attached",
    "Scanned image from MFP",
    "RE: RE: query",
    "for {day}",
    "list",
    "update",
    "Emailing: file",
    "",
]
STEMS = [
    "Scan_0{}",
    "Document{}",
    "letter {}",
    "Book{}",
    "FW file {}",
    "report-{}",
    "Copy of list ({})",
    "img{}",
    "Ward list {}",
    "untitled{}",
    "Llythyr {}",
    "résumé {}",
    "file{}",
]
WRONG_NAMES = [
    ("dat", "application/octet-stream"),
    ("", "application/octet-stream"),
    ("txt", "text/plain"),
    ("jpg", "image/jpeg"),
    ("pdf", "application/pdf"),
    ("bin", "application/x-unknown"),
]


def is_tabular(draft):
    return any(isinstance(block, Table) for block in draft.blocks)


def document(random, draft):
    """The file, or the promise of one."""
    if draft.carriers.startswith("raw:"):
        suffix = draft.carriers.removeprefix("raw:")
        draft.tags.add(f"pack:{suffix}")
        return raw.file(random, draft, suffix)
    weights = TABLES if is_tabular(draft) else DOCUMENTS
    make = random.choices(list(weights), list(weights.values()))[0]
    draft.tags.add(f"pack:{make.__name__}")
    return make(random, draft)


def stemmed(random, draft, file):
    if not file.stem:
        file.stem = (
            (draft.file_stem or random.choice(STEMS).format(random.randrange(1, 99)))
            .replace("/", "-")
            .replace("\n", " ")
        )
    return file


def wrapped(random, draft, file):
    """Perhaps in an archive, perhaps by a wrong name."""
    chance = random.random()
    if chance < 0.16 and not file.kind.startswith("application/ms-tnef"):
        weights = archives.WEIGHTS
        pack = random.choices(list(weights), list(weights.values()))[0]
        draft.tags.add(f"archive:{pack.__name__}")
        return pack(random, file)
    if chance < 0.22 and file.suffix not in ("txt", "csv", "tsv", "log", "html", "htm", "xml", "json"):
        draft.tags.add("name:wrong")
        suffix, kind = random.choice(WRONG_NAMES)
        return dataclasses.replace(file, suffix=suffix, kind=kind)
    return file


def locked(random, draft, file):
    """The same behind a password."""
    fitting = [
        lock
        for lock, kind in secrets.FILES.items()
        if kind == "any"
        or kind == "pdf"
        and file.suffix == "pdf"
        or kind == "ooxml"
        and file.suffix in ("docx", "xlsx", "pptx")
    ]
    special = [lock for lock in fitting if secrets.FILES[lock] != "any"]
    lock = random.choice(special) if special and random.random() < 0.7 else random.choice(fitting)
    draft.tags.add(f"opaque:{lock.__name__}")
    draft.opaque = True
    return lock(random, file)


def part(random, draft, file):
    draft.tags.add("where:attachment")
    cover = draft.cover or random.choice(COVERS)
    cover += "\n\n" + draft.signature if draft.signature else ""
    text = mime.text(cover, encoding="quoted-printable")
    if random.random() < 0.3:
        text = mime.text("<p>" + cover.replace("\n", "<br>") + "</p>", "html", encoding="quoted-printable")
    disposition = random.choices(["attachment", "inline", "type-name"], [80, 10, 10])[0]
    attached = mime.file(random, file.name, file.octets, file.kind, disposition=disposition)
    if random.random() < 0.06 and not draft.cover:
        draft.tags.add("mail:only_attachment")
        return attached
    return mime.multipart(random, "mixed", [text, attached])

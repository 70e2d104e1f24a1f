"""Files whose writing is their format: HL7, FHIR, CDA, EDIFACT, vCard,
iCalendar, CSV, XML."""

from . import mime
from .file import File

KINDS = {
    "hl7": ["application/hl7-v2", "x-application/hl7-v2+er7", "text/plain"],
    "json": ["application/fhir+json", "application/json"],
    "xml": ["application/fhir+xml", "text/xml", "application/xml"],
    "edi": ["application/edifact", "text/plain", "application/octet-stream"],
    "vcf": ["text/vcard", "text/x-vcard"],
    "ics": ["text/calendar; method=REQUEST", "text/calendar"],
    "csv": ["text/csv", "application/octet-stream"],
}


def text(draft):
    return "\n".join(draft.blocks) + "\n"


def file(random, draft, suffix):
    ends = {"hl7": "\r", "vcf": "\r\n", "ics": "\r\n"}.get(suffix, "\n")
    if suffix == "edi" and random.random() < 0.5:
        ends = ""
    octets = text(draft).replace("\n", ends).encode("utf-8")
    name = random.choice([suffix, suffix, "txt", "dat"]) if suffix in ("hl7", "edi") else suffix
    return File(name, random.choice(KINDS[suffix]), octets)


def body(random, draft, suffix):
    """As the mail's own text, or beside it as an invitation is."""
    octets = text(draft)
    if suffix == "ics":
        calendar = mime.Part(
            [("Content-Type", "text/calendar; charset=utf-8; method=REQUEST"), ("Content-Transfer-Encoding", "base64")],
            mime.encoded(octets.replace("\n", "\r\n").encode(), "base64"),
        )
        return mime.multipart(
            random, "alternative", [mime.text("Meeting", encoding="7bit", charset="us-ascii"), calendar]
        )
    return mime.text(octets, encoding="quoted-printable")

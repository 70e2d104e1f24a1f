"""What somebody wrote, before it is known how it travels."""

import dataclasses

IDENTIFIERS = ("nhs_number", "chi_number", "hc_number")
# Labelled in full everywhere, so that anything else found of them is wrong.
CLOSED = (*IDENTIFIERS, "nino", "bulk_patients")


@dataclasses.dataclass(frozen=True)
class Finding:
    """`place` is "subject", "cover" (the note above a file), "name" (of the file)
    or "content"."""

    kind: str
    value: str
    place: str = "content"
    optional: bool = False


@dataclasses.dataclass
class Table:
    """The first row holds the headings."""

    rows: list


@dataclasses.dataclass
class Draft:
    """`blocks` are paragraphs (str) and tables; `page_header` stands in the
    margin of a document, or on top where there is no margin; `cover` is what is
    said above a file."""

    subject: str = ""
    blocks: list = dataclasses.field(default_factory=list)
    page_header: str = ""
    cover: str = ""
    file_stem: str = ""
    carriers: str = "any"
    signature: str = ""
    level: int = 0
    level_ok: list = dataclasses.field(default_factory=lambda: [0])
    findings: list = dataclasses.field(default_factory=list)
    tags: set = dataclasses.field(default_factory=set)
    opaque: bool = False

    def found(self, kind, value, place="content", optional=False):
        finding = Finding(kind, value, place, optional)
        if finding not in self.findings:
            self.findings.append(finding)

    def label(self, file, attachment):
        """One line of labels.jsonl; the content stands in the body, or in the
        file `attachment`."""
        where = {
            "subject": "subject",
            "cover": "body",
            "name": f"attachment:{attachment}",
            "content": f"attachment:{attachment}" if attachment else "body",
        }
        findings = []
        for finding in self.findings:
            entry = {"kind": finding.kind, "value_normalised": finding.value, "where": where[finding.place]}
            if finding.optional:
                entry["optional"] = True
            findings.append(entry)
        label = {
            "file": file,
            "level": self.level,
            "level_ok": self.level_ok,
            "findings": findings,
            "closed_kinds": list(CLOSED),
            "tags": sorted(self.tags),
        }
        if self.opaque:
            label["opaque"] = True
        return label

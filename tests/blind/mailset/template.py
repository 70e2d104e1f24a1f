"""Cases become drafts: `[one|the other]` is chosen, `{name}` is filled in, and
whatever a reader should find is noted as it is written.

    {name} {nhs} {dob} …     of the patient; {p2.name} of the second one
    {cond} {drug} {ward} …   a word of its list
    {=asthma} {m=warfarin} {s=PrEP}   a word of the case's own that counts
    |a|b|                    a table's row; |*3-8|a|b| one for each of 3-8 patients
    *3-8 text                a line for each of 3-8 patients
    << >>                    braces
"""

import datetime as dt
import re

from . import numbers, people, shapes, styles
from .draft import Draft, Table
from .fields import Fields

CHOICE = re.compile(r"\[([^\[\]{}|]*(?:\{[^{}]*\}[^\[\]{}|]*)*(?:\|(?:[^\[\]{}|]|\{[^{}]*\})*)+)\]")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
REPEAT = re.compile(r"^(\|?)\*(\d+)-(\d+)(.*)$", re.S)
AGES = {
    "adult": (18, 96),
    "child": (1, 15),
    "newborn": (0, 0),
    "teen": (13, 17),
    "elder": (72, 98),
    "woman": (18, 48),
    "man": (18, 90),
}
BULK = 25


class Writer:
    """Writes one case once."""

    def __init__(self, random, case):
        self.random = random
        self.case = case
        self.draft = Draft()
        self.place = "content"
        self.number_style = shapes.number_style(random)
        self.date_style = shapes.date_style(random)
        self.patients = {}
        self.kind = self._kind()
        self.distinct = set()
        self.fields = Fields(self)

    def write(self):
        case, draft = self.case, self.draft
        style = styles.choose(self.random, case.style)
        draft.blocks = [self._styled(block, style) for block in self._blocks(case.body)]
        draft.page_header = self.fill(case.header) if case.header else ""
        self.place = "cover"
        draft.cover = self.fill(case.cover) if case.cover else ""
        self.place = "subject"
        draft.subject = self.fill(self._choose(case.subject))
        self.place = "name"
        draft.file_stem = self.fill(self._choose(case.file)) if case.file else ""
        self.place = "content"
        draft.level, draft.level_ok = case.level, case.level_ok
        draft.carriers = case.carriers
        draft.tags |= set(case.tags) | {f"style:{style}", "synthetic", f"level:{case.level}"}
        if any(
            finding.kind in ("nhs_number", "chi_number", "hc_number") and not finding.optional
            for finding in draft.findings
        ):
            draft.tags.add(f"num:{self.number_style}")
        if len(self.distinct) >= BULK:
            draft.found("bulk_patients", "bulk")
        return draft

    def _kind(self):
        """One nation a mail: nobody's list mixes their numbers, and a case that
        says NHS is of England or Wales."""
        spoken = PLACEHOLDER.sub("", self.case.body + self.case.header)
        if re.search("nhs", spoken, re.I):
            return "nhs_number"
        return self.random.choices(["nhs_number", "chi_number", "hc_number"], [80, 11, 9])[0]

    def patient(self, key="p"):
        if key not in self.patients:
            self.patients[key] = self._somebody(self.case.who if key == "p" else "adult")
        return self.patients[key]

    def _somebody(self, who):
        youngest, oldest = AGES[who]
        born = (
            numbers.birthday(self.random, youngest, oldest)
            if oldest
            else dt.date(2026, 10, 1) + dt.timedelta(days=self.random.randrange(45))
        )
        female = {"woman": True, "man": False}.get(who, self.random.random() < 0.52)
        patient = people.patient(self.random, born, female, self.kind)
        if who == "newborn" and self.random.random() < 0.6:
            patient.first = "Baby"
        return patient

    def found(self, kind, value, optional=False):
        self.draft.found(kind, value, self.place, optional)
        if kind in ("nhs_number", "chi_number", "hc_number") and not optional:
            self.distinct.add(value)

    def fill(self, text):
        text = self._choose(text)
        filled = PLACEHOLDER.sub(lambda match: str(self.fields.value(match[1])), text)
        return filled.replace("<<", "{").replace(">>", "}")

    def _choose(self, text):
        while True:
            chosen = CHOICE.sub(lambda match: self.random.choice(self._alternatives(match[1])), text)
            if chosen == text:
                return text
            text = chosen

    @staticmethod
    def _alternatives(text):
        return text.split("|")

    def _blocks(self, body):
        for paragraph in re.split(r"\n\s*\n", self._chosen_but_repeats(body).strip("\n")):
            yield from self._block(paragraph.split("\n"))

    def _chosen_but_repeats(self, body):
        """A choice may span lines; those of a repeated line are made anew for
        each of its patients."""
        done, open_lines = [], []
        for line in body.split("\n"):
            if REPEAT.match(line):
                done += [self._choose("\n".join(open_lines)), line] if open_lines else [line]
                open_lines = []
            else:
                open_lines.append(line)
        if open_lines:
            done.append(self._choose("\n".join(open_lines)))
        return "\n".join(done)

    def _block(self, lines):
        rows, text = [], []
        for line in lines:
            table = line.startswith("|")
            if table and text:
                yield "\n".join(text)
                text = []
            if not table and rows:
                yield Table(rows)
                rows = []
            for filled in self._lines(line):
                (rows if table else text).append(filled)
        if text:
            yield "\n".join(text)
        if rows:
            yield Table(rows)

    def _lines(self, line):
        """One line, or as many as it asks for; a row as its cells."""
        repeat = REPEAT.match(line)
        count = self.random.randrange(int(repeat[2]), int(repeat[3]) + 1) if repeat else 1
        for index in range(count):
            if repeat:
                self.patients.pop("p", None)
            text = repeat[4].lstrip() if repeat else line
            text = self._choose(text.replace("{#}", str(index + 1)))
            if line.startswith("|"):
                yield [self.fill(cell.strip()) for cell in text.strip()[1:].removesuffix("|").split("|")]
            else:
                yield self.fill(text)

    def _styled(self, block, style):
        if isinstance(block, Table):
            return Table([[styles.apply(self.random, cell, style) for cell in row] for row in block.rows])
        return styles.apply(self.random, block, style)

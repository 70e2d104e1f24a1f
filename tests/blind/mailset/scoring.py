"""What predictions are worth beside the labels.

A leak: true level 3 or more, predicted less. A false hold: true level 0 or 1,
predicted 3 or more. A shortfall: true level 4, predicted less. Where a careful
reader may differ (`level_ok`), the kindest reading counts. Mail that cannot be
read is scored for being flagged alone.
"""

import collections
import dataclasses
import datetime as dt
import json
import re
import unicodedata

from .draft import IDENTIFIERS

OPEN = {"clinical_term", "medication", "special_category_term"}
DATES = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%m-%y",
    "%d-%b-%y",
    "%d %B %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d%b%Y",
    "%d %m %Y",
    "%Y%m%d",
)


def normalised(kind, value):
    value = "".join(c for c in unicodedata.normalize("NFKC", str(value)) if unicodedata.category(c) != "Cf")
    if kind in IDENTIFIERS or kind == "snomed_ct":
        return re.sub(r"\D", "", value)
    if kind in ("nino", "uk_postcode", "icd10", "protective_marking"):
        return re.sub(r"[^A-Za-z0-9]", "", value).upper()
    if kind == "phone":
        digits = re.sub(r"^(\+|00)44", "0", re.sub(r"[^\d+]", "", value.replace("(0)", "")))
        return "+44" + digits.lstrip("+").removeprefix("0")
    if kind == "date_of_birth":
        return _date(value)
    if kind == "bulk_patients":
        return "bulk"
    return " ".join(value.lower().split())


def _date(value):
    bare = " ".join(re.sub(r"(?<=\d)(st|nd|rd|th)\b( of)?", "", value.strip()).split())
    for shape in DATES:
        try:
            day = dt.datetime.strptime(bare, shape).date()
        except ValueError:
            continue
        return (day.replace(year=day.year - 100) if day.year > 2026 else day).isoformat()
    return bare.lower()


@dataclasses.dataclass
class Tally:
    """Counts, of all mails or of those of one tag."""

    mails: int = 0
    accepted: int = 0
    high: int = 0
    leaks: int = 0
    four: int = 0
    short: int = 0
    low: int = 0
    holds: int = 0
    wanted: int = 0
    found: int = 0
    wrong: int = 0
    opaque: int = 0
    flagged: int = 0
    pictures: int = 0
    pictures_flagged: int = 0
    readable: int = 0
    flagged_wrongly: int = 0
    kinds: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(lambda: [0, 0]))

    def add(self, label, prediction):
        """One mail; what went wrong with it, or None."""
        flagged = bool(prediction.get("opaque"))
        if label.get("opaque"):
            if "opaque_image" in label["tags"]:
                self.pictures += 1
                self.pictures_flagged += flagged
                return None
            self.opaque += 1
            self.flagged += flagged
            return None if flagged else "unflagged"
        self.readable += 1
        self.flagged_wrongly += flagged
        self._findings(label, prediction)
        return self._level(label, int(prediction.get("level", 0))) or ("flagged" if flagged else None)

    def _level(self, label, predicted):
        accepted = label["level_ok"]
        self.mails += 1
        self.accepted += predicted in accepted
        verdict = None
        if min(accepted) >= 4:
            self.four += 1
            if predicted < 4:
                self.short += 1
                verdict = "short"
        if min(accepted) >= 3:
            self.high += 1
            if predicted < 3:
                self.leaks += 1
                verdict = "leak"
        if max(accepted) <= 1:
            self.low += 1
            if predicted >= 3:
                self.holds += 1
                verdict = "hold"
        return verdict

    def _findings(self, label, prediction):
        want, may = set(), set()
        for finding in label["findings"]:
            pair = (finding["kind"], normalised(finding["kind"], finding["value_normalised"]))
            (may if finding.get("optional") else want).add(pair)
        got = {(f["kind"], normalised(f["kind"], f.get("value", ""))) for f in prediction.get("findings", [])}
        for kind, value in want:
            hit = (
                (kind, value) in got
                or kind in OPEN
                and any(k == kind and (value in v or len(v) > 3 and v in value) for k, v in got)
            )
            self.kinds[kind][0] += hit
            self.kinds[kind][1] += 1
        wanted = {value for kind, value in want if kind in IDENTIFIERS}
        allowed = {value for kind, value in may if kind in IDENTIFIERS}
        found = {value for kind, value in got if kind in IDENTIFIERS}
        self.wanted += len(wanted)
        self.found += len(wanted & found)
        self.wrong += len(found - wanted - allowed)

    # ---- Rates; None where nothing was counted ------------------------------

    @property
    def leak(self):
        return _rate(self.leaks, self.high)

    @property
    def shortfall(self):
        return _rate(self.short, self.four)

    @property
    def false_hold(self):
        return _rate(self.holds, self.low)

    @property
    def opaque_flagged(self):
        return _rate(self.flagged, self.opaque)

    @property
    def recall(self):
        return _rate(self.found, self.wanted)

    @property
    def precision(self):
        return _rate(self.found, self.found + self.wrong)


def _rate(part, whole):
    return part / whole if whole else None


class Score:
    """All mails together, by tag, and each that went wrong."""

    def __init__(self):
        self.total = Tally()
        self.tags = collections.defaultdict(Tally)
        self.errors = []

    def add(self, label, prediction):
        error = self.total.add(label, prediction)
        if error:
            self.errors.append((error, label, prediction))
        for tag in label["tags"]:
            self.tags[tag].add(label, prediction)


def read(labels, predictions, score=None):
    """The score of two files, or `score` with them added; a mail without a prediction counts as level 0."""
    told = {}
    with open(predictions, encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                prediction = json.loads(line)
                told["/".join(prediction["file"].split("/")[-2:])] = prediction
    score = score or Score()
    with open(labels, encoding="utf-8") as lines:
        for line in lines:
            label = json.loads(line)
            score.add(label, told.get(label["file"], {}))
    return score

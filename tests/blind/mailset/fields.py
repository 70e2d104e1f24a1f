"""What may stand in braces in a case."""

import datetime as dt
import re

from . import numbers, people, shapes
from .words import names
from .words.lists import words

LABELS = {
    "nhs_number": [
        "NHS No: {}",
        "NHS number {}",
        "NHS No. {}",
        "NHS Number: {}",
        "(NHS {})",
        "NHS# {}",
        "nhs no {}",
        "NHSNo {}",
        "NHS: {}",
        "{} (NHS no)",
        "NHS No\n{}",
        "Nhs Num {}",
        "N.H.S. No. {}",
        "NHS Number (verified): {}",
        "NHS ID {}",
    ],
    "chi_number": ["CHI {}", "CHI No: {}", "CHI number {}", "CHI: {}", "(CHI {})", "CHI No\n{}", "{} (CHI)"],
    "hc_number": [
        "H&C No: {}",
        "H+C {}",
        "HCN {}",
        "H&C number {}",
        "Health and Care Number: {}",
        "(H&C {})",
        "HSC No {}",
    ],
}
BORN = [
    "DOB {}",
    "DOB: {}",
    "D.O.B. {}",
    "dob {}",
    "born {}",
    "d.o.b {}",
    "Date of Birth: {}",
    "b. {}",
    "D/B {}",
    "(DoB {})",
]
SNOMED = [
    "22298006",
    "195967001",
    "73211009",
    "38341003",
    "49436004",
    "84114007",
    "13645005",
    "230690007",
    "363346000",
    "59621000",
    "44054006",
    "271737000",
    "709044004",
    "35489007",
    "233604007",
]
ICD = [
    "I48.0",
    "J44.1",
    "E11.9",
    "I21.4",
    "N39.0",
    "C50.9",
    "S72.0",
    "K80.2",
    "F32.1",
    "G40.9",
    "M16.1",
    "I63.9",
    "J18.9",
    "C34.1",
]
LISTED = {"cond": "conditions", "abbr": "abbreviations", "sx": "symptoms", "proc": "procedures"}
PLAIN = {"dose": "doses", "result": "results", "study": "studies"}
# Of nobody: words of harmless mail, which nothing need find.
OF_NOBODY = {"cond_plain": "conditions", "drug_plain": "drugs", "proc_plain": "procedures", "sx_plain": "symptoms"}


class Fields:
    """The values of one piece of writing."""

    def __init__(self, writer):
        self.writer = writer
        self.random = writer.random
        self.staff = {}

    def value(self, name):
        for mark, kind in (("=", "clinical_term"), ("m=", "medication"), ("s=", "special_category_term")):
            if name.startswith(mark):
                term = name[len(mark) :]
                self.writer.found(kind, term.lower())
                return term
        owner, dot, field = name.rpartition(".")
        if dot and hasattr(self, f"_of_{field}"):
            return getattr(self, f"_of_{field}")(self.writer.patient(owner))
        if hasattr(self, f"_of_{name}"):
            return getattr(self, f"_of_{name}")(self.writer.patient())
        if hasattr(self, f"_{name}"):
            return getattr(self, f"_{name}")()
        return self._from_list(name)

    def _from_list(self, name):
        if name in OF_NOBODY:
            return self.random.choice(words(OF_NOBODY[name]))
        stem = name.rstrip("0123456789")
        if stem in LISTED:
            term = self.random.choice(words(LISTED[stem]))
            self.writer.found("clinical_term", term.lower())
            return term
        if stem == "drug":
            term = self.random.choice(words("drugs"))
            self.writer.found("medication", term.lower())
            return term
        if stem in PLAIN:
            return self.random.choice(words(PLAIN[stem]))
        if stem in ("staff", "sphone", "role"):
            somebody = self.staff.setdefault(name[len(stem) :], people.staff(self.random))
            return {
                "staff": f"{somebody.title} {somebody.first} {somebody.last}"
                if somebody.title == "Dr"
                else f"{somebody.first} {somebody.last}",
                "sphone": somebody.phone,
                "role": somebody.role,
            }[stem]
        if name[0] == "n" and "-" in name:
            low, high = name[1:].split("-")
            return self.random.randrange(int(low), int(high) + 1)
        if re.fullmatch(r"d\d*", name):
            return numbers.digits(self.random, int(name[1:] or 1))
        raise ValueError(f"no field {{{name}}}")

    # ---- Of a patient ------------------------------------------------------

    def _named(self, patient, text):
        self.writer.found("person_name", f"{patient.first} {patient.last}", optional=True)
        return text

    def _of_name(self, patient):
        first, last, title = patient.first, patient.last, patient.title
        shape = self.random.choice(
            [f"{title} {first} {last}"] * 3
            + [f"{first} {last}"] * 4
            + [
                f"{last.upper()}, {first}",
                f"{last}, {first} ({title})",
                f"{last.upper()} {first}",
                f"{title} {last}, {first}",
            ]
        )
        return self._named(patient, shape)

    def _of_full(self, patient):
        return self._named(patient, f"{patient.first} {patient.last}")

    def _of_titled(self, patient):
        return f"{patient.title} {patient.last}"

    def _of_title(self, patient):
        return patient.title

    def _of_first(self, patient):
        return patient.first

    def _of_last(self, patient):
        return patient.last

    def _of_initials(self, patient):
        return patient.first[0] + patient.last[0]

    def _of_nhs(self, patient):
        self.writer.found(patient.kind, patient.number)
        return shapes.number(patient.number, self.writer.number_style)

    def _of_solid(self, patient):
        self.writer.found(patient.kind, patient.number)
        return patient.number

    def _of_nhsl(self, patient):
        return self.random.choice(LABELS[patient.kind]).format(self._of_nhs(patient))

    def _of_idname(self, patient):
        """What the number is called where it was issued."""
        return {
            "nhs_number": self.random.choice(["NHS No", "NHS Number", "NHS no.", "NHSNumber", "NHS_NO"]),
            "chi_number": "CHI",
            "hc_number": "H&C No",
        }[patient.kind]

    def _of_dob(self, patient):
        self.writer.found("date_of_birth", patient.born.isoformat())
        return shapes.date(patient.born, self.writer.date_style)

    def _of_dob8(self, patient):
        self.writer.found("date_of_birth", patient.born.isoformat())
        return patient.born.strftime("%Y%m%d")

    def _of_dobiso(self, patient):
        self.writer.found("date_of_birth", patient.born.isoformat())
        return patient.born.isoformat()

    def _of_hl7sex(self, patient):
        return "F" if patient.female else "M"

    def _of_dobl(self, patient):
        return self.random.choice(BORN).format(self._of_dob(patient))

    def _of_age(self, patient):
        return patient.age

    def _of_agesex(self, patient):
        letter = "F" if patient.female else "M"
        return self.random.choice(
            [
                f"{patient.age}{letter}",
                f"{patient.age} {letter.lower()}",
                f"{patient.age}yo {letter}",
                f"{patient.age}y {letter}",
            ]
        )

    def _of_person(self, patient):
        if patient.age < 16:
            return "girl" if patient.female else "boy"
        return self.random.choice(["lady", "woman"] if patient.female else ["gentleman", "man", "chap"])

    def _of_he(self, patient):
        return "she" if patient.female else "he"

    def _of_He(self, patient):
        return "She" if patient.female else "He"

    def _of_his(self, patient):
        return "her" if patient.female else "his"

    def _of_him(self, patient):
        return "her" if patient.female else "him"

    def _of_sex(self, patient):
        return self.random.choice(["F", "Female"]) if patient.female else self.random.choice(["M", "Male"])

    def _of_pc(self, patient):
        self.writer.found("uk_postcode", patient.postcode)
        return patient.postcode

    def _of_addr(self, patient):
        return f"{patient.street}, {patient.town} {self._of_pc(patient)}"

    def _of_tel(self, patient):
        self.writer.found("phone", "+44" + patient.phone.replace(" ", "")[1:])
        return patient.phone

    def _of_mrn(self, patient):
        return patient.hospital

    # ---- Of nobody in particular -------------------------------------------

    def _somebody(self):
        """A name that is no patient's."""
        woman = self.random.random() < 0.5
        return f"{names.first(self.random, woman, 40)} {names.last(self.random)}"

    def _surname(self):
        return names.last(self.random)

    def _forename(self):
        return names.first(self.random, self.random.random() < 0.5, 40)

    def _nino(self):
        number = numbers.nino(self.random)
        self.writer.found("nino", number)
        return self.random.choice([number, f"{number[:2]} {number[2:4]} {number[4:6]} {number[6:8]} {number[8]}"])

    def _ward(self):
        return self.random.choice(names.WARDS)

    def _trust(self):
        return self.random.choice(names.TRUSTS)

    def _surgery(self):
        return self.random.choice(names.SURGERIES)

    def _town(self):
        return self.random.choice(names.TOWNS)

    def _street(self):
        return self.random.choice(names.STREETS)

    def _spc(self):
        """A postcode of an office."""
        return numbers.postcode(self.random)

    def _phone(self):
        return self.random.choice([numbers.landline, numbers.mobile])(self.random)

    def _ext(self):
        return numbers.digits(self.random, 4)

    # ---- Times -------------------------------------------------------------

    def _day_near(self, low, high):
        return dt.date(2026, 11, 1) + dt.timedelta(days=self.random.randrange(low, high))

    def _date(self):
        return shapes.date(
            self._day_near(-20, 60),
            self.random.choice(["%d/%m/%Y", "%d/%m/%y", "%d %B %Y", "ordinal", "%d %b", "%d-%m-%Y"]),
        )

    def _past(self):
        return shapes.date(
            self._day_near(-900, -10), self.random.choice(["%d/%m/%Y", "%d/%m/%y", "%d %B %Y", "ordinal", "%B %Y"])
        )

    def _iso(self):
        return self._day_near(-60, 60).isoformat()

    def _time(self):
        hour, minute = self.random.randrange(7, 20), self.random.choice([0, 5, 10, 15, 20, 30, 40, 45, 50])
        return self.random.choice([f"{hour:02}:{minute:02}", f"{hour:02}.{minute:02}", f"{hour:02}{minute:02}hrs"])

    def _day(self):
        return self.random.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])

    def _month(self):
        return self.random.choice(
            ["January", "March", "April", "June", "July", "September", "October", "November", "December"]
        )

    def _year(self):
        return self.random.choice(["2024", "2025", "2026", "2025/26", "2026/27"])

    # ---- Numbers of things -------------------------------------------------

    def _mod11(self):
        """A thing's number that passes for an NHS number, as one in eleven does."""
        self.writer.draft.tags.add("hn:mod11")
        return numbers.nhs_number(self.random)

    def _hcshape(self):
        return numbers.hc_number(self.random)

    def _ten(self):
        return numbers.faulty_number(self.random)

    def _test(self):
        number = numbers.test_number(self.random)
        self.writer.found("nhs_number", number, optional=True)
        return shapes.number(number, self.writer.number_style)

    def _isbn13(self):
        return numbers.isbn13(self.random)

    def _isbn10(self):
        return numbers.isbn10(self.random)

    def _ean(self):
        return numbers.ean13(self.random)

    def _uuid(self):
        text = f"{self.random.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def _hex(self):
        return f"{self.random.getrandbits(160):040x}"

    def _epoch(self):
        return self.random.randrange(1_700_000_000, 1_790_000_000)

    def _epochms(self):
        return self.random.randrange(1_700_000_000_000, 1_790_000_000_000)

    def _sort(self):
        return "-".join(numbers.digits(self.random, 2) for _ in range(3))

    def _gmc(self):
        return self.random.choice("467") + numbers.digits(self.random, 6)

    def _nmc(self):
        year, month, country = (
            self.random.randrange(10, 24),
            self.random.choice("ABCDEFGHI"),
            self.random.choice("ECOSW"),
        )
        return f"{year}{month}{numbers.digits(self.random, 4)}{country}"

    def _ods(self):
        return (
            self.random.choice(["R", "P", "Y", "F"]) + self.random.choice("ABCDEFGHJ") + numbers.digits(self.random, 3)
        )

    def _slug(self):
        return self.random.choice(words("conditions")).lower().replace(" ", "-")

    def _sct(self):
        return self.random.choice(SNOMED)

    def _icd_plain(self):
        return self.random.choice(ICD)

    def _snomed(self):
        code = self.random.choice(SNOMED)
        self.writer.found("snomed_ct", code)
        return code

    def _icd(self):
        code = self.random.choice(ICD)
        self.writer.found("icd10", code)
        return code

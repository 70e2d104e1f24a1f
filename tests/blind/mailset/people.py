"""Invented patients and staff."""

import dataclasses
import datetime as dt

from . import numbers
from .words import names


@dataclasses.dataclass
class Patient:
    """Somebody invented. `kind` and `number` are the national identifier."""

    title: str
    first: str
    last: str
    female: bool
    born: dt.date
    kind: str
    number: str
    hospital: str
    street: str
    town: str
    postcode: str
    phone: str

    @property
    def age(self):
        return max(0, (dt.date(2026, 11, 1) - self.born).days // 365)


def patient(random, born, female, kind):
    """`kind` says whose number: `nhs_number`, `chi_number` or `hc_number`."""
    age = (dt.date(2026, 11, 1) - born).days // 365
    if female:
        title = "Miss" if age < 18 else random.choice(["Mrs", "Miss", "Ms", "Mrs"])
    else:
        title = "Master" if age < 14 else "Mr"
    number = {
        "nhs_number": lambda: numbers.nhs_number(random),
        "chi_number": lambda: numbers.chi_number(random, born, female),
        "hc_number": lambda: numbers.hc_number(random),
    }[kind]()
    return Patient(
        title=title,
        first=names.first(random, female, age),
        last=names.last(random),
        female=female,
        born=born,
        kind=kind,
        number=number,
        hospital=numbers.hospital_number(random),
        street=f"{random.choice(['', '', '', 'Flat 2, '])}{random.randrange(1, 190)} {random.choice(names.STREETS)}",
        town=random.choice(names.TOWNS),
        postcode=numbers.postcode(random, kind == "chi_number"),
        phone=numbers.mobile(random) if random.random() < 0.6 else numbers.landline(random),
    )


@dataclasses.dataclass
class Staff:
    """Somebody who writes from work."""

    title: str
    first: str
    last: str
    role: str
    phone: str

    @property
    def mailbox(self):
        return f"{self.first}.{self.last}".lower().replace("'", "").replace(" ", "")


def staff(random):
    female = random.random() < 0.6
    role = random.choice(names.ROLES)
    medical = role.startswith(("Consultant", "GP", "Registrar", "ST", "FY", "Specialty", "Associate S"))
    return Staff(
        "Dr" if medical else ("Ms" if female else "Mr"),
        names.first(random, female, 40),
        names.last(random),
        role,
        numbers.landline(random),
    )

"""Names of people and places, of several origins and ages: `names.txt`, whose
sections are apart by [name]."""

import pathlib
import re


def _sections():
    text = (pathlib.Path(__file__).parent / "names.txt").read_text(encoding="utf-8")
    parts = re.split(r"^\[(\w+)\]\n", text, flags=re.M)[1:]
    return {name: tuple(" ".join(body.split()).split("; ")) for name, body in zip(parts[::2], parts[1::2], strict=True)}


SECTIONS = _sections()
TRUSTS, SURGERIES, WARDS = SECTIONS["trusts"], SECTIONS["surgeries"], SECTIONS["wards"]
STREETS, TOWNS, ROLES = SECTIONS["streets"], SECTIONS["towns"], SECTIONS["roles"]


def first(random, female, age):
    """A name of those years; the old were not all given an old name."""
    if age < 16:
        return random.choice(SECTIONS["girls" if female else "boys"])
    grown = SECTIONS["women" if female else "men"]
    old = SECTIONS["old_women" if female else "old_men"]
    return random.choice(old * 2 + grown) if age > 66 else random.choice(grown)


def last(random):
    return random.choice(SECTIONS["surnames"])

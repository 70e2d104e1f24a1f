"""The cases: who writes what. A new one needs no code."""

import dataclasses
import functools
import pathlib


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing somebody writes, with its choices still open."""

    family: str
    body: str
    subject: str
    level: int
    level_ok: tuple
    who: str = "adult"
    tags: tuple = ()
    header: str = ""
    cover: str = ""
    file: str = ""
    carriers: str = "any"
    style: str = "any"
    sign: str = "maybe"
    weight: float = 1.0


def _parse(family, text):
    """`key: value` lines, an empty line, the body; a line of ==== between."""
    head, _, body = text.strip("\n").partition("\n\n")
    given = {}
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"{family}: not a head line: {line!r}")
        given[key.strip()] = value.strip()
    level = int(given.pop("level"))
    accepted = [int(word) for word in given.pop("ok", str(level)).split()]
    tags = given.pop("tags", "").split()
    known = {field.name for field in dataclasses.fields(Case)}
    if unknown := set(given) - known:
        raise ValueError(f"{family}: unknown head {unknown}")
    weight = float(given.pop("weight", "1"))
    return Case(
        family=family,
        body=body,
        subject=given.pop("subject"),
        level=level,
        level_ok=tuple(sorted({level, *accepted})),
        tags=(f"family:{family}", *tags),
        weight=weight,
        **given,
    )


@functools.cache
def cases(family):
    """All of `FAMILY.cases`."""
    text = (pathlib.Path(__file__).parent / f"{family}.cases").read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("## "))
    return tuple(_parse(family, part) for part in text.split("\n====\n") if part.strip())


@functools.cache
def families():
    return tuple(sorted(path.stem for path in pathlib.Path(__file__).parent.glob("*.cases")))

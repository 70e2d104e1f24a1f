"""The set: which cases, how carried, in which proportion."""

import json
import random as chance

from .carriers import attachments, bodies, libreoffice, mime, raw, secrets, texts
from .carriers.file import Pending
from .cases import cases, families
from .signatures import signature
from .template import Writer

# Shares of the families in a set.
SHARES = {
    "wards": 9,
    "community": 9,
    "gp": 8,
    "letters": 9,
    "offices": 11,
    "splits": 4,
    "special": 11,
    "bulk": 3,
    "structured": 5,
    "quiet_trade": 12,
    "quiet_machines": 10,
    "quiet_work": 19,
    "quiet_structured": 4,
}
# Of those of patients: carried by a file, and of these behind a lock.
ATTACHED, LOCKED, PICTURED, WHOLE_LOCKED, SIGNED = 0.42, 0.11, 0.03, 0.025, 0.02


class Item:
    """A draft with a generator of its own, so that one more draw in one mail
    changes no other."""

    def __init__(self, seed, index, case):
        self.random = chance.Random(f"{seed}/{index}")
        self.draft = Writer(self.random, case).write()
        if case.sign == "maybe" and not self.draft.carriers.startswith("raw:"):
            self.draft.signature = signature(self.random)
        self.file = None
        self.part = None


def _chosen(seed, count):
    """The cases in turn: each of a family before any comes again."""
    random = chance.Random(f"{seed}/cases")
    decks = {}
    names, shares = list(SHARES), list(SHARES.values())
    assert set(names) == set(families()), set(names) ^ set(families())
    for _ in range(count):
        family = random.choices(names, shares)[0]
        if not decks.get(family):
            decks[family] = random.sample(cases(family), len(cases(family)))
        yield decks[family].pop()


def _carry(item):
    """By its body, or by a file that may have yet to be made."""
    random, draft = item.random, item.draft
    attached = {"body": 0.0, "sheet": 0.8, "table": 0.5, "file": 1.0}.get(draft.carriers, ATTACHED)
    roll = random.random()
    if draft.carriers.startswith("raw:"):
        if roll < 0.65:
            item.file = attachments.document(random, draft)
        else:
            suffix = draft.carriers.removeprefix("raw:")
            draft.tags |= {f"pack:{suffix}", "where:body"}
            item.part = raw.body(random, draft, suffix)
        return
    personal = draft.level >= 2
    if draft.carriers == "file":
        item.file = attachments.document(random, draft)
    elif personal and roll < WHOLE_LOCKED:
        lock = random.choice(secrets.MESSAGES)
        draft.opaque = True
        draft.tags |= {f"opaque:{lock.__name__}"}
        item.part = lock(random, draft)
    elif roll < WHOLE_LOCKED + SIGNED:
        sign = random.choice([secrets.smime_signed_clear, secrets.smime_signed_wrapped])
        draft.tags |= {f"pack:{sign.__name__}", "where:body"}
        item.part = sign(random, draft)
    elif personal and roll < WHOLE_LOCKED + SIGNED + PICTURED:
        draft.opaque = True
        draft.tags |= {"opaque_image", "opaque:picture"}
        item.file = texts.picture(random, draft)
    elif random.random() < attached:
        item.file = attachments.document(random, draft)
    else:
        item.part = bodies.part(random, draft)


def _finish(item):
    """The whole message; where it is carried by a file, the file's name."""
    random, draft = item.random, item.draft
    name = None
    if item.file is not None:
        item.file = attachments.stemmed(random, draft, item.file)
        if draft.opaque:
            pass
        elif draft.level >= 2 and draft.carriers != "file" and random.random() < LOCKED:
            item.file = attachments.locked(random, draft, item.file)
        elif item.file.suffix == "pdf" and random.random() < 0.12:
            draft.tags.add("pack:pdf_owner_only")
            item.file = secrets.pdf_owner_only(random, item.file)
        else:
            item.file = attachments.wrapped(random, draft, item.file)
        name = item.file.name
        item.part = attachments.part(random, draft, item.file)
        _quieter_subject(random, draft)
    else:
        draft.findings = [finding for finding in draft.findings if finding.place != "name"]
    return mime.message(random, draft.subject, item.part), name


def _quieter_subject(random, draft):
    """Half of those who attach a file say nothing of it above."""
    if draft.carriers != "file" and random.random() < 0.5:
        draft.subject = random.choice(attachments.SUBJECTS).format(day="Friday")
        draft.findings = [finding for finding in draft.findings if finding.place != "subject"]
        draft.tags.add("subject:bland")


def items(seed, count):
    made = [Item(seed, index, case) for index, case in enumerate(_chosen(seed, count))]
    for item in made:
        _carry(item)
    waiting = [item for item in made if isinstance(item.file, Pending)]
    for item, file in zip(waiting, libreoffice.converted([item.file for item in waiting])):
        item.file = file
    return made


def write(folder, seed, count):
    """FOLDER/mail/*.eml and FOLDER/labels.jsonl."""
    (folder / "mail").mkdir(parents=True, exist_ok=True)
    with open(folder / "labels.jsonl", "w", encoding="utf-8") as labels:
        for index, item in enumerate(items(seed, count)):
            octets, name = _finish(item)
            file = f"mail/b{index:05}.eml"
            (folder / file).write_bytes(octets)
            labels.write(json.dumps(item.draft.label(file, name), ensure_ascii=False) + "\n")

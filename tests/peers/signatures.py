"""DKIM signatures as dkimpy sees them, with the records handed to it."""

import re

import dkim


def is_valid(content, records):
    """Whether the first signature holds. `records`: the text of each TXT
    record by its name, without the final dot."""
    return dkim.verify(content, dnsfunc=answers(records))


def each_is_valid(content, records):
    """Whether each signature holds, by its algorithm."""
    verifier = dkim.DKIM(content)
    found = {}
    fields = [field for field in verifier.headers if field[0].lower() == b"dkim-signature"]
    for at, (_, value) in enumerate(fields):
        algorithm = re.search(rb"\ba=([\w-]+)", value)[1].decode()
        try:
            found[algorithm] = dkim.DKIM(content).verify(at, dnsfunc=answers(records))
        except dkim.DKIMException:
            found[algorithm] = False
    return found


def answers(records):
    def text(name, timeout=5):
        return records.get(name.decode().rstrip(".").lower(), "").encode() or None

    return text


def lab_records(gateway):
    return {"lab._domainkey.nhs.test.example": gateway.dkim_record()}

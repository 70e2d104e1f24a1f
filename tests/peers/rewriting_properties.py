"""What must hold of a message that had a tag line or a banner put in, judged by
Python's own e-mail parser and by nothing of Postern's.

`faults(before, after)` names every property that does not hold; `phrase` is what
must be shown, and `tag` what the Subject must begin with. `before` has CRLF for
its line ends, as the wire has it.
"""

import html.parser
import re
from email import message_from_bytes, policy

PHRASE = "postern lab tag line"
BANNER = "postern lab banner"
# Fields that a gateway sets in front; Date and Message-ID where there were none.
OURS = (
    b"received", b"postern-level", b"postern-passage", b"dkim-signature", b"authentication-results",
    b"date", b"message-id",
)
SEALED_TYPES = {
    "multipart/signed",
    "multipart/encrypted",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/x-microsoft-rpmsg-message",
}
REPORTS = {"multipart/report", "text/calendar", "message/disposition-notification", "message/delivery-status"}
ARMOUR = re.compile(rb"^-----BEGIN PGP (SIGNED )?MESSAGE-----", re.MULTILINE)
LONGEST_LINE = 998


def faults(before, after, phrase=PHRASE, tag=None):
    """Names of the properties that do not hold, with what was seen."""
    found = list(line_faults(before, after))
    ours, rest = without_our_fields(after, before)
    if ours is None:
        return found + ["our fields are not in front"]
    found += supplied_faults(ours, before)
    if tag:
        found += subject_faults(before, rest, tag)
        rest = untagged(before, rest, tag)
    if rest == before:
        return found + [f"shown: {why}" for why in reading_faults(before, before, phrase)]
    found += header_faults(before, rest)
    for dialect in (policy.compat32, policy.default):
        found += tree_faults(before, rest, dialect)
    if is_sealed(parsed(before)) and body(before) not in rest:
        found.append("sealed: neither identical nor wrapped whole")
    found += [f"shown: {why}" for why in reading_faults(before, rest, phrase)]
    return list(dict.fromkeys(found))


def again_faults(once, twice):
    """Doing it twice adds nothing but the fields in front."""
    return [] if beneath(once) == beneath(twice) else ["twice: another change"]


def beneath(message):
    """A message without the fields in front that a gateway writes."""
    fields, rest = header_fields(message)
    if fields and fields[0].startswith((b"From ", b" ", b"\t")):
        del fields[0]
    first = next((at for at, field in enumerate(fields) if name_of(field) not in OURS), len(fields))
    return b"".join(fields[first:]) + rest


def parsed(message, dialect=policy.compat32):
    return message_from_bytes(message, policy=dialect)


# ---- Lines --------------------------------------------------------------------


def line_faults(before, after):
    bare = re.compile(rb"\r(?!\n)|(?<!\r)\n")
    if bare.search(after) and not bare.search(before):
        yield "lines: a bare CR or LF"
    longest = longest_line(after)
    if longest > LONGEST_LINE and longest > longest_line(before):
        yield f"lines: one of {longest} octets"
    if b"\0" in after and b"\0" not in before:
        yield "lines: a NUL"
    if re.search(rb"[\x80-\xff]", after) and not re.search(rb"[\x80-\xff]", before):
        yield "lines: beyond ASCII where all was ASCII"


def longest_line(message):
    return max(map(len, message.split(b"\r\n")))


# ---- Header -------------------------------------------------------------------


def header_fields(message):
    """Raw fields, and the rest from the empty line on."""
    fields, at = [], 0
    while at < len(message):
        end = message.find(b"\n", at) + 1 or len(message)
        line = message[at:end]
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line
        elif line[:1] in (b" ", b"\t"):
            fields.append(line)
        elif re.match(rb"From |[!-9;-~]+[ \t]*:", line):
            fields.append(line)
        else:
            break
        at = end
    return fields, message[at:]


def name_of(field):
    return field.split(b":", 1)[0].strip().lower()


def body(message):
    rest = header_fields(message)[1]
    return rest[2:] if rest.startswith(b"\r\n") else rest


def without_our_fields(after, before):
    """Our fields, and the message without them. An mbox line stays first."""
    fields, rest = header_fields(after)
    first = fields[:1] if fields and fields[0].startswith((b"From ", b" ", b"\t")) else []
    fields = fields[len(first) :]
    if not fields or name_of(fields[0]) not in OURS:
        return None, after
    count = 0
    while count < len(fields) and name_of(fields[count]) in OURS:
        count += 1
        if name_of(fields[count - 1]) == b"postern-level":
            break
    return fields[:count], b"".join(first + fields[count:]) + rest


def supplied_faults(ours, before):
    """A message has one Date and one Message-ID (RFC 5322 section 3.6)."""
    theirs = [name_of(field) for field in header_fields(before)[0]]
    for name in (b"date", b"message-id"):
        count = [name_of(field) for field in ours].count(name)
        if count > (name not in theirs):
            yield f"header: {name.decode()} supplied though it is there"


def subjects(message):
    return [field for field in header_fields(message)[0] if name_of(field) == b"subject"]


def subject_faults(before, after, tag):
    if may_be_left(parsed(before), before):
        return
    now = subjects(after)
    if not now or not all(tag in field for field in now):
        yield "subject: without its tag"
    if any(field.count(tag) != 1 and tag not in was for field, was in zip(now, subjects(before))):
        yield "subject: tagged more than once"


def untagged(before, after, tag):
    """The message with its Subject as it was, if the tag alone was put there."""
    fields, rest = header_fields(after)
    was = subjects(before)
    if not was:
        return b"".join(field for field in fields if field != b"Subject: " + tag + b"\r\n") + rest
    for field in subjects(after):
        old = was.pop(0) if was else field
        for put in (b" " + tag, b" " + tag + b"\r\n", b" " + tag + b" "):
            if field.replace(put, b"", 1) == old:
                fields[fields.index(field)] = old
                break
    return b"".join(fields) + rest


def unfolded_if_long(field):
    """Lines that are too long for the wire may be folded where white space is."""
    return re.sub(rb"\r\n(?=[ \t])", b"", field) if len(field) > LONGEST_LINE else field


def header_faults(before, after):
    was, was_rest = header_fields(before)
    now, now_rest = header_fields(after)
    ours = {b"mime-version"}
    mime = {b"content-type", b"content-transfer-encoding"}
    kept = [unfolded_if_long(field) for field in was if not name_of(field).startswith(b"content-")]
    stay = [unfolded_if_long(field) for field in now if not name_of(field).startswith(b"content-")]
    removed = {b"postern-level", b"postern-passage"}
    kept = [field for field in kept if name_of(field) not in removed]
    kept = [field if field.endswith(b"\n") else field + b"\r\n" for field in kept]
    if kept != stay and kept != [field for field in stay if not (name_of(field) in ours and field not in kept)]:
        yield "header: fields that are not ours"
    for name in {name_of(field) for field in was if name_of(field).startswith(b"content-")} - mime:
        if [f for f in was if name_of(f) == name] != [f for f in now if name_of(f) == name] and not all(
            f in now_rest for f in was if name_of(f) == name
        ):
            yield f"header: {name.decode('latin-1')} is lost"


# ---- The tree -----------------------------------------------------------------


def tree_faults(before, after, dialect):
    try:
        was = parsed(before, dialect)
        # Where its dialects differ, as on an unquoted `=`, the older one counts.
        if structure(was) != structure(parsed(before)):
            return []
    except Exception:
        return []
    try:
        now = parsed(after, dialect)
        structure(now)
    except Exception as error:
        return [f"tree: cannot be parsed any more: {error!r}"]
    if is_added_beside(was, now):
        return []
    return [f"tree: {why}" for why in part_faults(was, now, "")]


def structure(part):
    if part.is_multipart():
        return part.get_content_type(), [structure(child) for child in part.get_payload()]
    return part.get_content_type()


def is_added_beside(was, now):
    """The whole message is the first part of a new multipart/mixed."""
    if now.get_content_type() != "multipart/mixed" or not now.is_multipart():
        return False
    parts = now.get_payload()
    theirs = [part for part in parts if not is_tag_part(part)] if len(parts) == 2 else []
    return len(theirs) == 1 and not list(same_faults(was, theirs[0], "")) and mime_fields(was) == mime_fields(theirs[0])


def mime_fields(part):
    return [(name.lower(), value) for name, value in raw_items(part) if name.lower().startswith("content-")]


def raw_items(part):
    return [(name, str(value)) for name, value in part._headers]


def is_tag_part(part):
    return part.get_content_type() == "text/plain" and is_noticed(shown_text(part))


def is_noticed(text):
    return PHRASE in text or BANNER in text


def same_faults(was, now, path):
    """Of two parts that must be identical but for the fields of the first."""
    if was.is_multipart() != now.is_multipart() or was.get_content_type() != now.get_content_type():
        yield f"{path or 'top'}: {structure(was)} became {structure(now)}"
    elif not was.is_multipart():
        if whole(was) != whole(now):
            yield f"{path or 'top'}: octets of {was.get_content_type()}"
    else:
        if was.preamble != now.preamble or (was.epilogue or "").rstrip() != (now.epilogue or "").rstrip():
            yield f"{path or 'top'}: preamble or epilogue"
        if len(was.get_payload()) != len(now.get_payload()):
            yield f"{path or 'top'}: {structure(was)} became {structure(now)}"
            return
        for number, (one, other) in enumerate(zip(was.get_payload(), now.get_payload()), 1):
            if raw_items(one) != raw_items(other):
                yield f"{path}.{number}: fields of an untouched part"
            yield from same_faults(one, other, f"{path}.{number}")


def whole(part):
    """The payload; of a multipart without parts the last line end is nobody's."""
    payload = part.get_payload()
    return payload.rstrip("\r\n") if part.get_content_maintype() == "multipart" else payload


def part_faults(was, now, path):
    """Of two parts that may differ by a tag line in text, or by a part added
    at the end of a mixed one."""
    where = path or "top"
    if was.is_multipart() != now.is_multipart() or was.get_content_type() != now.get_content_type():
        yield f"{where}: {structure(was)} became {structure(now)}"
        return
    if not was.is_multipart():
        yield from leaf_faults(was, now, where)
        return
    if was.preamble != now.preamble:
        yield f"{where}: preamble"
    if worse := set(map(type, now.defects)) - set(map(type, was.defects)):
        yield f"{where}: {worse}"
    children, grown = was.get_payload(), now.get_payload()
    added = len(grown) == len(children) + 1 and [part for part in (grown[-1], grown[0]) if is_tag_part(part)]
    if (was.epilogue or "").strip() != (now.epilogue or "").strip():
        yield f"{where}: epilogue"
    if added and was.get_content_type() == "multipart/mixed":
        grown = [part for part in grown if part is not added[0]]
    if len(children) != len(grown):
        yield f"{where}: {structure(was)} became {structure(now)}"
        return
    if was.get_content_maintype() == "message":
        yield from same_faults(was, now, path)
        return
    for number, (one, other) in enumerate(zip(children, grown), 1):
        yield from part_faults(one, other, f"{path}.{number}")


def leaf_faults(was, now, where):
    same_fields = raw_items(was) == raw_items(now) or where == "top"
    if was.get_payload() == now.get_payload():
        if not same_fields:
            yield f"{where}: fields of an untouched part"
        return
    kind = was.get_content_type()
    if longest_line(was.as_bytes()) > LONGEST_LINE and was.get_payload(decode=True) == now.get_payload(decode=True):
        return
    if kind not in ("text/plain", "text/html") or was.get_content_disposition() == "attachment":
        yield f"{where}: octets of {kind}"
        return
    if not is_noticed(shown_text(now)):
        yield f"{where}: text changed without a tag line"
        return
    yield from text_faults(text_of(was), text_of(now), where)


def text_faults(was, now, where):
    """All of the text is still there, around one piece put in."""
    was, now = was.replace("\r\n", "\n"), now.replace("\r\n", "\n")
    start = 0
    for start, (one, other) in enumerate(zip(was, now)):
        if one != other:
            break
    else:
        start = min(len(was), len(now))
    rest = was[start:]
    if rest.strip("\n \ufeff") and not now.endswith(rest) and not now.rstrip("\n").endswith(rest.rstrip("\n ")):
        yield f"{where}: text was lost: {was[max(0, start - 20):start + 40]!r}"


# ---- What is shown --------------------------------------------------------------


def text_of(part):
    octets = part.get_payload(decode=True) or b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return octets.decode(charset, "replace")
    except (LookupError, ValueError, UnicodeError):
        return octets.decode("utf-8", "replace")


class Shown(html.parser.HTMLParser):
    """Text that a browser would show, near enough."""

    def __init__(self):
        super().__init__()
        self.text, self.hidden = [], 0

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("script", "style", "title", "textarea", "template")

    def handle_endtag(self, tag):
        if tag in ("script", "style", "title", "textarea", "template"):
            self.hidden = max(0, self.hidden - 1)

    def handle_data(self, data):
        if not self.hidden:
            self.text.append(data)


def shown_text(part):
    text = text_of(part)
    if part.get_content_type() == "text/html":
        reader = Shown()
        try:
            reader.feed(text)
            reader.close()
        except Exception:
            return text
        text = "".join(reader.text)
    return " ".join(text.split())


def reading(part, preferred):
    """The texts that a program shows which prefers one kind of text."""
    kind = part.get_content_type()
    if part.get_content_disposition() == "attachment":
        return []
    if not part.is_multipart():
        return [shown_text(part)] if kind in ("text/plain", "text/html") else []
    children = part.get_payload()
    if kind == "multipart/alternative":
        chosen = [child for child in children if preferred in kinds(child)] or [
            child for child in children if kinds(child)
        ]
        return reading(chosen[-1], preferred) if chosen else []
    if kind == "multipart/related":
        return reading(related_root(part), preferred) if children else []
    if part.get_content_maintype() == "message":
        return []
    return [text for child in children for text in reading(child, preferred)]


def kinds(part):
    if part.get_content_disposition() == "attachment" or part.get_content_maintype() == "message":
        return set()
    if part.is_multipart():
        children = part.get_payload()
        if part.get_content_type() == "multipart/related":
            children = [related_root(part)] if children else []
        return set().union(*map(kinds, children)) if children else set()
    return {part.get_content_type()} & {"text/plain", "text/html"}


def related_root(part):
    start = part.get_param("start")
    for child in part.get_payload():
        if isinstance(start, str) and str(child.get("Content-ID", "")).strip() == start.strip():
            return child
    return part.get_payload()[0]


def reading_faults(before, after, phrase):
    was, now = parsed(before), parsed(after)
    if may_be_left(was, before):
        return
    for preferred in ("text/plain", "text/html"):
        texts = reading(now, preferred)
        count = sum(text.count(phrase) for text in texts)
        earlier = sum(text.count(phrase) for text in reading(was, preferred))
        if count != 1 and not (earlier and count == earlier):
            yield f"{count} times to who prefers {preferred}: {structure(now)}"
        shown = [text for text in texts if text.strip()]
        if phrase == BANNER and shown and not shown[0].lstrip("\ufeff").startswith(BANNER):
            yield f"something above it to who prefers {preferred}: {shown[0][:60]!r}"


def is_sealed(message):
    kind = message.get_content_type()
    if kind in SEALED_TYPES:
        return True
    if message.is_multipart():
        inner = message.get_payload() if message.get_content_maintype() == "multipart" else []
        return any(is_sealed(child) for child in inner)
    octets = message.get_payload(decode=True) or b""
    return kind in ("text/plain", "text/html") and bool(ARMOUR.search(octets))


def may_be_left(message, octets):
    """Mail that policy may leave without a tag line."""
    automatic = str(message.get("Auto-Submitted", "no")).strip().lower() not in ("no", "")
    journal = "X-MS-Journal-Report" in message
    whole = message.get_content_type()
    alone = whole in SEALED_TYPES | REPORTS or (not message.is_multipart() and is_sealed(message))
    return automatic or journal or alone or any(
        part.get_content_type() in REPORTS - {"text/calendar"} for part in direct_parts(message)
    )


def direct_parts(message):
    yield message
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for child in message.get_payload():
            yield from direct_parts(child)

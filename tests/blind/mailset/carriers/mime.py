"""Mail written octet by octet: whatever real senders put on the wire, the
standard library's writer would tidy away."""

import base64
import email.header
import email.utils
import quopri

CRLF = b"\r\n"


def lines(octets):
    """With the line ends of the wire."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", CRLF)


def encoded(octets, encoding):
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", CRLF).rstrip()
    if encoding == "quoted-printable":
        return lines(quopri.encodestring(octets.replace(b"\r\n", b"\n")))
    return lines(octets)


class Part:
    """A header and a body, both as they stand on the wire."""

    def __init__(self, fields, body):
        self.fields = fields
        self.body = body

    def octets(self):
        head = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        return head.encode("utf-8", "surrogateescape") + CRLF + self.body


def text(content, subtype="plain", charset="utf-8", encoding="8bit", declared=None, extra="", errors="strict"):
    """`declared` is the charset as the sender names it, right or not; "" where
    none is named."""
    declared = charset if declared is None else declared
    kind = f"text/{subtype}" + (f"; charset={declared}" if declared else "") + extra
    body = encoded(content.encode(charset, errors), encoding)
    return Part([("Content-Type", kind), ("Content-Transfer-Encoding", encoding)], body)


def _parameter(random, key, name):
    """A file's name: plain, as RFC 2231 has it, or as RFC 2047 forbids and
    everybody does."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    if name.isascii() and random.random() < 0.8:
        return f'{key}="{quoted}"'
    if random.random() < 0.5:
        return f"{key}*={email.utils.encode_rfc2231(name, 'utf-8')}"
    return f'{key}="{email.header.Header(name, "utf-8", maxlinelen=1000).encode()}"'


def file(random, name, octets, kind, encoding="base64", disposition="attachment"):
    fields = [("Content-Type", kind), ("Content-Transfer-Encoding", encoding)]
    if disposition == "type-name":
        fields[0] = ("Content-Type", f"{kind}; {_parameter(random, 'name', name)}")
    else:
        fields.append(("Content-Disposition", f"{disposition}; {_parameter(random, 'filename', name)}"))
        if random.random() < 0.5:
            fields[0] = ("Content-Type", f"{kind};\r\n\t{_parameter(random, 'name', name)}")
    return Part(fields, encoded(octets, encoding))


def multipart(random, kind, parts, parameters="", preamble=""):
    boundary = random.choice(["----=_NextPart_000_{}", "_004_{}_", "=-{}", "b1_{}"]).format(
        f"{random.getrandbits(80):020X}"
    )
    body = preamble.encode()
    for part in parts:
        body += b"\r\n--" + boundary.encode() + CRLF + part.octets()
    body += b"\r\n--" + boundary.encode() + b"--\r\n"
    return Part([("Content-Type", f'multipart/{kind}; boundary="{boundary}"{parameters}')], body)


def enclosed(octets):
    return Part([("Content-Type", "message/rfc822"), ("Content-Disposition", "attachment")], octets)


def _subject(random, subject):
    if subject.isascii() and (random.random() < 0.85 or not subject):
        return subject
    charset = "utf-8"
    try:
        subject.encode("iso-8859-1")
        charset = random.choice(["utf-8", "iso-8859-1"])
    except UnicodeEncodeError:
        pass
    return email.header.Header(subject, charset, maxlinelen=random.choice([40, 75])).encode().replace("\n", "\r\n")


def message(random, subject, part, sender=None, extra=()):
    """The whole message."""
    host = random.choice(["nhs.test.example", "ambleford.test.example", "surgery.test.example"])
    fields = [
        (
            "Received",
            f"from [10.{random.randrange(250)}.4.{random.randrange(250)}] by mx.{host} with ESMTPS"
            f"\r\n\tid {random.getrandbits(48):012x};"
            f"\r\n\tMon, {random.randrange(1, 28)} Nov 2026 {random.randrange(24):02}:{random.randrange(60):02}:11 +0000",
        ),
        ("From", sender or f"{random.choice(['Admin', 'Reception', 'Team'])} <office{random.randrange(90)}@{host}>"),
        ("To", f"recipient{random.randrange(90)}@partner.test.example"),
        ("Subject", _subject(random, subject.replace("\n", " "))),
        ("Date", f"{random.randrange(1, 28)} Nov 2026 {random.randrange(24):02}:{random.randrange(60):02}:00 +0000"),
        ("Message-ID", f"<{random.getrandbits(64):016x}@{host}>"),
        *extra,
        ("MIME-Version", "1.0"),
    ]
    if random.random() < 0.3:
        fields.insert(
            3,
            (
                "X-Mailer",
                random.choice(
                    ["Microsoft Outlook 16.0", "Apple Mail (2.3774)", "iPhone Mail (21A360)", "MIME::Lite 3.030"]
                ),
            ),
        )
    if random.random() < 0.3:
        fields.insert(3, ("X-Originating-Id", f"{random.getrandbits(33):010d}"))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return head.encode() + part.octets()

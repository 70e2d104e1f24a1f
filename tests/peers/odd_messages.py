"""Messages as they come in the world and worse, made from a seed."""

import base64
import quopri
import random

WORDS = "the ward café naïve report = list From here > said -- 日本語 £5 résumé clinic tomorrow .".split(" ")
CHARSETS = ["us-ascii", "utf-8", "iso-8859-1", "windows-1252", "iso-2022-jp", "utf-16", "utf-7", "x-unknown", "cp037"]
BODIES = ["{}", "<html><body>{}</body></html>", "<p>{}", "<body>{}</body><!-- </body> -->", "<html>{}<script>'</body>'</script>", "{}<!-- open", "<table><tr><td>{}</td>", "<body title='</body>'>{}</BODY >\r\n</html>"]
BOUNDARIES = ["b", "b b", "=_b", "----=_Part_{}", "b'()+_,-./:=?", "bb", "b--", "{}"]


class Maker:
    """One message a seed, always the same."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0

    def message(self):
        head = b"From: a@nhs.test.example\r\nTo: b@other.test.example\r\nSubject: " + self.words(3).encode() + b"\r\n"
        if self.one_in(12):
            head = b"From a@nhs.test.example Mon Nov 23 08:00:00 2026\r\n" + head
        if not self.one_in(6):
            head += b"MIME-Version: 1.0\r\n"
        if self.one_in(15):
            head += b"X-Long: " + b"x" * self.random.choice([900, 1200]) + b"\r\n"
        message = head + self.part(0)
        if self.one_in(8):
            message = message[: self.random.randrange(len(head), len(message) + 1)].removesuffix(b"\r")
        return message

    def one_in(self, number):
        return self.random.randrange(number) == 0

    def words(self, most):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(0, most)))

    def part(self, depth):
        makers = [self.text] * 5 + [self.file, self.calendar, self.bare]
        if depth < 4:
            makers += [self.multipart] * (7 - depth) + [self.forwarded]
        return self.random.choice(makers)(depth)

    def text(self, _depth):
        kind = self.random.choice(["plain", "plain", "html", "enriched"])
        charset = self.random.choice(CHARSETS[:4] if self.one_in(2) else CHARSETS)
        lines = [self.words(12) for _ in range(self.random.randint(0, 5))]
        text = "\r\n".join(lines) + self.random.choice(["", "\r\n", "\r\n\r\n", " ", "\r\n-- \r\nme\r\n"])
        if kind == "html":
            text = self.random.choice(BODIES).format(text)
        fields = f'Content-Type: text/{kind}; charset={self.random.choice(["{}", chr(34) + "{}" + chr(34)])}'.format(charset)
        fields += self.random.choice(["", "", "; format=flowed", "; format=flowed; delsp=yes", "; name=a.txt", " (a comment)"])
        if self.one_in(6):
            fields += "\r\nContent-Disposition: " + self.random.choice(["inline", "attachment", 'attachment; filename="a.txt"'])
        encoding, body = self.encoded(octets(text, charset), charset == "utf-16")
        return (fields + encoding).encode() + b"\r\n\r\n" + body

    def encoded(self, content, is_wide):
        encoding = self.random.choice(["base64"] if is_wide else ["", "7bit", "8bit", "quoted-printable", "base64"])
        if encoding == "base64":
            width = self.random.choice([76, 76, 72, 60, 1000, 75])
            encoded = base64.b64encode(content)
            lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
            body = b"\r\n".join(lines) + self.random.choice([b"", b"\r\n"])
            if self.one_in(8):
                body = body.rstrip(b"=\r\n")
        elif encoding == "quoted-printable":
            body = quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
            body += self.random.choice([b"", b"", b"=", b"=\r\n"])
        else:
            body = content
        return (f"\r\nContent-Transfer-Encoding: {encoding}" if encoding else ""), body

    def file(self, _depth):
        octets = self.random.randbytes(self.random.randint(0, 90))
        head = b"Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n"
        return head + b"Content-Disposition: attachment\r\n\r\n" + base64.encodebytes(octets).replace(b"\n", b"\r\n")

    def calendar(self, _depth):
        return b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"

    def bare(self, _depth):
        return b"\r\n" + self.words(9).encode() + b"\r\n"

    def forwarded(self, depth):
        return b"Content-Type: message/rfc822\r\n\r\nSubject: within\r\n" + self.part(depth + 1)

    def multipart(self, depth):
        self.count += 1
        kinds = ["mixed"] * 4 + ["alternative"] * 3 + ["related", "signed", "encrypted", "digest", "parallel", "odd"]
        kind = self.random.choice(kinds)
        boundary = self.random.choice(BOUNDARIES).format("z" * self.count) + str(self.count) * (not self.one_in(5))
        said = boundary if boundary.isalnum() and self.one_in(2) else f'"{boundary}"'
        head = f"Content-Type: multipart/{kind};{self.random.choice([' ', chr(13) + chr(10) + chr(9)])}boundary={said}"
        line = b"\r\n--" + boundary.encode()
        body = self.random.choice([b"", b"", b"A preamble\r\n"])
        for number in range(self.random.randint(1, 3)):
            body += (line if number or body else line[2:]) + self.random.choice([b"", b"", b" "]) + b"\r\n"
            body += self.part(depth + 1)
        if not self.one_in(6):
            body += line + b"--" + self.random.choice([b"", b"\r\n", b"\r\n", b"\r\nAn epilogue\r\n"])
        return head.encode() + b"\r\n\r\n" + body


def octets(text, charset):
    try:
        return text.encode(charset, "replace")
    except LookupError:
        return text.encode()

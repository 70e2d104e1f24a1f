"""Somebody on the internet: an inbound listener, and one who talks to it from
an address of their choice (by the PROXY protocol)."""

import contextlib
import socket

from processes import free_port

STRANGER = "192.0.2.7"


def inbound(port, more=""):
    return f"""
[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
direction = "inbound"
tls = "none"
proxy_protocol = "required"
{more}
"""


class Stranger:
    """A session in which every command gets its reply before the next."""

    def __init__(self, raw, replies):
        self.raw, self.replies = raw, replies

    def reply(self):
        lines = [self.replies.readline().decode()]
        while lines[-1][3:4] == "-":
            lines.append(self.replies.readline().decode())
        return "".join(lines)

    def say(self, line):
        self.raw.sendall(line.encode() + b"\r\n")
        return self.reply()

    def recipient(self, address):
        """RCPT in a transaction of its own."""
        self.say("RSET")
        assert self.say("MAIL FROM:<who@stranger.test.example>").startswith("250")
        return self.say(f"RCPT TO:<{address}>")

    def message(self, address, content):
        said = self.recipient(address)
        assert said.startswith("250"), said
        assert self.say("DATA").startswith("354")
        self.raw.sendall(content + b"\r\n.\r\n")
        return self.reply()


@contextlib.contextmanager
def stranger(port, client=STRANGER):
    family = "TCP6" if ":" in client else "TCP4"
    ours = "2001:db8::25" if ":" in client else "192.0.2.25"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw, raw.makefile("rb") as replies:
        raw.sendall(f"PROXY {family} {client} {ours} 4000 25\r\n".encode())
        session = Stranger(raw, replies)
        assert session.reply().startswith("220 ")
        assert session.say("EHLO mail.stranger.test.example").startswith("250-")
        yield session

"""A mail server that records what it is given: the far end of a delivery.

Runs in a thread of the test. What happens to a message follows from the local
part of its recipient, so a test needs no second server:

    reject…    550 to RCPT
    forge…     550 to RCPT, in lines that would begin one of a log
    later…     451 to RCPT the first time, 250 after that
    slow…      half a second before the reply to the content
"""

import asyncio
import dataclasses
import email
import email.policy
import re
import ssl
import threading
import time

from processes import free_port, wait_until


OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 100000000")


@dataclasses.dataclass
class Received:
    reverse_path: str
    forward_paths: list
    content: bytes
    tls: str | None
    cipher: str | None = None
    at: float = dataclasses.field(default_factory=time.monotonic)  # just before the final reply

    def parsed(self):
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def header(self, name):
        """Every field of that name."""
        return self.parsed().get_all(name, [])

    def reading(self, subtype):
        """The text of the first text/plain or text/html part."""
        for part in self.parsed().walk():
            if part.get_content_type() == f"text/{subtype}":
                return part.get_content()
        raise AssertionError(f"no text/{subtype} part")


class FarEnd:
    """`certificate`: files of the chain and key; STARTTLS is offered with it.
    `on_starttls`: "agree", "refuse" (454), "in clear" (220, but no TLS),
    "inject" (a reply in clear behind the 220), "garbage" (what is no TLS after
    it), "hang up", or a port: TLS is left to whoever listens there.
    `offers`: the extensions it names beside STARTTLS.
    `tls`: changes the SSL context before it is used.
    `address`: where it listens."""

    def __init__(self, port=None, certificate=None, on_starttls="agree", offers=OFFERS, tls=None,
                 address="127.0.0.1"):
        self.address, self.port = address, port or free_port()
        self.on_starttls = on_starttls
        self.offers = offers
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            # Whatever a certificate is signed with, it can be shown.
            self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
            self.context.load_cert_chain(*certificate)
            if tls:
                tls(self.context)
        self.received = []
        self.commands = []  # as (command line, TLS version or None)
        self.delay = 0
        self.sessions = 0
        self.seen = set()
        self.loop = None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self):
        self.thread.start()
        wait_until("the far end listens", lambda: self.loop)
        return self

    def stop(self):
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.over.set)
            self.thread.join(10)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def wait_for(self, messages, seconds=30):
        wait_until(f"{messages} messages at the far end", lambda: len(self.received) >= messages, seconds)
        return self.received

    def only(self, seconds=30, settle=0.5):
        """The one message that arrives; an error where there are more."""
        self.wait_for(1, seconds)
        time.sleep(settle)
        assert len(self.received) == 1, f"{len(self.received)} messages for one that was sent"
        return self.received[0]

    def commands_in_clear(self):
        return [command for command, tls in self.commands if tls is None]

    async def _serve(self):
        self.over = asyncio.Event()
        server = await asyncio.start_server(self._session, self.address, self.port, limit=1 << 26, backlog=500)
        self.loop = asyncio.get_running_loop()
        async with server:
            await self.over.wait()

    async def _session(self, reader, writer):
        self.sessions += 1
        try:
            await Session(self, reader, writer).run()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            pass  # the peer, or the test, has had enough
        finally:
            self.sessions -= 1
            writer.close()


class Session:
    def __init__(self, far_end, reader, writer):
        self.far_end, self.reader, self.writer = far_end, reader, writer
        self.tls = self.cipher = None
        self.reset()

    def reset(self):
        self.reverse_path, self.forward_paths = None, []

    async def say(self, *lines):
        for line in lines:
            self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def run(self):
        await self.say("220 far.test.example ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\r\n")).decode("utf-8", "surrogateescape").rstrip("\r\n")
            self.far_end.commands.append((line, self.tls))
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    await self.say(*self.greeting())
                case "HELO":
                    await self.say("250 far.test.example")
                case "STARTTLS" if self.far_end.context and not self.tls:
                    await self.starttls()
                case "MAIL":
                    self.reset()
                    self.reverse_path = path(rest)
                    await self.say("250 2.1.0 ok")
                case "RCPT":
                    await self.recipient(path(rest))
                case "DATA" if self.forward_paths:
                    await self.content()
                case "RSET":
                    self.reset()
                    await self.say("250 2.0.0 ok")
                case "NOOP":
                    await self.say("250 2.0.0 ok")
                case "QUIT":
                    await self.say("221 2.0.0 bye")
                    return
                case _:
                    await self.say("503 5.5.1 not now")

    def greeting(self):
        offers = ["far.test.example", *self.far_end.offers]
        if self.far_end.context and not self.tls:
            offers.append("STARTTLS")
        return [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]

    async def starttls(self):
        if self.far_end.on_starttls == "refuse":
            return await self.say("454 4.7.0 TLS not available")
        if self.far_end.on_starttls == "inject":
            await self.say("220 2.0.0 go", "250 2.1.0 ok", "250 2.1.5 ok", "354 go on")
            self.far_end.commands.append((repr(await self.reader.read(1024)), None))
            return
        await self.say("220 2.0.0 go")
        if self.far_end.on_starttls == "hang up":
            raise ConnectionError("as it was told")
        if isinstance(self.far_end.on_starttls, int):
            return await self.splice(self.far_end.on_starttls)
        if self.far_end.on_starttls == "garbage":
            await self.reader.read(1024)
            self.writer.write(bytes(range(256)))
            return await self.writer.drain()
        if self.far_end.on_starttls == "in clear":
            await self.reader.read(1024)
            return await self.say("500 5.5.2 what was that? let us go on as we were")
        await self.writer.start_tls(self.far_end.context)
        session = self.writer.get_extra_info("ssl_object")
        self.tls, self.cipher = session.version(), session.cipher()[0]
        self.reset()

    async def splice(self, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        there = asyncio.create_task(copy(self.reader, writer))
        await copy(reader, self.writer)
        there.cancel()
        raise ConnectionError("it is over")

    async def recipient(self, address):
        if address.startswith("reject"):
            return await self.say("550 5.1.1 no such mailbox")
        if address.startswith("forge"):
            return await self.say("550-5.1.1 no\x1b[31m", "550-5.1.1 <3>forged", "550 5.1.1 PRIORITY=3")
        if address.startswith("later") and address not in self.far_end.seen:
            self.far_end.seen.add(address)
            return await self.say("451 4.2.1 come back later")
        self.forward_paths.append(address)
        await self.say("250 2.1.5 ok")

    async def content(self):
        await self.say("354 go on")
        stuffed = await self.reader.readuntil(b"\r\n.\r\n")
        content = re.sub(rb"(^|\r\n)\.", rb"\1", stuffed[:-3])
        slow = any(address.startswith("slow") for address in self.forward_paths)
        if pause := self.far_end.delay or (0.5 if slow else 0):
            await asyncio.sleep(pause)
        self.far_end.received.append(Received(self.reverse_path, self.forward_paths, content, self.tls, self.cipher))
        self.reset()
        await self.say("250 2.0.0 taken")


async def copy(reader, writer):
    while octets := await reader.read(1 << 16):
        writer.write(octets)
        await writer.drain()


def path(rest):
    return re.search(r"<([^>]*)>", rest)[1]

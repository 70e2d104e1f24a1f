"""The one destination: STARTTLS, PIPELINING, and a reply so long after what it
answers as a way of that length takes. A process of its own; what it is sent is
counted and dropped."""

import asyncio
import multiprocessing
import ssl

from processes import free_port, wait_for_port


class Destination:
    """`delay`: seconds from a flight of commands to its replies."""

    def __init__(self, chain, key, delay):
        self.port = free_port()
        self.counts = multiprocessing.Array("Q", 2)
        self.process = multiprocessing.Process(target=serve, args=(self.port, chain, key, delay, self.counts), daemon=True)

    def start(self):
        self.process.start()
        wait_for_port(self.port)
        return self

    def stop(self):
        self.process.terminate()
        self.process.join()

    @property
    def received(self):
        """Messages, under TLS or not at all."""
        return self.counts[0]

    @property
    def connections(self):
        return self.counts[1]


def serve(port, chain, key, delay, counts):
    asyncio.run(listen(port, chain, key, delay, counts))


async def listen(port, chain, key, delay, counts):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    # Tickets are the peer's to use or not; it is handshakes that are counted.
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(loop, context, delay, counts), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


class Session(asyncio.Protocol):
    def __init__(self, loop, context, delay, counts):
        self.loop, self.context, self.delay, self.counts = loop, context, delay, counts
        self.transport, self.secured, self.securing = None, False, False
        self.waiting, self.in_content = b"", False

    def connection_made(self, transport):
        first = self.transport is None
        self.transport = transport
        if first:
            self.say(b"220 far.test.example ESMTP\r\n")

    def say(self, octets):
        if self.delay:
            self.loop.call_later(self.delay, self.write, octets)
        else:
            self.write(octets)

    def write(self, octets):
        if not self.transport.is_closing():
            self.transport.write(octets)

    def data_received(self, octets):
        self.waiting += octets
        # What comes with the end of the handshake waits for its transport.
        if not self.securing:
            self.answer()

    def answer(self):
        replies = []
        while True:
            if self.in_content:
                content, end, rest = self.waiting.partition(b"\r\n.\r\n")
                if not end:
                    break
                self.waiting, self.in_content = rest, False
                self.counts[0] += 1
                replies.append(b"250 2.0.0 taken\r\n")
                continue
            line, end, rest = self.waiting.partition(b"\r\n")
            if not end:
                break
            self.waiting = rest
            replies.append(self.reply(line[:4].upper()))
        if replies:
            self.say(b"".join(replies))

    def reply(self, verb):
        if verb == b"EHLO":
            offer = b"" if self.secured else b"250-STARTTLS\r\n"
            return b"250-far.test.example\r\n" + offer + b"250-8BITMIME\r\n250 PIPELINING\r\n"
        if verb == b"STAR":
            self.securing = True
            self.loop.call_later(self.delay, lambda: self.loop.create_task(self.secure()))
            return b""
        if verb == b"MAIL" and not self.secured:
            return b"530 5.7.0 not without TLS\r\n"
        if verb == b"DATA":
            self.in_content = True
            return b"354 go on\r\n"
        if verb == b"QUIT":
            self.loop.call_later(self.delay + 0.01, self.transport.close)
            return b"221 2.0.0 bye\r\n"
        return b"250 2.1.0 fine\r\n"

    async def secure(self):
        self.transport.write(b"220 2.0.0 go on\r\n")
        try:
            transport = await self.loop.start_tls(self.transport, self, self.context, server_side=True)
        except (OSError, ssl.SSLError):
            return
        if transport:
            self.transport, self.secured, self.securing = transport, True, False
            self.counts[1] += 1
            self.answer()

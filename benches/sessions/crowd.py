"""Clients that hold sessions open: many that say nothing, and slow ones.

A crowd lives in a process of its own, so that what it costs is not counted
with the rest, and its addresses are its own: 127.0.0.2 and up."""

import contextlib
import itertools
import multiprocessing
import resource
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import mails

SESSIONS_AN_ADDRESS = 1_000
AT_ONCE = 32
PATIENCE = 120


def raise_descriptors(most=65_536):
    """As many as the system lets us have: a session is one, at either end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(hard, most), hard):
        with contextlib.suppress(ValueError, PermissionError):
            return resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


class Crowd:
    """`opened` says how many got in; `held` how many are still there."""

    def __init__(self, work, *arguments):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=work, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.opened = self.pipe.recv()

    def held(self):
        self.pipe.send("held")
        return self.pipe.recv()

    def leave(self):
        self.pipe.send("leave")
        self.process.join()


def idle(port, count, tls):
    """Sessions that have said EHLO, under TLS where `tls` is true of theirs."""
    return Crowd(_idle, port, count, tls)


def slow(port, count):
    """Senders in the midst of content, an octet a second each."""
    return Crowd(_slow, port, count)


def _idle(pipe, port, count, tls):
    sessions = _open(count, lambda address: _greeted(port, address, tls))
    pipe.send(len(sessions))
    while pipe.recv() != "leave":
        with ThreadPoolExecutor(AT_ONCE) as threads:
            pipe.send(sum(threads.map(_answers, sessions)))


def _slow(pipe, port, count):
    sessions = _open(count, lambda address: _sending(port, address))
    pipe.send(len(sessions))
    over = threading.Event()
    trickle = threading.Thread(target=_trickle, args=(sessions, over))
    trickle.start()
    while pipe.recv() != "leave":
        pipe.send(len(sessions))
    over.set()
    trickle.join()


def _trickle(sessions, over):
    """One after the other, so that their octets are spread over the second."""
    while sessions and not over.is_set():
        began = time.monotonic()
        for number, session in enumerate(list(sessions)):
            try:
                session.send(b"x")
            except OSError:
                sessions.remove(session)
            over.wait(max(0, began + (number + 1) / len(sessions or [1]) - time.monotonic()))


def _open(count, one):
    """So many sessions, or as many as can be had."""
    raise_descriptors()
    numbers = itertools.islice(itertools.count(), count)
    addresses = [f"127.0.0.{2 + number // SESSIONS_AN_ADDRESS}" for number in numbers]

    def attempt(address):
        with contextlib.suppress(OSError, EOFError):
            return one(address)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [session for session in threads.map(attempt, addresses) if session]


def _connected(port, address):
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(address, 0))
    _reply(connection)
    _command(connection, "EHLO client.test.example")
    return connection


def _greeted(port, address, tls):
    connection = _connected(port, address)
    if tls:
        _command(connection, "STARTTLS")
        connection = CONTEXT.wrap_socket(connection)
        _command(connection, "EHLO client.test.example")
    return connection


def _sending(port, address):
    connection = _connected(port, address)
    for command in (f"MAIL FROM:<{mails.SENDER}>", f"RCPT TO:<{mails.RECIPIENT}>", "DATA"):
        _command(connection, command)
    connection.sendall(b"Subject: slowly\r\n\r\n")
    return connection


def _answers(session):
    try:
        _command(session, "NOOP")
    except (OSError, EOFError):
        return False
    return True


def _command(connection, command):
    connection.sendall(f"{command}\r\n".encode())
    return _reply(connection)


def _reply(connection):
    """A whole reply; an error for one that refuses, or none."""
    reply = b""
    while not reply.endswith(b"\r\n") or reply.splitlines()[-1][3:4] == b"-":
        chunk = connection.recv(4096)
        if not chunk:
            raise EOFError("the server has gone")
        reply += chunk
    if reply[:1] not in b"23":
        raise EOFError(reply.decode())
    return reply


def _context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


CONTEXT = _context()

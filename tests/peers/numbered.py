"""Numbered messages: whoever sends them remembers which got a 250.

Every Message-ID says which number it is and which try (a DSN has it too), so
that one sent again by its client, whose connection broke before the 250, is
told from one that the gateway delivered again.
"""

import itertools
import re
import smtplib
import threading
import time
from collections import Counter

import clients
from messages import RECIPIENT, message
from processes import wait_until


class Load:
    """Sessions that send numbered messages, ten a connection; one that loses
    its connection comes back with the same number until it is acknowledged.
    Without `messages` they go on until `finish`. `recipients` gives those of
    a number; `subject` begins theirs."""

    def __init__(self, gateway, messages=None, sessions=20, recipients=lambda number: [RECIPIENT],
                 subject="Rota"):
        self.gateway, self.recipients, self.subject = gateway, recipients, subject
        self.sent = set()  # perhaps without a reply: may arrive, need not
        self.acknowledged = set()
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.finishing = False
        self.numbers = iter(range(messages)) if messages else itertools.count()
        self.threads = [threading.Thread(target=self._send, daemon=True) for _ in range(sessions)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def finish(self):
        """No new numbers: what is begun is sent until it is acknowledged."""
        self.finishing = True
        self.wait()

    def abandon(self):
        self.over.set()
        self.wait()

    def wait(self):
        for thread in self.threads:
            thread.join()

    def wait_for(self, acknowledged):
        wait_until(f"{acknowledged} messages acknowledged", lambda: len(self.acknowledged) >= acknowledged, 120)

    def _next(self):
        with self.lock:
            return None if self.finishing else next(self.numbers, None)

    def _send(self):
        client, number, tries, sent = None, self._next(), 0, 0
        while number is not None and not self.over.is_set():
            tries += 1
            try:
                if client is None:
                    client = clients.connect(self.gateway)
                name = f"number-{number}"
                mail = message(f"{self.subject} {name}")
                mail.replace_header("Message-ID", f"<{name}.try-{tries}@nhs.test.example>")
                with self.lock:
                    self.sent.add(name)
                code, _ = clients.submit(client, mail, self.recipients(number))
                if code == 250:
                    with self.lock:
                        self.acknowledged.add(name)
                    number, tries, sent = self._next(), 0, sent + 1
                if code != 250 or sent % 10 == 0:
                    client.close()
                    client = None
                if code != 250:
                    time.sleep(0.1)
            except (OSError, smtplib.SMTPException):
                client = None
                time.sleep(0.1)


def number_and_try(received):
    """Of a message that arrived, or of the one that a DSN returns."""
    found = re.search(rb"^Message-ID: <(number-\d+)\.try-(\d+)@", received.content, re.M)
    return found[1].decode(), int(found[2])


def numbers(far_end):
    """How often each message arrived."""
    return Counter(number_and_try(received)[0] for received in list(far_end.received))


def all_arrived(load, far_end, gateway, seconds=120):
    """Those that arrived more than once."""
    try:
        wait_until("everything that got a 250 arrives", lambda: load.acknowledged <= set(numbers(far_end)), seconds)
    except TimeoutError as error:
        missing = sorted(load.acknowledged - set(numbers(far_end)))
        queued = gateway.queue("list")
        raise AssertionError(f"{error}; missing {missing}, in the queue: {queued}") from None
    gateway.wait_until_empty(seconds)
    arrived = numbers(far_end)
    assert set(arrived) <= load.sent, "messages that nobody sent"
    return {name: count for name, count in arrived.items() if count > 1}

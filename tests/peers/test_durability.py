"""What got a 250 is delivered, whatever happens to the process."""

import re
import smtplib
import threading
import time
from collections import Counter

import clients
from far_end import FarEnd
from gateway import Gateway, route
from messages import RECIPIENT, message
from processes import wait_until

SESSIONS = 20


class Load:
    """Sessions that send numbered messages, ten a connection, and remember
    which got a 250; one that loses its connection comes back until all of
    them are acknowledged."""

    def __init__(self, gateway, messages):
        self.gateway, self.messages = gateway, messages
        self.acknowledged = set()
        self.unsure = set()  # sent whole, no reply: may arrive, need not
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.numbers = iter(range(messages))
        self.threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SESSIONS)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def wait(self):
        for thread in self.threads:
            thread.join()

    def wait_for(self, acknowledged):
        wait_until(f"{acknowledged} messages acknowledged", lambda: len(self.acknowledged) >= acknowledged, 120)

    def _next(self):
        with self.lock:
            return next(self.numbers, None)

    def _send(self):
        client, number, sent = None, self._next(), 0
        while number is not None and not self.over.is_set():
            try:
                if client is None:
                    client = clients.connect(self.gateway)
                name = f"number-{number}"
                mail = message(f"Rota {name}")
                mail["X-Number"] = name
                with self.lock:
                    self.unsure.add(name)
                code, _ = clients.submit(client, mail, [RECIPIENT])
                if code == 250:
                    with self.lock:
                        self.acknowledged.add(name)
                    number, sent = self._next(), sent + 1
                if code != 250 or sent % 10 == 0:
                    client.close()
                    client = None
                if code != 250:
                    time.sleep(0.1)
            except (OSError, smtplib.SMTPException):
                client = None
                time.sleep(0.1)


def numbers(far_end):
    """How often each message arrived."""
    return Counter(
        re.search(rb"^X-Number: (\S+)\r$", m.content, re.M)[1].decode() for m in list(far_end.received))


def all_arrived(load, far_end, gateway, seconds=120):
    wait_until("everything that got a 250 arrives", lambda: load.acknowledged <= set(numbers(far_end)), seconds)
    gateway.wait_until_empty(seconds)
    arrived = numbers(far_end)
    assert set(arrived) <= load.unsure, "messages that nobody sent"
    return {name: count for name, count in arrived.items() if count > 1}


def test_kill_during_five_thousand_messages_loses_none(home):
    with FarEnd() as far_end, Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        load = Load(gateway, 5_000).start()
        kills = []
        for acknowledged in (1_000, 2_500, 4_000):
            load.wait_for(acknowledged)
            gateway.kill()
            kills.append((len(load.acknowledged), len(far_end.received)))
            time.sleep(0.3)
            gateway.start()
        load.wait()
        assert len(load.acknowledged) == 5_000
        twice = all_arrived(load, far_end, gateway)
    # A message sent again by its client after the connection broke, and one
    # whose delivery was done but not yet recorded, may both come twice. At
    # each kill no more of either can be in flight than there are sessions on
    # the two sides.
    print(f"\n5000 acknowledged, 3 kills (acknowledged, delivered at each: {kills}), 0 lost, "
          f"{len(twice)} delivered more than once")
    assert len(twice) <= 3 * (SESSIONS + 20)


def test_sigterm_under_load_ends_in_order_and_the_rest_is_delivered(home):
    with FarEnd() as far_end, Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        far_end.delay = 0.2  # so that a queue builds up
        load = Load(gateway, 600).start()
        load.wait_for(300)
        began = time.monotonic()
        code = gateway.stop()
        took = time.monotonic() - began
        left = len(load.acknowledged) - len(numbers(far_end))
        assert code == 0, gateway.log()[-2000:]
        assert took < 40
        far_end.delay = 0
        gateway.start()
        load.wait()
        twice = all_arrived(load, far_end, gateway)
    print(f"\nSIGTERM took {took:.1f} s and left {left} messages for the restart")
    assert left > 0, "nothing was left: the test shows nothing"
    # An orderly stop knows what it has delivered and what it has answered.
    assert twice == {}


def test_a_restart_with_nothing_to_do_is_quick(gateway):
    began = time.monotonic()
    assert gateway.stop() == 0
    gateway.start()
    assert time.monotonic() - began < 10

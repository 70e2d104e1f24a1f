"""Load and its far end: Debian's smtp-source and smtp-sink."""

import os
import re
import subprocess
import threading
import time

from processes import end, free_port, needed, wait_for_port

SESSIONS = 20


class Sink:
    """smtp-sink, and how many messages it has."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.received = 0
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [needed("smtp-sink"), *unprivileged(), "-c", "-m", "1000", f"127.0.0.1:{self.port}", "1000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._count, daemon=True).start()
        wait_for_port(self.port, self.process)
        return self

    def _count(self):
        """Its counters come as `sess=N quit=N mesg=N`, a line end each."""
        while chunk := os.read(self.process.stdout.fileno(), 1 << 16):
            if counts := re.findall(rb"mesg=(\d+)", chunk):
                self.received = max(self.received, int(counts[-1]))

    def stop(self):
        end(self.process)


def unprivileged():
    """smtp-sink will not serve as root."""
    return ["-u", "nobody"] if os.geteuid() == 0 else []


def relay(port, sink, file, sender, recipient, messages, sessions=SESSIONS):
    """Sends so many messages, one a connection, over so many at once, and
    waits until the sink has them all: seconds from the first connection to
    the last message."""
    before = sink.received
    began = time.monotonic()
    done = subprocess.run(
        [needed("smtp-source"), "-s", str(sessions), "-m", str(messages), "-F", file, "-f", sender, "-t", recipient,
         f"127.0.0.1:{port}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"smtp-source: {done.stdout}{done.stderr}")
    deadline = time.monotonic() + 300
    while sink.received - before < messages:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{sink.received - before} of {messages} messages arrived")
        time.sleep(0.002)
    return time.monotonic() - began

"""Readers of documents: whatever becomes of one, the gateway goes on."""

import concurrent.futures
import contextlib
import email.policy
import gzip
import os
import pathlib
import re
import signal
import smtplib
import subprocess
import sys

import pytest

from gateway import Gateway, binary, route
from messages import RECIPIENT, SENDER, message
from processes import end, wait_until

UNDER_A_KERNEL_WITHOUT_SECCOMP = """\
import ctypes, os, platform, struct, sys
call = {"x86_64": 317, "aarch64": 277}[platform.machine()]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, call), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)]
filter = b"".join(struct.pack("HBBI", *step) for step in steps)
memory = ctypes.create_string_buffer(filter)
program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(memory))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def started(home, far_end, **settings):
    lines = [f"{key} = {value}" for key, value in settings.items()]
    return Gateway(home / "gateway", [route("*", far_end.port)], more="\n".join(["\n[reader]", *lines, ""]))


def with_document():
    mail = message()
    mail.add_attachment(gzip.compress(b"a letter"), maintype="application", subtype="gzip", filename="letter.gz")
    return mail


def send(gateway, mail):
    """The reply to the content."""
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=120) as client:
        client.ehlo()
        client.mail(SENDER)
        client.rcpt(RECIPIENT)
        code, text = client.data(mail.as_bytes(policy=email.policy.SMTP))
        return code, text.decode()


def readers(gateway):
    """Process ids."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            is_reader = (process / "cmdline").read_bytes().startswith(b"postern\0reader\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == gateway.pid() and is_reader:
            found.append(int(process.name))
    return found


def metric(gateway, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", gateway.http("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0


def failures(gateway, reason):
    return metric(gateway, f'postern_reader_failures_total{{reason="{reason}"}}')


def test_a_reader_is_there_and_confined_before_any_mail(home, far_end):
    with started(home, far_end) as gateway:
        assert "readers of documents are confined" in gateway.log()
        (reader,) = readers(gateway)
        status = pathlib.Path(f"/proc/{reader}/status").read_text()
        assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
        assert metric(gateway, "postern_reader_processes") == 1
        assert send(gateway, with_document())[0] == 250
        assert readers(gateway) == [reader]
        assert metric(gateway, "postern_reader_seconds_count") == 1
        far_end.only()


def test_a_reader_that_stalls_costs_one_part_of_one_message(home, far_end):
    with started(home, far_end, processes=1, deadline='"1s"') as gateway:
        (reader,) = readers(gateway)
        os.kill(reader, signal.SIGSTOP)
        assert send(gateway, with_document())[0] == 250
        assert failures(gateway, "deadline") == 1
        assert metric(gateway, 'postern_opaque_parts_total{reason="over-limit"}') == 1
        assert readers(gateway) == []
        assert send(gateway, with_document())[0] == 250
        assert failures(gateway, "deadline") == 1
        assert len(readers(gateway)) == 1
        far_end.wait_for(2)


def test_readers_killed_under_load_lose_no_message(home, far_end):
    messages = 40
    with started(home, far_end, processes=2) as gateway:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            replies = [pool.submit(send, gateway, with_document()) for _ in range(messages)]
            while not all(reply.done() for reply in replies):
                for reader in readers(gateway):
                    # It may have ended since.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(reader, signal.SIGKILL)
        codes = [reply.result()[0] for reply in replies]
        # A reader that dies before it is confined is no reader: come again.
        assert set(codes) <= {250, 451}
        assert 250 in codes
        far_end.wait_for(codes.count(250), seconds=120)
        assert gateway.process.poll() is None
        assert send(gateway, with_document())[0] == 250


def test_who_waits_too_long_for_a_reader_comes_again_and_mail_without_documents_does_not_wait(home, far_end):
    with started(home, far_end, processes=1, patience='"1s"', deadline='"60s"', message_deadline='"60s"') as gateway:
        (reader,) = readers(gateway)
        os.kill(reader, signal.SIGSTOP)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # One of the two has the reader, whichever came first.
            both = [pool.submit(send, gateway, with_document()) for _ in range(2)]
            # A message without documents is taken meanwhile, however large.
            large = message()
            large.set_content("a line of text\n" * 20_000)
            (refused,), (first,) = concurrent.futures.wait(both, 30, concurrent.futures.FIRST_COMPLETED)
            for code, text in [refused.result(), send(gateway, with_document())]:
                assert (code, text) == (451, "4.3.2 attachments cannot be read now")
            assert send(gateway, message())[0] == 250
            assert send(gateway, large)[0] == 250
            assert not first.done()
            assert metric(gateway, 'postern_refusals_total{listener="mailboxes",reason="readers"}') >= 2
            os.kill(reader, signal.SIGCONT)
            assert first.result()[0] == 250
        far_end.wait_for(3)


def test_readers_end_with_a_gateway_that_is_killed(home, far_end):
    gateway = started(home, far_end).start()
    (reader,) = readers(gateway)
    gateway.kill()
    wait_until("the reader has ended", lambda: not pathlib.Path(f"/proc/{reader}").exists())


@pytest.mark.parametrize("confinement", ["required", "best-effort"])
def test_where_readers_cannot_be_confined_the_gateway_starts_only_by_leave(home, far_end, confinement):
    gateway = started(home, far_end, confinement=f'"{confinement}"')
    under = [sys.executable, "-c", UNDER_A_KERNEL_WITHOUT_SECCOMP]
    if confinement == "required":
        done = subprocess.run([*under, binary(), "run", "--config", gateway.config],
                              capture_output=True, text=True, timeout=60, cwd=gateway.home, check=False)
        assert done.returncode == 69
        assert "the readers of documents: a reader cannot be confined: seccomp" in done.stderr
    else:
        gateway.start(under=under)
        try:
            assert "readers of documents are confined in part" in gateway.log()
            assert send(gateway, with_document())[0] == 250
        finally:
            end(gateway.process)

"""Limits under real load: told so, counted, and nobody else is harmed."""

import concurrent.futures
import pathlib
import re
import smtplib
import socket
import time

import clients
from gateway import Gateway, amend, route
from messages import RECIPIENT, SENDER, message
from processes import needed, wait_until

MESSAGES, SIZE, MEMORY = 100, 10 << 20, 64


def started(home, far_end, **settings):
    return amend(Gateway(home / "gateway", [route("*", far_end.port)]), **settings)


def refusals(gateway, reason):
    found = re.search(rf'postern_refusals_total\{{listener="mailboxes",reason="{reason}"\}} (\d+)',
                      gateway.http("/metrics")[1])
    return int(found[1]) if found else 0


def peak_memory(gateway):
    """In MiB."""
    status = pathlib.Path(f"/proc/{gateway.pid()}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10


def test_more_messages_than_there_is_memory_for_are_told_to_come_again(home, far_end):
    head = (f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: scan\r\nMIME-Version: 1.0\r\n"
            "Content-Type: image/tiff\r\nContent-Transfer-Encoding: base64\r\n\r\n")
    content = (head + ("SUkqAAgAAAAAAA".ljust(76, "A") + "\r\n") * (SIZE // 78)).encode()

    def bring(_):
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=300) as client:
            client.ehlo()
            client.mail(SENDER)
            client.rcpt(RECIPIENT)
            code, text = client.docmd("DATA")
            if code == 354:
                client.send(content + b".\r\n")
                code, text = client.getreply()
            return code, text.decode()

    with started(home, far_end, limits=f'memory = "{MEMORY} MiB"') as gateway:
        with concurrent.futures.ThreadPoolExecutor(MESSAGES) as pool:
            replies = list(pool.map(bring, range(MESSAGES)))
        accepted = sum(code == 250 for code, _ in replies)
        assert all(code == 250 or (code == 452 and "4.3.1" in text) for code, text in replies), replies
        assert 0 < accepted < MESSAGES
        assert refusals(gateway, "memory") == MESSAGES - accepted
        assert gateway.process.poll() is None
        far_end.wait_for(accepted, seconds=300)
        gateway.wait_until_empty(seconds=120)
        time.sleep(0.5)
        assert len(far_end.received) == accepted
        text = gateway.http("/metrics")[1]
        assert "postern_content_memory_bytes 0\n" in text
        assert f"postern_content_memory_limit_bytes {MEMORY << 20}\n" in text
        # What judging and sending take beside what comes in: a few copies of
        # the few messages that they are about at a time.
        assert peak_memory(gateway) < 600


def test_messages_over_a_clients_rate_are_told_when_to_come_again(home, far_end):
    with started(home, far_end, listener='messages_per_client = "2/h"') as gateway:
        for _ in range(2):
            clients.by_smtplib(gateway, message(), RECIPIENT)
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
            client.ehlo()
            code, text = client.mail(SENDER)
        assert code == 450
        assert re.fullmatch(rb"4\.7\.1 too many messages; try again in \d+ seconds", text)
        assert refusals(gateway, "rate") == 1


def test_recipients_over_a_clients_rate_are_refused_one_by_one(home, far_end):
    with started(home, far_end, listener='recipients_per_client = "2/h"') as gateway:
        recipients = [f"partner{number}@partner.test.example" for number in range(4)]
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
            refused = client.sendmail(SENDER, recipients, message().as_string())
        assert sorted(refused) == recipients[2:]
        assert all(code == 450 for code, _ in refused.values())
        assert far_end.only().forward_paths == recipients[:2]


def test_a_client_that_talks_before_the_greeting_is_closed(home, far_end):
    with started(home, far_end, listener='greeting_delay = "2s"') as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as early:
            early.sendall(b"EHLO early.test.example\r\n")
            assert early.makefile("rb").read() == b"554 5.5.1 you must wait for the greeting; closing\r\n"
        assert refusals(gateway, "early_talker") == 1
        clients.by_smtplib(gateway, message(), RECIPIENT)
        far_end.only()


def test_without_file_descriptors_it_rests_and_goes_on(home, far_end):
    gateway = started(home, far_end)
    gateway.start(under=(needed("prlimit"), "--nofile=100"))
    try:
        idle = [socket.create_connection(("127.0.0.1", gateway.port), timeout=30) for _ in range(120)]
        wait_until("it has run out of them", lambda: "cannot accept" in gateway.log())
        used = processor_seconds(gateway)
        time.sleep(2)
        assert processor_seconds(gateway) - used < 1, "it does not rest"
        for connection in idle:
            connection.close()
        clients.by_smtplib(gateway, message(), RECIPIENT)
        far_end.only()
    finally:
        gateway.stop()


def test_it_takes_as_many_file_descriptors_as_it_may(home, far_end):
    gateway = started(home, far_end)
    gateway.start(under=(needed("prlimit"), "--nofile=256:4096"))
    try:
        assert re.search(r"Max open files +4096 +4096 ", pathlib.Path(f"/proc/{gateway.pid()}/limits").read_text())
        assert "raise the hard limit" not in gateway.log()
    finally:
        gateway.stop()
    gateway.start(under=(needed("prlimit"), "--nofile=256:512"))
    try:
        assert "raise the hard limit" in gateway.log()
    finally:
        gateway.stop()


def processor_seconds(gateway):
    fields = pathlib.Path(f"/proc/{gateway.pid()}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100

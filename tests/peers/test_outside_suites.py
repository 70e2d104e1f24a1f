"""The outside suites, where they stand beside this checkout, against the lab
(deploy/lab/run) as they expect it: on its own ports, with their own far end."""

import email.message
import email.utils
import os
import pathlib
import re
import smtplib
import subprocess
import sys

import pytest

from clients import NODE
from gateway import ROOT, binary
from processes import end, needed, wait_for_port, wait_until
from proxied import proxied

SUITES = ROOT.parent / "shared/suites"
SENDER, RECIPIENT = "ward7@nhs.test.example", "partner@partner.test.example"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Its folder, and that of what arrives."""
    home, arrived = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("arrived")
    processes = []
    try:
        for port, command in (
            (12525, [sys.executable, SUITES / "sink.py", "--port", "12525", "--dir", arrived]),
            (2525, [ROOT / "deploy/lab/run", home]),
        ):
            # Their words go to a file: a full pipe would stop them.
            with open(home / f"{port}.log", "wb") as log:
                processes.append(subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"POSTERN": str(binary())},
                ))
            wait_for_port(port, processes[-1])
        yield home, arrived
    finally:
        for process in reversed(processes):
            end(process, seconds=60)


def passed(command, **environment):
    """How many checks a suite passes; all it says where one fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    counts = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    assert counts and counts[2] == "0", done.stdout + done.stderr
    return int(counts[1])


def test_every_client_hands_its_mail_over(lab):
    _, arrived = lab
    assert passed(["sh", SUITES / "clients/all.sh", "127.0.0.1", "2525", SENDER, RECIPIENT, NODE]) == 29
    # One check hands nothing over, two hand over 50 and 200.
    wait_until("every message at the far end", lambda: len(list(arrived.glob("*.eml"))) == 26 + 50 + 200, seconds=120)


def test_the_scanners_find_nothing_to_complain_of(lab):
    home, _ = lab
    needed("testssl")
    scanner = pathlib.Path(sys.executable).parent / "sslyze"
    assert passed(["bash", SUITES / "tls_grade.sh", "127.0.0.1", "2525"], SSLYZE=str(scanner), CA=str(home / "ca.pem")) == 14


def authentication(what, cases, port, arrived):
    """What a suite of authentication says. It is the name server itself."""
    command = [sys.executable, SUITES / "auth_cases.py", what, "--yml", SUITES / "data" / cases, "--port", str(port),
               "--sink-dir", arrived, "--dns-port", "5399", "--to-domain", "nhs.test.example"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_every_chain_is_judged_as_the_arc_suite_judges_it(lab):
    _, arrived = lab
    with proxied(2526) as port:
        said = authentication("arc", "arc-validation.yml", port, arrived)
    assert "170 passed, 0 failed" in said, said


# A TXT record of no strings at all, which DNS does not allow; a name with
# spaces, which the suite's own server does not find.
UNASKABLE = {"null-text", "macro-mania-in-domain"}


def test_every_sender_is_judged_as_the_spf_suite_judges_it(lab):
    _, arrived = lab
    said = authentication("spf", "rfc7208-spf.yml", 2526, arrived)
    failed = set(re.findall(r"^FAIL (\S+)", said, re.M))
    assert failed <= UNASKABLE and int(re.search(r"(\d+) passed", said)[1]) >= 201, said


def test_two_who_share_no_code_verify_what_left(lab):
    home, arrived = lab
    before = set(arrived.glob("*.eml"))
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        for number, (kind, text) in enumerate((("plain", "hello"), ("html", "<p>hello</p>"), ("plain", "h\u00e9llo"))):
            mail = email.message.EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, f"hello {number}"
            mail["Date"], mail["Message-ID"] = email.utils.localtime(), f"<{number}@nhs.test.example>"
            mail.set_content(text, subtype=kind)
            # The null path too: a report, or an automatic reply.
            client.send_message(mail, "" if number == 2 else SENDER, RECIPIENT)
    wait_until("three messages at the far end", lambda: len(set(arrived.glob("*.eml")) - before) == 3)
    ours = home / "ours"
    ours.mkdir()
    for message in set(arrived.glob("*.eml")) - before:
        (ours / message.name).write_bytes(message.read_bytes())
    record = (home / "dkim.txt").read_text().strip()
    key = f"lab._domainkey.nhs.test.example={record}"
    assert passed([sys.executable, SUITES / "dkim_verify.py", "--dir", ours, "--key", key, "--min", "3"]) == 3

"""The outside suites, where they stand beside this checkout, against the lab
(deploy/lab/run) as they expect it: on its own ports, with their own far end."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from clients import NODE
from gateway import ROOT, binary
from processes import end, needed, wait_for_port, wait_until

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

"""The audit trail of a running gateway: whole through a power cut, told to
other programs, searched for a person without their number."""

import gzip
import json
import re
import subprocess
import threading
import time

import clients
import pytest
from gateway import Gateway, binary, postern, route
from messages import RECIPIENT, SENDER, discharge_summary, message
from processes import wait_until

NUMBER = "999 000 0018"


def audit(gateway, *arguments, **more):
    return postern("audit", "--control", gateway.home / "control.sock", *arguments, **more)


def folder(gateway):
    return gateway.home / "data/audit"


def submit(gateway, mail, recipient=RECIPIENT):
    with clients.connect(gateway) as client:
        code, text = clients.submit(client, mail, [recipient])
    assert code == 250, text


def verified(gateway):
    done = postern("audit", "--json", "verify", "--audit", folder(gateway))
    answer = json.loads(done.stdout)
    assert (done.returncode == 0) == answer["intact"], done.stderr
    return answer


def keep_sending(gateway, stop):
    while not stop.is_set():
        try:
            submit(gateway, message(f"Rota {time.monotonic_ns()}"))
        except (OSError, AssertionError, clients.smtplib.SMTPException):
            return


def test_the_chain_survives_power_cuts_under_load(home, far_end):
    more = '\n[audit]\nrotate_size = "20 KiB"\n'
    gateway = Gateway(home / "gateway", [route("*", far_end.port)], more=more)
    for _ in range(3):
        gateway.start()
        before = len(gateway.audited())
        stop = threading.Event()
        senders = [threading.Thread(target=keep_sending, args=(gateway, stop)) for _ in range(4)]
        for sender in senders:
            sender.start()
        wait_until("lines are written", lambda: far_end.received and len(gateway.audited()) != before)
        time.sleep(1)
        gateway.kill()
        stop.set()
        for sender in senders:
            sender.join()
    with gateway:
        submit(gateway, message("After the last cut"))
        done = audit(gateway, "verify")
        assert done.returncode == 0, done.stdout
    answer = verified(gateway)
    assert answer["intact"] and answer["faults"] == [], answer["words"]
    assert answer["files"] > 1 and answer["entries"] > 20
    packed = sorted(folder(gateway).glob("audit.jsonl-*.gz"))
    assert packed, list(folder(gateway).iterdir())
    (first, *_) = gzip.open(packed[0], "rt").read().splitlines()
    assert json.loads(first)["seq"] == 1


def test_a_line_taken_out_is_named_and_an_outside_checkpoint_holds_the_rest(gateway):
    submit(gateway, message())
    gateway.wait_until_empty()
    page = audit(gateway, "checkpoint").stdout
    kept = gateway.home / "kept elsewhere.txt"
    kept.write_text("Filed by information governance.\n\n" + page)
    against = audit(gateway, "verify", "--against", kept)
    assert against.returncode == 0, against.stdout
    gateway.stop()

    trail = folder(gateway) / "audit.jsonl"
    lines = trail.read_text().splitlines(keepends=True)
    trail.write_text("".join(lines[:2] + lines[3:]))
    done = postern("audit", "verify", "--audit", folder(gateway))
    assert done.returncode == 1
    assert "audit.jsonl:3: entry 3 is missing" in done.stdout, done.stdout

    # Put back, it is whole; a checkpoint with another digest is no signed one.
    trail.write_text("".join(lines))
    assert postern("audit", "verify", "--audit", folder(gateway), "--against", kept).returncode == 0
    forged = re.sub(r"(?m)^(Digest +)(\w{60})\w{4}$", r"\g<1>\g<2>0000", kept.read_text())
    assert forged != kept.read_text()
    kept.write_text(forged)
    done = postern("audit", "verify", "--audit", folder(gateway), "--against", kept)
    assert done.returncode == 1
    assert "does not bear this trail's signature" in done.stdout, done.stdout


def test_who_reads_the_trail_stands_in_it(gateway):
    submit(gateway, message())
    found = audit(gateway, "search", "--event", "accepted", "--sender", SENDER)
    assert found.returncode == 0 and found.stdout.count("accepted") == 1, found.stdout + found.stderr
    assert audit(gateway, "search", "--sender", "nobody@nhs.test.example").returncode == 1
    words = [line["words"] for line in gateway.audited("deed") if line["kind"] == "audit_searched"]
    assert words == [f"event accepted, sender {SENDER}", "sender nobody@nhs.test.example"]


@pytest.fixture
def counting(home, far_end):
    """Numbers of the test range stand for patients."""
    gateway = Gateway(home / "counting", [route("*", far_end.port)])
    settings = gateway.policies / "classification.toml"
    text = settings.read_text()
    assert 'test_range = "ignore"' in text
    settings.write_text(text.replace('test_range = "ignore"', 'test_range = "count"'))
    with gateway:
        yield gateway


def test_a_person_is_found_by_their_number_and_the_number_stands_nowhere(counting):
    gateway = counting
    submit(gateway, discharge_summary(RECIPIENT))
    submit(gateway, message())
    asked = ["subject", "--reason", "SAR 2026-117"]
    for written in (NUMBER, "9990000018", "999-000-0018"):
        found = audit(gateway, "--json", *asked, input=f"{written}\n")
        assert found.returncode == 0, found.stderr
        (line,) = [json.loads(line) for line in found.stdout.splitlines()]
        assert line["event"] == "decision"
        assert any(finding["kind"] == "nhs_number" for finding in line["findings"])
    nobody = audit(gateway, *asked, input="999 000 0026\n")
    assert nobody.returncode == 1, nobody.stdout
    text = (folder(gateway) / "audit.jsonl").read_text()
    assert not re.search(r"999[- ]?000[- ]?0018", text)
    deeds = [line for line in gateway.audited("deed") if line["kind"] == "subject_searched"]
    assert [deed["words"] for deed in deeds] == ["SAR 2026-117"] * 4


def test_a_siem_has_the_trail_in_its_own_words_and_as_it_grows(gateway):
    submit(gateway, message())
    gateway.wait_until_empty()
    cef = audit(gateway, "export", "--format", "cef").stdout.splitlines()
    assert all(re.match(r"CEF:0\|Postern\|postern\|[^|]+\|[^|]+\|[^|]+\|\d+\|rt=\d{13} ", line) for line in cef)
    syslog = audit(gateway, "export", "--format", "syslog").stdout.splitlines()
    shape = r"<\d{3}>1 \d{4}-\d\d-\d\dT[\d:.]+Z gw\.test\.example postern - \w+ \[postern@32473 seq=\"\d+\" .*\] \ufeff"
    assert all(re.match(shape, line) for line in syslog), syslog
    whole = audit(gateway, "export").stdout.splitlines()
    assert whole == (folder(gateway) / "audit.jsonl").read_text().splitlines()
    last = json.loads(whole[-1])["seq"]
    following = subprocess.Popen(
        [binary(), "audit", "--control", gateway.home / "control.sock", "export", "--follow", "--after", str(last)],
        stdout=subprocess.PIPE, text=True)
    try:
        submit(gateway, message("Another"))
        seqs, events = [], []
        while "attempt" not in events:
            line = json.loads(following.stdout.readline())
            seqs.append(line["seq"])
            events.append(line["event"])
        assert seqs == list(range(last + 1, last + 1 + len(seqs)))
    finally:
        following.kill()
        following.wait()


def test_a_legal_hold_is_set_and_lifted_by_somebody_with_a_reason(gateway):
    assert audit(gateway, "legal-hold", "set", "--reason", " ").returncode == 1
    assert audit(gateway, "legal-hold", "set", "--reason", "an inquest").returncode == 0
    hold = json.loads((folder(gateway) / "legal-hold.json").read_text())
    assert hold["reason"] == "an inquest" and hold["by"]
    assert audit(gateway, "legal-hold", "lift", "--reason", "it has ended").returncode == 0
    assert not (folder(gateway) / "legal-hold.json").exists()
    deeds = [(line["kind"], line["words"]) for line in gateway.audited("deed")]
    assert deeds == [("legal_hold_set", "the audit trail: an inquest"),
                     ("legal_hold_lifted", "the audit trail: it has ended")]


def test_the_trail_is_seen_by_prometheus(gateway):
    submit(gateway, message())
    gateway.wait_until_empty()
    wait_until("the lines are counted", lambda: re.search(
        r"^postern_audit_lines_total [1-9]", gateway.http("/metrics")[1], re.M))
    text = gateway.http("/metrics")[1]
    assert "\npostern_audit_intact 1\n" in text and "\npostern_audit_failures_total 0\n" in text


def test_what_was_reported_as_held_in_error_is_decided_again(gateway):
    """A line as the release as a false positive leaves it."""
    held = "reception@held.test.example"
    submit(gateway, message("OFFICIAL-SENSITIVE: the minutes", held), held)
    submit(gateway, message("OFFICIAL-SENSITIVE: other minutes", held), held)
    gateway.stop()
    reported, _ = gateway.audited("decision")
    told = {"v": 1, "at": "2026-11-23T10:00:00Z", "event": "handled", "id": reported["id"], "action": "release",
            "by": "officer", "reason": "published anyway", "false_positive": True}
    trail = gateway.home / "reported.jsonl"
    trail.write_text((folder(gateway) / "audit.jsonl").read_text() + json.dumps(told, separators=(",", ":")) + "\n")
    asked = ["replay", "--policies", gateway.policies, "--reported", trail]
    answer = json.loads(postern(*asked, "--json").stdout)
    assert (answer["messages"], answer["held_before"], answer["held_after"]) == (1, 1, 1)
    words = " ".join(postern(*asked).stdout.split())
    assert "1 message called held in error; 1 of them would still be held" in words
    assert postern(*asked[:-1], "-", input="").returncode == 65

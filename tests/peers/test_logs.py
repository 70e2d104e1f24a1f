"""Log lines, as programs read them: an event is one line, whoever speaks."""

import json
import pathlib
import re
import subprocess
from contextlib import contextmanager

import clients
from gateway import Gateway, binary, route
from messages import RECIPIENT, message
from processes import as_root, end, needed, wait_until

FORGING = "forge@" + RECIPIENT.partition("@")[2]
JOURNALD = "/lib/systemd/systemd-journald"
# What this machine's own systemd has there is not seen by what runs in such a namespace.
ELSEWHERE = "mount -t tmpfs none /run/systemd && mount -t tmpfs none /run/log && "

ATTEMPTED = ("POSTERN_EVENT=attempted",)
BEFORE = ("POSTERN_EVENT=accepted", "POSTERN_EVENT=decided")


def logged(home, far_end, form, under=()):
    """What a gateway writes of a good message, and of one to a server with a hostile reply."""
    gateway = Gateway(home / form, [route("*", far_end.port)])
    heard(gateway, form, under)
    return gateway.log().splitlines()  # after its end: the last line is whole


def heard(gateway, form, under=(), told=lambda log: log.count("attempted") >= 2):
    started(gateway, form, under)
    try:
        for recipient in (RECIPIENT, FORGING):
            clients.by_smtplib(gateway, message(), recipient)
        gateway.wait_until_empty()
        wait_until("the delivery is logged", lambda: told(gateway.log()), seconds=20)
    finally:
        assert gateway.stop() == 0


def started(gateway, form, under):
    """As `Gateway.start`, with `--log`."""
    script = gateway.home / "run"
    script.write_text(f'#!/bin/sh\nexec "{binary()}" "$2" "$3" "$4" --log {form}\n')
    script.chmod(0o755)
    return gateway.start(under=[*under, script])


class Journal:
    """A journald of our own in a namespace of mounts, which what shall be heard by it is started in."""

    def __init__(self, process):
        self.within = as_root(needed("nsenter"), "--mount", f"--target={process.pid}", "--")

    def entries(self, *matches):
        done = subprocess.run(
            [*self.within, needed("journalctl"), "--directory=/run/log/journal", "--output=json", "--all", *matches],
            capture_output=True, text=True, check=False,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def journald():
    process = subprocess.Popen(as_root(needed("unshare"), "--mount", "sh", "-c", (
        f"{ELSEWHERE} mkdir -p /run/systemd/journal /run/log/journal && exec {JOURNALD}")))
    journal = Journal(process)
    inside = pathlib.Path(f"/proc/{process.pid}/root/run/systemd/journal/socket")
    try:
        wait_until("journald listens", lambda: subprocess.run(as_root("test", "-S", inside), check=False).returncode == 0)
        yield journal
    finally:
        end(process)


def test_for_programs_a_line_is_an_object_with_its_event_and_fields(home, far_end):
    lines = [json.loads(line) for line in logged(home, far_end, "json")]
    by_event = {line["message"]: line for line in lines if line.get("recipient") != FORGING}
    assert {"listening", "accepted", "decided", "attempted", "stopped"} <= by_event.keys()
    for event, fields in {
        "accepted": {"id", "direction", "size"},
        "attempted": {"id", "recipient", "outcome", "tls", "certificate", "reply"},
    }.items():
        assert fields <= by_event[event].keys(), by_event[event]
    assert len({line["id"] for line in lines if line["message"] == "accepted"}) == 2
    (forged,) = [line for line in lines if "forged" in str(line)]
    assert (forged["message"], forged["recipient"]) == ("attempted", FORGING)


def test_journald_has_a_field_for_each_of_an_event_and_none_is_a_strangers(home, far_end):
    with journald() as journal:
        gateway = Gateway(home / "journald", [route("*", far_end.port)])
        heard(gateway, "journald", journal.within, told=lambda _: len(journal.entries(*ATTEMPTED)) >= 2)
        assert gateway.log() == ""
        (attempted,) = journal.entries(*ATTEMPTED, f"POSTERN_RECIPIENT={RECIPIENT}")
        decided, accepted = journal.entries(f"POSTERN_ID={attempted['POSTERN_ID']}", *BEFORE)
        (forged,) = journal.entries(*ATTEMPTED, f"POSTERN_RECIPIENT={FORGING}")
        everything = journal.entries("SYSLOG_IDENTIFIER=postern")
    assert (decided["POSTERN_EVENT"], accepted["POSTERN_EVENT"]) == ("decided", "accepted")
    assert {"POSTERN_OUTCOME", "POSTERN_TLS", "POSTERN_HOST", "POSTERN_REPLY"} <= attempted.keys()
    # Without being asked for more, `journalctl` shows a person this.
    assert re.match(rf"attempted id={attempted['POSTERN_ID']} .*recipient={RECIPIENT}", attempted["MESSAGE"])
    assert "forged" in forged["POSTERN_REPLY"] and forged["PRIORITY"] == "6"
    assert all("forged" in entry["MESSAGE"] for entry in everything if "forged" in str(entry))
    assert {entry["PRIORITY"] for entry in everything} <= {"4", "6"}


def test_where_no_journald_listens_lines_say_how_much_they_matter_and_none_is_a_strangers(home, far_end):
    alone = as_root(needed("unshare"), "--mount", "sh", "-c", ELSEWHERE + 'exec "$0" "$@"')
    lines = logged(home, far_end, "journald", alone)
    others = [line for line in lines if not re.match(r"<[3467]> *(ERROR|WARN|INFO|DEBUG) ", line)]
    assert not others, others
    assert any(line.startswith("<6>") and "accepted" in line for line in lines)
    assert not any("\x1b" in line for line in lines)

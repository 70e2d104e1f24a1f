"""Held mail judged through real sockets: some recipients, senders' ways back,
exports, terms, and one act for thousands that a kill cannot spoil."""

import subprocess
import threading
from collections import Counter

import clients
from gateway import Gateway, postern, route
from messages import SENDER, message
from numbered import Load, number_and_try
from processes import free_port, needed, wait_until
from far_end import FarEnd

HELD = "reception@held.test.example"
OTHER = "records@held.test.example"
MARKED = "OFFICIAL-SENSITIVE: the minutes"
DATE = "Mon, 05 Jan 2026 09:00:00 +0000"


POLICY = """\
officers = ["ig@nhs.test.example"]
[levels]
0 = "a"
1 = "b"
2 = "c"
3 = "d"
4 = "e"
"""
RULE = """\
[[rule]]
name = "what goes to held.test.example"
when = { recipient_domain = "held.test.example" }
then = "hold"
reason = "It waits for a person."
"""


def holds_all_alike(home):
    """A policy under which recipients of one message are held together."""
    folder = home / "alike"
    folder.mkdir()
    for name, text in {"policy": POLICY, "domains": "", "classification": "", "rules": RULE}.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def quarantine(gateway, *arguments, code=0, **more):
    """`postern quarantine …`: what it says."""
    done = postern("quarantine", "--control", gateway.home / "control.sock", *arguments, **more)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def held(gateway, recipients=(HELD,)):
    with clients.connect(gateway) as client:
        code, text = clients.submit(client, message(MARKED, HELD), list(recipients))
    assert code == 250, text
    (entry,) = gateway.queue("list", "held")["messages"]
    return entry["id"]


def copies(far_end, recipient=HELD):
    return [m for m in far_end.received if recipient in m.forward_paths]


def test_some_recipients_get_theirs_with_its_own_date_and_the_rest_is_held(home, far_end):
    with Gateway(home / "gateway", [route("*", far_end.port)], policies=holds_all_alike(home)) as gateway:
        name = held(gateway, [HELD, OTHER])
        quarantine(gateway, "release", name, "--for-recipient", OTHER, "--reason", "they are cleared")
        wait_until("it arrives", lambda: copies(far_end, OTHER))
        (arrived,) = copies(far_end, OTHER)
        assert arrived.header("Date") == [DATE]
        (rest,) = gateway.queue("list", "held")["messages"]
        assert [r["address"] for r in rest["recipients"]] == [HELD] and rest["hold"]
        assert name in quarantine(gateway, "list")
        assert "0 held" in quarantine(gateway, "list", "--recipient", OTHER)
        quarantine(gateway, "release", name, "--reason", "and they too")
        wait_until("the rest arrives", lambda: copies(far_end))
        gateway.wait_until_empty()
        assert len(copies(far_end)) == len(copies(far_end, OTHER)) == 1


def test_what_leaves_is_the_copy_and_nothing_of_the_original_behind_it(gateway, far_end):
    quarantine(gateway, "release", held(gateway), "--reason", "agreed")
    wait_until("it arrives", lambda: copies(far_end))
    (arrived,) = copies(far_end)
    assert arrived.content.count(b"\r\nSubject:") == 1
    assert arrived.content.count(b"The rota is on the shared drive") == 1
    (signature,) = arrived.header("DKIM-Signature")
    assert "x=" not in signature.replace(" ", "").split("bh=")[0]


def test_without_a_reason_nothing_is_done(gateway):
    name = held(gateway)
    quarantine(gateway, "release", name, "--reason", " ", code=1)
    quarantine(gateway, "release", "--all-matching", "--reason", "x", code=1, stdin=subprocess.DEVNULL)
    assert len(gateway.queue("list", "held")["messages"]) == 1


def test_a_rejected_message_goes_back_with_the_reason(gateway, far_end):
    quarantine(gateway, "reject", held(gateway), "--reason", "send it to their approved address")

    def told():
        return [m for m in far_end.received if m.forward_paths == [SENDER] and m.reverse_path == ""
                and m.parsed().get_content_type() == "multipart/report"]

    wait_until("the sender is told", told)
    assert "send it to their approved address" in " ".join(told()[0].reading("plain").split())
    gateway.wait_until_empty()
    assert copies(far_end) == []


def test_what_nobody_judges_goes_back_and_a_legal_hold_keeps_it(home, far_end):
    terms = '\n[quarantine]\nexpiry = "8s"\nexpiry_notice = "1s"\n'
    with Gateway(home / "gateway", [route("*", far_end.port)], more=terms) as gateway:
        kept = held(gateway)
        quarantine(gateway, "hold", kept, "--reason", "a court asks for it")
        with clients.connect(gateway) as client:
            assert clients.submit(client, message(MARKED, OTHER), [OTHER])[0] == 250
        # The term goes on while the gateway stands still.
        assert gateway.stop() == 0
        gateway.start()

        def told():
            return [m for m in far_end.received if m.parsed().get_content_type() == "multipart/report"]

        wait_until("it goes back", told)
        assert "nobody has released or refused it" in " ".join(told()[0].reading("plain").split())
        assert [entry["id"] for entry in gateway.queue("list", "held")["messages"]] == [kept]
        assert [line["by"] for line in gateway.audited("handled") if line["action"] == "expire"] == ["postern"]
        assert copies(far_end) == copies(far_end, OTHER) == []


def test_an_export_opens_with_7z_and_its_passphrase(gateway, home):
    name = held(gateway)
    archive = home / "held.zip"
    quarantine(gateway, "export", name, "--to", archive, "--reason", "the police", "--passphrase-stdin",
               input="correct horse battery\n")
    seven = needed("7z")
    wrong = subprocess.run([seven, "t", "-pwrong horse battery", archive], capture_output=True, check=False)
    assert wrong.returncode != 0
    subprocess.run([seven, "x", "-pcorrect horse battery", f"-o{home}/out", archive], capture_output=True, check=True)
    original = (home / "out" / f"{name}.original.eml").read_bytes()
    assert b"The rota is on the shared drive" in original and b"postern lab tag line" not in original
    assert b"postern lab tag line" in (home / "out" / f"{name}.as-it-would-leave.eml").read_bytes()
    exported = [line for line in gateway.audited("deed") if line["kind"] == "exported"]
    assert [line["words"] for line in exported] == ["the police"]


def test_the_numbers_are_there_for_prometheus(gateway):
    held(gateway)
    text = gateway.http("/metrics")[1]
    assert "postern_quarantine_overdue" in text and "postern_quarantine_oldest_seconds" in text
    counts = [line for line in text.splitlines() if line.startswith("postern_quarantine_messages{")]
    assert sum(float(line.split()[-1]) for line in counts) == 1


def test_five_thousand_released_in_one_act_survive_a_kill_half_way(home):
    """Nobody takes mail until all are released: what is delivered twice then
    was released twice."""
    port = free_port()
    with Gateway(home / "gateway", [route("*", port)]) as gateway:
        load = Load(gateway, messages=5000, recipients=lambda number: [HELD],
                    subject="OFFICIAL-SENSITIVE").start()
        load.wait()
        assert len(load.acknowledged) == 5000
        releasing = threading.Thread(
            target=postern, args=("quarantine", "--control", gateway.home / "control.sock", "release",
                                  "--all-matching", "--yes", "--reason", "a bad rule held them"))
        releasing.start()
        handled = gateway.home / "data/audit/audit.jsonl"
        wait_until("half of them are released", lambda: handled.read_text().count('"release"') > 1500, 120)
        gateway.kill()
        releasing.join()
        gateway.start()
        before = len(gateway.queue("list", "held")["messages"])
        assert 0 < before < 5000, before
        quarantine(gateway, "release", "--all-matching", "--yes", "--reason", "a bad rule held them")
        assert gateway.queue("list", "held")["messages"] == []
        with FarEnd(port=port) as far_end:
            gateway.queue("retry")
            wait_until("all arrive", lambda: len(copies(far_end)) >= 5000, 240)
            gateway.wait_until_empty(120)
            arrived = Counter(number_and_try(received)[0] for received in copies(far_end))
            assert len(arrived) == 5000 and set(arrived.values()) == {1}
            assert all(b"\r\nDate: " + DATE.encode() in received.content for received in copies(far_end))

"""A held message: seen, released, rejected, and still there after a restart."""

import re

import clients
from gateway import postern
from messages import SENDER, TAG_LINE, discharge_summary, message
from processes import wait_until

HELD = "reception@held.test.example"
MARKED = "OFFICIAL-SENSITIVE: the minutes"


def held(gateway, mail, recipient=HELD):
    """Submits it; the one message that then stands in the queue."""
    with clients.connect(gateway) as client:
        code, text = clients.submit(client, mail, [recipient])
    assert code == 250, text
    (entry,) = gateway.queue("list", "held")["messages"]
    return entry


def test_a_held_message_is_listed_and_goes_nowhere(gateway, far_end):
    entry = held(gateway, message(MARKED, HELD))
    assert entry["hold"]["rule"] == "marked documents do not go to the open internet"
    assert entry["reverse_path"] == SENDER
    assert entry["recipients"][0]["address"] == HELD
    shown = gateway.queue("show", entry["id"])
    assert entry["id"] in str(shown)
    assert not any(HELD in m.forward_paths for m in far_end.received)


def test_a_released_message_arrives_once(gateway, far_end):
    entry = held(gateway, message(MARKED, HELD))
    gateway.queue("release", entry["id"], "--reason", "agreed with the practice")
    wait_until("it arrives", lambda: copies(far_end))
    gateway.wait_until_empty()
    (arrived,) = copies(far_end)
    assert arrived.reading("plain").count(TAG_LINE) == 1


def test_a_release_does_not_lower_the_tls_that_was_asked_for(gateway, far_end):
    """[secure] asks for verified TLS, which this far end does not have."""
    entry = held(gateway, message("[secure] The minutes", HELD))
    gateway.queue("release", entry["id"])

    def attempted():
        (waiting,) = gateway.queued()
        return waiting["recipients"][0]["state"]["pending"]["attempts"] > 0

    wait_until("an attempt", attempted)
    assert copies(far_end) == []
    assert not any(HELD in command for command, _ in far_end.commands)


def test_nothing_that_is_done_to_waiting_mail_lets_a_held_message_go(gateway, far_end):
    entry = held(gateway, message(MARKED, HELD))
    socket = gateway.home / "control.sock"
    why = ("--reason", "it is late")
    for act in ("exempt", "--tls", "encrypted", *why), ("redirect", "--to", f"smtp://127.0.0.1:{far_end.port}", *why):
        done = postern("queue", "--control", socket, act[0], entry["id"], *act[1:])
        assert done.returncode == 1 and "is held" in done.stdout + done.stderr, done
    gateway.queue("retry", entry["id"])
    gateway.queue("retry")
    # Whoever comes after it goes: it had its chance.
    with clients.connect(gateway) as client:
        clients.submit(client, message("The rota", SENDER), [SENDER])
    wait_until("the other arrives", lambda: [m for m in far_end.received if m.forward_paths == [SENDER]])
    assert copies(far_end) == []
    [still] = gateway.queue("list", "held")["messages"]
    assert (still["id"], still["hold"], still["recipients"]) == (entry["id"], entry["hold"], entry["recipients"])


def test_a_rejected_message_goes_back_to_its_sender(gateway, far_end):
    entry = held(gateway, message(MARKED, HELD))
    gateway.queue("reject", entry["id"], "--reason", "send it to their approved address")
    wait_until("the sender is told", lambda: [
        m for m in far_end.received if m.forward_paths == [SENDER] and m.reverse_path == ""
        and m.parsed().get_content_type() == "multipart/report"])
    gateway.wait_until_empty()
    assert copies(far_end) == []


def test_a_held_message_is_still_held_after_a_restart(gateway, far_end):
    entry = held(gateway, message(MARKED, HELD))
    assert gateway.stop() == 0
    gateway.start()
    (after,) = gateway.queue("list", "held")["messages"]
    assert after["id"] == entry["id"]
    assert copies(far_end) == []
    gateway.queue("release", entry["id"])
    wait_until("it arrives", lambda: copies(far_end))


def test_patient_data_is_held_and_only_its_mask_is_shown(gateway, far_end):
    entry = held(gateway, discharge_summary(HELD))
    assert entry["level"] >= 2
    everything = str(entry) + gateway.log() + audit(gateway) + gateway.http("/metrics")[1]
    for secret in ("999 000 0018", "9990000018", "05/11/1948", "Testperson"):
        assert secret not in everything, secret
    assert copies(far_end) == []


def test_the_sender_is_told_without_the_patient_data(gateway, far_end):
    held(gateway, discharge_summary(HELD))
    wait_until("the sender is told", lambda: [m for m in far_end.received if m.forward_paths == [SENDER]])
    (told,) = [m for m in far_end.received if m.forward_paths == [SENDER]]
    assert told.reverse_path == "", "a notice has the null path"
    assert "held.test.example" in told.reading("plain")
    assert not re.search(rb"999 ?000 ?0018|Testperson|pneumonia", told.content)


def test_an_id_nobody_knows_is_no_crash(gateway):
    done = postern("queue", "--control", gateway.home / "control.sock", "--json", "release", "zzzzzzzzzzzzz")
    assert done.returncode != 0 and "panicked" not in done.stderr
    assert gateway.queued() == []


def copies(far_end):
    return [m for m in far_end.received if HELD in m.forward_paths]


def audit(gateway):
    return "".join(
        file.read_text(errors="replace") for file in (gateway.home / "data").rglob("*audit*") if file.is_file())

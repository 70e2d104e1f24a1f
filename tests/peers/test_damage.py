"""A disk that changes what was written to it: nothing else than what was
received is ever delivered, and the sender hears of it."""

import clients
from far_end import FarEnd
from gateway import Gateway, route
from messages import RECIPIENT, SENDER, message
from processes import free_port, wait_until

SUBJECTS = ("Before", "Damaged", "After")


def submit(gateway, subject):
    with clients.connect(gateway) as client:
        mail = message(subject, text=f"Content of the message {subject}\n")
        assert clients.submit(client, mail, [RECIPIENT])[0] == 250


def damage(gateway, subject):
    """Flips one bit of a message's content where it is stored."""
    for segment in (gateway.home / "data/spool").glob("*.segment"):
        place = segment.read_bytes().find(f"message {subject}".encode())
        if place >= 0:
            with open(segment, "r+b") as file:
                file.seek(place)
                file.write(b"M")
            return segment.name
    raise AssertionError(f"{subject} was not found in the spool")


def slow(home, port):
    """A gateway that tries again only when it is asked to."""
    gateway = Gateway(home / "gateway", [route("*", port)])
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace('delays = ["1s", "2s", "4s"]', 'delays = ["1h"]'))
    return gateway


def test_what_the_disk_has_damaged_is_not_delivered_and_its_sender_hears_of_it(home):
    port = free_port()
    with slow(home, port) as gateway:
        # Nobody listens yet at the next hop.
        for subject in SUBJECTS:
            submit(gateway, subject)
        segment = damage(gateway, "Damaged")
        [lost] = [one["id"] for one in gateway.queued()][1:2]
        with FarEnd(port) as far_end:
            gateway.queue("retry")
            far_end.wait_for(3)
            gateway.wait_until_empty()
            delivered = [one for one in far_end.received if one.forward_paths == [RECIPIENT]]
            [report] = [one for one in far_end.received if one.forward_paths == [SENDER]]
        assert sorted(one.header("Subject")[0] for one in delivered) == ["After", "Before"]
        assert report.reverse_path == ""
        text = report.content.decode()
        assert "Status: 5.3.0" in text and "Action: failed" in text and f"Final-Log-ID: {lost}" in text, text
        assert "Send the message again now." in text and "Content of the" not in text, text

        # Operators hear where it stood, once.
        told = [line for line in gateway.log().splitlines() if "damage was found in the spool" in line]
        assert len(told) == 1 and lost in told[0] and segment in told[0], gateway.log()[-3000:]
        _, metrics = gateway.http("/metrics")
        assert "postern_spool_damaged 1\n" in metrics, metrics
        assert 'postern_bounces_total{reason="damaged"} 1\n' in metrics, metrics


def test_a_damaged_message_can_be_shown_and_returned_by_a_person(home):
    port = free_port()
    with slow(home, port) as gateway:
        submit(gateway, "Damaged")
        [one] = gateway.queued()
        damage(gateway, "Damaged")
        assert gateway.queue("show", one["id"])["messages"][0]["id"] == one["id"]
        with FarEnd(port) as far_end:
            gateway.queue("bounce", one["id"])
            wait_until("the sender hears of it", lambda: far_end.received)
            gateway.wait_until_empty()
            assert far_end.received[0].forward_paths == [SENDER]
            assert b"Content of the" not in far_end.received[0].content

"""The mark of a message that has been through: loops end soon, and nobody can
bring a mark of their own."""

import re

import clients
import pytest
from gateway import Gateway, route
from messages import message
from processes import free_port, wait_until
from strangers import inbound, stranger

LOOPING = "ward@loop.test.example"
MARK = re.compile(r"v=1; node=gw\.test\.example; way=(\w+); id=\w{13}; count=(\d+); (?:other=(\d+); )?mac=\S{44}")


def passages(gateway, result):
    _, page = gateway.http("/metrics")
    name = f'postern_passages_total{{result="{result}"}} '
    return sum(int(line.removeprefix(name)) for line in page.splitlines() if line.startswith(name))


def mark(received):
    """Its one mark, as way, count and count of the other way."""
    marks = received.header("Postern-Passage")
    assert len(marks) == 1, marks
    return MARK.fullmatch(" ".join(str(marks[0]).split())).groups()


@pytest.mark.parametrize("allowed", [3, 1])
def test_a_loop_through_ourselves_ends_in_a_report(home, far_end, allowed):
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    settings = gateway.config.read_text().replace("[limits]", f"[limits]\npassages = {allowed}")
    gateway.config.write_text(settings + route("loop.test.example", gateway.port))
    with gateway:
        with clients.connect(gateway) as client:
            assert clients.submit(client, message(recipient=LOOPING), [LOOPING])[0] == 250
        report = far_end.only(60)
        assert report.reverse_path == "" and report.forward_paths == ["ward7@nhs.test.example"]
        assert mark(report) == ("outbound", "1", None), "a report can loop as well"
        said = b" ".join(report.content.split())
        assert f"a mail loop: passages through here before this: {allowed}".encode() in said, said
        assert b"5.4.6" in report.content
        gateway.wait_until_empty()
        assert passages(gateway, "first") == 1
        assert passages(gateway, "again") == allowed - 1
        assert passages(gateway, "loop") == 1 and passages(gateway, "forged") == 0
        accepted = f'postern_messages_accepted_total{{direction="outbound"}} {allowed}\n'
        assert accepted in gateway.http("/metrics")[1]


def test_a_message_bears_one_mark_and_it_counts(gateway, far_end):
    with clients.connect(gateway) as client:
        assert clients.submit(client, message(), ["a@x.test.example"])[0] == 250
    first = far_end.wait_for(1)[0]
    assert mark(first) == ("outbound", "1", None)
    # As a server beyond would send it back to us, once more.
    with clients.connect(gateway) as client:
        client.ehlo()
        assert client.sendmail("ward7@nhs.test.example", ["a@x.test.example"], first.content) == {}
    assert mark(far_end.wait_for(2)[1]) == ("outbound", "2", None)
    assert passages(gateway, "again") == 1


def test_a_strangers_mark_is_taken_out_on_every_listener(home, far_end):
    port = free_port()
    with Gateway(home / "gateway", [route("*", far_end.port)], more=inbound(port, "authenticate = false")) as gateway:
        with clients.connect(gateway) as client:
            assert clients.submit(client, message(), ["a@x.test.example"])[0] == 250
        genuine = far_end.wait_for(1)[0]
        field = b"Postern-Passage: " + str(genuine.header("Postern-Passage")[0]).encode()
        forged = (
            b"postern-passage: v=1; node=gw.test.example; way=outbound; id=0000000000001; count=1; mac=AAAA\r\n"
            # Genuine, and of another message.
            + field + b"\r\nPostern-Passage:\r\n way=outbound\r\n"
            b"From: <who@stranger.test.example>\r\nSubject: x\r\n\r\nhello"
        )
        with stranger(port) as client:
            assert client.message("ward@nhs.test.example", forged).startswith("250")
        arrived = far_end.wait_for(2)[1]
        assert mark(arrived) == ("inbound", "1", None)
        assert b"way=outbound" not in arrived.content
        with clients.connect(gateway) as client:
            client.ehlo()
            client.sendmail("ward7@nhs.test.example", ["b@x.test.example"], forged)
        assert mark(far_end.wait_for(3)[2]) == ("outbound", "1", None)
        wait_until("both are counted", lambda: passages(gateway, "forged") == 2, 5)
        assert passages(gateway, "first") == 3 and passages(gateway, "loop") == 0


def test_a_message_that_goes_out_and_comes_back_is_counted_both_ways(home, far_end):
    """Forwarded outside to a mailbox that forwards inside."""
    port = free_port()
    with Gateway(home / "gateway", [route("*", far_end.port)], more=inbound(port, "authenticate = false")) as gateway:
        content = message().as_bytes().replace(b"\n", b"\r\n")
        for number in range(1, 4):
            with clients.connect(gateway) as client:
                client.sendmail("ward7@nhs.test.example", ["a@x.test.example"], content)
            out = far_end.wait_for(2 * number - 1)[-1]
            assert mark(out) == ("outbound", str(number), str(number - 1) if number > 1 else None)
            with stranger(port) as client:
                assert client.message("ward@nhs.test.example", out.content.removesuffix(b"\r\n")).startswith("250")
            back = far_end.wait_for(2 * number)[-1]
            assert mark(back) == ("inbound", str(number), str(number))
            content = back.content
        with clients.connect(gateway) as client:
            client.ehlo()
            code, text = clients.submit_octets(client, content, ["a@x.test.example"])
        assert (code, text[:5]) == (554, "5.4.6"), text


def test_the_secret_is_made_once_for_us_alone(home, far_end):
    key = home / "gateway/data/passage.key"
    with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        secret = key.read_bytes()
        assert len(secret) == 32 and key.stat().st_mode & 0o777 == 0o600
    gateway.start()
    gateway.stop()
    assert key.read_bytes() == secret
    key.write_bytes(b"short")
    with pytest.raises(RuntimeError, match="at least 32 octets"):
        gateway.start()


@pytest.mark.parametrize("field, most, refusal", [
    (b"Received: from x by y; Tue, 24 Nov 2026 00:00:00 +0000\r\n", 100, b"5.4.6 too many hops"),
    # With those of the message itself, of which we add some.
    (b"X-A: b\r\n", 20_000 - 50, b"5.6.0 too many header fields"),
])
def test_what_has_come_too_far_or_cannot_be_read_to_the_end_of_its_header_is_not_taken(
        gateway, far_end, field, most, refusal):
    mail = message()
    content = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    for times, taken in (most, True), (most + 100, False):
        with clients.connect(gateway) as client:
            client.ehlo()
            client.mail("ward7@nhs.test.example")
            client.rcpt("a@x.test.example")
            code, text = client.data(field * times + content)
        assert code == (250 if taken else 554), text
        assert taken or text.startswith(refusal), text
    gateway.wait_until_empty()
    assert len(far_end.received) == 1

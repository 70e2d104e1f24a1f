"""Who may bring mail from outside, and for whom: block lists, and a file of
recipients."""

import contextlib
import time

import pytest
from gateway import Gateway, postern, route
from name_server import SILENT, NameServer
from processes import free_port, wait_until
from strangers import STRANGER, inbound, stranger

BLOCKLIST = """
[[blocklist]]
zone = "bl.test.example"
"""
RECIPIENTS = """
[[recipients]]
domains = ["nhs.test.example"]
source = "file:recipients"
"""
LISTED = {"7.2.0.192.bl.test.example": {"A": "127.0.0.2", "TXT": '"see https://bl.test.example/why"'}}


@contextlib.contextmanager
def world(home, far_end, names, more):
    """The inbound port of a gateway that asks a name server of ours."""
    port = free_port()
    gateway = Gateway(home / "gateway", [route("*", far_end.port)], more=inbound(port, "authenticate = false") + more)
    with NameServer(gateway.dns, names) as server, gateway:
        yield port, gateway, server


def count(gateway, name):
    _, page = gateway.http("/metrics")
    return sum(int(line.removeprefix(name)) for line in page.splitlines() if line.startswith(name + " "))


def test_a_listed_client_is_told_by_whom_and_reaches_the_postmaster(home, far_end):
    with world(home, far_end, LISTED, BLOCKLIST) as (port, gateway, server):
        with stranger(port) as client:
            assert client.recipient("ward@nhs.test.example") == (
                f"554-5.7.1 {STRANGER} is on the block list bl.test.example\r\n"
                "554 5.7.1 see https://bl.test.example/why\r\n"
            )
            assert client.recipient("ward@nhs.test.example").startswith("554-5.7.1")
            assert client.message("postmaster@nhs.test.example", b"Subject: wrong\r\n\r\nI am not.").startswith("250")
        assert server.asked.count(("7.2.0.192.bl.test.example", "A")) == 1, "asked once"
        with stranger(port, "192.0.2.8") as client:
            assert client.recipient("ward@nhs.test.example").startswith("250")
        with stranger(port, "2001:db8::1") as client:
            assert client.recipient("ward@nhs.test.example").startswith("250")
        reversed_ = "1." + "0." * 23 + "8.b.d.0.1.0.0.2.bl.test.example"
        assert (reversed_, "A") in server.asked
        far_end.wait_for(1)
        assert count(gateway, 'postern_blocklist_answers_total{answer="listed"}') == 1
        assert count(gateway, 'postern_blocklist_answers_total{answer="not_listed"}') == 2
        assert count(gateway, 'postern_refusals_total{listener="outside",reason="blocklist"}') == 2


def test_a_list_that_is_silent_or_refuses_refuses_nobody(home, far_end):
    names = {"7.2.0.192.bl.test.example": SILENT, "8.2.0.192.bl.test.example": {"A": "127.255.255.254"}}
    with world(home, far_end, names, BLOCKLIST) as (port, gateway, _):
        with stranger(port) as client:
            began = time.monotonic()
            assert client.recipient("ward@nhs.test.example").startswith("250")
            assert time.monotonic() - began < 5
        with stranger(port, "192.0.2.8") as client:
            assert client.recipient("ward@nhs.test.example").startswith("250")
        assert count(gateway, 'postern_blocklist_answers_total{answer="failed"}') == 2


def test_only_who_stands_in_the_file_exists(home, far_end):
    (home / "gateway").mkdir()
    people = home / "gateway/recipients"
    people.write_text("# mailboxes\nward@nhs.test.example\n")
    with world(home, far_end, {}, RECIPIENTS) as (port, gateway, _), stranger(port) as client:
        assert client.recipient("Ward+7@nhs.test.example").startswith("250")
        assert client.recipient("clinic@nhs.test.example") == "550 5.1.1 no such recipient here\r\n"
        assert client.recipient("postmaster@nhs.test.example").startswith("250")
        # From inside, nobody is asked: a bounce would reach one of ours.
        assert count(gateway, 'postern_recipient_lookups_total{answer="unknown",source="file"}') == 1
        people.write_text("clinic@nhs.test.example\n")
        time.sleep(1.1)
        assert client.recipient("clinic@nhs.test.example").startswith("250")
        assert client.recipient("ward@nhs.test.example").startswith("550")
        people.write_text("clinic@nhs.test.example\nand the others\n")
        time.sleep(1.1)
        assert client.recipient("clinic@nhs.test.example").startswith("250")
        wait_until("it is logged", lambda: f"{people}:2: " in gateway.log(), 5)


def test_the_next_hop_is_asked_who_exists(home, far_end):
    more = RECIPIENTS.replace("file:recipients", "next_hop") + 'refusal_cache = "1s"\n'
    with world(home, far_end, {}, more) as (port, gateway, _):
        with stranger(port) as client:
            assert client.recipient("ward@nhs.test.example").startswith("250")
            assert client.recipient("reject@nhs.test.example") == "550 5.1.1 no such recipient here\r\n"
            # Said once "later", which is neither yes nor no; and then yes.
            assert client.recipient("later@nhs.test.example").startswith("451 4.3.0")
            assert client.recipient("ward@nhs.test.example").startswith("250")
        asked = [command for command, _ in far_end.commands if command.startswith("RCPT")]
        assert len(asked) == 3, "once for each"
        assert "DATA" not in [command for command, _ in far_end.commands]
        wait_until("it is asked again", lambda: recipient(port, "later@nhs.test.example").startswith("250"), 10)
        assert count(gateway, 'postern_recipient_lookups_total{answer="unknown",source="next_hop"}') == 1
        assert far_end.received == []
        far_end.stop()
        assert recipient(port, "other@nhs.test.example").startswith("451 4.3.0")
        assert recipient(port, "ward@nhs.test.example").startswith("250")


def test_a_next_hop_that_has_no_name_cannot_be_asked(home):
    more = RECIPIENTS.replace("file:recipients", "next_hop")
    gateway = Gateway(home / "gateway", ['[[route]]\ndomain = "*"\nnext_hop = "mx"\n'], more=more)
    checked = postern("check", "--config", gateway.config)
    assert checked.returncode == 1 and "recipients-nobody-to-ask" in checked.stdout, checked.stdout
    with pytest.raises(RuntimeError, match="names no host that could be asked"):
        gateway.start()


def recipient(port, address):
    with stranger(port) as client:
        return client.recipient(address)


def test_check_names_every_line_of_the_file_that_is_wrong(home, far_end):
    (home / "gateway").mkdir()
    (home / "gateway/recipients").write_text("ward@nhs.test.example\nward\n@\n")
    gateway = Gateway(home / "gateway", [route("*", far_end.port)], more=RECIPIENTS)
    checked = postern("check", "--config", gateway.config, "--json")
    assert checked.returncode == 1, checked.stdout
    assert checked.stdout.count('"bad-recipient"') == 2 and '"line":2' in checked.stdout, checked.stdout
    (home / "gateway/recipients").write_text("ward@nhs.test.example\n")
    assert postern("check", "--config", gateway.config).returncode == 0

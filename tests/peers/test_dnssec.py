"""What DNSSEC makes of the names of next hops, asked of a real name server
with a signed root: proved, unsigned, or disproved."""

import smtplib
import time

import pytest
from gateway import Gateway, exchanges
from name_server import NameServer
from processes import wait_until
from zones import Signing, Zone, Zones

SENDER = "ward@nhs.test.example"


def domain(name, signing=Signing.GOOD, **more):
    names = {name: {"MX": f"10 mx.{name}."}, f"mx.{name}": {"A": "127.0.0.1"}}
    return Zone(names, signing, **more)


def zones_of(home):
    return Zones(home / "zones", {
        "nhs.test.example": domain("nhs.test.example"),
        "good.example": domain("good.example"),
        "hashed.example": domain("hashed.example", nsec3=0),
        "slow.example": domain("slow.example", nsec3=150),
        "plain.example": domain("plain.example", Signing.NONE),
        "bogus.example": domain("bogus.example", Signing.BOGUS),
        "expired.example": domain("expired.example", Signing.EXPIRED),
        "stripped.example": domain("stripped.example", Signing.STRIPPED),
        "spoiled.example": domain("spoiled.example", spoiled=(("mx.spoiled.example", "A"),)),
        "island.example": domain("island.example", Signing.ISLAND),
        "wild.example": Zone({"*.wild.example": {"MX": "10 mx.good.example."}, "b.wild.example": {"A": "192.0.2.1"}}),
        "alias.example": Zone({
            "alias.example": {"MX": "10 mx.alias.example."},
            "mx.alias.example": {"CNAME": "mx.plain.example."},
            "www.alias.example": {"CNAME": "gone.plain.example."},
            "gone.alias.example": {"CNAME": "nowhere.alias.example."},
        }),
        "near.example": Zone({
            "near.example": {"MX": "10 mx.near.example."},
            "mx.near.example": {"CNAME": "host.near.example."},
            "host.near.example": {"A": "127.0.0.1"},
            "www.near.example": {"CNAME": "near.example."},
        }),
    })


@pytest.fixture
def world(home, far_end):
    """A gateway that finds its next hops by these zones."""
    with zones_of(home) as zones:
        with Gateway(home / "gateway", [exchanges(far_end.port)], zones=zones) as gateway:
            yield gateway


def send(gateway, recipient):
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
        client.sendmail(SENDER, [recipient], b"Subject: rota\r\n\r\nThe rota is on the board.\r\n")


def reasons(gateway):
    """Why each waiting recipient waits."""
    return [str(recipient) for message in gateway.queued() for recipient in message["recipients"]]


@pytest.mark.parametrize("name", ["good", "hashed", "slow", "plain", "alias", "island", "x.wild", "near", "www.near"])
def test_mail_goes_where_names_are_proved_or_proved_to_be_unsigned(world, far_end, name):
    send(world, f"desk@{name}.example")
    assert far_end.only().forward_paths == [f"desk@{name}.example"]
    world.wait_until_empty()


def test_an_alias_is_followed_to_an_end_that_is_known_already(world, far_end):
    send(world, "desk@plain.example")
    far_end.only()
    send(world, "desk@alias.example")
    assert far_end.wait_for(2)[1].forward_paths == ["desk@alias.example"]


@pytest.mark.parametrize("name", ["bogus", "expired", "stripped", "spoiled", "nowhere.bogus", "nowhere.stripped"])
def test_mail_waits_where_the_proof_of_a_name_is_broken(world, far_end, name):
    send(world, f"desk@{name}.example")
    wait_until("it was tried", lambda: any("DNSSEC" in reason for reason in reasons(world)), 20)
    time.sleep(2.5)  # beyond the second try
    assert any("DNSSEC" in reason and "4.4.3" in reason for reason in reasons(world)), reasons(world)
    assert far_end.received == [], "neither delivered nor returned"


@pytest.mark.parametrize("name", [
    "nowhere.good", "nowhere.hashed", "nowhere.slow", "nowhere.plain", "nowhere", "www.alias", "gone.alias",
])
def test_mail_to_a_name_that_is_denied_with_proof_is_returned(world, far_end, name):
    send(world, f"desk@{name}.example")
    returned = far_end.only()
    assert (returned.reverse_path, returned.forward_paths) == ("", [SENDER])
    assert b"Status: 5.1.2" in returned.content and f"desk@{name}.example".encode() in returned.content
    world.wait_until_empty()


UNSIGNED = {"x.example": {"MX": "10 mx.x.example."}, "mx.x.example": {"A": "127.0.0.1"}}


def test_a_name_server_without_signatures_is_told_at_start_and_nothing_is_taken_on_its_word(home, far_end):
    with Zones(home / "zones", {}) as zones:
        gateway = Gateway(home / "gateway", [exchanges(far_end.port)], zones=zones)
    # Another one in its place, which has heard of no DNSSEC.
    with NameServer(zones.port, UNSIGNED), gateway:
        wait_until("the operator is told", lambda: 'dnssec = "off"' in gateway.log(), 20)
        assert gateway.log().count("cannot be proved:") == 1
        send(gateway, "desk@x.example")
        wait_until("it was tried", lambda: any("DNSSEC" in reason for reason in reasons(gateway)), 20)
        assert far_end.received == []


def test_without_dnssec_every_answer_is_believed(home, far_end):
    gateway = Gateway(home / "gateway", [exchanges(far_end.port)])
    with NameServer(gateway.dns, UNSIGNED), gateway:
        send(gateway, "desk@x.example")
        assert far_end.only().forward_paths == ["desk@x.example"]
        assert "cannot be proved" not in gateway.log()


def test_with_signatures_there_is_nothing_to_tell(world, far_end):
    send(world, "desk@good.example")
    far_end.only()
    assert "cannot be proved" not in world.log() and "ERROR" not in world.log()

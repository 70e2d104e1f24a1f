"""DANE (RFC 7672) through the whole gateway: a signed root and TLSA records in
Knot, far ends whose certificates match them or do not. A case is one line of
CASES."""

import json
import pathlib
import shutil
import tempfile

import clients
import pytest
from authority import Authority
from far_end import FarEnd
from gateway import Gateway, exchanges, postern
from messages import message
from processes import free_port, wait_until
from zones import Signing, Zone, Zones, tlsa

DELIVERED = "delivered under TLS"
GOOD = Signing.GOOD


class World:
    """What the cases are made of: an authority with one below it, and a
    certificate that nobody shows."""

    def __init__(self, home):
        self.home = home
        self.root = Authority("Root that nobody trusts")
        self.below = Authority("Authority below it", above=self.root)
        self.root_file = self.root.write(home / "root.pem")
        self.below_file = self.below.write(home / "below.pem")
        self.other, _ = Authority("Somebody else").issue(home, "other.example")


def leaf(*kind):
    return lambda world, shown: tlsa(shown, *kind)


def below(*kind):
    return lambda world, shown: tlsa(world.below_file, *kind)


def other(*kind):
    return lambda world, shown: tlsa(world.other, *kind)


def nothing(world, shown):
    """It shows no certificate at all."""


EXPIRED, ANOTHER = {"start": -30, "end": -1}, {"names": ("www.elsewhere.example",)}

# Case: what is unlike a good certificate, the records, the signing of the
# zone; what becomes of the mail; and the record that the audit trail names.
CASES = {
    "key": ({}, [leaf(3, 1, 1)], GOOD, DELIVERED, "3 1 1"),
    "certificate": ({}, [leaf(3, 0, 1)], GOOD, DELIVERED, "3 0 1"),
    "sha512": ({}, [leaf(3, 1, 2)], GOOD, DELIVERED, "3 1 2"),
    "whole-key": ({}, [leaf(3, 1, 0)], GOOD, DELIVERED, "3 1 0"),
    "expired-key": (EXPIRED, [leaf(3, 1, 1)], GOOD, DELIVERED, "3 1 1"),
    "key-under-another-name": (ANOTHER, [leaf(3, 1, 1)], GOOD, DELIVERED, "3 1 1"),
    "authority": ({}, [below(2, 0, 1)], GOOD, DELIVERED, "2 0 1"),
    "authority-key": ({}, [below(2, 1, 1)], GOOD, DELIVERED, "2 1 1"),
    "authority-under-another-name": (ANOTHER, [below(2, 0, 1)], GOOD, "kept: name", None),
    "authority-expired": (EXPIRED, [below(2, 0, 1)], GOOD, "kept: expired", None),
    "roll-over": ({}, [other(3, 1, 1), leaf(3, 1, 1)], GOOD, DELIVERED, "3 1 1"),
    "mismatch": ({}, [other(3, 1, 1)], GOOD, "kept: TLSA", None),
    "mismatched-authority": ({}, [other(2, 0, 1)], GOOD, "kept: TLSA", None),
    # PKIX-TA and PKIX-EE are not for SMTP: then TLS is all that is asked.
    "unusable": ({}, [other(0, 0, 1), other(1, 1, 1)], GOOD, DELIVERED, None),
    "unusable-in-clear": (None, [other(1, 1, 1)], GOOD, "kept: STARTTLS", None),
    "in-clear": (None, [other(3, 1, 1)], GOOD, "kept: STARTTLS", None),
    "unsigned": ({}, [other(3, 1, 1)], Signing.NONE, DELIVERED, None),
    "none": ({}, [], GOOD, DELIVERED, None),
    "servfail": ({}, "fails", GOOD, "kept: TLSA", None),
}


@pytest.fixture(scope="module")
def world():
    """All cases at once: a zone and a far end's address for each."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="postern-dane-", dir="/var/tmp"))
    world = World(home)
    world.port, world.shown, zones = free_port(), {}, {}
    for number, (name, (unlike, records, signing, _, _)) in enumerate(CASES.items(), 10):
        domain, address = f"{name}.example", f"127.0.1.{number}"
        host, shown = f"mx.{domain}", None
        if unlike is not None:
            more = {"names": (host,)} | unlike
            shown = world.below.issue(home, *more.pop("names"), label=name, **more)
        world.shown[name] = address, shown
        below_port = f"_{world.port}._tcp.{host}"
        names = {domain: {"MX": f"10 {host}."}, host: {"A": address}}
        if records == "fails":
            zones[domain] = Zone(names, signing, fails=(below_port,))
            continue
        texts = [record(world, shown and shown[0]) for record in records]
        if texts:
            names[below_port] = {"TLSA": texts}
        zones[domain] = Zone(names, signing)
    with Zones(home / "zones", zones) as served:
        with Gateway(home / "gateway", [exchanges(world.port)], zones=served) as world.gateway:
            yield world
    shutil.rmtree(home)


def pending(gateway, recipient):
    for entry in gateway.queued():
        (one,) = entry["recipients"]
        state = one["state"].get("pending", {})
        if one["address"] == recipient and state.get("attempts"):
            return f"kept: {state['last']}"
    return None


def evidence(gateway, domain):
    """Of the last attempt, as the audit trail has it."""
    attempts = [line for line in gateway.audited("attempt") if line["domain"] == domain]
    return attempts and attempts[-1]["tries"][-1]


@pytest.mark.parametrize("case", CASES)
def test_what_dnssec_says_of_a_certificate_decides(world, case):
    wanted, record = CASES[case][3:]
    address, shown = world.shown[case]
    recipient = f"desk@{case}.example"
    with FarEnd(world.port, shown, address=address) as far_end:
        with clients.connect(world.gateway) as client:
            code, said = clients.submit(client, message(recipient=recipient), [recipient])
        assert code == 250, said
        found = wait_until("a fate", lambda: far_end.received and DELIVERED or pending(world.gateway, recipient))
        if wanted == DELIVERED:
            assert found == DELIVERED and far_end.received[0].tls, found
            seen = wait_until("evidence", lambda: evidence(world.gateway, f"{case}.example"))
            assert (record is None) == ("dane" not in seen["certificate"]), seen
            assert record is None or seen["certificate"]["dane"]["record"] == record, seen
        else:
            assert found.startswith("kept: ") and wanted.removeprefix("kept: ").lower() in found.lower(), found
            assert far_end.received == []
            assert not [said for said, _ in far_end.commands if said.startswith(("MAIL", "RCPT"))], far_end.commands


def test_the_probe_finds_what_deliveries_find(world):
    address, shown = world.shown["roll-over"]
    with FarEnd(world.port, shown, address=address) as far_end:
        done = postern("probe", "roll-over.example", "--config", world.gateway.config, "--json")
    seen = json.loads(done.stdout)
    assert done.returncode == 0 and seen["met"] == "dane", done.stdout
    assert len(seen["posture"]["hosts"][0]["tlsa"]["records"]) == 2
    assert seen["posture"]["way"] == "signed"
    said = {said.split()[0] for said, _ in far_end.commands}
    assert said == {"EHLO", "STARTTLS", "QUIT"}, far_end.commands

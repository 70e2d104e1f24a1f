"""`postern probe`: what it finds of real mail systems is what deliveries find,
and no mail is begun for it."""

import json
import subprocess

import clients
import pytest
from authority import Authority
from far_end import FarEnd
from gateway import ROOT, Gateway, exchanges, postern
from messages import message
from processes import free_port, wait_until
from zones import Signing, Zone, Zones

# By name: how its certificate is unlike a good one (None: no TLS), the entry
# in domains.toml; the requirement it meets, and the level that could go.
PARTNERS = {
    "ready": ({}, {"tls": "verified", "clearance": 4}, "verified", 4),
    "renamed": ({"names": ("www.elsewhere.example",)}, {"tls": "verified", "clearance": 4}, "encrypted", None),
    "expired": ({"start": -9, "end": -1}, {"tls": "encrypted", "clearance": 4}, "encrypted", 2),
    "cleartext": (None, {"tls": "encrypted", "clearance": 3}, "opportunistic", None),
    "down": ("down", {"tls": "encrypted", "clearance": 2}, None, None),
}


def entry(domain, tls, clearance):
    return f"""
[[domain]]
name      = "{domain}"
clearance = {clearance}
tls       = "{tls}"
mx_names  = ["mx.{domain.removeprefix('*.')}"]
owner     = "The test"
evidence  = "It is ours."
review    = 2099-12-31
"""


@pytest.fixture
def world(home):
    """Partners on addresses of their own, and the configuration of a gateway
    that is not running; its policies, with no approved domains but these."""
    authority, port, ends, zones = Authority("The partners' authority"), free_port(), {}, {}
    anchors = authority.write(home / "root.pem")
    policies = home / "policies"
    subprocess.run(["cp", "-r", ROOT / "policies", policies], check=True)
    entries = [entry("*.below.example", "verified", 4)]
    for number, (name, (unlike, known, _, _)) in enumerate(PARTNERS.items(), 10):
        domain, address = f"{name}.example", f"127.0.2.{number}"
        zones[domain] = Zone({domain: {"MX": f"10 mx.{domain}."}, f"mx.{domain}": {"A": address}}, Signing.NONE)
        entries.append(entry(domain, **known))
        if unlike != "down":
            more = {"names": (f"mx.{domain}",)} | (unlike or {})
            shown = unlike is not None and authority.issue(home, *more.pop("names"), **more)
            ends[name] = FarEnd(port, shown or None, address=address)
    (policies / "domains.toml").write_text("".join(entries))
    for stale in (policies / "tests").glob("*"):
        subprocess.run(["rm", "-rf", stale], check=True)
    with Zones(home / "zones", zones) as served:
        routes = [exchanges(port).replace('"mx"', f'"mx"\ntrust_anchors = "{anchors}"')]
        gateway = Gateway(home / "gateway", routes, policies=policies, zones=served)
        for end in ends.values():
            end.start()
        yield gateway, ends
        for end in ends.values():
            end.stop()


def probe(gateway, *arguments):
    done = postern("probe", *arguments, "--config", gateway.config)
    assert done.returncode in (0, 1), done.stderr
    return done


@pytest.mark.parametrize("name", PARTNERS)
def test_a_partner_is_found_as_a_delivery_finds_it(world, name):
    gateway, ends = world
    _, known, met, up_to = PARTNERS[name]
    done = probe(gateway, f"{name}.example", "--json")
    found = json.loads(done.stdout)
    assert (found["met"], found["up_to"]) == (met, up_to), found
    ready = up_to == known["clearance"]
    assert found["ready"] == ready and done.returncode == (0 if ready else 1)
    if name in ends:
        verbs = {command.split()[0] for command, _ in ends[name].commands}
        assert verbs <= {"EHLO", "STARTTLS", "QUIT"}, ends[name].commands
    # And a delivery goes, or waits, as the entry's own requirement has it.
    goes = met is not None and up_to is not None
    with gateway:
        with clients.connect(gateway) as client:
            recipient = f"desk@{name}.example"
            assert clients.submit(client, message(recipient=recipient), [recipient])[0] == 250
        if goes:
            assert ends[name].only().tls
        else:
            wait_until("it was tried", lambda: any(
                one["state"].get("pending", {}).get("attempts") for m in gateway.queued() for one in m["recipients"]))
            assert name not in ends or ends[name].received == []


def test_everything_that_is_found_is_told_line_by_line(world):
    gateway, _ = world
    told = probe(gateway, "ready.example").stdout
    for words in ("approved by the entry `ready.example`", "cleared to level 4", "not signed", "mx.ready.example",
                  "220 far.test.example", "STARTTLS", "TLSv1.3", "valid for mx.ready.example", "vouched for by officers",
                  "The partners' authority", "sha256:", "expires", "mail up to level 4"):
        assert words in " ".join(told.split()), (words, told)
    assert "\x1b" not in told


def test_all_approved_domains_make_a_table(world):
    gateway, _ = world
    done = probe(gateway, "--all")
    assert done.returncode == 1
    for name, (_, _, met, up_to) in PARTNERS.items():
        (row,) = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == [f"{name}.example"]]
        assert row[3:5] == [met or "nothing", "none" if up_to is None else str(up_to)], done.stdout
    assert "expired" in done.stdout and "days" in done.stdout
    assert "*.below.example is a wildcard" in done.stdout


def test_a_policy_folder_is_enough(world):
    gateway, _ = world
    # The root of these zones is nobody's: nothing is found, and it says so.
    done = postern("probe", "nowhere.invalid", "--policies", gateway.policies)
    assert done.returncode == 1 and "no mail could go now" in done.stdout, done.stdout + done.stderr

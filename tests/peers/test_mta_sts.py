"""MTA-STS (RFC 8461) through the whole gateway: a policy host behind HTTPS,
records in Knot, and exchanges that are as the policy says or are not."""


import clients
import pytest
from authority import Authority
from far_end import FarEnd
from gateway import Gateway
from messages import message
from policy_host import PolicyHost, policy
from processes import free_port, wait_until
from zones import Signing, Zone, Zones, tlsa

DOMAIN, MX, HOST = "good.example", "mx.good.example", "mta-sts.good.example"
RECIPIENT = f"desk@{DOMAIN}"


class World:
    """One domain with a policy, a gateway that trusts one authority for its
    exchanges and its policy host, and one exchange."""

    def __init__(self, home):
        self.home, self.root = home, Authority("Root of this test")
        self.stranger = Authority("Somebody else")
        self.anchors = self.root.write(home / "root.pem")
        self.port = free_port()
        self.certificate = self.root.issue(home, MX)
        self.bad = self.stranger.issue(home, MX)
        self.tlsa, self.signing = None, Signing.NONE

    def zone(self, id):
        names = {
            DOMAIN: {"MX": f"10 {MX}."}, MX: {"A": "127.0.0.1"}, HOST: {"A": "127.0.0.1"},
            f"_mta-sts.{DOMAIN}": {"TXT": f'"v=STSv1; id={id};"'},
        }
        if self.tlsa:
            names[f"_{self.port}._tcp.{MX}"] = {"TLSA": self.tlsa}
        return Zone(names, self.signing)

    def gateway(self, zones, policy_port):
        return Gateway(self.home / "gateway", [f"""\
[[route]]
domain = "*"
next_hop = "mx"
trust_anchors = "{self.anchors}"

[sending]
port = {self.port}
exchange_addresses = "any"

[mta_sts]
port = {policy_port}
trust_anchors = "{self.anchors}"
"""], zones=zones)

    def far_end(self, certificate):
        return FarEnd(self.port, certificate)


@pytest.fixture
def world(home):
    return World(home)


class Running:
    """A world with its policy host and gateway at work."""

    def __init__(self, world, body, certificate=None):
        self.world = world
        self.host = PolicyHost(certificate or world.root.issue(world.home, HOST), body)
        self.zones = Zones(world.home / "zones", {DOMAIN: world.zone(1)})

    def __enter__(self):
        self.host.__enter__()
        self.zones.start()
        self.gateway = self.world.gateway(self.zones, self.host.port).start()
        return self

    def __exit__(self, *_):
        self.gateway.stop()
        self.zones.stop()
        self.host.__exit__()

    def submit(self):
        with clients.connect(self.gateway) as client:
            code, said = clients.submit(client, message(recipient=RECIPIENT), [RECIPIENT])
        assert code == 250, said

    def fate(self, far_end):
        """Delivered, or the cause for which it waits."""
        def found():
            if far_end.received:
                return "delivered"
            for entry in self.gateway.queued():
                state = entry["recipients"][0]["state"].get("pending", {})
                if state.get("attempts"):
                    return f"kept: {state['last']}"
            return None

        return wait_until("a fate", found)

    def evidence(self):
        attempts = self.gateway.audited("attempt")
        return attempts and attempts[-1]["tries"][-1]


def no_mail_was_said(far_end):
    said = [command for command, _ in far_end.commands if command.startswith(("MAIL", "RCPT", "DATA"))]
    return not said and not far_end.received


def test_a_policy_that_is_met_vouches_for_the_exchange(world):
    with Running(world, policy(mx=(MX,))) as running, world.far_end(world.certificate) as far_end:
        running.submit()
        assert running.fate(far_end) == "delivered" and far_end.received[0].tls
        seen = wait_until("evidence", running.evidence)
        assert "mta-sts" in seen["vouched_by"] and seen["certificate"] == {"valid": {"name": MX}}, seen
        assert [path for _, path in running.host.asked] == ["/.well-known/mta-sts.txt"], running.host.asked


# What is wrong, in which mode; what becomes of the mail.
CASES = {
    "exchange not named": (policy(mx=("mail.good.example",)), "certificate", "kept: does not name"),
    "wildcard that covers": (policy(mx=("*.good.example",)), "certificate", "delivered"),
    "wildcard of two labels": (policy(mx=("*.example",)), "certificate", "kept: does not name"),
    "certificate of another authority": (policy(mx=(MX,)), "bad", "kept: issuer"),
    "no TLS": (policy(mx=(MX,)), None, "kept: STARTTLS"),
    "testing, exchange not named": (policy(mode="testing", mx=("mail.good.example",)), "certificate", "delivered"),
    "testing, certificate of another authority": (policy(mode="testing", mx=(MX,)), "bad", "delivered"),
    "mode none": (policy(mode="none", mx=(MX,)), "bad", "delivered"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_policy_is_enforced_where_it_says_so(world, case):
    body, shown, wanted = CASES[case]
    with Running(world, body) as running, world.far_end(shown and getattr(world, shown)) as far_end:
        running.submit()
        found = running.fate(far_end)
        assert found.startswith(wanted.split(": ")[0]) and wanted.split(": ")[-1] in found, found
        if wanted != "delivered":
            assert no_mail_was_said(far_end), far_end.commands


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_policy_host_that_cannot_prove_itself_is_not_believed(world, wrong):
    issue = {"authority": lambda: world.stranger.issue(world.home, HOST),
             "name": lambda: world.root.issue(world.home, "www.good.example")}[wrong]
    # Believed, it would keep the mail.
    with Running(world, policy(mx=("mail.good.example",)), issue()) as running:
        with world.far_end(world.certificate) as far_end:
            running.submit()
            assert running.fate(far_end) == "delivered"
            seen = wait_until("evidence", running.evidence)
            assert "mta-sts" not in seen.get("vouched_by", []), seen
    assert running.host.asked == []


def test_a_changed_id_is_honoured_at_once(world):
    with Running(world, policy(mx=("mail.good.example",))) as running:
        with world.far_end(world.certificate) as far_end:
            running.submit()
            assert "does not name" in running.fate(far_end)
            running.host.body = policy(mx=(MX,))
            running.zones.set(DOMAIN, world.zone(2))
            wait_until("it has gone", lambda: running.gateway.queue("retry") and far_end.received)


def test_a_kept_policy_outlives_a_restart_and_its_host(world):
    with Running(world, policy(mx=(MX,))) as running:
        with world.far_end(world.certificate) as far_end:
            running.submit()
            assert running.fate(far_end) == "delivered"
            running.gateway.wait_until_empty()
        running.gateway.stop()
        running.host.server.shutdown()
        running.host.server.server_close()
        running.gateway.start()
        with world.far_end(world.bad) as far_end:
            running.submit()
            assert "issuer" in running.fate(far_end)
            assert no_mail_was_said(far_end)
        with world.far_end(world.certificate) as far_end:
            wait_until("it has gone", lambda: running.gateway.queue("retry") and far_end.received)


def test_dane_comes_before_mta_sts(world):
    # The policy would refuse this exchange; DNSSEC answers for its key.
    world.tlsa, world.signing = tlsa(world.bad[0]), Signing.GOOD
    with Running(world, policy(mx=("mail.good.example",))) as running, world.far_end(world.bad) as far_end:
        running.submit()
        assert running.fate(far_end) == "delivered"
        seen = wait_until("evidence", running.evidence)
        assert seen["certificate"] == {"dane": {"record": "3 1 1"}}, seen

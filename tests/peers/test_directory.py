"""Which recipients exist, as a real slapd knows it."""

import contextlib

import pytest
from directory import BASE, FILTER, PASSWORD, READER, Slapd
from gateway import Gateway, route
from processes import free_port, wait_until
from strangers import inbound, stranger

ANN = "ann@nhs.test.example"
PEOPLE = [ANN, "bob.jones@nhs.test.example"]


def recipients(home, url, base=BASE, cache="60s", **more):
    (home / "directory.password").write_text(more.pop("password", PASSWORD) + "\n")
    settings = {"base": base, "filter": FILTER, "bind_dn": READER,
                "bind_password_file": str(home / "directory.password"), **more}
    lines = [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {str(value).lower()}" for key, value in settings.items()]
    return "\n".join(["", "[[recipients]]", 'domains = ["nhs.test.example"]', f'source = "{url}"',
                      f'cache = "{cache}"', 'refusal_cache = "1s"', *lines]) + "\n"


@contextlib.contextmanager
def world(home, far_end, url="ldap://localhost:{0.port}", name="localhost", security="", **more):
    """The gateway's inbound port, the gateway, and its directory, started."""
    port = free_port()
    folder = home / "gateway"
    gateway = Gateway(folder, [route("*", far_end.port)])
    with Slapd(home / "slapd", folder, PEOPLE, name, security) as slapd:
        config = inbound(port, "authenticate = false") + recipients(folder, url.format(slapd), **more)
        gateway.config.write_text(gateway.config.read_text() + config)
        with gateway:
            yield port, gateway, slapd


def lookups(gateway, answer):
    _, page = gateway.http("/metrics")
    name = f'postern_recipient_lookups_total{{answer="{answer}",source="directory"}} '
    counts = [int(line.removeprefix(name)) for line in page.splitlines() if line.startswith(name)]
    return sum(counts)


def asked(port, address):
    """RCPT in a session of its own: those who ask too often in one are shown
    the door."""
    with stranger(port) as client:
        return client.recipient(address)


def wait_for(port, address, reply):
    wait_until(f"{address} is answered with {reply}", lambda: asked(port, address).startswith(reply), 15)


def test_who_is_in_the_directory_exists_and_nobody_else_does(home, far_end):
    with world(home, far_end) as (port, gateway, slapd), stranger(port) as client:
        for known in (ANN, "ANN@nhs.test.example", "ann+ward7@nhs.test.example", f"alias.{ANN}",
                      "postmaster@nhs.test.example"):
            assert client.recipient(known).startswith("250 2.1.5"), known
        for unknown in ("an@nhs.test.example", "nobody@nhs.test.example", "nobody+ann@nhs.test.example"):
            assert client.recipient(unknown) == "550 5.1.1 no such recipient here\r\n", unknown
        # Asked once, however often somebody wants to know.
        asked = slapd.searches()
        for _ in range(5):
            assert client.recipient(ANN).startswith("250")
        assert slapd.searches() == asked
        assert slapd.connections() == 1 + 1, "one of the test's own, to see that it listens"
        assert client.message(ANN, b"From: <who@stranger.test.example>\r\nSubject: x\r\n\r\nhello").startswith("250")
        assert far_end.only().forward_paths == [ANN]
        assert lookups(gateway, "known") == 10 and lookups(gateway, "unknown") == 3


def test_no_address_changes_what_the_directory_is_asked(home, far_end):
    with world(home, far_end) as (port, _, slapd), stranger(port) as client:
        for forged in ("*@nhs.test.example", "a*@nhs.test.example", '"ann)(mail=*"@nhs.test.example',
                       '"*)(objectClass=*"@nhs.test.example', '"x\\\\2a"@nhs.test.example',
                       '"nobody)(|(mail=ann"@nhs.test.example', "*+tag@nhs.test.example"):
            assert client.recipient(forged).startswith("550 5.1.1"), forged
        assert client.recipient(ANN).startswith("250")
        assert slapd.searches() >= 8, "they were asked about"


def test_while_the_directory_is_down_nobody_is_refused_for_good(home, far_end):
    with world(home, far_end, cache="1s") as (port, gateway, slapd):
        assert asked(port, ANN).startswith("250")
        assert asked(port, "nobody@nhs.test.example").startswith("550")
        slapd.stop()
        assert asked(port, "bob.jones@nhs.test.example").startswith("451 4.4.3")
        # What was known not long ago still is, though its time is over.
        wait_until("an old answer is given", lambda: asked(port, ANN) and lookups(gateway, "stale"), 10)
        assert asked(port, ANN).startswith("250")
        assert asked(port, "postmaster@nhs.test.example").startswith("250")
        # A no is not kept past its time: there may be such a one by now.
        wait_for(port, "nobody@nhs.test.example", "451 4.4.3")
        slapd.start()
        wait_for(port, "bob.jones@nhs.test.example", "250")
        wait_for(port, "nobody@nhs.test.example", "550 5.1.1")


def test_a_connection_that_the_directory_has_closed_is_no_failure(home, far_end):
    with world(home, far_end) as (port, gateway, slapd), stranger(port) as client:
        assert client.recipient(ANN).startswith("250")
        slapd.stop()
        slapd.start()
        assert client.recipient("bob.jones@nhs.test.example").startswith("250")
        assert lookups(gateway, "unavailable") == 0


@pytest.mark.parametrize("url, tls", [
    ("ldaps://localhost:{0.tls_port}", {}),
    ("ldap://localhost:{0.port}", {"start_tls": True}),
])
def test_over_tls_who_the_authority_vouches_for_is_believed(home, far_end, url, tls):
    anchors = str(home / "gateway/ca.pem")
    with world(home, far_end, url, security="security tls=128", trust_anchors=anchors, **tls) as (port, gateway, _):
        assert asked(port, ANN).startswith("250"), gateway.log()
        assert asked(port, "nobody@nhs.test.example").startswith("550 5.1.1")


@pytest.mark.parametrize("url, tls", [
    ("ldaps://localhost:{0.tls_port}", {}),
    ("ldap://localhost:{0.port}", {"start_tls": True}),
])
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_over_tls_nobody_else_is(home, far_end, url, tls, wrong):
    """Neither a host of another name, nor one of another authority."""
    name = "elsewhere.test.example" if wrong == "name" else "localhost"
    anchors = {"trust_anchors": str(home / "gateway/ca.pem")} if wrong == "name" else {}
    with world(home, far_end, url, name, **tls, **anchors) as (port, gateway, slapd):
        assert asked(port, ANN).startswith("451 4.4.3")
        assert "certificate" in gateway.log() and slapd.searches() == 0


def test_without_tls_nothing_is_asked_of_one_that_demands_it(home, far_end):
    with world(home, far_end, security="security tls=128") as (port, _, slapd):
        assert asked(port, ANN).startswith("451 4.4.3")
        assert slapd.searches() == 0


@pytest.mark.parametrize("wrong", [{"password": "hortensia"}, {"password": ""}, {"base": "dc=none,dc=example"}])
def test_a_directory_that_refuses_to_answer_says_nothing_of_anybody(home, far_end, wrong):
    with world(home, far_end, **wrong) as (port, _, _):
        assert asked(port, ANN).startswith("451 4.4.3")
        assert asked(port, "nobody@nhs.test.example").startswith("451 4.4.3")

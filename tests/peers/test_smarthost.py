"""Smarthosts that want to know who we are: Debian's Postfix with Cyrus SASL,
and a gateway of our own."""

import functools
import re
import subprocess

import clients
import pytest
from authority import Authority
from far_end import FarEnd
from gateway import Gateway, postern, route
from messages import message
from postfix import Postfix
from processes import as_root, free_port, needed, wait_for_port, wait_until

NAME = "mail.provider.test.example"
USER, PASSWORD = "hospital", "wisteria and oak"
RECIPIENT = "partner@partner.test.example"


@pytest.fixture
def authority(home):
    authority = Authority("The provider's authority")
    authority.write(home / "root.pem")
    return authority


@pytest.fixture
def password(home):
    file = home / "password"
    file.write_text(f"{PASSWORD}\n")
    return file


def sasl(home, mechanisms):
    """A folder that configures Cyrus SASL, with a database of one user."""
    folder = home / "sasl"
    folder.mkdir()
    database = folder / "sasldb2"
    (folder / "smtpd.conf").write_text(
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: {mechanisms}\n")
    subprocess.run([needed("saslpasswd2"), "-p", "-c", "-f", database, "-u", NAME, USER], input=PASSWORD, text=True, check=True)
    subprocess.run(as_root("chown", "postfix", database), check=True)
    return folder


@pytest.fixture
def provider(home, authority):
    """Makes a Postfix that relays for whoever has authenticated, and nobody
    else; and takes AUTH under TLS only."""
    made = []

    def start(mechanisms="PLAIN LOGIN", **more):
        chain, key = authority.issue(home, NAME)
        settings = {
            "maillog_file": home / "postfix.log", "mynetworks": "192.0.2.0/24", "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_local_domain": NAME,
            "smtpd_tls_auth_only": "yes", "smtpd_tls_security_level": "may", "smtpd_tls_loglevel": "1",
            "smtpd_tls_cert_file": chain, "smtpd_tls_key_file": key,
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject", "default_transport": "discard:taken",
        }
        peer = Postfix(home / "postfix", NAME, settings | more)
        # Where Debian's looks, whatever cyrus_sasl_config_path says.
        subprocess.run(as_root("cp", "-r", sasl(home, mechanisms), peer.config), check=True)
        made.append(peer.start())
        peer.log = functools.partial((home / "postfix.log").read_text, errors="replace")
        return peer

    yield start
    for peer in made:
        peer.stop()


def smarthost(home, port, **more):
    return route("*", port, tls="verified", tls_name=NAME, trust_anchors=home / "root.pem", **more)


def submit(gateway):
    with clients.connect(gateway) as client:
        code, text = clients.submit(client, message(), [RECIPIENT])
    assert code == 250, text


def cause(gateway):
    """Of what waits, once it has been tried."""
    for entry in gateway.queued():
        pending = entry["recipients"][0]["state"].get("pending", {})
        if pending.get("attempts"):
            return pending["last"]
    return None


def nowhere(gateway, *secrets):
    """What no log, trail, queue or metric may say."""
    said = gateway.log() + gateway.http("/metrics")[1] + str(gateway.queued())
    said += "".join(file.read_text() for file in (gateway.home / "data/audit").glob("*"))
    for secret in secrets:
        assert secret not in said, secret


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_postfix_knows_us_by_name_and_password(home, provider, password, mechanism):
    peer = provider(mechanism)
    routes = [smarthost(home, peer.port, username=USER, password_file=password)]
    with Gateway(home / "gateway", routes) as gateway:
        submit(gateway)
        gateway.wait_until_empty(15)
        nowhere(gateway, PASSWORD)
    assert re.search(rf"sasl_method={mechanism}, sasl_username={USER}", peer.log()), peer.log()
    assert f"to=<{RECIPIENT}>" in peer.log()


def test_of_several_mechanisms_the_one_that_shows_no_password_is_taken(home, provider, password):
    peer = provider("PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5")
    routes = [smarthost(home, peer.port, username=USER, password_file=password)]
    with Gateway(home / "gateway", routes) as gateway:
        submit(gateway)
        gateway.wait_until_empty(15)
    assert "sasl_method=SCRAM-SHA-256" in peer.log(), peer.log()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_a_wrong_password_keeps_the_mail_until_it_is_mended(home, provider, password, mechanism):
    password.write_text("wisteria and elm\n")
    peer = provider(mechanism)
    routes = [smarthost(home, peer.port, username=USER, password_file=password)]
    with Gateway(home / "gateway", routes) as gateway:
        submit(gateway)
        said = wait_until("an attempt", lambda: cause(gateway))
        assert "did not take our credentials" in said and mechanism in said and "535" in said, said
        assert "a next hop does not know us" in gateway.log()
        nowhere(gateway, "wisteria", "d2lzdGVyaWEg")
        assert "to=<" not in peer.log()
        # Without a reload: the file is read for each connection.
        password.write_text(f"{PASSWORD}\n")
        wait_until("it has gone", lambda: gateway.queue("retry") and not gateway.queued())
    assert f"to=<{RECIPIENT}>" in peer.log()


def test_no_password_is_shown_to_a_host_that_is_not_the_smarthost(home, authority, password):
    certificate = authority.issue(home, "www.provider.test.example")
    with FarEnd(certificate=certificate, offers=("AUTH PLAIN LOGIN",)) as impostor:
        routes = [smarthost(home, impostor.port, username=USER, password_file=password)]
        with Gateway(home / "gateway", routes) as gateway:
            submit(gateway)
            assert "another name" in wait_until("an attempt", lambda: cause(gateway))
    assert not [command for command, _ in impostor.commands if command.startswith("AUTH")], impostor.commands


@pytest.mark.parametrize("tls", ["none", "opportunistic"])
def test_a_route_that_may_go_in_clear_has_no_password(home, password, tls):
    gateway = Gateway(home / "gateway", [route("*", 25, tls=tls, username=USER, password_file=password)])
    done = postern("check", "--config", gateway.config)
    assert done.returncode == 1 and "route-login-in-clear" in done.stdout, done.stdout


@pytest.fixture
def ours(home, authority, far_end):
    """Another gateway, as the smarthost: users, and a system known by its
    certificate."""
    folder, port = home / "ours", free_port()
    users = home / "users"
    done = postern("user", "add", USER, "--file", users, input=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    chain, key = authority.issue(home, NAME)
    customers = Authority("The customers' authority")
    listener = f"""
[[listener]]
name = "customers"
address = "127.0.0.1:{port}"
direction = "outbound"
tls = "required"
certificate = "{chain}"
key = "{key}"
users = "{users}"
client_ca = "{customers.write(home / 'customers.pem')}"

[[listener.certified]]
name = "hospital"
subject = "gw.hospital.test.example"
"""
    with Gateway(folder, [route("*", far_end.port)], more=listener) as gateway:
        wait_for_port(port, gateway.process)
        gateway.customers, gateway.authority = port, customers
        yield gateway


def test_our_own_listener_knows_us_by_scram(home, ours, far_end, password):
    routes = [smarthost(home, ours.customers, username=USER, password_file=password)]
    with Gateway(home / "gateway", routes) as gateway:
        submit(gateway)
        arrived = far_end.only()
        gateway.wait_until_empty()
    assert "with ESMTPSA" in arrived.header("Received")[0], arrived.header("Received")


def test_our_own_listener_knows_us_by_certificate(home, ours, far_end):
    certificate, key = ours.authority.issue(home, "gw.hospital.test.example")
    routes = [smarthost(home, ours.customers, certificate=certificate, key=key)]
    with Gateway(home / "gateway", routes) as gateway:
        submit(gateway)
        arrived = far_end.only()
        gateway.wait_until_empty()
    # It has said EXTERNAL, too.
    assert "with ESMTPSA" in arrived.header("Received")[0], arrived.header("Received")

"""Every broken kind of TLS, against every requirement: delivered encrypted,
delivered in clear (where the requirement is opportunistic, and nowhere else),
or kept with its cause, and then nothing of the message has reached the peer.

A new fault is one line of FAULTS."""

import functools
import pathlib
import ssl
import subprocess
import tempfile

import clients
import pytest
from authority import Authority, rsa_key
from far_end import OFFERS, FarEnd
from gateway import Gateway, postern, route
from messages import message
from postfix import Postfix
from processes import as_root, end, free_port, needed, wait_for_port, wait_until

MX = "mx.partner.test.example"
REQUIREMENTS = ("opportunistic", "encrypted", "verified")
ENCRYPTED, CLEAR = "encrypted", "in clear"


class Certificates:
    """Each made when it is first asked for."""

    def __init__(self, home):
        self.home, self.root = home, Authority("Test root")
        self.below = Authority("Test authority", above=self.root)
        issue = functools.partial(self.below.issue, home)
        other = Authority("Somebody else")
        self.makers = {
            "good": lambda: issue(MX),
            "wrong name": lambda: issue("www.partner.test.example"),
            "expired": lambda: issue(MX, start=-30, end=-1),
            "not yet valid": lambda: issue(MX, start=2, end=30),
            "of another authority": lambda: other.issue(home, MX),
            "self-signed": lambda: issue(MX, alone=True),
            "incomplete chain": lambda: issue(MX, chain=False),
            "RSA-1024": lambda: issue(MX, key=rsa_key(1024)),
            "RSA-2048": lambda: issue(MX, key=rsa_key(2048)),
            "SHA-1": lambda: signed_with_sha_1(self, home),
        }

    @functools.cache
    def __getitem__(self, kind):
        return self.makers[kind]()


def signed_with_sha_1(self, home):
    """By the command line of OpenSSL: nothing else will any more."""
    chain, key = self["good"]
    folder = home / "sha1"
    folder.mkdir()
    request, made = folder / "request.pem", folder / "made.pem"
    extensions, authority = folder / "extensions", folder / "authority.key"
    extensions.write_text(f"subjectAltName=DNS:{MX}\nbasicConstraints=critical,CA:FALSE\n")
    authority.write_bytes(self.below.private())
    run = functools.partial(subprocess.run, check=True, capture_output=True)
    run([needed("openssl"), "req", "-new", "-key", key, "-subj", f"/CN={MX}", "-out", request])
    run([needed("openssl"), "x509", "-req", "-sha1", "-in", request, "-CA", self.below.write(folder / "authority.pem"),
         "-CAkey", authority, "-CAcreateserial", "-days", "10", "-extfile", extensions, "-out", made])
    whole = folder / "chain.pem"
    whole.write_bytes(made.read_bytes() + (folder / "authority.pem").read_bytes())
    return whole, key


def versions(least, most):
    def change(context):
        context.minimum_version, context.maximum_version = least, most

    return change


def only_cipher(context):
    """One that nobody should offer: without forward secrecy."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")


V = ssl.TLSVersion
XS = (*OFFERS, "XXXXXXXA")  # as a firewall writes over STARTTLS
NOT_OFFERED = "kept: does not offer STARTTLS"
HANDSHAKE = "kept: handshake failed"
INJECTED = "kept: in clear between | the TLS handshake failed"

# Fault: certificate, what else the far end is told; what becomes of mail that
# demands opportunistic, encrypted and verified TLS.
FAULTS = {
    "none": ("good", {}, ENCRYPTED, ENCRYPTED, ENCRYPTED),
    "STARTTLS not offered": (None, {}, CLEAR, NOT_OFFERED, NOT_OFFERED),
    "STARTTLS written over": (None, {"offers": XS}, CLEAR, NOT_OFFERED, NOT_OFFERED),
    "454 to STARTTLS": ("good", {"on_starttls": "refuse"}, CLEAR, "kept: 454 4.7.0", "kept: 454 4.7.0"),
    "220 and no TLS": ("good", {"on_starttls": "in clear"}, CLEAR, HANDSHAKE, HANDSHAKE),
    "220 and garbage": ("good", {"on_starttls": "garbage"}, CLEAR, HANDSHAKE, HANDSHAKE),
    # As it comes: in one piece with the 220, or a moment after it.
    "220 and a reply in clear": ("good", {"on_starttls": "inject"}, CLEAR, INJECTED, INJECTED),
    "220 and the end": ("good", {"on_starttls": "hang up"}, CLEAR, HANDSHAKE, HANDSHAKE),
    "TLS 1.0 only": ("good", {"tls": versions(V.TLSv1, V.TLSv1)}, CLEAR, HANDSHAKE, HANDSHAKE),
    "TLS 1.1 only": ("good", {"tls": versions(V.TLSv1_1, V.TLSv1_1)}, CLEAR, HANDSHAKE, HANDSHAKE),
    "TLS 1.2 only": ("good", {"tls": versions(V.TLSv1_2, V.TLSv1_2)}, ENCRYPTED, ENCRYPTED, ENCRYPTED),
    "TLS 1.3 only": ("good", {"tls": versions(V.TLSv1_3, V.TLSv1_3)}, ENCRYPTED, ENCRYPTED, ENCRYPTED),
    "no common cipher": ("RSA-2048", {"tls": only_cipher}, CLEAR, HANDSHAKE, HANDSHAKE),
    "another name": ("wrong name", {}, ENCRYPTED, ENCRYPTED, "kept: another name"),
    "expired": ("expired", {}, ENCRYPTED, ENCRYPTED, "kept: expired"),
    "not yet valid": ("not yet valid", {}, ENCRYPTED, ENCRYPTED, "kept: not valid yet"),
    "another authority": ("of another authority", {}, ENCRYPTED, ENCRYPTED, "kept: issuer is not trusted"),
    "self-signed": ("self-signed", {}, ENCRYPTED, ENCRYPTED, "kept: issuer is not trusted"),
    "incomplete chain": ("incomplete chain", {}, ENCRYPTED, ENCRYPTED, "kept: issuer is not trusted"),
    "RSA of 1024 bits": ("RSA-1024", {}, CLEAR, HANDSHAKE, HANDSHAKE),
    "signed with SHA-1": ("SHA-1", {}, ENCRYPTED, ENCRYPTED, "kept: signed with an algorithm"),
}


@pytest.fixture(scope="module")
def folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-tls-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(as_root("rm", "-rf", folder), check=True)


@pytest.fixture(scope="module")
def certificates(folder):
    return Certificates(folder / "certificates")


@pytest.fixture(scope="module")
def gateway(folder, certificates):
    """A gateway with a route for each requirement, all to one port."""
    port = free_port()
    anchors = certificates.root.write(folder / "root.pem")
    more = {"tls_name": MX, "trust_anchors": anchors}
    routes = [route(f"{tls}.test.example", port, tls=tls, **more) for tls in REQUIREMENTS]
    with Gateway(folder / "gateway", routes) as gateway:
        gateway.far_port = port
        yield gateway


def submit(gateway, requirement, text):
    recipient = f"clerk@{requirement}.test.example"
    with clients.connect(gateway) as client:
        code, said = clients.submit(client, message(recipient=recipient, text=f"{text}\n"), [recipient])
    assert code == 250, said
    return said.split()[-1]


def fate(gateway, requirement, id, arrived=lambda recipient: None):
    """What has become of the mail of that requirement so far: of what waits,
    `postern queue show` tells the cause."""
    if found := arrived(f"clerk@{requirement}.test.example"):
        return found
    for entry in gateway.queue("list")["messages"]:
        (recipient,) = entry["recipients"]
        if entry["id"] == id and recipient["state"].get("pending", {}).get("attempts"):
            shown = postern("queue", "--control", gateway.home / "control.sock", "show", id).stdout
            return f"kept: {recipient['state']['pending']['last']}" if recipient["state"]["pending"]["last"] in shown else shown
    return None


def is_as(expected, found):
    """A cause is given by some of its words, or some others."""
    causes = expected.removeprefix("kept: ").split(" | ")
    return found is not None and (found == expected or expected.startswith("kept: ") and found.startswith("kept: ")
                                  and any(cause in found for cause in causes))


@pytest.fixture(autouse=True)
def mended(gateway, certificates):
    """Once the peer is as it should be, what was kept goes: late, not lost."""
    yield
    with FarEnd(gateway.far_port, certificates["good"]) as far_end:
        wait_until("all that was kept has gone", lambda: gateway.queue("retry") and not gateway.queued())
        assert all(one.tls for one in far_end.received)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_never_weakens_what_is_demanded(gateway, certificates, fault):
    kind, told, *expected = FAULTS[fault]
    expected = dict(zip(REQUIREMENTS, expected))
    with FarEnd(gateway.far_port, kind and certificates[kind], **told) as far_end:
        def arrived(recipient):
            for one in far_end.received:
                if recipient in one.forward_paths:
                    return ENCRYPTED if one.tls else CLEAR
            return None

        sent = {tls: submit(gateway, tls, f"for {tls} eyes") for tls in REQUIREMENTS}
        found = {tls: wait_until(f"a fate for {tls}", lambda: fate(gateway, tls, id, arrived)) for tls, id in sent.items()}
        heard = repr(far_end.commands) + repr([one.content for one in far_end.received])
    for requirement, wanted in expected.items():
        assert is_as(wanted, found[requirement]), (fault, requirement, found)
        if wanted.startswith("kept"):
            assert f"clerk@{requirement}" not in heard and f"{requirement} eyes" not in heard, heard


# The same of Debian's Postfix, which counts as the real thing: what it is told
# in main.cf, and the certificate it shows.
POSTFIX = {
    "none": ("good", {}, ENCRYPTED, ENCRYPTED, ENCRYPTED),
    "no TLS": (None, {"smtpd_tls_security_level": "none"}, CLEAR, NOT_OFFERED, NOT_OFFERED),
    "TLS 1.0 and 1.1 only": ("good", {"smtpd_tls_protocols": "!TLSv1.2, !TLSv1.3"}, CLEAR, HANDSHAKE, HANDSHAKE),
    "TLS 1.3 only": ("good", {"smtpd_tls_protocols": ">=TLSv1.3"}, ENCRYPTED, ENCRYPTED, ENCRYPTED),
    "another name": ("wrong name", {}, ENCRYPTED, ENCRYPTED, "kept: another name"),
    "expired": ("expired", {}, ENCRYPTED, ENCRYPTED, "kept: expired"),
    "another authority": ("of another authority", {}, ENCRYPTED, ENCRYPTED, "kept: issuer is not trusted"),
    "incomplete chain": ("incomplete chain", {}, ENCRYPTED, ENCRYPTED, "kept: issuer is not trusted"),
}


@pytest.mark.parametrize("fault", POSTFIX)
def test_postfix_with_a_fault_never_weakens_what_is_demanded(gateway, certificates, home, fault):
    kind, told, *expected = POSTFIX[fault]
    log = home / "postfix/log"
    settings = {
        "relay_domains": " ".join(f"{tls}.test.example" for tls in REQUIREMENTS), "relay_transport": "discard:taken",
        "relay_recipient_maps": "", "smtpd_recipient_restrictions": "permit_mynetworks, reject",
        "maillog_file": log, "smtpd_tls_loglevel": "1", "smtpd_tls_security_level": "may",
    }
    if kind:
        chain, key = certificates[kind]
        settings |= {"smtpd_tls_cert_file": chain, "smtpd_tls_key_file": key}
    peer = Postfix(home / "postfix", MX, settings | told, port=gateway.far_port)
    with peer:
        def said():
            return log.read_text(errors="replace") if log.exists() else ""

        def arrived(recipient):
            if f"to=<{recipient}>" not in said():
                return None
            return ENCRYPTED if " TLS connection established from" in said() else CLEAR

        for requirement, wanted in zip(REQUIREMENTS, expected):
            id = submit(gateway, requirement, f"for {requirement} eyes")
            found = wait_until(f"a fate for {requirement}", lambda: fate(gateway, requirement, id, arrived))
            assert is_as(wanted, found), (fault, requirement, found, said())
        for requirement, wanted in zip(REQUIREMENTS, expected):
            assert wanted.startswith("kept") != (f"clerk@{requirement}" in said()), said()


# And of OpenSSL's own server, which can be as old as one wishes, behind a far
# end that says 220 to STARTTLS and leaves the rest to it.
OPENSSL = {
    "TLS 1.0 only": ("good", ("-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"), HANDSHAKE),
    "TLS 1.1 only": ("good", ("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"), HANDSHAKE),
    "no common cipher": ("RSA-2048", ("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"), HANDSHAKE),
    "a curve nobody uses": ("good", ("-tls1_3", "-groups", "P-521"), HANDSHAKE),
    "another name": ("wrong name", (), "kept: another name"),
    "expired": ("expired", (), "kept: expired"),
    "RSA of 1024 bits": ("RSA-1024", ("-cipher", "DEFAULT:@SECLEVEL=0"), HANDSHAKE),
}


@pytest.mark.parametrize("fault", OPENSSL)
def test_openssl_with_a_fault_sees_nothing_of_the_mail(gateway, certificates, home, fault):
    kind, told, wanted = OPENSSL[fault]
    chain, key = certificates[kind]
    log = home / "s_server.log"
    behind = free_port()
    with log.open("wb") as out:
        server = subprocess.Popen(
            [needed("openssl"), "s_server", "-accept", f"127.0.0.1:{behind}",
             "-cert", chain, "-cert_chain", chain, "-key", key, *told],
            stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for_port(behind, server)
        with FarEnd(gateway.far_port, certificates["good"], on_starttls=behind) as front:
            id = submit(gateway, "verified", "for verified eyes")
            found = wait_until("a fate", lambda: fate(gateway, "verified", id))
        assert is_as(wanted, found), (fault, found, log.read_text(errors="replace"))
    finally:
        end(server)
    said = log.read_text(errors="replace") + repr(front.commands)
    assert "MAIL FROM" not in said and "clerk" not in said and "eyes" not in said, said

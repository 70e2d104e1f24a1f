"""Certificates as OpenSSL sees them: by name, renewed, and about to expire."""

import re
import smtplib
import ssl
import subprocess

import pytest

from gateway import NAME, ROOT, Gateway, amend, postern, route
from processes import free_port, needed, wait_until

OTHER = "mail.trust.test.example"
THIRD = "submissions.test.example"


def make(home, name):
    """A fresh certificate in place of the one that is there."""
    (home / f"{name}.pem").unlink(missing_ok=True)
    subprocess.run([ROOT / "deploy/lab/certificates", home, name], check=True)


@pytest.fixture
def gateway(home, far_end):
    """With a second certificate, for another name, and a second listener
    with its own."""
    folder = home / "gateway"
    submissions = f"""
[[listener]]
name = "submissions"
address = "127.0.0.1:{free_port()}"
direction = "outbound"
tls = "implicit"
certificate = "{folder}/{THIRD}.pem"
key = "{folder}/{THIRD}.key"
"""
    gateway = Gateway(folder, [route("*", far_end.port)], more=submissions)
    make(gateway.home, OTHER)
    make(gateway.home, THIRD)
    pair = f'certificate = "{gateway.home}/{OTHER}.pem", key = "{gateway.home}/{OTHER}.key"'
    with amend(gateway, listener=f'sni = [{{ {pair} }}]\nciphers = "ncsc"'):
        yield gateway


def s_client(gateway, *more):
    return subprocess.run(
        [needed("openssl"), "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-starttls", "smtp", *more],
        input="QUIT\r\n", capture_output=True, text=True, check=False, timeout=60,
    )


def shown(gateway, *more):
    """Names and serial number of the certificate a client is shown."""
    said = subprocess.run(
        [needed("openssl"), "x509", "-noout", "-serial", "-ext", "subjectAltName"],
        input=s_client(gateway, *more).stdout, capture_output=True, text=True, check=True,
    ).stdout
    return re.findall(r"DNS:([^,\s]+)", said), re.search(r"serial=(\w+)", said)[1]


def test_a_client_is_shown_the_certificate_it_asks_for(gateway):
    assert shown(gateway, "-servername", OTHER)[0] == [OTHER]
    assert shown(gateway, "-servername", NAME)[0] == [NAME]
    assert shown(gateway, "-servername", "stranger.test.example")[0] == [NAME]
    assert shown(gateway, "-noservername")[0] == [NAME]


def test_the_ncscs_ciphers_are_offered_and_no_others(gateway):
    aes = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
    agreed = s_client(gateway, "-tls1_2", "-cipher", aes).stdout
    assert re.search(r"Cipher is ECDHE-ECDSA-AES256-GCM-SHA384|Cipher +: ECDHE-ECDSA-AES256-GCM-SHA384", agreed)
    for refused in (("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
                    ("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")):
        assert "Cipher is (NONE)" in s_client(gateway, *refused).stdout, refused


def test_certificates_are_renewed_all_or_none_and_no_session_is_dropped(gateway):
    context = ssl.create_default_context(cafile=gateway.home / "ca.pem")
    context.check_hostname = False  # it is reached by number here
    before = [shown(gateway, "-servername", name) for name in (NAME, OTHER)]
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
        client.starttls(context=context)
        for name in (NAME, OTHER):
            make(gateway.home, name)
        # Of this listener, and of another one that is read after it.
        for wrong in (OTHER, THIRD):
            key = gateway.home / f"{wrong}.key"
            good = key.read_text()
            key.write_text("no key\n")
            gateway.reload()
            wait_until("it says which file is wrong",
                       lambda: "certificates not reloaded" in gateway.log() and f"{wrong}.key" in gateway.log())
            assert [shown(gateway, "-servername", name) for name in (NAME, OTHER)] == before, wrong
            key.write_text(good)
        gateway.reload()
        wait_until("both are new", lambda: all(
            shown(gateway, "-servername", name) != old for name, old in zip((NAME, OTHER), before)))
        assert client.noop()[0] == 250


def test_when_each_certificate_expires_is_a_metric(gateway):
    text = gateway.http("/metrics")[1]
    found = re.findall(r'postern_certificate_expiry_timestamp_seconds\{certificate="([^"]+)",listener="mailboxes"\} (\d+)',
                       text)
    assert sorted(name for name, _ in found) == sorted([NAME, OTHER])
    assert all(int(moment) > 1_700_000_000 for _, moment in found)


def test_a_check_warns_of_certificates_that_expire_or_have_another_name(gateway):
    def said():
        done = postern("check", "--config", gateway.config, "--json")
        return done.returncode, [line for line in done.stdout.splitlines() if "certificate-" in line]

    # The second listener's is for another name from the start.
    code, lines = said()
    assert code == 0 and len(lines) == 1 and f"{THIRD}.pem" in lines[0], lines
    key = gateway.home / f"{NAME}.key"
    subprocess.run(
        [needed("openssl"), "req", "-x509", "-new", "-key", key, "-days", "20", "-subj", "/CN=old",
         "-addext", f"subjectAltName=DNS:{OTHER}", "-out", gateway.home / f"{NAME}.pem"],
        check=True, capture_output=True,
    )
    code, lines = said()
    lines = [line for line in lines if f"{THIRD}.pem" not in line]
    assert code == 0 and len(lines) == 2, lines
    assert any("certificate-expires" in line and f"{NAME}.pem" in line for line in lines)
    assert any("certificate-name" in line for line in lines)
    gateway.reload()
    wait_until("the log says so", lambda: "a certificate expires soon" in gateway.log())

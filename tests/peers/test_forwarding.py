"""Peers that speak for others: Postfix with XFORWARD, swaks with XCLIENT."""

import smtplib
import subprocess

from gateway import NAME, Gateway, amend, route
from messages import RECIPIENT, SENDER, message
from postfix import Postfix
from processes import needed, wait_until

CLIENT = "198.51.100.7"


def decisions(gateway):
    """The audit trail's lines about messages, once there are any."""
    return wait_until("a decision in the audit trail", lambda: gateway.audited("decision"))


def test_postfix_says_whom_it_has_a_message_from(home, far_end):
    gateway = amend(Gateway(home / "gateway", [route("*", far_end.port)]), listener='xforward = ["127.0.0.0/8"]')
    settings = {
        "relayhost": f"[127.0.0.1]:{gateway.port}",
        "smtp_send_xforward_command": "yes",
        "smtpd_authorized_xclient_hosts": "127.0.0.1",
        "mynetworks": "127.0.0.0/8, 198.51.100.0/24",
    }
    with gateway, Postfix(home / "postfix", settings=settings) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port, local_hostname="filter.test.example", timeout=30) as client:
            client.ehlo()
            # To Postfix: this is how the message gets a client of its own.
            assert client.docmd(f"XCLIENT ADDR={CLIENT} NAME=ward7.test.example")[0] == 220
            client.ehlo("ward7-pc.test.example")
            client.sendmail(SENDER, [RECIPIENT], message().as_bytes())
        far_end.only()
        decision, = decisions(gateway)
    assert decision["client"] == "127.0.0.1"
    assert decision["forwarded"]["address"] == CLIENT
    assert decision["forwarded"]["name"] == "ward7.test.example"
    assert decision["forwarded"]["helo"] == "ward7-pc.test.example"
    assert decision["forwarded"]["ident"]


def test_xforward_from_anybody_else_is_neither_offered_nor_believed(gateway):
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
        client.ehlo()
        assert not client.has_extn("xforward") and not client.has_extn("xclient")
        assert client.docmd(f"XFORWARD ADDR={CLIENT}")[0] == 550
        assert client.docmd(f"XCLIENT ADDR={CLIENT}")[0] == 550


def swaks(gateway, address):
    return subprocess.run(
        [needed("swaks"), "--server", "127.0.0.1", "--port", str(gateway.port), "--from", SENDER, "--to", RECIPIENT,
         "--helo", "filter.test.example", "--xclient", f"ADDR={address} NAME=ward7.test.example"],
        capture_output=True, text=True, check=False, timeout=60,
    )


def test_by_xclient_the_clients_own_address_decides(home, far_end):
    gateway = Gateway(home / "gateway", [route("*", far_end.port)], clients="10.0.0.0/8")
    with amend(gateway, listener='xclient = ["127.0.0.0/8"]'):
        refused = swaks(gateway, CLIENT)
        assert "550 5.7.1 relaying denied" in refused.stdout, refused.stdout + refused.stderr
        done = swaks(gateway, "10.1.2.3")
        assert done.returncode == 0, done.stdout + done.stderr
        received = far_end.only()
        assert decisions(gateway)[0]["client"] == "10.1.2.3"
    assert f"[10.1.2.3]) by {NAME}" in " ".join(received.header("Received")[0].split())

"""Journeys: TLS that is demanded, failures, retries, notices."""

import subprocess

import pytest

import clients
from far_end import FarEnd
from gateway import ROOT, Gateway, route
from messages import SENDER, message
from processes import wait_until

GOV = "clerk@gov.test.example"
MX = "mx.gov.test.example"


def certificate(folder, name=MX):
    """A chain and key for the name, by the authority of that folder."""
    subprocess.run([ROOT / "deploy/lab/certificates", folder, name], check=True)
    return folder / f"{name}.pem", folder / f"{name}.key"


def verified_route(home, port):
    return route("gov.test.example", port, tls="verified", tls_name=MX, trust_anchors=home / "gateway/ca.pem")


@pytest.fixture
def protected(home):
    """A gateway with one verified route, and the port it leads to."""
    with FarEnd() as elsewhere:
        far_end = FarEnd()
        routes = [verified_route(home, far_end.port), route("*", elsewhere.port)]
        with Gateway(home / "gateway", routes) as gateway:
            yield gateway, far_end.port, elsewhere


def submit(gateway, recipient, sender=SENDER):
    with clients.connect(gateway) as client:
        code, text = clients.submit(client, message(recipient=recipient), [recipient], sender)
    assert code == 250, text


def last_attempt(gateway):
    """What became of the one waiting recipient's last attempt, if there was one."""
    (entry,) = gateway.queued()
    (recipient,) = entry["recipients"]
    state = recipient["state"].get("pending", {})
    return state.get("attempts", 0) > 0 and state


def test_a_verified_next_hop_gets_its_mail_under_tls(protected, home):
    gateway, port, _ = protected
    with FarEnd(port, certificate(home / "gateway")) as far_end:
        submit(gateway, GOV)
        arrived = far_end.only()
        assert arrived.tls == "TLSv1.3"
        assert not [c for c in far_end.commands_in_clear() if c.startswith(("MAIL", "RCPT", "DATA"))]
        gateway.wait_until_empty()


BROKEN = {
    "a certificate of another authority": lambda home: (certificate(home / "stranger"), "agree"),
    "a certificate for another name": lambda home: (certificate(home / "gateway", "www.gov.test.example"), "agree"),
    "no STARTTLS offered": lambda home: (None, "agree"),
    "STARTTLS refused": lambda home: (certificate(home / "gateway"), "refuse"),
    "220 to STARTTLS and then no TLS": lambda home: (certificate(home / "gateway"), "in clear"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_mail_waits_where_tls_cannot_be_verified(protected, home, fault):
    gateway, port, elsewhere = protected
    files, on_starttls = BROKEN[fault](home)
    with FarEnd(port, files, on_starttls) as far_end:
        submit(gateway, GOV)
        waiting = wait_until("an attempt", lambda: last_attempt(gateway))
        wait_until("another attempt", lambda: last_attempt(gateway)["attempts"] > waiting["attempts"])
        assert far_end.received == []
        assert not [c for c, _ in far_end.commands if c.startswith(("MAIL", "RCPT", "DATA"))], far_end.commands
    # Mended, it goes: it was late, and never lost.
    with FarEnd(port, certificate(home / "gateway")) as far_end:
        gateway.queue("retry")
        assert far_end.only().tls is not None
        gateway.wait_until_empty()
    assert not any(GOV in m.forward_paths for m in elsewhere.received)


def test_opportunistic_tls_is_used_where_it_is_offered(home):
    files = certificate(home / "stranger")
    with FarEnd(certificate=files) as far_end, Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        submit(gateway, "anybody@partner.test.example")
        assert far_end.only().tls is not None


def test_a_final_failure_comes_back_as_a_report(gateway, far_end):
    submit(gateway, "reject@partner.test.example")
    report = far_end.only()
    assert (report.reverse_path, report.forward_paths) == ("", [SENDER])
    mail = report.parsed()
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "delivery-status"
    human, status, original = mail.iter_parts()
    assert "no such mailbox" in " ".join(human.get_content().split())
    about_message, about_recipient = status.get_payload()
    assert about_message["Reporting-MTA"] == "dns; gw.test.example"
    assert about_recipient["Final-Recipient"].replace(" ", "") == "rfc822;reject@partner.test.example"
    assert about_recipient["Action"] == "failed"
    assert about_recipient["Status"] == "5.1.1"
    assert "550 5.1.1 no such mailbox" in " ".join(about_recipient["Diagnostic-Code"].split())
    assert original.get_content_type() in ("message/rfc822", "message/rfc822-headers", "text/rfc822-headers")
    gateway.wait_until_empty()


def test_nothing_comes_back_to_the_null_path(gateway, far_end):
    submit(gateway, "reject@partner.test.example", sender="")
    gateway.wait_until_empty()
    assert far_end.received == []


def test_one_recipients_failure_is_not_the_others(gateway, far_end):
    with clients.connect(gateway) as client:
        recipients = ["reject@partner.test.example", "fine@partner.test.example"]
        assert clients.submit(client, message(), recipients)[0] == 250
    gateway.wait_until_empty()
    paths = sorted(path for m in far_end.received for path in m.forward_paths)
    assert paths == ["fine@partner.test.example", SENDER]


def test_a_temporary_failure_is_tried_again(gateway, far_end):
    submit(gateway, "later@partner.test.example")
    arrived = far_end.only()
    assert arrived.forward_paths == ["later@partner.test.example"]
    assert sum(command.startswith("RCPT") for command, _ in far_end.commands) == 2


def test_a_next_hop_that_is_down_is_waited_for(home):
    far_end = FarEnd()
    with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        submit(gateway, "anybody@partner.test.example")
        wait_until("an attempt", lambda: last_attempt(gateway))
        with far_end:
            far_end.only()
            gateway.wait_until_empty()


def test_mail_that_no_route_leads_from_waits_for_one(home, far_end):
    inside = route("nhs.test.example", far_end.port)
    gateway = Gateway(home / "gateway", [inside])
    with gateway:
        submit(gateway, "anybody@partner.test.example")
        wait_until("an attempt", lambda: last_attempt(gateway))
        assert "no route to the domain" in str(last_attempt(gateway))
        assert far_end.received == []
    gateway.config.write_text(gateway.config.read_text() + route("*", far_end.port))
    with gateway:
        assert far_end.only(30).forward_paths == ["anybody@partner.test.example"]
        gateway.wait_until_empty()

"""One message, several recipients, and what policy wants for each."""

import pathlib
import smtplib
import subprocess

import clients
from far_end import FarEnd
from gateway import ROOT, Gateway, amend, route
from messages import RECIPIENT, SENDER, message

RULES = """
[[rule]]
name        = "the portal takes what is for the portal's domain"
when        = {{ direction = "outbound", recipient_domain = "sealed.test.example" }}
then        = "redirect"
redirect_to = "smtp://127.0.0.1:{portal}"
reason      = "It is handed over at the portal."

[[rule]]
name   = "not during the move"
when   = {{ direction = "outbound", recipient_domain = "moving.test.example" }}
then   = "defer"
reason = "{{recipient}} is moving; try again."

[[rule]]
name   = "closed for good"
when   = {{ direction = "outbound", recipient_domain = "closed.test.example" }}
then   = "reject"
reason = "{{recipient}} is closed. Ring the switchboard."
"""


def enforcing(home, portal):
    """The lab's policies, these rules added, and all of them enforced."""
    policies = pathlib.Path(home) / "policies"
    subprocess.run([ROOT / "deploy/lab/policies", policies], check=True)
    settings = policies / "policy.toml"
    settings.write_text(settings.read_text().replace('mode = "observe"\nenforce_to = ["held.test.example"]',
                                                     'mode = "enforce"'))
    with open(policies / "rules.toml", "a") as rules:
        rules.write(RULES.format(portal=portal))
    return policies


def submit(gateway, *recipients):
    with clients.connect(gateway) as client:
        return clients.submit(client, message(recipient=recipients[0]), list(recipients))


def test_each_recipient_gets_its_own_disposition(home, far_end):
    with FarEnd() as portal:
        policies = enforcing(home, portal.port)
        with Gateway(home / "gateway", [route("*", far_end.port)], policies=policies) as gateway:
            sealed, closed = "someone@sealed.test.example", "ward@closed.test.example"

            code, text = submit(gateway, RECIPIENT, sealed, closed)
            assert code == 250, text
            assert portal.only().forward_paths == [sealed]
            # The rejected copy comes back as a DSN, since the others were taken.
            far_end.wait_for(2)
            at_far_end = {path for m in far_end.received for path in m.forward_paths}
            assert at_far_end == {RECIPIENT, "ward7@nhs.test.example"}, at_far_end
            (report,) = [m for m in far_end.received if not m.reverse_path]
            assert closed in report.parsed().as_string() and sealed not in report.parsed().as_string()

            code, text = submit(gateway, closed)
            assert code == 550 and "Rule: closed for good" in text, (code, text)
            code, text = submit(gateway, RECIPIENT, "desk@moving.test.example")
            assert code == 451 and "is moving" in text, (code, text)
            gateway.wait_until_empty()
        assert len(far_end.received) == 2, "a deferred message was sent on in part"


def test_over_lmtp_each_recipient_has_its_own_reply(home, far_end):
    with FarEnd() as portal:
        policies = enforcing(home, portal.port)
        gateway = Gateway(home / "gateway", [route("*", far_end.port)], policies=policies)
        with amend(gateway, listener='protocol = "lmtp"'):
            closed, moving = "ward@closed.test.example", "desk@moving.test.example"
            with smtplib.LMTP("127.0.0.1", gateway.port, local_hostname="client.test.example", timeout=30) as client:
                client.ehlo()
                client.mail(SENDER)
                for recipient in (closed, RECIPIENT, moving):
                    assert client.rcpt(recipient)[0] == 250
                mail = message(recipient=RECIPIENT)
                content = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
                replies = [client.data(content), client.getreply(), client.getreply()]
            assert [code for code, _ in replies] == [550, 250, 451], replies
            assert b"Rule: closed for good" in replies[0][1] and b"queued as" in replies[1][1]
            # Whoever has been told needs no report.
            assert far_end.only().forward_paths == [RECIPIENT]
            gateway.wait_until_empty()

"""The whole path with real servers and clients at both ends."""

import email
import email.policy
import os
import pwd
import re
import subprocess
import time

import pytest

import clients
import signatures
from gateway import Gateway, route
from messages import RECIPIENT, SENDER, TAG_LINE, message, with_both_readings
from postfix import Postfix
from processes import as_root, wait_until


class Mailboxes:
    """A second Postfix, which keeps what it is given in a maildir."""

    def __init__(self, home):
        # virtual(8) delivers as no system user.
        uid = os.getuid() or pwd.getpwnam("nobody").pw_uid
        self.folder = home / "mail"
        self.folder.mkdir()
        subprocess.run(as_root("chown", str(uid), self.folder), check=True)
        self.postfix = Postfix(home / "mailboxes", name="mailboxes.test.example", settings={
            "virtual_mailbox_domains": "partner.test.example",
            "virtual_mailbox_base": self.folder,
            "virtual_mailbox_maps": "static:all/",
            "virtual_uid_maps": f"static:{uid}",
            "virtual_gid_maps": f"static:{uid}",
        })
        self.port = self.postfix.port

    def messages(self):
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in sorted(self.folder.glob("all/new/*"))]

    def only(self):
        wait_until("a message in the mailbox", self.messages)
        time.sleep(0.5)
        messages = self.messages()
        assert len(messages) == 1, f"{len(messages)} messages for one that was sent"
        return messages[0]

    def __enter__(self):
        self.postfix.start()
        return self

    def __exit__(self, *_):
        self.postfix.stop()


@pytest.fixture
def mailboxes(home):
    with Mailboxes(home) as mailboxes:
        yield mailboxes


@pytest.fixture
def between(home, mailboxes):
    """A gateway before the mailboxes."""
    with Gateway(home / "gateway", [route("*", mailboxes.port)]) as gateway:
        yield gateway


def arrived_whole(content, gateway):
    """Once in each reading, signed, and nothing else of it touched."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert mail["Subject"] == "Rota for next week"
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            text = part.get_content()
            assert "The rota is on the shared drive." in text
            assert text.count(TAG_LINE) == 1, text
    assert any("gw.test.example" in field for field in mail.get_all("Received"))
    assert mail.get_all("Postern-Level") == ["0"]
    assert signatures.is_valid(content, signatures.lab_records(gateway))


CLIENTS = [
    clients.by_smtplib, clients.by_smtplib_over_tls, clients.by_swaks, clients.by_swaks_over_tls, clients.by_nodemailer,
    clients.by_go, clients.by_javamail,
]


@pytest.mark.parametrize("submit", CLIENTS, ids=lambda client: client.__name__)
def test_a_clients_message_arrives_once_with_its_tag_line_and_signature(between, mailboxes, submit):
    reply = submit(between, with_both_readings("Rota for next week"), RECIPIENT)
    arrived_whole(mailboxes.only(), between)
    assert re.search(r"2\.\d\.\d .*\b[0-9A-Za-z]{10,}\b", reply), f"no queue id in: {reply}"
    between.wait_until_empty()


def test_postfix_submits_through_the_gateway_to_another_postfix(home, between, mailboxes):
    settings = {
        "relayhost": f"[127.0.0.1]:{between.port}",
        "smtp_tls_security_level": "secure",
        "smtp_tls_CAfile": between.home / "ca.pem",
        "smtp_tls_secure_cert_match": "gw.test.example",
    }
    with Postfix(home / "ward", name="ward.test.example", settings=settings) as ward:
        clients.by_smtplib(ward, with_both_readings("Rota for next week"), RECIPIENT)
        content = mailboxes.only()
        wait_until("the first Postfix has handed everything over", lambda: not ward.queue())
    arrived_whole(content, between)
    # Which Postfix verified the gateway's certificate stands in the gateway's own field.
    assert re.search(rb"by gw\.test\.example[^;]*with ESMTPS", content)


def test_the_queue_id_of_the_reply_is_the_one_in_the_log(gateway, far_end):
    with clients.connect(gateway) as client:
        _, text = clients.submit(client, message(), [RECIPIENT])
    queue_id = text.split()[-1]
    far_end.only()
    assert queue_id in gateway.log()


def test_every_recipient_gets_one_copy(gateway, far_end):
    recipients = [f"r{n}@{domain}.test.example" for n in range(5) for domain in ("one", "two")]
    with clients.connect(gateway) as client:
        assert clients.submit(client, message(), recipients)[0] == 250
    wait_until("all copies", lambda: sum(len(m.forward_paths) for m in far_end.received) >= len(recipients))
    gateway.wait_until_empty()
    assert sorted(path for m in far_end.received for path in m.forward_paths) == sorted(recipients)
    assert {m.reverse_path for m in far_end.received} == {SENDER}


def test_rsa_and_ed25519_signatures_are_both_valid(home, far_end):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", home / "ed25519.key"], check=True)
    public = subprocess.run(
        f"openssl pkey -in {home}/ed25519.key -pubout -outform DER | tail -c 32 | openssl base64 -A",
        shell=True, capture_output=True, text=True, check=True).stdout
    second = f'\n[[signing.key]]\ndomain = "nhs.test.example"\nselector = "curve"\nfile = "{home}/ed25519.key"\n'
    with Gateway(home / "gateway", [route("*", far_end.port)], more=second) as gateway:
        clients.by_smtplib(gateway, message(), RECIPIENT)
        content = far_end.only().content
        rsa = signatures.lab_records(gateway)
    curve = {"curve._domainkey.nhs.test.example": f"v=DKIM1; k=ed25519; p={public}"}
    assert signatures.each_is_valid(content, rsa | curve) == {"rsa-sha256": True, "ed25519-sha256": True}
    damaged = content.replace(b"Rota for", b"Rota of", 1)
    assert signatures.each_is_valid(damaged, rsa | curve) == {"rsa-sha256": False, "ed25519-sha256": False}


def test_a_message_that_carries_the_tag_line_gets_no_second_one(gateway, far_end):
    clients.by_smtplib(gateway, with_both_readings("Rota"), RECIPIENT)
    first = far_end.only()
    reply = message("Re: Rota", text="Thank you.\n\n" + "".join(
        f"> {line}\n" for line in first.reading("plain").splitlines()))
    clients.by_smtplib(gateway, reply, RECIPIENT)
    far_end.wait_for(2)
    assert far_end.received[1].reading("plain").count(TAG_LINE) == 1

"""Mail whose TLS cannot be had: it waits, people hear of it once, and a person
or policy finds it another way."""

import pathlib
import subprocess
import time

import pytest

import clients
from far_end import FarEnd
from gateway import NAME, ROOT, Gateway, postern, route
from messages import SENDER, message
from processes import free_port, wait_until
from signatures import is_valid, lab_records

OFFICERS = "officers@nhs.test.example"
SEALED = "someone@sealed.test.example"
DIVERTED = "someone@diverted.test.example"
URGENT = "someone@urgent.test.example"

RULES = """
[[rule]]
name = "these need verified TLS"
when = {{ direction = "outbound", recipient_domain = ["sealed.test.example", "diverted.test.example", "urgent.test.example"] }}
tls  = "verified"

[[rule]]
name     = "or else the portal"
when     = {{ direction = "outbound", recipient_domain = "diverted.test.example" }}
fallback = "smtp://127.0.0.1:{portal}"

[[rule]]
name   = "at once"
when   = {{ direction = "outbound", recipient_domain = "urgent.test.example" }}
urgent = true
"""


class Scene:
    """A gateway whose `*` leads to `far_end`, which has no TLS and needs none;
    sealed domains to `broken`, whose certificate nobody trusts; and a portal
    that a route of its own vouches for."""

    def __init__(self, home, far_end, tls_notice, ours="opportunistic"):
        self.far_end = far_end
        broken, portal = free_port(), free_port()
        gateway = home / "gateway"
        sealed = [route(f"{name}.test.example", broken, tls_name=NAME) for name in ("sealed", "diverted", "urgent")]
        portal_route = route("portal.test.example", portal, tls_name=NAME, trust_anchors=gateway / "ca.pem")
        inside = route("nhs.test.example", far_end.port, tls=ours)
        self.gateway = Gateway(gateway, [route("*", far_end.port), inside, portal_route, *sealed],
                               policies=policies(home, portal))
        text = self.gateway.config.read_text()
        self.gateway.config.write_text(text.replace("[retry]\n", f'[retry]\ntls_notice = "{tls_notice}"\n'))
        certificate = (gateway / f"{NAME}.pem", gateway / f"{NAME}.key")
        self.broken = FarEnd(broken, certificate)
        self.portal = FarEnd(portal, certificate)

    def __enter__(self):
        self.broken.start()
        self.portal.start()
        self.gateway.start()
        return self

    def __exit__(self, *_):
        self.gateway.stop()
        self.portal.stop()
        self.broken.stop()

    def send(self, recipient, options=(), recipient_options=()):
        """Submits a message; its queue id."""
        with clients.connect(self.gateway) as client:
            client.ehlo()
            mail = message(recipient=recipient)
            content = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
            client.mail(SENDER, options)
            code, text = client.rcpt(recipient, recipient_options)
            assert code == 250, text
            code, text = client.data(content)
            assert code == 250, text
        return next((m["id"] for m in self.gateway.queued() if m["recipients"][0]["address"] == recipient), None)

    def told(self, address):
        return [m for m in self.far_end.received if m.forward_paths == [address] and m.reverse_path == ""]

    def wait_until_told(self, address):
        wait_until(f"{address} is told", lambda: self.told(address))
        return self.told(address)[0]

    def sample(self, name):
        status, text = self.gateway.http("/metrics")
        assert status == 200
        found = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(found[0]) if found else 0

    def command(self, *arguments):
        return postern("queue", "--control", self.gateway.home / "control.sock", *arguments)


def policies(home, portal):
    """The lab's, enforced, with officers and these rules."""
    folder = pathlib.Path(home) / "policies"
    subprocess.run([ROOT / "deploy/lab/policies", folder], check=True)
    settings = folder / "policy.toml"
    text = settings.read_text().replace('mode = "observe"\nenforce_to = ["held.test.example"]', 'mode = "enforce"')
    settings.write_text(f'officers = ["{OFFICERS}"]\n' + text)
    with open(folder / "rules.toml", "a") as rules:
        rules.write(RULES.format(portal=portal))
    return folder


@pytest.fixture
def scene(home, far_end):
    with Scene(home, far_end, "2s") as scene:
        yield scene


def status_of(report):
    """The groups of fields of a report's second part, as Python's own parser
    reads them."""
    parsed = report.parsed()
    assert parsed.get_content_type() == "multipart/report"
    kinds = [part.get_content_type() for part in parsed.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert not parsed.defects and not any(part.defects for part in parsed.walk())
    _, status, _ = parsed.iter_parts()
    return status.get_payload()


def test_what_waits_for_tls_waits_and_sender_and_officers_are_told_once(scene):
    queue_id = scene.send(SEALED)
    sender, officers = scene.wait_until_told(SENDER), scene.wait_until_told(OFFICERS)
    time.sleep(5)  # two retries more
    assert (len(scene.told(SENDER)), len(scene.told(OFFICERS))) == (1, 1)
    assert scene.broken.received == []

    words = sender.reading("plain")
    for expected in ("has not gone out", SEALED, queue_id, "telephone the recipient", "tried again until"):
        assert expected in words, words
    for jargon in ("TLS", "certificate", "handshake"):
        assert jargon not in words, words
    about_message, about_recipient = status_of(sender)
    assert about_message["Reporting-MTA"] == f"dns; {NAME}"
    assert about_recipient["Final-Recipient"] == f"rfc822; {SEALED}"
    assert about_recipient["Action"] == "delayed"
    assert about_recipient["Status"].startswith("4.7.")
    assert about_recipient["Final-Log-ID"] == queue_id
    assert about_recipient["Will-Retry-Until"] and about_recipient["Last-Attempt-Date"]
    assert "Rota for next week" not in sender.content.decode()
    assert is_valid(sender.content, lab_records(scene.gateway))

    commands = officers.reading("plain")
    for expected in (queue_id, SENDER, "certificate", f"queue exempt {queue_id}", f"queue redirect {queue_id}"):
        assert expected in commands, commands
    assert is_valid(officers.content, lab_records(scene.gateway))


def test_metrics_and_the_queue_show_what_waits_for_tls(scene):
    queue_id = scene.send(SEALED)
    scene.wait_until_told(OFFICERS)
    waiting = 'postern_tls_waiting_messages{destination_class="internet"}'
    assert scene.sample(waiting) == 1
    assert scene.sample('postern_tls_waiting_messages{destination_class="approved"}') == 0
    assert scene.sample("postern_tls_waiting_oldest_seconds") >= 1
    assert scene.sample('postern_notices_total{kind="waiting"}') == 1
    assert scene.sample('postern_notices_total{kind="waiting_officers"}') == 1
    assert "waiting for TLS " in scene.command("list").stdout
    assert "waits for it since" in scene.command("show", queue_id).stdout
    scene.gateway.stop()
    scene.gateway.start()
    assert scene.sample(waiting) == 1
    scene.gateway.queue("bounce", queue_id)
    assert scene.sample(waiting) == 0


def test_a_persons_exemption_lets_one_message_go_and_is_audited(scene):
    queue_id, other = scene.send(SEALED), scene.send(URGENT)
    scene.wait_until_told(OFFICERS)
    assert scene.command("exempt", queue_id, "--tls", "encrypted").returncode != 0
    assert scene.command("exempt", queue_id, "--tls", "encrypted", "--reason", " ").returncode != 0
    assert scene.broken.received == []
    done = scene.command("exempt", queue_id, "--tls", "encrypted", "--reason", "agreed by telephone", "--for", "1h")
    assert done.returncode == 0, done.stderr
    arrived = scene.broken.only()
    assert arrived.forward_paths == [SEALED] and arrived.tls
    (line,) = wait_until("it is audited", lambda: scene.gateway.audited("exempted"))
    assert (line["id"], line["tls"], line["reason"]) == (queue_id, "encrypted", "agreed by telephone")
    assert line["by"] and line["until"] > line["at"]
    assert [m["id"] for m in scene.gateway.queued() if m["reverse_path"]] == [other]


def test_an_exemption_is_over_when_its_time_is(scene):
    """It is given while the far end has no TLS at all, and ends before it has."""
    scene.broken.on_starttls = "refuse"
    queue_id = scene.send(SEALED)
    scene.wait_until_told(OFFICERS)
    scene.gateway.queue("exempt", queue_id, "--tls", "encrypted", "--reason", "for a moment", "--for", "1s")
    assert "TLS encrypted is enough until" in scene.command("show", queue_id).stdout
    time.sleep(1.1)
    scene.broken.on_starttls = "agree"
    tried = scene.gateway.queue("show", queue_id)["messages"][0]["recipients"][0]["state"]["pending"]["attempts"]
    scene.gateway.queue("retry", queue_id)
    wait_until("it is tried again", lambda: scene.gateway.queue("show", queue_id)["messages"][0]
               ["recipients"][0]["state"]["pending"]["attempts"] > tried)
    assert scene.broken.received == []
    assert scene.sample("postern_tls_exemptions") == 0


def test_policys_fallback_takes_it_to_the_portal_and_the_sender_is_told(scene):
    scene.send(DIVERTED)
    arrived = scene.portal.only()
    assert arrived.forward_paths == [DIVERTED] and arrived.reverse_path == SENDER and arrived.tls
    assert scene.broken.received == []
    assert "goes another way" in scene.wait_until_told(SENDER).header("Subject")[0]
    assert "Sent to" in scene.wait_until_told(OFFICERS).reading("plain")
    (line,) = wait_until("it is audited", lambda: scene.gateway.audited("redirected"))
    assert (line["by"], line["to"]) == ("policy", f"smtp://127.0.0.1:{scene.portal.port}")
    scene.gateway.wait_until_empty()


def test_the_fallback_is_as_well_protected_or_not_taken(home, far_end):
    """A portal without TLS gets nothing, though policy names it."""
    with Scene(home, far_end, "1s") as scene:
        scene.portal.on_starttls = "refuse"
        scene.send(DIVERTED)
        wait_until("the portal is asked", lambda: any("STARTTLS" in command for command, _ in scene.portal.commands))
        time.sleep(2)
        assert scene.portal.received == scene.broken.received == []
        assert not any("MAIL" in command for command, _ in scene.portal.commands)


def test_a_person_sends_it_another_way(scene):
    queue_id = scene.send(SEALED)
    scene.wait_until_told(OFFICERS)
    to = f"smtp://127.0.0.1:{scene.portal.port}"
    assert scene.command("redirect", queue_id, "--to", to).returncode != 0
    scene.gateway.queue("redirect", queue_id, "--to", to, "--reason", "their mail system is down")
    assert scene.portal.only().tls
    (line,) = wait_until("it is audited", lambda: scene.gateway.audited("redirected"))
    assert (line["id"], line["to"], line["reason"]) == (queue_id, to, "their mail system is down")
    assert scene.broken.received == []


@pytest.mark.parametrize("recipient, options", [(URGENT, ()), (SEALED, ("MT-PRIORITY=4",))])
def test_of_what_is_urgent_people_hear_at_once(home, far_end, recipient, options):
    with Scene(home, far_end, "8h") as scene:
        scene.send(recipient, options)
        scene.wait_until_told(SENDER)
        assert "Urgent:" in scene.wait_until_told(OFFICERS).header("Subject")[0]


def test_a_sender_who_wants_to_hear_nothing_hears_nothing_and_the_officers_do(scene):
    scene.send(SEALED, recipient_options=("NOTIFY=NEVER",))
    assert "has not been told" in scene.wait_until_told(OFFICERS).reading("plain")
    assert scene.told(SENDER) == []


def test_notices_that_wait_themselves_do_not_breed(home, far_end):
    """Sender and officers sit behind broken TLS as well: the message, the two
    notices of it, and one to the officers of the sender's notice."""
    with Scene(home, far_end, "1s", ours="verified") as scene:
        scene.send(SEALED)
        wait_until("all notices wait", lambda: len(scene.gateway.queued()) == 4)
        time.sleep(5)
        assert len(scene.gateway.queued()) == 4

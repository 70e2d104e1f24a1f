"""What senders ask for beside delivery: carried to the next hop, or honoured
here."""

import time

import pytest

import clients
from far_end import OFFERS, FarEnd
from gateway import Gateway, route
from messages import RECIPIENT, SENDER, message
from postfix import Postfix
from processes import wait_until

ASKING = ["RET=HDRS", "ENVID=ward7+2Dround"]
TOLD = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;list+2Bward@partner.test.example"]


def submit(gateway, mail=(), recipients=((RECIPIENT, ()),), sender=SENDER):
    """One transaction with those parameters: the last reply."""
    content = message(recipient=recipients[0][0])
    with clients.connect(gateway) as client:
        client.ehlo()
        reply = client.mail(sender, list(mail))
        for recipient, parameters in recipients:
            if reply[0] == 250:
                reply = client.rcpt(recipient, list(parameters))
        if reply[0] == 250:
            reply = client.data(content.as_bytes(policy=content.policy.clone(linesep="\r\n")))
        return reply[0], reply[1].decode()


def accepted(*arguments, **more):
    code, text = submit(*arguments, **more)
    assert code == 250, text


def reports(far_end):
    """Every DSN at the far end: its fields about the message and about its one
    recipient."""
    found = []
    for received in far_end.received:
        mail = received.parsed()
        if mail.get_content_type() == "multipart/report":
            assert received.reverse_path == ""
            _, status, _ = mail.iter_parts()
            found.append(tuple(status.get_payload()))
    return found


def only_report(far_end, settle=0.5):
    wait_until("a report", lambda: reports(far_end))
    time.sleep(settle)
    (report,) = reports(far_end)
    return report


@pytest.fixture(params=["offered", "discarded"])
def postfix_between(request, home, far_end):
    """Gateway, then Postfix with DSN or without, then the far end; and
    whether Postfix offers it."""
    settings = {"relayhost": f"[127.0.0.1]:{far_end.port}"}
    if request.param == "discarded":
        settings["smtpd_discard_ehlo_keywords"] = "dsn"
    with Postfix(home / "postfix", settings=settings) as postfix:
        with Gateway(home / "gateway", [route("*", postfix.port)]) as gateway:
            yield gateway, far_end, request.param == "offered"


def test_the_sender_hears_of_success_once_from_whoever_answers_for_it(postfix_between):
    gateway, far_end, offered = postfix_between
    accepted(gateway, ASKING, [(RECIPIENT, TOLD)])
    about_message, about_recipient = only_report(far_end)
    # Where Postfix has taken it over, everything it says it knows from us.
    reporter = "postfix.test.example" if offered else "gw.test.example"
    assert about_message["Reporting-MTA"] == f"dns; {reporter}"
    assert about_message["Original-Envelope-Id"] == "ward7-round"
    assert about_recipient["Original-Recipient"].replace(" ", "") == "rfc822;list+ward@partner.test.example"
    assert about_recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{RECIPIENT}"
    assert about_recipient["Action"] == "relayed"
    assert about_recipient["Status"].startswith("2.")
    gateway.wait_until_empty()


def test_who_asks_for_nothing_hears_of_no_success(postfix_between):
    gateway, far_end, _ = postfix_between
    accepted(gateway)
    far_end.only(settle=1.5)
    gateway.wait_until_empty()


@pytest.mark.parametrize("notify", ["NEVER", "SUCCESS,DELAY"])
def test_who_wants_to_hear_of_no_failure_does_not(gateway, far_end, notify):
    accepted(gateway, recipients=[("reject@partner.test.example", [f"NOTIFY={notify}"])])
    gateway.wait_until_empty()
    assert far_end.received == []


def test_whoever_is_in_a_mailbox_was_delivered_to(home, far_end):
    """The report goes by the route of its own recipient."""
    box = home / "box"
    stored = f'[[route]]\ndomain = "partner.test.example"\nnext_hop = "maildir:{box}"\n'
    with Gateway(home / "gateway", [stored, route("*", far_end.port)]) as gateway:
        accepted(gateway, ASKING, [(RECIPIENT, TOLD)])
        about_message, about_recipient = only_report(far_end)
        assert about_message["Original-Envelope-Id"] == "ward7-round"
        assert (about_recipient["Action"], about_recipient["Status"]) == ("delivered", "2.0.0")
        assert str(home) not in far_end.only().content.decode()
        assert len(list((box / "new").iterdir())) == 1


def test_a_message_is_held_until_its_release(gateway, far_end):
    began = time.monotonic()
    accepted(gateway, ["HOLDFOR=4"])
    (waiting,) = gateway.queued()
    assert waiting["requests"]["release"] is not None
    # Not even an operator sends it before.
    gateway.queue("retry")
    far_end.only()
    assert time.monotonic() - began >= 4
    gateway.wait_until_empty()


def test_what_must_be_delivered_in_time_or_returned_is_returned_where_nobody_promises(gateway, far_end):
    accepted(gateway, ["BY=60;R"])
    _, about_recipient = only_report(far_end)
    assert (about_recipient["Action"], about_recipient["Status"]) == ("failed", "5.4.7")
    assert [command for command, _ in far_end.commands if command.startswith("MAIL")] == ["MAIL FROM:<> SIZE=" + str(
        len(far_end.only().content))]


def test_the_time_that_is_left_goes_on_to_who_minds_it(home):
    with FarEnd(offers=(*OFFERS, "DELIVERBY", "MT-PRIORITY")) as far_end:
        with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
            accepted(gateway, ["BY=600;R", "MT-PRIORITY=4"])
            far_end.only()
    (mail,) = [command for command, _ in far_end.commands if command.startswith("MAIL")]
    assert " MT-PRIORITY=4" in mail
    seconds = int(mail.split(" BY=")[1].split(";")[0])
    assert 590 <= seconds <= 600 and mail.endswith(";R")


def test_who_wants_to_hear_of_a_deadline_does_and_the_message_goes_on(home):
    """The next hop is down until the time has passed."""
    with FarEnd() as elsewhere:
        far_end = FarEnd()
        routes = [route("partner.test.example", far_end.port), route("*", elsewhere.port)]
        with Gateway(home / "gateway", routes) as gateway:
            began = time.monotonic()
            accepted(gateway, ["BY=3;N"])
            _, about_recipient = only_report(elsewhere)
            assert time.monotonic() - began >= 3
            assert about_recipient["Action"] == "delayed" and about_recipient["Status"].startswith("4.")
            assert about_recipient["Will-Retry-Until"]
            with far_end:
                far_end.only()
                gateway.wait_until_empty()
        # Once is enough; and nobody minds the time where it went then.
        assert sorted(r["Action"] for _, r in reports(elsewhere)) == ["delayed", "relayed"]


def test_an_address_beyond_ascii_is_refused_before_it_is_taken_where_nobody_carries_it(home):
    unable = [offer for offer in OFFERS if offer != "SMTPUTF8"]
    with FarEnd(offers=unable) as far_end, FarEnd() as able:
        routes = [route("*", far_end.port), route("able.test.example", able.port)]
        with Gateway(home / "gateway", routes) as gateway:
            utf8 = ["SMTPUTF8", "BODY=8BITMIME"]
            code, text = submit(gateway, utf8, [("zoë@partner.test.example", ())])
            assert (code, text[:5]) == (553, "5.6.7"), text
            code, text = submit(gateway, utf8, sender="zoë@nhs.test.example")
            assert (code, text[:5]) == (553, "5.6.7"), text
            assert not [command for command, _ in far_end.commands if command.startswith("MAIL")]
            # ASCII throughout needs nothing of the next hop, whatever was said.
            accepted(gateway, utf8)
            far_end.only()
            accepted(gateway, utf8, [("zoë@able.test.example", ())])
            assert able.only().forward_paths == ["zoë@able.test.example"]
            gateway.wait_until_empty()

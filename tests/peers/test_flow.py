"""The flow of mail to destinations that fail and come back: few attempts, no
deadline missed, one connection for many messages."""

import re

import pytest

import clients
from far_end import FarEnd
from gateway import Gateway, amend, route
from messages import SENDER, message
from processes import free_port, wait_until

PARTNER = "partner.test.example"


def submit(gateway, recipients):
    with clients.connect(gateway) as client:
        for recipient in recipients:
            code, text = clients.submit(client, message(recipient=recipient), [recipient], SENDER)
            assert code == 250, text


def partners(count, first=0):
    return [f"clerk{number}@{PARTNER}" for number in range(first, first + count)]


def metric(gateway, name):
    """The sum of a metric's samples whose name and labels begin so."""
    _, page = gateway.http("/metrics")
    values = re.findall(rf"^{re.escape(name)}[^ ]* (\d+)$", page, re.M)
    return sum(int(value) for value in values)


def attempts(gateway):
    return metric(gateway, 'postern_attempts_total{outcome="transient"')


def dead(gateway):
    return metric(gateway, 'postern_destinations{state="dead"}')


def with_retry(gateway, **settings):
    text = gateway.config.read_text()
    for key, value in settings.items():
        text = re.sub(rf"^{key} = .*\n", "", text, flags=re.M)
        text = text.replace("[retry]\n", f"[retry]\n{key} = {value}\n", 1)
    gateway.config.write_text(text)
    return gateway


@pytest.fixture
def senders_own():
    """Where notices to the sender come in."""
    with FarEnd() as far_end:
        yield far_end


def gateway_to(home, port, senders_own, **retry):
    routes = [route(PARTNER, port), route("*", senders_own.port)]
    return with_retry(Gateway(home / "gateway", routes), **retry)


def test_a_dead_destination_costs_few_attempts_and_none_of_its_mail(home, senders_own):
    port = free_port()
    with gateway_to(home, port, senders_own, trials='["2s"]') as gateway:
        submit(gateway, partners(100))
        wait_until("it is dead", lambda: dead(gateway) == 1)
        tried = attempts(gateway)
        assert tried <= 8
        died = 'postern_destination_changes_total{change="died"}'
        assert metric(gateway, died) == 1
        wait_until("a trial", lambda: metric(gateway, 'postern_destination_changes_total{change="trial_failed"}'))
        with FarEnd(port) as far_end:
            gateway.wait_until_empty(120)
            assert len(far_end.received) == 100
        assert metric(gateway, died) == 1
        assert metric(gateway, 'postern_destination_changes_total{change="revived"}') == 1
        assert attempts(gateway) - tried < 60


def test_mail_behind_a_dead_destination_is_late_and_expires_in_its_own_time(home, senders_own):
    """Its next trial is an hour off: everything told here is told without."""
    settings = {"trials": '["1h"]', "delays": '["1h"]', "delay_notice": '"3s"', "expiry": '"9s"'}
    with gateway_to(home, free_port(), senders_own, **settings) as gateway:
        submit(gateway, partners(30))
        wait_until("it is dead", lambda: dead(gateway) == 1)
        wait_until("everybody is told", lambda: len(senders_own.received) >= 30, 60)
        tried = attempts(gateway)
        assert tried <= 8
        gateway.wait_until_empty(60)
        wait_until("everything is returned", lambda: len(senders_own.received) >= 60)
        assert attempts(gateway) == tried
        reports = [received.parsed().as_string() for received in senders_own.received]
        assert sum("Action: delayed" in report for report in reports) == 30
        failed = [report for report in reports if "Action: failed" in report]
        assert len(failed) == 30
        assert sum("not tried again" in report for report in failed) >= 20


def test_an_operator_who_retries_need_not_wait_for_the_next_trial(home, senders_own):
    port = free_port()
    with gateway_to(home, port, senders_own, trials='["1h"]', delays='["1h"]') as gateway:
        submit(gateway, partners(20))
        wait_until("it is dead", lambda: dead(gateway) == 1)
        with FarEnd(port) as far_end:
            gateway.queue("retry", gateway.queued()[-1]["id"])
            gateway.wait_until_empty()
            assert len(far_end.received) == 20


def test_a_connection_carries_many_messages_and_no_more_than_it_may(home, senders_own):
    with FarEnd() as far_end:
        gateway = gateway_to(home, far_end.port, senders_own)
        amend(gateway, limits="deliveries_per_destination = 1")
        gateway.config.write_text(
            gateway.config.read_text() + '\n[sending]\nidle = "10s"\nmessages_per_connection = 10\n')
        with gateway:
            submit(gateway, partners(40))
            gateway.wait_until_empty()
            new = metric(gateway, 'postern_connections_total{reuse="new"}')
            reused = metric(gateway, 'postern_connections_total{reuse="reused"}')
            assert (new, reused) == (4, 36)
            commands = [command.split(" ")[0].split(":")[0] for command, _ in far_end.commands]
            assert commands.count("EHLO") == 4
            assert "RSET" not in commands


def test_a_sender_of_hundreds_does_not_delay_another_s_one(home, senders_own):
    port = free_port()
    with gateway_to(home, port, senders_own, trials='["3s"]') as gateway:
        submit(gateway, partners(300))
        wait_until("it is dead", lambda: dead(gateway) == 1)
        with clients.connect(gateway) as client:
            alone = f"alone@{PARTNER}"
            code, text = clients.submit(client, message(recipient=alone), [alone], "other@nhs.test.example")
            assert code == 250, text
        with FarEnd(port) as far_end:
            gateway.wait_until_empty(120)
            order = [received.forward_paths[0] for received in far_end.received]
            assert order.index(alone) < 40

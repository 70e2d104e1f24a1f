"""Log lines, as programs read them: an event is one line, whoever speaks."""

import json
import re
import socket

import clients
from gateway import Gateway, binary, route
from messages import RECIPIENT, message
from processes import wait_until


def logged(home, far_end, form):
    """What a gateway says of a good message and a hostile command."""
    gateway = started(Gateway(home / form, [route("*", far_end.port)]), form)
    try:
        clients.by_smtplib(gateway, message(), RECIPIENT)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
            client.recv(1000)
            client.sendall(b"EHLO x\r\nMAIL FROM:<a\x1b[31m<3>forged@nobody.example>\r\nQUIT\r\n")
            while client.recv(1000):
                pass
        gateway.wait_until_empty()
        wait_until("the delivery is logged", lambda: "attempted" in gateway.log(), seconds=20)
    finally:
        assert gateway.stop() == 0
    return gateway.log().splitlines()  # after its end: the last line is whole


def started(gateway, form):
    """As `Gateway.start`, with `--log`."""
    script = gateway.home / "run"
    script.write_text(f'#!/bin/sh\nexec "{binary()}" "$2" "$3" "$4" --log {form}\n')
    script.chmod(0o755)
    return gateway.start(under=[script])


def test_for_programs_a_line_is_an_object_with_its_event_and_fields(home, far_end):
    lines = [json.loads(line) for line in logged(home, far_end, "json")]
    by_event = {line["message"]: line for line in lines}
    assert {"listening", "accepted", "decided", "attempted", "stopped"} <= by_event.keys()
    for event, fields in {
        "accepted": {"id", "direction", "size"},
        "attempted": {"id", "recipient", "outcome", "tls", "certificate", "reply"},
    }.items():
        assert fields <= by_event[event].keys(), by_event[event]
    assert by_event["accepted"]["id"] == by_event["attempted"]["id"]


def test_journald_hears_how_much_each_line_matters_and_no_line_is_a_strangers(home, far_end):
    lines = logged(home, far_end, "journald")
    others = [line for line in lines if not re.match(r"<[3467]> *(ERROR|WARN|INFO|DEBUG) ", line)]
    assert not others, others
    assert any(line.startswith("<6>") and "accepted" in line for line in lines)
    assert not any("\x1b" in line for line in lines)

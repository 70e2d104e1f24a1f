"""One person at two doors, the console and the control socket, is one person:
nobody approves there what they have proposed here."""

import json
import os
import subprocess

import clients
import pytest
from console import Console, signed_in
from gateway import Gateway, route
from messages import message
from processes import as_root, wait_until
from test_console import OPTIONAL
from test_quarantine import HELD, MARKED, copies, holds_all_alike

ANN, BOB, STRANGER, OTHER = 64_001, 64_002, 64_003, 64_004
ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.connect(sys.argv[1])
    control.sendall(sys.argv[2].encode() + b"\\n")
    print(control.makefile().readlines()[-1])
"""


class Held:
    """A message whose release takes two, and who asks for it how."""

    def __init__(self, gateway, console):
        self.gateway, self.console = gateway, console
        with clients.connect(gateway) as client:
            code, text = clients.submit(client, message(MARKED, HELD), [HELD])
        assert code == 250, text
        [entry] = gateway.queue("list", "held")["messages"]
        self.id = entry["id"]

    def at_the_socket(self, uid, act):
        return self.asked_by(uid, {"do": "quarantine", "ask": "act", "which": {"these": [self.id]}, "act": act, "reason": "seen"})

    def asked_by(self, uid, request):
        # Capabilities go with the user.
        user = as_root("setpriv", f"--reuid={uid}", f"--regid={os.getgid()}", "--clear-groups")
        command = ["/usr/bin/python3", "-c", ASK, self.gateway.home / "control.sock", json.dumps(request)]
        done = subprocess.run([*user, *command], capture_output=True, text=True, check=True, cwd="/")
        return json.loads(done.stdout)

    def in_the_console(self, name, act):
        program = signed_in(self.console, name)
        body = json.dumps({"ids": [self.id], "act": act, "reason": "seen"}).encode()
        answer = program.send("/api/quarantine/acts", body, Content_Type="application/json",
                              X_CSRF_Token=program.token())
        assert answer.status == 200, answer.text
        return answer.json()

    def approval(self):
        [entry] = self.gateway.queue("list", "held")["messages"]
        return {"act": "approve", "proposed_at": entry["hold"]["case"]["proposal"]["at"]}


RELEASE = {"act": "release"}
RELOAD = {"do": "policy", "ask": "reload"}


def refusal(told):
    [[_, why]] = told["refused"]
    return why


@pytest.fixture
def held(home, far_end):
    console = Console(home / "console", OPTIONAL)
    for name, uid in ("ann", ANN), ("bob", BOB):
        console.add(name, "approver")
        console.account("unix-user", name, str(uid))
    more = f"\n[quarantine]\nfour_eyes = 0\n{console.settings}"
    gateway = Gateway(home / "gateway", [route("*", far_end.port)], policies=holds_all_alike(home), more=more)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("[node]\n", f'[node]\ncontrol_group = "{os.getgid()}"\n', 1))
    with gateway:
        yield Held(gateway, console)


def test_what_somebody_proposes_at_one_door_they_do_not_approve_at_the_other(held, far_end):
    assert held.in_the_console("ann", RELEASE)["proposed"] == 1
    assert "proposed yourself" in refusal(held.at_the_socket(ANN, held.approval()))
    assert "may be you" in refusal(held.at_the_socket(STRANGER, held.approval()))
    assert "may be you" in refusal(held.at_the_socket(0, held.approval()))
    assert not copies(far_end)
    assert held.at_the_socket(BOB, held.approval())["done"] == 1
    wait_until("it arrives", lambda: copies(far_end))
    handled = [line for line in held.gateway.audited("handled") if line["action"] == "release"]
    assert [line["by"] for line in handled] == ["bob"]


def test_root_proposes_nothing_and_two_users_without_accounts_are_two(held, far_end):
    assert "several can be root" in refusal(held.at_the_socket(0, RELEASE))
    assert held.at_the_socket(STRANGER, RELEASE)["proposed"] == 1
    [refused] = held.in_the_console("ann", held.approval())["refused"]
    assert "may be you" in refused["why"]
    assert "proposed yourself" in refusal(held.at_the_socket(STRANGER, held.approval()))
    assert held.at_the_socket(OTHER, held.approval())["done"] == 1
    wait_until("it arrives", lambda: copies(far_end))


def test_a_locked_account_is_locked_at_both_doors(held):
    held.console.account("lock", "ann")
    assert "roles do not allow" in held.at_the_socket(ANN, RELEASE)["why"]
    elsewhere = {"do": "redirect", "id": held.id, "to": "smtp://127.0.0.1:9", "reason": "seen"}
    for request in {"do": "list", "selection": "all"}, {"do": "retry", "id": None}, elsewhere, RELOAD:
        answer = held.asked_by(ANN, request)
        assert (answer["answer"], "roles of ann do not allow" in answer["why"]) == ("refused", True), (request, answer)
        assert held.asked_by(STRANGER, request) != answer
    denied = [line for line in held.gateway.audited("deed") if (line["kind"], line["by"]) == ("denied", "ann")]
    assert [line["words"] for line in denied][-4:] == ["trace messages", *["operate the gateway"] * 3]

"""How a policy goes live in a running gateway: reloads good and faulty, two
officers, a start with faulty files, a trial that is returned from, and reloads
under load."""

import itertools
import json
import os
import pathlib
import re
import smtplib
import subprocess
import threading
import time

import pytest

import clients
from console import Console, signed_in
from gateway import Gateway, postern, route
from messages import message
from processes import as_root, wait_until

OFFICER = "ig@nhs.test.example"
POLICY = f"""\
officers = ["{OFFICER}"]
[levels]
0 = "a"
1 = "b"
2 = "c"
3 = "d"
4 = "e"

[[invariant]]
name = "nothing to x.test.example is relayed"
never = {{ recipient_domain = "x.test.example", disposition = "relay" }}
"""
RULE = """\
[[rule]]
name = "what goes to x.test.example"
when = {{ recipient_domain = "x.test.example" }}
then = "{then}"
reason = "It may not go to {{recipient}} now."

[[rule]]
name = "every message says which policy it has met"
when = {{}}
add_headers = {{ X-Met = "{then}" }}
"""
CASE = """\
name = "a message to x.test.example"
from = "a@nhs.test.example"
facts = {{}}
[[expect]]
to = "b@x.test.example"
then = "{then}"
"""
HELD = "b@x.test.example"
TRIAL = '\n[going_live.canary]\nshare = "50%"\nlasts = "{lasts}"\nleast_messages = 20\nhold_rate = "{band}"\n'
SECOND_OFFICER = '\n[going_live]\napproval = "second officer"\n'


class Policies:
    """A folder of a small policy, and what is asked of the gateway about it."""

    def __init__(self, home, far_end, more=""):
        self.folder = home / "policies"
        (self.folder / "tests").mkdir(parents=True)
        self.console = Console(home / "console", 'second_factor = "optional"')
        self.console.add("jane.doe", "operator")
        self.put("hold")
        more += self.console.settings
        self.gateway = Gateway(home / "gateway", [route("*", far_end.port)], self.folder, more=more)
        self.audit = self.gateway.home / "data/audit/audit.jsonl"

    def put(self, then, case=None):
        for path, text in {
            "policy.toml": POLICY, "domains.toml": "", "classification.toml": "",
            "rules.toml": RULE.format(then=then), "tests/case.toml": CASE.format(then=case or then),
        }.items():
            (self.folder / path).write_text(text)

    def ask(self, *arguments, code=0):
        done = postern("policy", "--control", self.gateway.home / "control.sock", *arguments)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def waits(self):
        return [waiting["version"] for waiting in self.status()["waiting"]]

    def metric(self, line):
        return line in self.gateway.http("/metrics")[1]

    def lines(self, event):
        lines = map(json.loads, self.audit.read_text().splitlines())
        return [line for line in lines if line["event"] == event]

    def met(self, far_end, number=0):
        """What a message from one of many senders meets."""
        subject = f"Rota {number} {time.monotonic()}"
        with clients.connect(self.gateway) as client:
            sender = f"person{number}@nhs.test.example"
            code, text = clients.submit(client, message(subject=subject), ["c@y.test.example"], sender=sender)
            assert code == 250, text
        [mail] = wait_until("it comes", lambda: [m for m in far_end.received if m.header("Subject") == [subject]])
        return mail.header("X-Met")[0]


@pytest.fixture
def start(home, far_end):
    """Starts a gateway with a folder of its own and more of postern.toml."""
    started = []

    def begin(more=""):
        policies = Policies(home, far_end, more)
        policies.gateway.start()
        started.append(policies.gateway)
        return policies

    yield begin
    for gateway in started:
        gateway.stop()


def test_a_good_reload_decides_and_is_named_everywhere(start, far_end):
    policies = start()
    assert policies.met(far_end) == "hold"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (policies.folder / ".git").mkdir()
    (policies.folder / ".git/HEAD").write_text(commit)
    policies.put("reject")
    answer = policies.ask("reload")
    assert answer.startswith("LIVE  "), answer
    version = policies.status()["live"]
    assert policies.met(far_end) == "reject"
    wait_until("its audit line", lambda: policies.lines("decision")[-1]["policy"] == version[:12])
    assert policies.lines("decision")[-1]["commit"] == commit
    assert policies.metric(f'postern_policy_info{{commit="{commit}",version="{version[:12]}"}} 1')
    assert policies.lines("policy")[-1]["version"] == version[:12]
    assert version[:12] in policies.ask("history") and commit in policies.ask("status")
    # And by a signal, which answers nobody.
    policies.put("defer")
    policies.gateway.reload()
    wait_until("the new policy", lambda: policies.status()["live"] != version)
    assert policies.met(far_end) == "defer"


@pytest.mark.parametrize(("reason", "spoil", "told"), [
    ("read", lambda folder: folder.rename(folder.with_name("away")), "policies"),
    ("check", lambda folder: (folder / "rules.toml").write_text(RULE.format(then="hodl")), "rules.toml:4"),
    ("test", lambda folder: (folder / "tests/case.toml").write_text(CASE.format(then="reject")), "case.toml:6"),
    ("prove", lambda folder: [(folder / "rules.toml").write_text(""),
                              (folder / "tests/case.toml").write_text(CASE.format(then="relay"))], "policy.toml:10"),
])
def test_a_faulty_reload_changes_nothing_and_says_why_everywhere(start, far_end, reason, spoil, told):
    policies = start()
    spoil(policies.folder)
    answer = policies.ask("reload", code=1)
    assert "REFUSED" in answer
    refused = policies.status()["refused"]
    assert refused["reason"] == reason and told in refused["headline"]
    assert told in policies.ask("status")
    assert policies.met(far_end) == "hold"
    assert policies.metric(f'postern_policy_refusals_total{{reason="{reason}"}} 1')
    assert policies.metric('postern_policy_refused 1')
    log = next(line for line in policies.gateway.log().splitlines() if "policy refused" in line)
    assert told in log
    assert told in signed_in(policies.console, "jane.doe").send("/").text
    # A signal says the same, in the log.
    policies.gateway.reload()
    wait_until("it is refused again", lambda: policies.metric(f'refusals_total{{reason="{reason}"}} 2'))


def test_a_restart_with_faulty_files_goes_on_with_what_was_live(start, far_end):
    policies = start()
    policies.put("reject")
    policies.ask("reload")
    version = policies.status()["live"]
    policies.gateway.kill()
    (policies.folder / "rules.toml").write_text("[[rule]]\nnmae = 1\n")
    policies.gateway.start()
    assert policies.met(far_end) == "reject"
    status = policies.status()
    assert status["live"] == version and status["refused"]["reason"] == "check"
    assert "the version that was live decides" in policies.gateway.log()
    notices = wait_until("officers hear", lambda: [m for m in far_end.received if OFFICER in m.forward_paths])
    assert len(notices) == 1 and "without the policy" in notices[0].header("Subject")[0]
    # Its files can be had back.
    policies.ask("show", version[:12], "--to", policies.folder)
    policies.ask("reload")
    assert policies.status()["refused"] is None


def test_two_officers(start, far_end):
    policies = start(SECOND_OFFICER)
    policies.put("reject")
    answer = policies.ask("propose", "--officer", "Anna Ashe", "--reason", "partners have left")
    assert answer.startswith("WAITING")
    assert policies.met(far_end) == "hold"
    assert policies.metric("postern_policy_pending 1")
    [version] = policies.waits()
    assert "the second officer" in policies.ask("approve", "--help")
    assert "another officer" in policies.ask("approve", version, "--officer", "anna ashe", code=1)
    policies.ask("approve", version[:8], "--officer", "Ben Birch", code=2)
    # What waits is kept over a power cut.
    policies.gateway.kill()
    assert policies.lines("policy_step")[-1]["step"] == "proposed"
    policies.gateway.start()
    assert policies.waits() == [version] and policies.met(far_end) == "hold"
    assert policies.ask("approve", version, "--officer", "Ben Birch", "--comment", "seen").startswith("LIVE")
    assert policies.met(far_end) == "reject"
    assert policies.metric("postern_policy_pending 0")
    wait_until("audit", lambda: [line["step"] for line in policies.lines("policy_step")][-3:]
               == ["proposed", "approved", "live"])
    proposed, approved, _ = policies.lines("policy_step")[-3:]
    assert (proposed["officer"], approved["officer"], approved["reason"]) == ("Anna Ashe", "Ben Birch", "seen")
    assert proposed["version"] == approved["version"] == version
    waiting = [m for m in far_end.received if OFFICER in m.forward_paths]
    assert waiting and version in waiting[0].reading("plain").replace("\n", "")


# As another account of the operating system: what the control socket answers.
ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.connect(sys.argv[1])
    control.sendall(sys.argv[2].encode() + b"\\n")
    print(control.makefile().readline())
"""
NOBODY = 65534


def ask_as(uid, policies, **request):
    line = json.dumps({"do": "policy"} | request)
    command = ["/usr/bin/python3", "-c", ASK, policies.gateway.home / "control.sock", line]
    # Capabilities go with the account.
    account = as_root("setpriv", f"--reuid={uid}", f"--regid={os.getgid()}", "--clear-groups")
    done = subprocess.run([*account, *command], capture_output=True, text=True, check=True, cwd="/")
    return json.loads(done.stdout)


def test_one_account_is_one_officer_whatever_names_it_writes(home, far_end):
    policies = Policies(home, far_end, SECOND_OFFICER)
    config = policies.gateway.config
    config.write_text(config.read_text().replace("[node]\n", f'[node]\ncontrol_group = "{os.getgid()}"\n', 1))
    with policies.gateway:
        policies.put("reject")
        assert ask_as(NOBODY, policies, ask="propose", officer="Anna")["came_to"] == "waiting"
        [version] = policies.waits()
        declined = ask_as(NOBODY, policies, ask="approve", version=version, officer="Ben")
        assert f"uid {NOBODY} stands for this version already" in declined["why"]
        assert ask_as(NOBODY - 1, policies, ask="approve", version=version, officer="Ben")["came_to"] == "live"
        wait_until("audit", lambda: len([line for line in policies.lines("policy_step") if line["uid"]]) >= 3)
        steps = [line for line in policies.lines("policy_step") if line["uid"]]
        assert [(line["step"], line["officer"], line["uid"]) for line in steps][:2] == [
            ("proposed", "Anna", NOBODY), ("approved", "Ben", NOBODY - 1)]


def test_a_trial_that_leaves_its_band_is_returned_from(start, far_end):
    policies = start(TRIAL.format(lasts="1h", band="0%..10%"))
    before = policies.status()["live"]
    policies.put("reject")
    assert policies.ask("reload").startswith("ON TRIAL")
    version = policies.status()["canary"]["version"]
    met = {number: policies.met(far_end, number) for number in range(12)}
    assert set(met.values()) == {"hold", "reject"}
    assert {number: policies.met(far_end, number) for number in range(12)} == met
    # What it rejects is beyond its band.
    with clients.connect(policies.gateway) as client:
        for number in range(120):
            clients.submit(client, message(), [HELD], sender=f"person{number}@nhs.test.example")
            if policies.status()["canary"] is None:
                break
    wait_until("its end", lambda: policies.status()["canary"] is None)
    status = policies.status()
    assert status["live"] == before and status["refused"]["reason"] == "returned"
    assert {policies.met(far_end, number) for number in range(12)} == {"hold"}
    assert policies.metric('postern_policy_refusals_total{reason="returned"} 1')
    wait_until("officers hear", lambda: any("was returned from" in m.header("Subject")[0]
                                            for m in far_end.received if OFFICER in m.forward_paths))
    wait_until("audit", lambda: policies.lines("policy_step")[-1]["step"] == "returned")
    assert policies.lines("policy_step")[-1]["version"] == version
    # Neither a signal nor a restart brings it back.
    policies.ask("reload", code=1)
    policies.gateway.stop()
    policies.gateway.start()
    assert policies.status()["live"] == before
    assert policies.ask("propose", "--officer", "Anna", "--reason", "the band was wrong").startswith("ON TRIAL")


def test_a_trial_without_fault_takes_over_also_after_a_power_cut(start, far_end):
    policies = start(TRIAL.format(lasts="25s", band="0%..100%"))
    policies.put("reject")
    policies.ask("reload")
    version = policies.status()["canary"]["version"]
    for number in range(60):
        policies.met(far_end, number)
    counted = policies.status()["canary"]["messages"]
    assert counted >= 20
    record = policies.gateway.home / "data/policies/record.json"
    wait_until("it is written", lambda: json.loads(record.read_text())["canary"]["counted"]["messages"] == counted)
    policies.gateway.kill()
    policies.gateway.start()
    assert (policies.status()["canary"] or {"messages": counted})["messages"] == counted
    wait_until("it takes over", lambda: policies.status()["live"] == version, 60)
    assert {policies.met(far_end, number) for number in range(6)} == {"reject"}
    assert policies.ask("return", "--officer", "Anna", "--reason", "a mistake").startswith("LIVE")
    assert {policies.met(far_end, number) for number in range(6)} == {"hold"}


def test_reloads_under_load_decide_no_message_by_half_a_policy(start, far_end):
    """Every message goes to two recipients: one is stopped as the policy says,
    the other's copy bears its name. Both must be the one that the audit line
    names."""
    policies = start("\n[going_live]\nkeep = 4\n")
    stop, sent, faults = threading.Event(), [], []

    def send():
        try:
            while not stop.is_set():
                with smtplib.SMTP("127.0.0.1", policies.gateway.port, timeout=30) as client:
                    for _ in range(20):
                        mail = message(subject=f"Rota {time.monotonic()}")
                        code, _ = clients.submit(client, mail, [HELD, "c@y.test.example"])
                        sent.append(code)
        except Exception as fault:  # noqa: BLE001
            faults.append(fault)

    senders = [threading.Thread(target=send) for _ in range(3)]
    [sender.start() for sender in senders]
    names = {}
    for round_ in range(200):
        then = ("reject", "hold")[round_ % 2]
        policies.put(then)
        version = json.loads(policies.ask("reload", "--json"))["version"]
        names[version[:12]] = then
    stop.set()
    [sender.join() for sender in senders]
    assert not faults and set(sent) == {250} and len(names) == 2
    wait_until("all decisions are told", lambda: len(policies.lines("decision")) >= len(sent))
    decisions = policies.lines("decision")
    by_version = {}
    for line in decisions:
        dispositions = {one["recipient"]: one["disposition"] for one in line["recipients"]}
        assert dispositions == {HELD: names[line["policy"]], "c@y.test.example": "relay"}, line
        by_version[line["policy"]] = by_version.get(line["policy"], 0) + 1
    assert set(by_version) == set(names) and len(decisions) >= 500, by_version
    # What is held says the same in the queue as in the trail.
    said = {line["id"]: line["policy"] for line in decisions}
    copies = {copy["id"]: line["id"] for line in policies.lines("accepted") for copy in line["copies"]}
    held = policies.gateway.queue("list", "held")["messages"]
    assert held and all(said[copies[one["id"]]] == one["policy"] for one in held)
    # The copies that went on bear what the audit line of their message names.
    named = {line["id"]: names[line["policy"]] for line in decisions}
    wait_until("all has gone", lambda: not policies.gateway.queue("list", "active")["messages"], 120)
    checked = 0
    for received in [m for m in far_end.received if m.forward_paths == ["c@y.test.example"]]:
        queue_id = re.search(r"\bid (\S+?);?\s", " ".join(received.header("Received")[0].split()) + " ")[1]
        assert received.header("X-Met") == [named[copies.get(queue_id, queue_id)]]
        checked += 1
    assert checked == len(sent)


MANY_DOMAINS = "".join(f"""
[[domain]]
name = "d{number}.test.example"
clearance = 3
tls = "verified"
mx_names = ["mx.d{number}.test.example"]
owner = "Council {number}"
evidence = "Agreed in writing."
review = 2099-01-01
""" for number in range(1000))


def resident(pid):
    """KiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def test_reloads_do_not_grow_memory(start):
    policies = start("\n[going_live]\nkeep = 4\n")
    numbers = itertools.count()

    def reloads(count):
        for number in range(count):
            policies.put(("reject", "hold")[number % 2])
            # Each version is one that was not there before.
            (policies.folder / "domains.toml").write_text(MANY_DOMAINS + f"# {next(numbers)}\n")
            policies.ask("reload")

    reloads(30)
    before = resident(policies.gateway.pid())
    reloads(60)
    after = resident(policies.gateway.pid())
    # A policy that was not let go takes more than twice that each, and the
    # allocator's own ups and downs far less.
    assert after - before < 60 * 300, (before, after)
    kept = list((policies.gateway.home / "data/policies/versions").glob("*.json"))
    assert len(kept) == 4

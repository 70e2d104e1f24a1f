"""What replay and explain foretell of a tightened policy, against what the
gateway then does with the same mail."""

import io
import json
import shutil
import zipfile

import clients
from gateway import DOMAIN, Gateway, postern, route
from messages import SENDER, discharge_summary, message
from processes import wait_until

WEB, COUNCIL, PARTNER, OURS = (
    "someone@webmail.example", "desk@somecouncil.gov.uk", "someone@gov.test.example", f"ward9@{DOMAIN}",
)
HOSPICE = "desk@hospice.nhs.test.example"

# Each asks for another fact; they overlap, so that the strictest must win.
TIGHTER = """
[[rule]]
name   = "no programs outside"
when   = { direction = "outbound", destination = ["approved", "internet"], attachment_types = ["executable", "macro"] }
then   = "reject"
reason = "Programs are not sent by mail. Ask your service desk for another way."

[[rule]]
name   = "nobody outside sees many others"
when   = { direction = "outbound", visible_recipients = ">=5" }
then   = "hold"
tell   = ["sender"]
reason = "Others would see these addresses. Use Bcc."

[[rule]]
name = "what came in clear leaves encrypted"
when = { direction = "outbound", arrival = "clear", clearance = ">=3" }
tls  = "verified"

[[rule]]
name        = "old TLS is pointed out"
when        = { tls_version = ["1.2", "1.3"], recipient = "%(web)s" }
tag_subject = "[TLS]"

[[rule]]
name   = "the hospice writes to its own"
when   = { direction = "outbound", organisation = "ZZ999", destination = "internet" }
then   = "hold"
tell   = ["sender"]
reason = "This stays in the house. Ask the office for another way."

[[rule]]
name   = "never on any day"
when   = { direction = "outbound", sender = "%(sender)s", recipient_domain = "nights.test.example", time = [{ to = "12:00" }, { from = "12:00" }] }
then   = "defer"
reason = "This goes later. Send it by day, or ring the office."
""" % {"web": WEB, "sender": SENDER}


def with_file(recipient, name, octets):
    mail = message(f"The file {name}", recipient)
    mail.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    return mail


def packed(**files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, octets in files.items():
            writer.writestr(name, octets)
    return archive.getvalue()


def to_many(recipient):
    mail = message("The group meets on Monday", recipient)
    del mail["To"]
    mail["To"] = ", ".join(f"patient{number}@webmail.example" for number in range(6))
    return mail


def round_of_mail():
    """Mail, its sender, its recipients, and whether it is handed over under
    TLS."""
    program = b"MZ\x90\0" + bytes(60) + b"PE\0\0" + bytes(64)
    return [
        (message("A rota", WEB), SENDER, [WEB], False),
        (message("A rota over TLS", WEB), SENDER, [WEB, PARTNER], True),
        (message("To the council", COUNCIL), SENDER, [COUNCIL, PARTNER], False),
        (message("To our own", OURS), SENDER, [OURS], False),
        (discharge_summary(PARTNER), SENDER, [PARTNER, OURS], False),
        (discharge_summary(WEB), SENDER, [WEB, PARTNER], True),
        (with_file(WEB, "letter.pdf", program), SENDER, [WEB], False),
        (with_file(PARTNER, "letters.zip", packed(setup=program)), SENDER, [PARTNER, OURS], False),
        (with_file(PARTNER, "table.csv", b"name;number\r\n"), SENDER, [PARTNER], False),
        (to_many(WEB), SENDER, [WEB, OURS], False),
        (message("From the hospice", WEB), HOSPICE, [WEB, PARTNER], False),
        (message("By night", "desk@nights.test.example"), SENDER, ["desk@nights.test.example"], False),
        (message("OFFICIAL-SENSITIVE: the minutes", WEB), SENDER, [WEB], False),
        (message("[secure] A rota", PARTNER), SENDER, [PARTNER], False),
    ]


def send_all(gateway):
    for mail, sender, recipients, tls in round_of_mail():
        with clients.connect(gateway, tls=tls) as client:
            clients.submit(client, mail, recipients, sender)


def trail(gateway):
    text = (gateway.home / "data/audit/audit.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def decisions(gateway, count):
    """Of all submitted mail so far, in order: refused mail has one too."""
    def told():
        found = [line for line in trail(gateway) if line["event"] == "decision"]
        return found if len(found) >= count else None
    found = wait_until(f"{count} decisions", told)
    assert len(found) == count
    return found


def tightened(policies, folder):
    shutil.copytree(policies, folder)
    with open(folder / "rules.toml", "a") as rules:
        rules.write(TIGHTER)
    settings = folder / "policy.toml"
    text = settings.read_text()
    assert 'mode = "observe"' in text
    settings.write_text(text.replace('mode = "observe"\nenforce_to = ["held.test.example"]', 'mode = "enforce"'))


def outcome(recorded):
    """All that is decided of a copy: what is said of it too."""
    return {key: recorded.get(key) for key in
            ("recipient", "disposition", "rule", "tls", "redirect", "fallback", "observed", "matched", "adds", "tell")}


def replayed(*arguments):
    done = postern("replay", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_foretold_is_what_the_gateway_then_does(home, far_end):
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    # A domain below ours that has a file of its own; it is entitled as ours is.
    gateway.config.write_text(gateway.config.read_text().replace(
        f'local_domains = ["{DOMAIN}"]', f'local_domains = ["{DOMAIN}", "hospice.{DOMAIN}"]'))
    with gateway:
        send_all(gateway)
        mails = len(round_of_mail())
        before = decisions(gateway, mails)
        new = home / "tighter"
        tightened(gateway.policies, new)

        # Foretold, one by one and as a whole.
        foretold = []
        for decision in before:
            asked = postern("explain", decision["id"], "--audit", gateway.home / "data/audit",
                            "--policies", new, "--config", gateway.config, "--json")
            assert asked.returncode == 0, asked.stderr
            answer = json.loads(asked.stdout)
            assert answer["facts"] == decision["facts"]
            assert [outcome(one) for one in answer["recipients"]] == [outcome(one) for one in decision["recipients"]]
            foretold.append([one["outcome"] for one in answer["now"]["recipients"]])
        whole = replayed("--policies", new, "--config", gateway.config, "--since", "1h")
        assert (whole["messages"], whole["not_asked"], whole["unread"]["damaged"]) == (mails, [], 0)

        # The same from a file of facts, from standard input, and by the folder.
        audit = gateway.home / "data/audit/audit.jsonl"
        domains = ["--local", DOMAIN, "--local", f"hospice.{DOMAIN}"]
        assert replayed("--policies", new, *domains, audit) == whole
        assert replayed("--policies", new, *domains, "--data", gateway.home / "data") == whole
        piped = audit.read_text()
        done = postern("replay", "--json", "--policies", new, *domains, "-", input=piped)
        assert json.loads(done.stdout) == whole
        # Under the policies that decided, nothing changes.
        same = replayed("--policies", gateway.policies, "--config", gateway.config)
        assert (same["changes"], same["unchanged"]) == ([], same["copies"])
        assert same["policy"] in same["decided_by"]

        # Now it is done. The shipped cases are not about these rules.
        shutil.rmtree(gateway.policies / "tests")
        for name in ("rules.toml", "policy.toml"):
            shutil.copy(new / name, gateway.policies / name)
        gateway.reload()
        wait_until("the new policies decide", lambda: any(
            line["event"] == "policy" and line["version"] == whole["policy"] for line in trail(gateway)))
        send_all(gateway)
        after = decisions(gateway, 2 * mails)[mails:]

        assert [line["policy"] for line in after] == [whole["policy"]] * mails
        for mail, expected, decision in zip(round_of_mail(), foretold, after, strict=True):
            found = [outcome(one) for one in decision["recipients"]]
            assert found == [outcome(one) for one in expected], mail[0]["Subject"]

        check_sums(whole, before, after)
        # The tightening did tighten, by every one of its rules.
        rules = {cause.get("rule") for cause in (entry["what"]["cause"] for entry in whole["changes"])
                 if isinstance(cause, dict)}
        assert {"no programs outside", "nobody outside sees many others", "the hospice writes to its own",
                "never on any day"} <= rules, rules
        told = {tuple(sorted(entry["what"]["effect"])) for entry in whole["changes"] if isinstance(entry["what"]["effect"], dict)}
        assert {("disposition",), ("tls",), ("gains",)} <= told, told


def check_sums(whole, before, after):
    """The counts are those of what really became otherwise."""
    pairs = [(old, new) for was, now in zip(before, after, strict=True)
             for old, new in zip(was["recipients"], now["recipients"], strict=True)]
    assert whole["copies"] == len(pairs)
    moved = {}
    for old, new in pairs:
        if old["disposition"] != new["disposition"]:
            key = (old["disposition"], new["disposition"])
            moved[key] = moved.get(key, 0) + 1
    counted = {}
    for entry in whole["changes"]:
        effect = entry["what"]["effect"]
        if isinstance(effect, dict) and "disposition" in effect:
            key = (effect["disposition"]["from"], effect["disposition"]["to"])
            counted[key] = counted.get(key, 0) + entry["count"]["copies"]
    assert counted == moved
    held = [sum(any(one["disposition"] == "hold" for one in line["recipients"]) for line in lines)
            for lines in (before, after)]
    assert [whole["held_before"], whole["held_after"]] == held and held[1] > held[0]


def test_damaged_lines_and_gaps_are_told_and_stop_nothing(home, far_end):
    with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        with clients.connect(gateway) as client:
            for _ in range(3):
                clients.submit(client, message("A rota", WEB), [WEB])
        lines = [json.dumps(line) for line in decisions(gateway, 3)]
        first = json.loads(lines[0])
        for fact in ("attachment_types", "visible_recipients", "tls_version", "received_at"):
            first["facts"].pop(fact, None)
        later = {**first, "v": 2}
        facts = home / "facts.jsonl"
        facts.write_text("\n".join([json.dumps(first), lines[1][:90], "}{", json.dumps(later), lines[2], lines[1][:-9]]))
        new = home / "tighter"
        tightened(gateway.policies, new)
        report = replayed("--policies", new, "--local", DOMAIN, facts)
        assert report["messages"] == 2
        assert report["unread"] == {"damaged": 3, "later": 1}
        assert report["not_asked"] == [{"what": {"fact": "attachment_types"}, "count": 1}]
        shown = postern("replay", "--policies", new, "--local", DOMAIN, facts)
        assert "1 copy could not be asked again: a rule asks for `attachment_types`" in " ".join(shown.stdout.split())

        # What is not there at all is another matter.
        empty = home / "empty.jsonl"
        empty.write_text("")
        assert postern("replay", "--policies", new, empty).returncode == 66
        assert postern("replay", "--policies", new, home / "nothing").returncode == 66
        assert postern("replay", "--policies", home / "nowhere", facts).returncode == 66
        (new / "rules.toml").write_text("[[rule]]\n")
        assert postern("replay", "--policies", new, facts).returncode == 78


def test_explain_finds_a_message_by_the_running_gateway(home, far_end):
    with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        held = "reception@held.test.example"
        with clients.connect(gateway) as client:
            clients.submit(client, discharge_summary(held), [held, OURS])
        (entry,) = gateway.queue("list", "held")["messages"]
        shown = postern("explain", entry["id"], "--control", gateway.home / "control.sock",
                        "--config", gateway.config)
        assert shown.returncode == 0, shown.stderr
        page = " ".join(shown.stdout.split())
        assert "Decision hold" in page and held in page and OURS in page
        assert "Decided by patient data only goes where it is cleared to go" in page
        assert "These are the policies that decided" in page
        assert "Zelda" not in page and "999 000 0018" not in page

        # Another folder says otherwise of it, and says so.
        loose = home / "loose"
        shutil.copytree(gateway.policies, loose)
        (loose / "rules.toml").write_text("")
        shown = postern("explain", entry["id"], "--audit", gateway.home / "data/audit", "--policies", loose,
                        "--local", DOMAIN)
        page = " ".join(shown.stdout.split())
        assert f"{held}: relay" in page and "instead of hold by" in page, page
        assert postern("explain", "01dcayhax6g00", "--audit", gateway.home / "data/audit").returncode == 66

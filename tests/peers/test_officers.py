"""An officer's night: a message held at level 4 is found, seen masked, revealed,
proposed and approved by two people without a mouse; and nothing of another
organisation's mail is to be seen by any way that the console has."""

import io
import json
import re
import urllib.parse

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

import clients
from browser import Tab
from console import PASSWORD, code, signed_in
from gateway import postern
from messages import message
from officers import ALPHA, BRAVO, CODES, DATE, HELD, House, nhs_number
from processes import wait_until


# ---- One message, two people, no mouse --------------------------------------

IN_TEXT, IN_LETTER, IN_REPORT = (nhs_number(serial) for serial in (101, 202, 303))
BORN, PATIENT = "02/03/1981", "Zelda Testperson"
# As they stand, and as somebody could put them together again.
SECRETS = [form for number in (IN_TEXT, IN_LETTER, IN_REPORT) for form in (number, number.replace(" ", ""))]
SECRETS += [BORN, PATIENT, "antiretroviral"]


def word_document(number):
    letter = docx.Document()
    letter.add_paragraph(f"Patient: {PATIENT}, NHS number {number}, seen in the HIV clinic.")
    out = io.BytesIO()
    letter.save(out)
    return out.getvalue()


def portable_document(number):
    out = io.BytesIO()
    page = Canvas(out)
    page.drawString(72, 700, f"HIV viral load of NHS number {number}: undetectable")
    page.save()
    return out.getvalue()


def referral(recipient):
    text = (f"Patient: {PATIENT}\nNHS number: {IN_TEXT}\nDate of birth: {BORN}\n\nThank you for seeing this patient "
            "of the sexual health clinic. HIV antiretroviral therapy is unchanged.\n")
    html = f"<html><body><p>Patient: <b>{PATIENT}</b>, NHS number: {IN_TEXT}, born {BORN}: HIV clinic.</p></body></html>\n"
    mail = message("Referral from the bluebell clinic", recipient, text, html)
    mail.add_attachment(word_document(IN_LETTER), "application",
                        "vnd.openxmlformats-officedocument.wordprocessingml.document", filename="letter.docx")
    mail.add_attachment(portable_document(IN_REPORT), "application", "pdf", filename="report.pdf")
    return mail


def sign_in_by_keyboard(tab, name, secret):
    tab.page.goto("/quarantine")
    tab.write("Name", name)
    tab.write("Password", PASSWORD)
    tab.write("Code", code(secret))
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    assert tab.heading() == "Quarantine"


def test_a_message_of_level_4_is_found_judged_by_two_and_arrives_without_a_mouse(home, far_end, chromium):
    with_codes = House(home, far_end, settings="")
    secrets = {name: with_codes.console.add(name, "approver", more=()) for name in ("jane.doe", "joan.roe")}
    with with_codes as house:
        house.held(message("OFFICIAL-SENSITIVE: the rota", f"other@{HELD}"), f"other@{HELD}")
        mail = referral(f"records@{HELD}")
        name = house.held(mail)
        tab = Tab(chromium, house.console.url)
        sign_in_by_keyboard(tab, "jane.doe", secrets["jane.doe"])
        finds(tab)
        sees_it_masked(tab, name)
        reveals(tab, house, name)
        proposes(tab, house, name)
        other = Tab(chromium, house.console.url)
        sign_in_by_keyboard(other, "joan.roe", secrets["joan.roe"])
        approves(other, name)
        arrived = wait_until("it arrives", lambda: house.partner.received)
        assert_is_what_was_sent(arrived, mail)
        is_on_record(other, house, name)
        assert tab.faults == [] and other.faults == []


def finds(tab):
    tab.write("Sender, recipient, subject, rule or id", "BLUEBELL")
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    assert tab.page.locator("caption").inner_text() == "1 held message"
    tab.go_to(tab.page.locator("td.subject a"))
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")


def sees_it_masked(tab, name):
    tab.go_to(tab.page.locator("summary", has_text="as it is laid out"))
    tab.page.keyboard.press("Enter")
    tab.page.frame_locator("iframe.rendering").get_by_text("clinic").first.wait_for()
    shown = tab.everything()
    assert "letter.docx" in shown and "report.pdf" in shown and "seen in the" in shown, "attachments as text"
    by_program = tab.context.request.get(f"/api/quarantine/{name}/view").text()
    for secret in SECRETS:
        assert secret not in shown and secret not in by_program, secret
    # The last digits are left, to be told apart by.
    assert f"••{IN_LETTER[-2:]}" in shown and f"••{IN_REPORT[-2:]}" in shown


def reveals(tab, house, name):
    tab.go_to(tab.page.locator("summary", has_text="Reveal it"))
    tab.page.keyboard.press("Enter")
    tab.press("button", "Reveal")
    tab.page.wait_for_selector(".error-summary")
    assert IN_TEXT not in tab.everything() and house.deeds("revealed") == [], "not without a reason"
    tab.write("Why must you see it as it is?", f"the clinic rang about {IN_TEXT}")
    tab.follow("button", "Reveal")
    shown = tab.page.content()
    for secret in (IN_TEXT, IN_LETTER, IN_REPORT, BORN, PATIENT):
        assert secret in shown, secret
    [line] = house.deeds("revealed")
    assert (line["by"], line["id"]) == ("jane.doe", name)
    assert "the clinic rang about" in line["words"] and IN_TEXT not in line["words"]


def proposes(tab, house, name):
    assert "Two people must agree" in tab.page.locator(".decide").inner_text()
    tab.go_to(tab.page.get_by_label("Propose to release it"))
    tab.go_to(tab.page.locator("#reason"))
    tab.page.keyboard.type("the clinic waits for it")
    tab.follow("button", "Confirm")
    assert "Nothing happens until another" in tab.page.locator(".flash").inner_text()
    decide = tab.page.locator(".decide").inner_text()
    assert "You propose: Release it" in decide and "the clinic waits for it" in decide
    assert tab.page.get_by_label("Approve: it is done at once").count() == 0
    # Nor by a form of one's own.
    fields = {"csrf": tab.page.locator("input[name=csrf]").first.input_value(), "act": "approve", "reason": "me too",
              "proposed_at": tab.page.locator("input[name=proposed_at]").input_value()}
    answer = tab.context.request.post(f"/quarantine/{name}/act", form=fields, headers={"origin": house.console.url})
    assert "another person must approve" in answer.text(), answer.text()
    assert any(entry["id"] == name for entry in house.entries())


def approves(tab, name):
    tab.follow("link", "Waiting for approval")
    tab.go_to(tab.page.locator("td.subject a"))
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    assert tab.page.url.endswith(name)
    assert IN_TEXT not in tab.page.content(), "what one has revealed the other has not"
    decide = tab.page.locator(".decide").inner_text()
    assert "jane.doe proposes: Release it" in decide and "the clinic waits for it" in decide
    assert tab.page.get_by_label("Release", exact=True).count() == 0, "what is proposed is decided first"
    tab.go_to(tab.page.get_by_label("Approve: it is done at once"))
    tab.page.keyboard.press("Space")
    tab.go_to(tab.page.locator("#reason"))
    tab.page.keyboard.type("read and agreed")
    tab.follow("button", "Confirm")
    assert "Approved, and done" in tab.page.locator(".flash").inner_text()


def assert_is_what_was_sent(arrived, mail):
    """Once, with its Date and every octet of its own; ours are added."""
    [received] = arrived
    sent = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    header, body = sent.split(b"\r\n\r\n", 1)
    assert received.header("Date") == [DATE] and received.tls == "TLSv1.3"
    came_header, came_body = received.content.split(b"\r\n\r\n", 1)
    assert came_header.endswith(header) or header in came_header, "no field of its own is touched"
    arrived_parts = {part.get_filename(): part for part in received.parsed().iter_attachments()}
    for part in mail.iter_attachments():
        assert part.as_bytes(policy=mail.policy.clone(linesep="\r\n")) in received.content
        assert arrived_parts[part.get_filename()].get_content() == part.get_content()
    added = [line for line in came_body.splitlines() if line not in body.splitlines()]
    assert b"postern lab tag line" in b"\n".join(added)
    # Its own octets stay in their order; the tag line comes between them, in HTML before the body ends.
    at = 0
    for piece in body.replace(b"</body>", b"\0</body>").split(b"\0"):
        for line in piece.splitlines():
            at = came_body.find(line, at) + len(line)
            assert at >= len(line), line


def is_on_record(tab, house, name):
    tab.follow("link", "Audit")
    tab.follow("button", "Verify the whole trail")
    assert "The trail is whole" in tab.page.locator(".inset").first.inner_text()
    tab.write("Queue id", name)
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    told = tab.page.locator("table.trail").inner_text()
    assert "jane.doe" in told and "joan.roe" in told and IN_TEXT not in told
    [release] = [line for line in house.gateway.audited("handled") if line["id"] == name]
    assert (release["action"], release["by"]) == ("release", "joan.roe")
    assert "jane.doe had proposed it: the clinic waits for it" in release["reason"]
    # Searches are entries too: those of the page are not yet settled in a copy of the folder.
    done = postern("audit", "--json", "verify", "--audit", house.gateway.home / "data/audit")
    assert json.loads(done.stdout)["intact"], done.stdout
    trail = (house.gateway.home / "data/audit/audit.jsonl").read_text() + house.gateway.log()
    for secret in SECRETS[:-1]:
        assert secret not in trail, secret


# ---- One organisation's eyes ------------------------------------------------

# Of the other's message, in all that could be shown of it.
SUBJECT, SENDER, RECIPIENT, ASKED = "Snowdrop rota", f"betty@{BRAVO}", f"bertha@{HELD}", "my primrose reason"
WORDS = ["snowdrop", "betty", "bertha", "primrose"]
# How an officer calls a search that they keep.
VIEW = "theirs"


@pytest.fixture
def houses(home, far_end):
    """Each organisation has a held message; the sender of the second has asked."""
    house = House(home, far_end)
    console = house.console
    console.add("alpha.admin", "local-administrator", more=("--no-second-factor", "--organisation", CODES[ALPHA]))
    console.add("bravo.admin", "local-administrator", more=("--no-second-factor", "--organisation", CODES[BRAVO]))
    console.add("jane.doe", "approver")
    with house:
        house.alpha = house.held(message("OFFICIAL-SENSITIVE: own", f"anna@{HELD}"), f"anna@{HELD}")
        marked = f"OFFICIAL-SENSITIVE: {SUBJECT}"
        house.bravo = house.held(message(marked, RECIPIENT, f"About {WORDS[0]}.\n"), RECIPIENT, SENDER)
        house.bravo_link = house.link(house.bravo)
        stranger = signed_out(console)
        asked = stranger.send(house.bravo_link, {"kind": "release", "why": ASKED})
        assert asked.status == 200, asked.text
        yield house


def signed_out(console):
    from console import Program
    return Program(console.url)


def filled(house, name):
    """What stands for a parameter of the API: whatever leads to the other's message."""
    known = {"id": house.bravo, "text": WORDS[0], "sender": SENDER, "recipient": RECIPIENT, "domain": HELD,
             "organisation": CODES[BRAVO]}
    return known.get(name)


# What a program sends to do something; a new route is added here.
def bodies(house):
    reject = {"act": "reject"}
    return {
        "/api/quarantine/acts": [
            {"ids": [house.bravo], "act": reject, "reason": "not mine"},
            {"ids": [house.bravo], "act": {"act": "release"}, "reason": "not mine"},
            {"ids": [house.bravo], "act": {"act": "extend", "until": 4_000_000_000_000}, "reason": "not mine"},
            {"filter": {"text": WORDS[0]}, "act": reject, "reason": "not mine"},
            {"filter": {"organisation": CODES[BRAVO]}, "act": reject, "reason": "not mine"},
        ],
        "/api/quarantine/{id}/reveal": [{"reason": "curious"}],
        "/api/quarantine/{id}/export": [{"reason": "curious", "passphrase": "correct horse battery"}],
    }


def asked_of_everything(house, program, description):
    """(method and path, answer) of each route, asked for the other's message."""
    token = program.token()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            own = path.replace("{id}", house.bravo).replace("{name}", VIEW)
            assert "{" not in re.sub(r"\{version\}", "", own), f"{path}: say here what its parameters are"
            own = own.replace("{version}", "0" * 64)
            named = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            asked = {name: filled(house, name) for name in named if filled(house, name)}
            queries = [{}] + [{name: value} for name, value in asked.items()]
            for query in queries:
                url = f"{own}?{urllib.parse.urlencode(query)}" if query else own
                if method == "get":
                    yield f"get {url}", program.send(url)
                    continue
                for body in bodies(house).get(path, [{}]):
                    octets = json.dumps(body).encode()
                    yield f"{method} {url} {body}", program.send(
                        url, octets, method.upper(), content_type="application/json", x_csrf_token=token)


def mentions(house, answer):
    text = answer.text.lower()
    return [word for word in WORDS if word in text]


def test_no_route_of_the_api_gives_a_local_administrator_anything_of_another_organisation(houses):
    house = houses
    officer = signed_in(house.console, "jane.doe")
    view = {"name": VIEW, "query": f"text={WORDS[0]}"}
    kept = officer.send("/api/quarantine/views", json.dumps(view).encode(), content_type="application/json",
                        x_csrf_token=officer.token())
    assert kept.status == 200, kept.text
    program = signed_in(house.console, "alpha.admin")
    description = program.send("/api/openapi.json").json()
    answers = list(asked_of_everything(house, program, description))
    assert len(answers) > 20
    told = {what: mentions(house, answer) for what, answer in answers if answer.status < 300}
    assert not any(told.values()), {what: words for what, words in told.items() if words}
    # By its id it is not there: not "forbidden", which would say that it is.
    for what, answer in answers:
        if house.bravo in what.split("{")[0].split("?")[0] and what.startswith("get"):
            assert answer.status in (403, 404), (what, answer.status)
    listed = program.send("/api/quarantine").json()
    assert [entry["id"] for entry in listed["entries"]] == [house.alpha] and listed["total"] == 1
    assert program.send(f"/api/quarantine?text={WORDS[0]}").json()["total"] == 0
    overview = program.send("/api/overview").json()
    assert (overview["held"], sum(level["messages"] for level in overview["held_by_level"])) == (1, 1)
    # Nothing was done to it, and nothing seen; nor to what others keep.
    assert officer.send("/api/quarantine/views").json() == {"views": [view]}
    [entry] = [entry for entry in house.entries() if entry["id"] == house.bravo]
    case = entry["hold"]["case"]
    assert "proposal" not in case and "extended_to" not in case and not case["legal_hold"]
    assert [line for line in house.deeds("revealed", "exported", "viewed") if line.get("id") == house.bravo] == []


def test_the_same_questions_give_everything_to_whoever_may_see_it(houses):
    """Without which the test before could not fail."""
    house = houses
    for name in ("bravo.admin", "jane.doe"):
        program = signed_in(house.console, name)
        for path in ("/api/quarantine", f"/api/quarantine/{house.bravo}", f"/api/quarantine/{house.bravo}/view",
                     f"/api/quarantine?text={WORDS[0]}", "/quarantine", f"/quarantine/{house.bravo}"):
            assert mentions(house, program.send(path)), (name, path)
        for path in (f"/api/trace/{house.bravo}", f"/trace/{house.bravo}", f"/trace?search=yes&sender={SENDER}"):
            assert house.bravo in program.send(path).text, (name, path)
    assert signed_in(house.console, "jane.doe").send("/api/overview").json()["held"] == 2


def test_no_page_leads_a_local_administrator_to_another_organisations_mail(houses, chromium):
    house = houses
    tab = Tab(chromium, house.console.url).sign_in("alpha.admin")
    seen, to_see = set(), ["/"] + [
        f"{page}{house.bravo}{end}" for page, end in
        [("/quarantine/", ""), ("/quarantine/", "/rendering"), ("/trace/", ""), ("/quarantine?text=", ""),
         ("/trace?search=yes&id=", ""), ("/audit?search=yes&id=", "")]
    ] + [f"/quarantine?text={WORDS[0]}", f"/quarantine?organisation={CODES[BRAVO]}", "/quarantine?state=requested",
         f"/trace?search=yes&sender={SENDER}", f"/trace?search=yes&recipient={RECIPIENT}"]
    while to_see:
        path = to_see.pop()
        seen.add(path)
        answer = tab.page.goto(path)
        # What was asked for stands in the search's own field.
        text = tab.page.evaluate("""() => {
            for (const field of document.querySelectorAll('input, option')) field.remove();
            for (const link of document.links) if (link.search) link.removeAttribute('href');
            return document.documentElement.outerHTML }""").lower()
        assert not [word for word in WORDS if word in text], path
        if house.bravo in path.split("?")[0]:
            assert answer.status in (403, 404), path
        links = tab.page.evaluate("[...document.links].map(link => link.getAttribute('href'))")
        to_see += {link for link in links if link and link.startswith("/") and link not in seen and link not in to_see}
    assert "/quarantine" in seen and f"/quarantine/{house.alpha}" in seen and "/try" in seen
    # In one act for many, theirs alone are meant, whatever is ticked.
    program = signed_in(house.console, "alpha.admin")
    csrf = program.token()
    for which in ({"which": "these", "id": house.bravo}, {"which": "all", "query": f"organisation={CODES[BRAVO]}"}):
        assert not mentions(house, program.send("/quarantine/bulk", {"csrf": csrf, **which}))
        program.send("/quarantine/bulk/act", {"csrf": csrf, "act": "reject", "reason": "not mine", **which})
    for end, fields in [("act", {"act": "reject", "reason": "x"}), ("reveal", {"reason": "x"}),
                        ("export", {"reason": "x", "passphrase": PASSWORD})]:
        answer = program.send(f"/quarantine/{house.bravo}/{end}", {"csrf": csrf, **fields})
        assert answer.status in (403, 404), (end, answer.status)
    assert {entry["id"] for entry in house.entries()} == {house.alpha, house.bravo}


def test_a_senders_link_is_for_one_message_and_says_no_more_than_the_notice(houses):
    house = houses
    anybody = signed_out(house.console)
    own = house.link(house.alpha)
    page = anybody.send(house.bravo_link)
    assert page.status == 200 and house.bravo in page.text and not mentions(house, page)
    # Neither changed nor put together of two does it lead anywhere.
    token = house.bravo_link.removeprefix("/request/")
    last = "A" if token[-1] != "A" else "B"
    mixed = [token[:-1] + last, token[:len(token) // 2] + own.removeprefix("/request/")[len(token) // 2:], house.bravo,
             token.upper(), token + "a", token[:-1], "..%2f" + token]
    for forged in mixed:
        answer = anybody.send(f"/request/{forged}", {"kind": "release", "why": "forged"})
        assert answer.status == 404, (forged, answer.status)
    [entry] = [entry for entry in house.entries() if entry["id"] == house.bravo]
    assert [one["justification"] for one in entry["hold"]["case"]["requests"]] == [ASKED]

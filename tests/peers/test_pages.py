"""Every page of the console with a night's mail in it, and empty: fit for
whoever has no mouse, no script, no good eyes or a telephone. With
POSTERN_SCREENSHOTS=DIR their pictures are kept there, to be looked at."""

import os
import pathlib
import re

import pytest

from browser import DESKTOP, TELEPHONE, Tab
from console import Program, signed_in
from messages import message
from officers import ALPHA, CODES, HELD, House, night
from processes import wait_until

WIDTHS = {"1280": DESKTOP, "390": TELEPHONE}
# What each Tab must leave a mark of: an outline or a shadow that was not there.
FOCUS = """element => { const style = getComputedStyle(element);
    return style.outlineStyle !== 'none' && style.outlineColor !== 'rgba(0, 0, 0, 0)' || style.boxShadow !== 'none' }"""


@pytest.fixture
def house(home, far_end):
    """A night's mail; two messages in special states, of which `proposed` is
    one that another officer wants released."""
    house = House(home, far_end)
    console = house.console
    console.add("jane.doe", "approver", "operator")
    console.add("joan.roe", "officer")
    console.add("alpha.admin", "local-administrator", more=("--no-second-factor", "--organisation", CODES[ALPHA]))
    console.add("op", "operator")
    console.add("auditor", "auditor")
    with house:
        night(house)
        specially = [entry["id"] for entry in house.entries() if entry["level"] == 4]
        house.proposed, house.asked = specially[0], house.entries()[0]["id"]
        joan = signed_in(console, "joan.roe")
        done = joan.send(f"/quarantine/{house.proposed}/act", {
            "csrf": joan.token(), "act": "release", "recipient": f"hospice@{HELD}",
            "reason": "The hospice has rung: the patient arrives tonight."})
        assert done.status == 303, done.text
        why = "The surgery needs this before eight: the patient is seen at half past."
        Program(console.url).send(house.link(house.asked), {"kind": "release", "why": why})
        yield house


def looked_at(tab, name, found):
    """Notes what is wrong with the page as it stands, opened wherever it can be."""
    tab.page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
    wrong = tab.axe()
    if tab.widest():
        wrong.append(f"wider than the window by {tab.widest()}")
    tab.page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = false)")
    found[name] = wrong
    if folder := os.environ.get("POSTERN_SCREENSHOTS"):
        file = re.sub(r"\W+", "-", name).strip("-")
        width = tab.page.viewport_size["width"]
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        tab.page.screenshot(path=f"{folder}/{file}-{width}.png", full_page=True)


def everything_of_an_officer(house, tab, found):
    """Each page as somebody comes by it in a night."""
    def goes_to(name, path):
        tab.page.goto(path)
        looked_at(tab, name, found)

    goes_to("overview", "/")
    goes_to("quarantine", "/quarantine")
    goes_to("quarantine narrowed", "/quarantine?level=3&text=ward")
    goes_to("quarantine nothing found", "/quarantine?text=nobody-wrote-this")
    goes_to("quarantine wrong", "/quarantine?level=nine&since=yesterday")
    goes_to("message", f"/quarantine/{house.asked}")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Confirm").click()
    looked_at(tab, "message, no reason", found)
    goes_to("message proposed", f"/quarantine/{house.proposed}")
    tab.page.goto("/quarantine")
    tab.page.locator("td.tick input").first.check()
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Decide on those ticked").click()
    looked_at(tab, "decide on many", found)
    with tab.page.expect_navigation():
        tab.page.locator("button[type=submit]", has_text="Do it to").click()
    looked_at(tab, "decide on many, no reason", found)
    goes_to("trace", "/trace")
    goes_to("trace found", "/trace?search=yes")
    goes_to("trace nothing found", "/trace?search=yes&sender=nobody@x.example")
    goes_to("trace of one", f"/trace/{house.proposed}")
    goes_to("partners", "/partners")
    goes_to("policy", "/policy")
    file = tab.page.locator("a[href^='/policy/file']", has_text="rules.toml").get_attribute("href")
    goes_to("policy file", file)
    goes_to("try", "/try")
    tab.page.get_by_label("From", exact=True).fill(f"ward7@{ALPHA}")
    tab.page.get_by_label("To", exact=True).fill(f"gp@{HELD}, gp@gov.test.example")
    tab.page.get_by_label("Message", exact=True).fill(message("Rota", html="<p>The <b>rota</b></p>").as_string())
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Try it").click()
    looked_at(tab, "tried", found)
    goes_to("audit", "/audit")
    goes_to("audit found", "/audit?search=yes")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Verify the whole trail").click()
    looked_at(tab, "audit verified", found)
    goes_to("account", "/account")
    goes_to("not found", "/nowhere")


def what_others_meet(house, tab, found):
    """Signed out, refused, and those who may do less."""
    def goes_to(name, path):
        tab.page.goto(path)
        looked_at(tab, name, found)

    goes_to("sign in", "/sign-in")
    tab.sign_in("nobody", "wrong as can be")
    looked_at(tab, "sign in, refused", found)
    goes_to("request", house.link(house.proposed))
    with tab.page.expect_navigation():
        tab.page.evaluate("document.querySelector('main form').noValidate = true")
        tab.page.get_by_role("button", name="Send to the officers").click()
    looked_at(tab, "request, no reason", found)
    tab.page.get_by_label("It must go, and this is why").check()
    tab.page.get_by_label("Why", exact=True).fill("They wait for it.")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Send to the officers").click()
    looked_at(tab, "request sent", found)
    goes_to("request of nothing", "/request/nothing")
    for who, path in [("joan.roe", f"/quarantine/{house.proposed}"), ("alpha.admin", "/"),
                      ("alpha.admin", f"/quarantine/{house.asked}"), ("auditor", f"/quarantine/{house.proposed}"),
                      ("op", "/"), ("op", "/quarantine")]:
        tab.context.clear_cookies()
        tab.sign_in(who)
        goes_to(f"{who} {path.split('/')[-1] and path.split('/')[1]}", path)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_fit_for_everybody_at_every_width(house, chromium, width):
    found = {}
    officer = Tab(chromium, house.console.url, WIDTHS[width])
    everything_of_an_officer(house, officer.sign_in("jane.doe"), found)
    other = Tab(chromium, house.console.url, WIDTHS[width])
    what_others_meet(house, other, found)
    assert not any(found.values()), {name: wrong for name, wrong in found.items() if wrong}
    assert len(found) > 30 and officer.faults == [] and other.faults == []


@pytest.mark.parametrize("width", WIDTHS)
def test_empty_pages_and_a_lock_out_are_fit_too(home, far_end, chromium, width):
    house, found = House(home, far_end), {}
    house.console.add("jane.doe", "approver")
    with house:
        tab = Tab(chromium, house.console.url, WIDTHS[width]).sign_in("jane.doe")
        for path in ("/", "/quarantine", "/trace?search=yes", "/partners", "/audit?search=yes&by=nobody"):
            tab.page.goto(path)
            looked_at(tab, f"empty {path}", found)
        for _ in range(6):
            tab.context.clear_cookies()
            tab.sign_in("jane.doe", "guessed")
        assert "Wait 15 minutes" in tab.page.content()
        looked_at(tab, "locked out", found)
        assert not any(found.values()), found


def test_whoever_has_no_mouse_always_sees_where_they_are(house, chromium):
    tab = Tab(chromium, house.console.url).sign_in("jane.doe")
    for path in ("/", "/quarantine", f"/quarantine/{house.asked}", f"/quarantine/{house.proposed}", "/trace?search=yes",
                 "/partners", "/policy", "/try", "/audit", "/account", "/sign-in"):
        tab.page.goto(path)
        stops = 0
        while stops < 150:
            tab.page.keyboard.press("Tab")
            focused = tab.page.evaluate_handle("document.activeElement").as_element()
            if focused.evaluate("element => element === document.body"):
                break
            stops += 1
            assert focused.evaluate(FOCUS), f"{path}: {focused.evaluate('element => element.outerHTML')[:200]}"
        assert stops > 4, path


def test_all_of_it_works_without_a_script(house, chromium):
    tab = Tab(chromium, house.console.url, java_script_enabled=False).sign_in("jane.doe")
    page = tab.page
    page.goto("/quarantine")
    page.get_by_label("Sender, recipient, subject, rule or id").fill("hospice")
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator("td.subject a").first.click()
    page.goto(f"/quarantine/{house.proposed}")
    page.locator("summary", has_text="Reveal it").click()
    page.get_by_label("Why must you see it as it is?").fill("to be sure")
    page.get_by_role("button", name="Reveal", exact=True).click()
    assert "999 000" in page.content()
    page.get_by_label("Approve: it is done at once").check()
    page.locator("#reason").fill("agreed")
    page.get_by_role("button", name="Confirm").click()
    assert "Approved, and done" in page.content()
    wait_until("it arrives", lambda: house.partner.received)
    page.locator("td.tick input").first.check()
    page.get_by_role("button", name="Decide on those ticked").click()
    assert tab.heading() == "Decide on 1 message"

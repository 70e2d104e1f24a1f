"""The console's door, in headless Chromium and as programs find it: who gets
in, how, and what every page is held to."""

import http.server
import ssl
import subprocess
import sys
import threading

import pytest

import clients
from authority import Authority
from browser import DESKTOP, TELEPHONE, Tab
from console import PASSWORD, Console, Program, code, signed_in
from gateway import Gateway, route
from messages import message
from processes import free_port, wait_until

# Every page of the console, those of refusals too. A new one is added here.
PAGES = ["/", "/account", "/nowhere"]
SIGNED_OUT = ["/sign-in"]
OPTIONAL = 'second_factor = "optional"'


@pytest.fixture
def console(home):
    """A gateway whose console takes a password alone, with an officer."""
    console = Console(home / "console", OPTIONAL)
    console.add("jane.doe", "approver", "operator")
    with Gateway(home / "gateway", [route("*", free_port())], more=console.settings) as console.gateway:
        yield console


def deeds(console, *kinds):
    lines = console.gateway.audited("deed")
    return [(line["kind"], line["by"]) for line in lines if line["kind"] in kinds]


def on_record(console, *told):
    kinds = {kind for kind, _ in told}
    wait_until(f"{told} is on record", lambda: deeds(console, *kinds) == list(told))


def test_an_officer_signs_in_with_password_and_code_and_out_again_by_keyboard_alone(home, chromium):
    console = Console(home / "console")
    secret = console.add("jane.doe", "approver", more=())
    with Gateway(home / "gateway", [route("*", free_port())], more=console.settings) as console.gateway:
        tab = Tab(chromium, console.url)
        page = tab.page
        page.goto("/account")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
        for label, text in [("Name", "jane.doe"), ("Password", PASSWORD), ("Code", code(secret))]:
            while not page.get_by_label(label, exact=True).evaluate("field => field === document.activeElement"):
                page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_url(console.url + "/account")
        assert tab.heading() == "Your account", "where they wanted to go"
        tab.press_until("Tab", "link", "Overview")
        page.keyboard.press("Enter")
        page.wait_for_url(console.url + "/")
        assert page.get_by_role("link", name="Overview").get_attribute("aria-current") == "page"
        tab.press_until("Tab", "button", "Sign out")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign-in")
        page.go_back()
        assert tab.heading() == "Sign in", "what was shown is not kept"
        on_record(console, ("signed_in", "jane.doe"), ("signed_out", "jane.doe"))
        assert tab.faults == []


def test_a_code_is_asked_for_and_good_once(home):
    console = Console(home / "console")
    secret = console.add("jane.doe", "officer", more=())
    with Gateway(home / "gateway", [route("*", free_port())], more=console.settings) as console.gateway:
        now = code(secret)
        refused = Program(console.url).sign_in("jane.doe")
        assert refused.status == 403
        assert signed_in(console, "jane.doe", code=now).send("/account").status == 200
        again = Program(console.url).sign_in("jane.doe", code=now)
        assert (again.status, again.wrong()) == (403, refused.wrong()), "nobody learns which of them was wrong"
        assert signed_in(console, "jane.doe", code=code(secret, steps=1)).send("/account").status == 200


def test_whoever_guesses_is_told_nothing_and_then_shut_out(console, chromium):
    tab = Tab(chromium, console.url)
    answers = set()
    for _ in range(5):
        tab.sign_in("jane.doe", "a guess of somebody")
        assert tab.page.evaluate("document.activeElement.className") == "error-summary", "it is read out"
        answers.add(tab.page.locator(".error-summary li").inner_text())
    assert len(answers) == 2, answers
    tab.sign_in("jane.doe")
    assert "Wait 15 minutes" in tab.page.locator(".error-summary").inner_text()
    assert tab.page.title().startswith("Error: ")
    on_record(console, ("locked_out", "jane.doe"))
    assert deeds(console, "signed_in") == []
    assert tab.faults == []


def test_another_page_of_the_same_machine_cannot_act_for_an_officer(console, chromium):
    """The hardest case: to the cookie it is the same site."""
    form = f"""<form method=post action="{console.url}/account/sign-out-everywhere">
               <input name=csrf value=guessed></form><script>document.forms[0].submit()</script>"""

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(form.encode())

        def log_message(self, *_):
            pass

    tab = Tab(chromium, console.url).sign_in("jane.doe")
    with http.server.HTTPServer(("127.0.0.1", 0), Evil) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        tab.page.goto(f"http://127.0.0.1:{evil.server_port}/")
        tab.page.wait_for_url("**/account/sign-out-everywhere")
        evil.shutdown()
    assert tab.heading() == "That was not sent from here"
    on_record(console, ("denied", "jane.doe"))
    assert deeds(console, "signed_out") == []
    tab.page.goto("/account")
    assert tab.heading() == "Your account"


def test_the_session_is_a_secret_of_this_host_and_another_one_after_each_sign_in(home, chromium):
    authority = Authority()
    certificate, key = authority.issue(home, "127.0.0.1")
    settings = f'{OPTIONAL}\ncertificate = "{certificate}"\nkey = "{key}"'
    console = Console(home / "console", settings, scheme="https")
    console.add("jane.doe", "officer")
    with Gateway(home / "gateway", [route("*", free_port())], more=console.settings):
        tab = Tab(chromium, console.url).sign_in("jane.doe")
        [first] = tab.context.cookies()
        assert first["name"] == "__Host-postern" and first["path"] == "/" and first["domain"] == "127.0.0.1"
        assert first["secure"] and first["httpOnly"] and first["sameSite"] == "Lax" and first["expires"] == -1
        answer = tab.page.goto("/account")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        tab.page.get_by_role("button", name="Sign out", exact=True).click()
        tab.page.wait_for_url("**/sign-in")
        [second] = tab.sign_in("jane.doe").context.cookies()
        assert second["value"] != first["value"]
        tab.context.add_cookies([first])
        tab.page.goto("/account")
        assert tab.heading() == "Sign in", "a session that was ended stays so"


def test_a_client_certificate_stands_for_an_account(home):
    authority, stranger = Authority(), Authority("Another authority")
    certificate, key = authority.issue(home, "127.0.0.1")
    anchors = authority.write(home / "ca.pem")
    settings = f'certificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{anchors}"'
    console = Console(home / "console", settings, scheme="https")
    console.add("siem", "auditor", more=("--no-password", "--certificate", "siem.test.example"))

    def program(*shown):
        tls = ssl.create_default_context(cafile=anchors)
        if shown:
            tls.load_cert_chain(*shown)
        return Program(console.url, tls)

    with Gateway(home / "gateway", [route("*", free_port())], more=console.settings) as console.gateway:
        siem = program(*authority.issue(home, "siem.test.example"))
        who = siem.send("/api/session").json()
        assert who["name"] == "siem" and "csrf" not in who
        assert siem.send("/").status == 303, "a person's browser says that it wants to"
        assert siem.send("/sign-in/certificate", {"next": "/account"}).status == 303
        assert siem.send("/account").status == 200
        assert program().send("/api/session").status == 401
        assert program(*authority.issue(home, "other.test.example")).send("/api/session").status == 401
        with pytest.raises(OSError):
            program(*stranger.issue(home, "siem.test.example")).send("/api/session")
        on_record(console, ("signed_in", "siem"))


def test_an_account_that_is_locked_or_gone_is_out_at_once(console):
    console.add("joe", "officer")
    jane, joe = signed_in(console, "jane.doe"), signed_in(console, "joe")
    console.account("lock", "jane.doe")
    wait_until("she is out", lambda: jane.send("/account").status == 303)
    assert joe.send("/account").status == 200
    assert Program(console.url).sign_in("jane.doe").status == 403
    console.account("unlock", "jane.doe")
    console.account("remove", "joe")
    wait_until("he is out", lambda: joe.send("/account").status == 303)
    assert Program(console.url).sign_in("jane.doe").status == 303


@pytest.mark.parametrize("viewport", [DESKTOP, TELEPHONE], ids=["desktop", "telephone"])
def test_pages_are_fit_for_everybody_and_ask_for_nothing_from_outside(console, chromium, viewport):
    with clients.connect(console.gateway) as client:
        assert clients.submit(client, message(subject="Rota"), ["b@x.test.example"])[0] == 250
    tab = Tab(chromium, console.url, viewport)
    found = {}
    for path in [*SIGNED_OUT, *PAGES]:
        if path == PAGES[0]:
            tab.sign_in("jane.doe", "wrong as can be")
            found["a form with faults"] = tab.axe()
            tab.sign_in("jane.doe")
        answer = tab.page.goto(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        found[path] = tab.axe()
        assert tab.widest() == 0, f"{path} is wider than the window"
    assert not any(found.values()), found
    tab.page.goto("/")
    assert tab.page.locator("svg rect").count() == 1, "the message that has come"
    assert tab.faults == []


def test_whatever_is_sent_to_the_api_is_answered_as_its_description_says(console):
    program = signed_in(console, "jane.doe")
    [cookie] = program.cookies
    # What a description cannot say is refused all the same: a version that waits for nobody, an empty address.
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", console.url + "/api/openapi.json",
         "--exclude-checks", "positive_data_acceptance",
         "--header", f"Cookie: {cookie.name}={cookie.value}", "--header", f"X-CSRF-Token: {program.token()}",
         "--max-examples", "25", "--generation-deterministic", "--request-timeout", "10", "--no-color"],
        capture_output=True, text=True, check=False, cwd=console.gateway.home, timeout=280)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert program.send("/api/session").status == 200, "and its session has outlived it"

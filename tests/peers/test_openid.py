"""Sign-in by OpenID Connect, against a provider that others have written."""

import contextlib

import pytest

from authority import Authority
from browser import TELEPHONE, Tab
from console import Console, signed_in
from gateway import Gateway, postern, route
from openid import Person, Provider, parameter, with_parameter
from processes import free_port, wait_for_port, wait_until

OPTIONAL = 'second_factor = "optional"'
STRAY = "begun in another browser, took too long, or was used before"
UNTRUSTED = "cannot be trusted"


@contextlib.contextmanager
def house(home, settings=OPTIONAL, scheme="http", **more):
    """A gateway whose console a provider vouches for people at, and which has
    an account of its own."""
    console = Console(home / "console", settings, scheme)
    console.add("joe.bloggs", "officer")
    with Provider(home, Authority(), console, **more) as console.provider, started(home, console):
        yield console


@contextlib.contextmanager
def started(home, console):
    with Gateway(home / "gateway", [route("*", free_port())], more=console.settings) as console.gateway:
        # Mail comes in by a door that is opened before this one.
        wait_for_port(console.port, console.gateway.process)
        yield


@pytest.fixture
def console(home):
    with house(home) as console:
        yield console


def deeds(console, *kinds):
    lines = console.gateway.audited("deed")
    return [(line["kind"], line["by"], line.get("words")) for line in lines if line["kind"] in kinds]


def told(console, words):
    """That this is on record as the last failure, by nobody who is known."""
    line = ("sign_in_failed", "unknown", f"by OpenID Connect: {words}")
    wait_until(f"{line} is on record", lambda: deeds(console, "sign_in_failed")[-1:] == [line])


def refused(answer, words, status=403):
    assert (answer.status, len(answer.wrong())) == (status, 1), answer.text
    assert words in answer.wrong()[0], answer.wrong()
    cookies = answer.headers.get_all("set-cookie") or []
    assert all("Max-Age=0" in cookie for cookie in cookies), cookies


def test_an_officer_signs_in_with_the_provider_and_out_of_both(home, chromium):
    authority = Authority()
    certificate, key = authority.issue(home, "127.0.0.1")
    settings = f'{OPTIONAL}\ncertificate = "{certificate}"\nkey = "{key}"'
    with house(home, settings, "https") as console:
        tab = Tab(chromium, console.url, viewport=TELEPHONE)
        page, issuer = tab.page, console.provider.issuer
        # Its pages ask the internet for their letters.
        tab.context.route("**/fonts.googleapis.com/**", lambda route: route.abort())
        page.goto("/account")
        assert (tab.axe(), tab.widest()) == ([], 0)
        tab.press_until("Tab", "link", "Sign in with Wisteria login")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{issuer}/interaction/**")
        page.get_by_placeholder("Enter any login").fill("jane")
        page.get_by_placeholder("and password").fill("x")
        page.get_by_role("button", name="Sign-in").click()
        page.wait_for_url(console.url + "/account")
        assert tab.heading() == "Your account", "where they wanted to go"
        assert page.locator(".who-name").inner_text().endswith("openid:jane.doe@nhs.example")
        cookies = {cookie["name"]: cookie for cookie in tab.context.cookies(console.url)}
        assert "__Host-postern-openid" not in cookies, "what bound the sign-in to the browser is gone"
        session = cookies["__Host-postern"]
        assert session["httpOnly"] and session["secure"] and session["sameSite"] == "Lax"
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url(console.url + "/signed-out")
        assert tab.heading() == "You are signed out"
        assert (tab.axe(), tab.widest()) == ([], 0)
        page.get_by_role("link", name="Sign out of Wisteria login too").click()
        page.wait_for_url(f"{issuer}/session/end**")
        page.get_by_role("button", name="Yes, sign me out").click()
        page.wait_for_url(console.url + "/sign-in**")
        page.goto("/account")
        assert tab.heading() == "Sign in"
        page.get_by_role("link", name="Sign in with Wisteria login").click()
        page.wait_for_url(f"{issuer}/interaction/**")
        name = "openid:jane.doe@nhs.example"
        expected = [("signed_in", name, "by OpenID Connect, subject jane"), ("signed_out", name, None)]
        wait_until("both are on record", lambda: deeds(console, "signed_in", "signed_out") == expected)
        elsewhere = ("https://fonts.googleapis.com", issuer)
        assert [fault for fault in tab.faults if not any(one in fault for one in elsewhere)] == []


def test_what_the_provider_says_of_somebody_makes_them_what_they_are_here(console):
    jane, ward = (Person(console, console.provider) for _ in range(2))
    answer = jane.comes_in_as("jane")
    assert (answer.status, answer.headers["location"]) == (303, "/account"), answer.text
    session = jane.send(console.url + "/api/session").json()
    assert (session["name"], session["roles"]) == ("openid:jane.doe@nhs.example", ["officer"])
    assert ward.comes_in_as("ward").status == 303
    assert "<dd>rxx</dd>" in ward.send(console.url + "/account").text, "whose mail they may see"
    assert ward.send(console.url + "/audit").status == 403
    # Local accounts go on beside it.
    assert signed_in(console, "joe.bloggs").send("/account").status == 200


def test_whoever_has_no_role_here_is_told_so_and_gets_nothing(console):
    for name, by, why in [
        ("joe", "openid:joe@nhs.example", "no value of the claim `roles` gives a role here"),
        ("nowhere", "openid:nowhere", "a local administrator of no organisation"),
        ("nameless", "unknown", "the claim `preferred_username` is missing, or cannot be a name here"),
    ]:
        person = Person(console, console.provider)
        refused(person.comes_in_as(name), "nothing it says of you gives you access here")
        assert person.send(console.url + "/account").status == 303
        line = ("sign_in_failed", by, f"by OpenID Connect: {why}")
        wait_until(f"{line} is on record", lambda: deeds(console, "sign_in_failed")[-1:] == [line])
    assert deeds(console, "signed_in") == []


def test_an_answer_is_good_once_and_in_the_browser_that_asked_for_it(console):
    jane, stranger = (Person(console, console.provider) for _ in range(2))
    answer = jane.vouched("jane")
    refused(stranger.send(answer), STRAY)
    told(console, "an answer to no sign-in of this browser")
    refused(jane.send(answer), STRAY)

    answer = jane.follow(jane.begin())
    refused(jane.send(with_parameter(answer, "state", "made-up")), STRAY)
    assert jane.send(answer).status == 303, "which was not theirs to use"
    refused(jane.send(answer), STRAY)

    # Somebody else's answer, which a page has this browser bring: nobody is
    # signed in as somebody they are not.
    theirs = Person(console, console.provider).vouched("ward")
    refused(stranger.send(theirs), STRAY)
    wait_until("one has signed in, once", lambda: len(deeds(console, "signed_in")) == 1)


def test_a_code_of_another_sign_in_is_good_for_nothing(console):
    jane, thief = (Person(console, console.provider) for _ in range(2))
    stolen = parameter(jane.vouched("jane"), "code")
    refused(thief.send(with_parameter(thief.vouched("joe"), "code", stolen)), UNTRUSTED)
    told(console, "the provider takes the code for none of ours")
    answer = jane.follow(jane.begin())
    used = parameter(answer, "code")
    assert jane.send(answer).status == 303
    again = Person(console, console.provider)
    refused(again.send(with_parameter(again.vouched("joe"), "code", used)), UNTRUSTED)


def test_what_the_browser_brings_beside_the_code_is_looked_at(console):
    jane = Person(console, console.provider)
    answer = jane.vouched("jane")
    refused(jane.send(with_parameter(answer, "iss", "https://other.example")), UNTRUSTED)
    told(console, "an answer of another provider")
    # This provider says that it names itself in each answer (RFC 9207).
    refused(jane.send(with_parameter(jane.follow(jane.begin()), "iss", None)), UNTRUSTED)
    without = with_parameter(jane.follow(jane.begin()), "code", None)
    refused(jane.send(without), UNTRUSTED)
    told(console, "an answer without a code")
    refused(jane.send(with_parameter(jane.follow(jane.begin()), "code", "made-up")), UNTRUSTED)
    for said, words, status in [
        ("access_denied", "that you cancelled, or may not use this", 403),
        ("temporarily_unavailable", "cannot sign you in right now", 503),
        ("<script>alert(1)</script>", "did not sign you in", 403),
    ]:
        denied = with_parameter(with_parameter(jane.follow(jane.begin()), "code", None), "error", said)
        answer = jane.send(denied)
        refused(answer, words, status)
        assert "alert(1)" not in answer.text
    assert not any("alert" in line[2] for line in deeds(console, "sign_in_failed"))


def test_whoever_cancels_at_the_provider_is_told_so(console):
    jane = Person(console, console.provider)
    page = jane.send(jane.follow(jane.begin()))
    [abort] = [line for line in page.text.split('"') if line.endswith("/abort")]
    refused(jane.send(jane.follow(console.provider.issuer + abort if abort.startswith("/") else abort)), "cancelled")
    told(console, "the provider says access_denied")


def test_new_keys_of_the_provider_are_taken_up_at_once_but_not_for_ever_so_often(console):
    assert Person(console, console.provider).comes_in_as("jane").status == 303
    console.provider.stop()
    console.provider.start()
    assert Person(console, console.provider).comes_in_as("jane").status == 303
    console.provider.stop()
    console.provider.start()
    refused(Person(console, console.provider).comes_in_as("jane"), UNTRUSTED)
    told(console, "an ID token signed with a key that is not the provider's")


def test_without_the_provider_its_people_wait_and_others_go_on(console):
    jane = Person(console, console.provider)
    answer = jane.vouched("jane")
    console.provider.stop()
    refused(jane.send(answer), "Wisteria login cannot be reached right now", 503)
    assert signed_in(console, "joe.bloggs").send("/account").status == 200
    console.provider.start()
    assert Person(console, console.provider).comes_in_as("jane").status == 303


def test_a_provider_that_others_certify_is_not_the_provider(home):
    console = Console(home / "console", OPTIONAL)
    console.add("joe.bloggs", "officer")
    provider = Provider(home, Authority(), console)
    Authority("Somebody else").write(provider.anchors)
    with provider, started(home, console):
        answer = Person(console, provider).send(console.url + "/sign-in/openid")
        refused(answer, "cannot be reached", 503)
        assert "certificate" in console.gateway.log()


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
def test_a_public_client_needs_no_secret_and_each_usual_signature_is_taken(home, algorithm):
    with house(home, secret=None, algorithm=algorithm, conform=False) as console:
        assert Person(console, console.provider).comes_in_as("jane").status == 303


def test_a_secret_is_taken_up_when_it_changes_and_not_while_others_can_read_it(console):
    provider = console.provider
    for secret, mode, status in [("wrong", 0o600, 503), (None, 0o644, 503), (None, 0o600, 303)]:
        provider.secret.write_text(secret or provider.settings["client"]["client_secret"])
        provider.secret.chmod(mode)
        assert Person(console, provider).comes_in_as("jane").status == status, (secret, mode)
    provider.secret.chmod(0o644)
    done = postern("check", "--config", console.gateway.config)
    assert done.returncode == 1 and "openid-secret-readable" in done.stdout, done.stdout


def test_a_provider_alone_is_a_way_in_and_signing_out_everywhere_ends_all_of_theirs(home):
    console = Console(home / "console", OPTIONAL)
    console.settings = console.settings.replace(f'accounts = "{console.accounts}"\n', "")
    with Provider(home, Authority(), console) as provider, started(home, console):
        one, other = (Person(console, provider) for _ in range(2))
        assert 'name="password"' not in one.send(console.url + "/sign-in").text
        for person in (one, other):
            assert person.comes_in_as("jane").status == 303
        token = one.send(console.url + "/api/session").json()["csrf"]
        out = one.send(console.url + "/account/sign-out-everywhere", {"csrf": token})
        assert (out.status, out.headers["location"]) == (303, "/signed-out")
        assert other.send(console.url + "/account").status == 303, "all of theirs are ended"

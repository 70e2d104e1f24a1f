"""Mail and words that attack whoever looks at them: shown as text, in every
page that shows them. No request leaves, no script runs, nothing that somebody
wrote becomes markup or a header."""

import email.policy
import http.server
import io
import json
import threading
import urllib.parse
import zipfile

import pytest

from browser import Tab
from console import Program, signed_in
from messages import message
from officers import ALPHA, HELD, House
from processes import free_port, wait_until


class Trap(http.server.ThreadingHTTPServer):
    """Whatever a browser fetches of it is in `hits`."""

    daemon_threads = True

    def __init__(self):
        self.hits = []
        super().__init__(("127.0.0.1", free_port()), Sprung)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Sprung(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.hits.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_POST = do_HEAD = do_OPTIONS = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def trap():
    with Trap() as trap:
        threading.Thread(target=trap.serve_forever, daemon=True).start()
        yield trap
        trap.shutdown()


# `TRAP` is where it would be heard of, CANARY what a script would call.
CANARY = "alert('canary')"
MARKUP = """\
<script>CANARY;fetch('TRAP/script')</script><script src="TRAP/script.js"></script>
<img src="TRAP/img.png" onerror="CANARY"><img src=x onerror=CANARY><img srcset="TRAP/set.png 2x">
<picture><source srcset="TRAP/source.webp"><img></picture>
<body onload=CANARY background="TRAP/background.gif"><style>@import url("TRAP/import.css");
body{background:url(TRAP/body.png)} @font-face{font-family:x;src:url(TRAP/font.woff)} p{font-family:x}</style>
<p style="background:url('TRAP/inline.png')">shown to somebody</p>
<svg onload=CANARY><script>CANARY</script><image href="TRAP/svg.png"/><use href="TRAP/use.svg#a"/>
<foreignObject><img src="TRAP/foreign.png"></foreignObject><animate onbegin=CANARY attributeName=x dur=1s></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=CANARY&gt;"></table></math>
<svg></p><style><a id="</style><img src=1 onerror=CANARY>"></style></svg>
<noscript><p title="</noscript><img src=x onerror=CANARY>"></noscript>
<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=CANARY src>"></style></form>
<meta http-equiv="refresh" content="0;url=TRAP/refresh"><meta http-equiv="Content-Security-Policy" content="script-src *">
<base href="TRAP/base/"><link rel="stylesheet" href="TRAP/link.css"><link rel="prefetch" href="TRAP/prefetch">
<link rel="dns-prefetch" href="//127.0.0.1"><link rel="preload" as="image" href="TRAP/preload.png">
<iframe src="TRAP/frame"></iframe><iframe srcdoc="<script>parent.CANARY</script><img src='TRAP/srcdoc.png'>"></iframe>
<object data="TRAP/object"></object><embed src="TRAP/embed"><applet code="TRAP/applet"></applet>
<video src="TRAP/video" poster="TRAP/poster.png" autoplay></video><audio src="TRAP/audio" autoplay></audio>
<form action="TRAP/form" method=post><input name=csrf autofocus onfocus=CANARY><button formaction="javascript:CANARY">go</button>
</form><a href="javascript:CANARY" ping="TRAP/ping">a link</a><a href="data:text/html,<script>CANARY</script>">data</a>
<a href=" java&#9;script:CANARY">tab</a><div onmouseover=CANARY onfocus=CANARY tabindex=1 autofocus>over</div>
<details open ontoggle=CANARY>x</details><marquee onstart=CANARY>m</marquee><input type=image src="TRAP/input.png">
<table background="TRAP/table.png"><tr><td background="TRAP/cell.png">cell</td></tr></table>
<template><img src=x onerror=CANARY></template><plaintext><script>CANARY</script>
"""
# In one line, for subjects, names and words of people.
INLINE = "\"'></title></textarea></script><img src=TRAP/inline onerror=CANARY><script>CANARY</script>{{7*7}}${7*7}"


def armed(text, trap):
    return text.replace("TRAP", trap.url).replace("CANARY", CANARY)


def hostile(trap, recipient):
    """In its body, in a message within, in names of files and in every field."""
    inline = armed(INLINE, trap)
    html = armed(MARKUP, trap)
    inner = message(f"inner {inline}", recipient, "inner text\n", html)
    mail = message(f"OFFICIAL-SENSITIVE: {inline}", recipient, inline + "\n", html)
    del mail["From"]
    mail["From"] = f'"{inline.replace(chr(34), "")}" <ward7@{ALPHA}>'
    mail.add_attachment(inner)
    names = [f"{inline}.html", "../../../../etc/passwd", "C:\\windows\\system32\\x.txt", "invoice\u202Efdp.txt",
             "a.txt; filename=b.exe"]
    for name in names:
        mail.add_attachment(html.encode(), "text", "html", filename=name)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(f"../{inline}.html", html)
    mail.add_attachment(archive.getvalue(), "application", "zip", filename="packed.zip")
    return mail.as_bytes(policy=email.policy.SMTP.clone(max_line_length=900))


def with_injected_fields(trap, recipient):
    """Encoded words and continued parameters that would end a line, if they were decoded too soon."""
    lines = [
        f"From: =?utf-8?q?Ward=0D=0ASet-Cookie=3A_evil=3D1?= <ward7@{ALPHA}>", f"To: {recipient}",
        "Subject: OFFICIAL-SENSITIVE =?utf-8?q?x=0D=0AX-Evil=3A_1=0D=0A=0D=0A=3Cscript=3Ealert=281=29=3C/script=3E?=",
        "Date: Mon, 05 Jan 2026 09:00:00 +0000", "Message-ID: <evil@nhs.test.example>", "MIME-Version: 1.0",
        "Content-Type: text/html; charset=utf-8;",
        " name*=utf-8''%0D%0AX-Evil%3A%201%0D%0A%0D%0A%3Cscript%3Ealert(1)%3C%2Fscript%3E.html", "",
        armed(MARKUP, trap).replace("\n", "\r\n"), "",
    ]
    return "\r\n".join(lines).encode()


class Wary(Tab):
    """Notes dialogs, pages that open, and elements that are none of ours."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.page.on("dialog", self.note_dialog)
        self.context.on("page", lambda page: self.faults.append(f"a page was opened: {page.url}"))

    def note_dialog(self, dialog):
        self.faults.append(f"a script ran: {dialog.message}")
        dialog.dismiss()

    def strange(self):
        """What stands in the page or its frames that we never write."""
        return [one for frame in self.opened() for one in frame.evaluate(STRANGE)]

    def opens_all(self):
        """Opens whatever can be opened, and lets it settle."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        for frame in self.page.locator("iframe.rendering").all():
            frame.scroll_into_view_if_needed()
            frame.content_frame.locator("body").wait_for()
        self.page.wait_for_load_state("networkidle")

    def looks_at(self, path):
        answer = self.page.goto(path)
        self.opens_all()
        assert "x-evil" not in answer.headers and "evil" not in answer.headers.get("set-cookie", ""), path
        assert self.strange() == [], path
        # To where a link leads and what a form sends to is ours as well.
        led = self.page.evaluate("""[...document.querySelectorAll('[href], [action], [src], [formaction]')].flatMap(one =>
            ['href', 'action', 'src', 'formaction'].map(name => one.getAttribute(name))).filter(Boolean)""")
        assert all(one.startswith(("/", "#")) and not one.startswith("//") for one in led), (path, led)
        return answer


# Elements that the console never has, handlers, and inline scripts.
STRANGE = """() => [...document.querySelectorAll('*')].filter(one =>
    ['IMG', 'IMAGE', 'OBJECT', 'EMBED', 'VIDEO', 'AUDIO', 'BASE', 'MATH', 'MARQUEE', 'APPLET', 'PICTURE', 'TEMPLATE',
     'PLAINTEXT', 'NOSCRIPT'].includes(one.tagName.toUpperCase())
    || one.tagName === 'SCRIPT' && !one.src.startsWith(location.origin + '/assets/')
    || one.tagName === 'META' && one.httpEquiv
    || one.hasAttribute('srcdoc') && !(one.matches('iframe.rendering') && one.getAttribute('sandbox') === '')
    || one.tagName === 'LINK' && one.rel !== 'stylesheet'
    || [...one.attributes].some(attribute => attribute.name.startsWith('on'))
).map(one => one.outerHTML.slice(0, 200))"""


def test_the_trap_springs_where_nothing_guards(chromium, trap):
    """What the others look for would be seen."""
    tab = Wary(chromium, trap.url)
    tab.page.route("**/bare", lambda route: route.fulfill(body=armed(MARKUP, trap), content_type="text/html"))
    tab.page.goto("/bare")
    wait_until("requests", lambda: tab.page.wait_for_timeout(100) or len(set(trap.hits)) > 5)
    assert any("a script ran" in fault for fault in tab.faults)


def test_hostile_mail_is_text_wherever_it_is_shown(home, far_end, chromium, trap):
    house = House(home, far_end)
    house.console.add("jane.doe", "approver", "operator")
    recipient = f"records@{HELD}"
    with house:
        names = [house.held_octets(hostile(trap, recipient), recipient),
                 house.held_octets(with_injected_fields(trap, recipient), recipient)]
        tab = Wary(chromium, house.console.url)
        tab.sign_in("jane.doe")
        tab.looks_at("/quarantine")
        for name in names:
            tab.looks_at(f"/quarantine/{name}")
            assert "canary" in tab.page.content(), "its words are shown"
            tab.page.get_by_label("Why must you see it as it is?").fill(armed(INLINE, trap))
            with tab.page.expect_navigation():
                tab.page.get_by_role("button", name="Reveal", exact=True).click()
            tab.looks_at(f"/quarantine/{name}")
            assert "revealed" in tab.page.locator("#message").inner_text()
            frame = tab.looks_at(f"/quarantine/{name}/rendering")
            assert "sandbox" in frame.headers["content-security-policy"]
            tab.looks_at(f"/trace/{name}")
            exports(tab, name, armed(INLINE, trap))
        assert "\u202e" not in tab.page.goto(f"/quarantine/{names[0]}").text(), "no name turns its end round"
        decides_on_all(tab)
        tab.looks_at("/audit?search=yes")
        for field in ("text", "by", "id", "sender", "domain", "rule"):
            tab.looks_at(f"/audit?search=yes&{field}=" + quoted(armed(INLINE, trap)))
            tab.looks_at(f"/quarantine?{field}=" + quoted(armed(INLINE, trap)))
            tab.looks_at(f"/trace?search=yes&{field}=" + quoted(armed(INLINE, trap)))
        assert tab.faults == [] and trap.hits == []


def exports(tab, name, reason):
    """The file is named by the message's id, whatever the message is called."""
    csrf = tab.context.request.get("/api/session").json()["csrf"]
    answer = tab.context.request.post(
        f"/quarantine/{name}/export", headers={"origin": tab.url},
        form={"csrf": csrf, "reason": reason, "passphrase": "correct horse battery"})
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.body())) as packed:
        assert all(one.startswith(name) and "/" not in one for one in packed.namelist()), packed.namelist()


def decides_on_all(tab):
    """The page on which an act for many is confirmed."""
    tab.page.goto("/quarantine")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Decide on all 2").click()
    tab.opens_all()
    assert tab.heading() == "Decide on 2 messages" and tab.strange() == []


def quoted(text):
    return urllib.parse.quote(text, safe="")


def test_a_hostile_message_that_is_tried_is_text_before_and_after(home, far_end, chromium, trap):
    house = House(home, far_end)
    house.console.add("jane.doe", "officer")
    with house:
        tab = Wary(chromium, house.console.url)
        tab.sign_in("jane.doe")
        for content in (hostile(trap, f"a@{HELD}"), with_injected_fields(trap, f"a@{HELD}")):
            tab.page.goto("/try")
            tab.page.get_by_label("From", exact=True).fill(f"ward7@{ALPHA}")
            tab.page.get_by_label("To", exact=True).fill("gp@open.test.example")
            tab.page.get_by_label("Or its file (.eml)").set_input_files(
                {"name": armed(INLINE, trap).replace("/", "_"), "mimeType": "message/rfc822", "buffer": content})
            with tab.page.expect_navigation():
                tab.page.get_by_role("button", name="Try it").click()
            assert "What would become of it" in tab.page.content()
            tab.opens_all()
            assert tab.strange() == []
            assert "shown to somebody" in tab.page.content() and "postern lab tag line" in tab.page.content()
        assert tab.faults == [] and trap.hits == []


def test_hostile_words_of_people_are_text_wherever_they_are_shown(home, far_end, chromium, trap):
    """Reasons, a sender's justification, an organisation's name, a policy that
    is refused for what stands in it, and who a sign-in says they are."""
    inline = armed(INLINE, trap)
    house = House(home, far_end, names=(json.dumps(inline), '"Bravo"'))
    house.console.add("jane.doe", "approver", "operator")
    house.console.add("joan.roe", "approver")
    with house:
        name = house.held(message("OFFICIAL-SENSITIVE: rota", f"a@{HELD}"), f"a@{HELD}")
        stranger = Program(house.console.url)
        link = house.link(name)
        assert stranger.send(link, {"kind": "release", "why": inline}).status == 200
        stranger.sign_in(inline, inline)
        jane = signed_in(house.console, "jane.doe")
        csrf = jane.token()
        for act in ("extend", "legal-hold", "lift-legal-hold", "nonsense"):
            jane.send(f"/quarantine/{name}/act", {"csrf": csrf, "act": act, "until": "2027-01-01", "reason": inline})
        rules = house.gateway.policies / "rules.toml"
        rules.write_text(rules.read_text() + f"\n[[rule]]\nname = {json.dumps(inline)}\nthen = {json.dumps(inline)}\n")
        house.gateway.reload()
        wait_until("the policy is refused", lambda: "inline" in jane.send("/policy").text)
        tab = Wary(chromium, house.console.url)
        tab.looks_at(link)
        tab.looks_at("/sign-in?next=" + quoted(inline))
        tab.sign_in(inline, inline)
        assert tab.strange() == []
        tab.sign_in("jane.doe")
        for path in ("/", "/policy", "/quarantine", f"/quarantine/{name}", "/account", "/partners", "/audit?search=yes",
                     f"/trace/{name}", "/quarantine?state=requested"):
            tab.looks_at(path)
        for path in tab.page.goto("/policy") and tab.page.evaluate(
                "[...document.links].map(link => link.getAttribute('href')).filter(href => href.includes('/policy/file'))"):
            tab.looks_at(path)
        tab.page.goto(f"/quarantine/{name}")
        assert "<img src=" in tab.page.locator("[aria-labelledby=requests]").inner_text(), "as they wrote it"
        assert tab.faults == [] and trap.hits == []

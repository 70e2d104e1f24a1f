"""What a reader sees, in headless Chromium: the tag line once, after the text
and legible, and nothing of the message gone.

Pictures of each message before and after are left in target/tests/pictures."""

import email
import email.policy
import subprocess

import pytest
from gateway import ROOT, postern
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PHRASE = "postern lab tag line"
TEXT = "<p>The clinic moves to <b>Ward 7</b> on Monday.</p><p>Ring the desk with changes.</p>"
SIGNATURE = "<div style='color:#666;font-size:11px'>Jo Example<br>Service desk</div>"

PAGES = {
    "a plain page": f"<html><body>{TEXT}</body></html>",
    "a fragment": TEXT,
    "a paragraph left open": "<p>The clinic moves to <b>Ward 7 on Monday",
    "a table that is the whole page":
        "<html><body bgcolor='#dddddd'><table width='600' align='center' bgcolor='white'><tr><td>"
        f"{TEXT}</td></tr><tr><td>{SIGNATURE}</td></tr></table></body></html>",
    "a table left open": f"<table><tr><td>{TEXT}</td><td>{TEXT}",
    "columns that float": f"<div style='float:left;width:50%'>{TEXT}</div><div style='float:left'>{TEXT}</div>",
    "a dark page": f"<html><body style='background:#111;color:#eee'>{TEXT}{SIGNATURE}</body></html>",
    "small print": f"<body style='font-size:6px;color:#fff;background:#fff'><span style='color:#000'>{TEXT}</span></body>",
    "a script that writes of a body": f"<body>{TEXT}<script>var end = '</body></html>';</script>",
    "a comment with an end in it": f"<html><body>{TEXT}</body><!-- </body></html> --></html>",
    "a comment left open": f"<html><body>{TEXT}<!-- to be continued </body></html>",
    "a style left open": f"<html><body>{TEXT}</body></html><style>p {{ color: black }}",
    "an attribute with an end in it": f"<body>{TEXT}<a title='</body>' href='https://x.example/'>link</a></body>",
    "two pages one after the other": f"<html><body>{TEXT}</body></html><html><body>{TEXT}</body></html>",
    "what Outlook writes":
        "<html xmlns:o='urn:schemas-microsoft-com:office:office'><head><!--[if gte mso 9]><xml></xml><![endif]-->"
        "<style>p.MsoNormal {margin:0cm}</style></head><body lang='EN-GB' link='blue'><div class='WordSection1'>"
        "<p class='MsoNormal'>The clinic moves to Ward 7.<o:p></o:p></p></div></body></html>",
    "written from right to left": "<html dir='rtl'><body><p>مرحبا</p></body></html>",
    "preformatted": "<body><pre>Bed  Name\n 1   A. Example\n 2   B. Example</pre></body>",
    "a list left open": "<ul><li>One<li>Two",
    "a form left open": f"<form><input value='</body>'>{TEXT}",
    "text beyond ASCII": "<html><body><p>Iechyd da – £5 ŵ</p></body></html>",
}

SEEN = """
const text = document.body.innerText;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let box = null, colour = null, size = null, behind = null, direction = null, above = 0, top = null;
while (walker.nextNode()) {
  const node = walker.currentNode;
  const range = document.createRange();
  range.selectNodeContents(node);
  const at = range.getBoundingClientRect();
  if (!node.data.includes(arguments[0])) {
    if (!box && node.data.trim() && !node.parentElement.closest('td')) above = Math.max(above, at.bottom);
    continue;
  }
  box = [at.left + scrollX, at.top + scrollY, at.width, at.height];
  top = node.parentElement.closest('div,body').getBoundingClientRect().top;
  direction = getComputedStyle(node.parentElement).direction;
  const style = getComputedStyle(node.parentElement);
  colour = style.color;
  size = parseFloat(style.fontSize);
  for (let at = node.parentElement; at && !behind; at = at.parentElement) {
    const background = getComputedStyle(at).backgroundColor;
    if (background != 'rgba(0, 0, 0, 0)') behind = background;
  }
}
return {text, box, colour, behind, size, direction, above, top};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=900,700",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    """Each page's HTML after the gateway, by its name."""
    home = tmp_path_factory.mktemp("displayed")
    policies, before, after = (home / name for name in ("policies", "before", "after"))
    subprocess.run([ROOT / "deploy/lab/policies", policies], check=True)
    before.mkdir()
    after.mkdir()
    for number, page in enumerate(PAGES.values()):
        (before / f"{number:02}.eml").write_bytes(message(page))
    ran = postern("rewrite", before, "--from", "a@nhs.test.example", "--to", "b@other.test.example",
                  "--policies", policies, "--out", after)
    assert ran.returncode == 0, ran.stderr
    return {name: html_of(after / f"{number:02}.eml") for number, name in enumerate(PAGES)}


def message(page):
    head = "From: a@nhs.test.example\r\nSubject: Clinic\r\nMIME-Version: 1.0\r\n"
    kind = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return (head + kind + page.replace("\n", "\r\n") + "\r\n").encode()


def html_of(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default).get_content()


def seen(browser, html, picture):
    """What is seen of a page; the page may not run anything while it is looked at."""
    pictures = ROOT / "target/tests/pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    page = pictures / f"{picture}.html"
    page.write_text("<meta charset=utf-8>" + html, "utf-8")
    browser.get(page.as_uri())
    browser.save_screenshot(str(page.with_suffix(".png")))
    return browser.execute_script(SEEN, PHRASE)


@pytest.mark.parametrize("name", PAGES)
def test_a_reader_sees_the_tag_line_once_after_the_text(browser, rewritten, name):
    before = seen(browser, PAGES[name], f"{name}, before")
    after = seen(browser, rewritten[name], f"{name}, after")
    assert after["text"].count(PHRASE) == 1, after["text"]
    shown = " ".join(before["text"].split())
    assert " ".join(after["text"].split()).startswith(shown), "text is gone, or stands behind the tag line"
    left, top, width, height = after["box"]
    assert left >= 0 and top >= 0 and width > 50 and height > 5, after["box"]
    assert after["top"] >= after["above"] - 1, "beside or across the text"
    assert after["size"] >= 9, after["size"]
    assert after["direction"] == "ltr"
    assert contrast(after["colour"], after["behind"] or "rgb(255, 255, 255)") >= 4.5, after


def contrast(one, other):
    """WCAG 2 contrast ratio."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    channels = [int(float(part)) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_tag_line_that_is_hidden_is_noticed(browser):
    hidden = f"<p>Text</p><p style='display:none'>{PHRASE}</p>"
    assert PHRASE not in seen(browser, hidden, "hidden")["text"]
    assert contrast("rgb(250, 250, 250)", "rgb(255, 255, 255)") < 4.5

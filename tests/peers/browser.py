"""A browser that a test drives, and what it must never have done there."""

import contextlib

from playwright.sync_api import sync_playwright

from clients import NODE
from console import PASSWORD

DESKTOP = {"width": 1280, "height": 900}
TELEPHONE = {"width": 390, "height": 844}


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        # Without its sandbox it also runs as root; what it is shown is ours.
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield chromium
        finally:
            chromium.close()


class Tab:
    """A window of somebody's own. Whatever it asks for elsewhere, and whatever
    its console complains of, is in `faults`."""

    def __init__(self, chromium, url, viewport=None, **more):
        self.url, self.faults = url, []
        self.context = chromium.new_context(
            viewport=viewport or DESKTOP, base_url=url, ignore_https_errors=True, **more)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.note_request(request.url))
        self.page.on("console", lambda message: self.note_message(message))
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))

    def note_request(self, url):
        if not url.startswith(self.url + "/"):
            self.faults.append(f"asked for {url}")

    def note_message(self, message):
        # A page that is refused is a line of its own there, and no fault.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def sign_in(self, name, password=PASSWORD, code=""):
        self.page.goto("/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_label("Code").fill(code)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Sign in", exact=True).click()
        return self

    def heading(self):
        return self.page.get_by_role("heading", level=1).inner_text()

    def press_until(self, key, role, name, presses=40):
        """Moves the focus on as somebody without a mouse does."""
        wanted = self.page.get_by_role(role, name=name, exact=True)
        for _ in range(presses):
            self.page.keyboard.press(key)
            if wanted.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{presses} times {key} does not lead to the {role} {name}")

    def go_to(self, wanted, presses=120):
        """Moves the focus on with Tab until it is there; within a group of
        choices with the arrow, as browsers do."""
        for _ in range(presses):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            group = wanted.evaluate("""element => element.type === 'radio' && document.activeElement.type === 'radio'
                && element.name === document.activeElement.name""")
            self.page.keyboard.press("ArrowDown" if group else "Tab")
        raise AssertionError(f"the keyboard does not lead to {wanted}")

    def press(self, role, name, key="Enter"):
        """Goes to a control and presses a key there, which leads to a page or not."""
        self.go_to(self.page.get_by_role(role, name=name, exact=True))
        self.page.keyboard.press(key)

    def follow(self, role, name):
        with self.page.expect_navigation():
            self.press(role, name)

    def write(self, label, text):
        self.go_to(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(text)

    def everything(self):
        """What the page and its frames are made of."""
        return "\n".join(frame.content() for frame in self.opened())

    def opened(self):
        """The page and its frames; one that nobody has looked at is not there yet."""
        return [frame for frame in self.page.frames if frame.url not in ("", "about:blank")]

    def axe(self):
        """What axe finds against WCAG 2.2 AA and good practice."""
        self.page.evaluate((NODE / "node_modules/axe-core/axe.min.js").read_text())
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]

    def widest(self):
        """How much wider the page is than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

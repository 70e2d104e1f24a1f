"""The console as people and programs meet it: its accounts, their codes, and a
program that signs in."""

import base64
import hashlib
import hmac
import http.cookiejar
import json
import re
import struct
import time
import urllib.error
import urllib.parse
import urllib.request

from gateway import postern
from processes import free_port

PASSWORD = "correct horse battery"


class Console:
    """`[console]` of a gateway that is yet to be started: on a free port, with
    a file of accounts. `settings`: more lines of the table."""

    def __init__(self, home, settings="", scheme="http"):
        home.mkdir(parents=True, exist_ok=True)
        self.accounts, self.port = home / "accounts.toml", free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"{scheme}://{self.address}"
        self.settings = f'\n[console]\naddress = "{self.address}"\naccounts = "{self.accounts}"\n{settings}\n'

    def add(self, name, *roles, password=PASSWORD, more=("--no-second-factor",)):
        """An account; the secret of its second factor, where it has one."""
        roles = [word for role in roles for word in ("--role", role)]
        done = self.account("add", name, *roles, *more, input=password + "\n")
        return secret_of(done.stdout) if done.stdout else None

    def account(self, *arguments, **more):
        done = postern("account", *arguments, "--file", self.accounts, **more)
        assert done.returncode == 0, done.stderr
        return done


def secret_of(text):
    """What an authenticator app reads from the URL that is shown to it."""
    url = urllib.parse.urlsplit(text.strip().splitlines()[-1])
    assert url.scheme == "otpauth" and url.netloc == "totp", text
    return urllib.parse.parse_qs(url.query)["secret"][0]


def code(secret, steps=0):
    """What the app shows now, or some half minutes later (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1).digest()
    [number] = struct.unpack(">I", digest[digest[-1] & 15:][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


class Stay(urllib.request.HTTPRedirectHandler):
    """Where an answer leads is looked at, and not gone to."""

    def redirect_request(self, *_):
        return None


class Program:
    """Somebody's program. `tls`: an ssl context."""

    def __init__(self, url, tls=None):
        self.url, self.cookies = url, http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            Stay, urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.HTTPSHandler(context=tls))

    def send(self, path, data=None, method=None, **headers):
        """The answer, whatever its status. `data`: a form, or octets as they are."""
        body = urllib.parse.urlencode(data).encode() if isinstance(data, dict) else data
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with self.opener.open(request, timeout=10) as answer:
                return Answer(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(answer)

    def sign_in(self, name, password=PASSWORD, code=""):
        return self.send("/sign-in", {"name": name, "password": password, "code": code})

    def token(self):
        return self.send("/api/session").json()["csrf"]


class Answer:
    def __init__(self, answer):
        self.status, self.headers, self.text = answer.status, answer.headers, answer.read().decode()

    def json(self):
        return json.loads(self.text)

    def wrong(self):
        """What a form says of itself when it comes back."""
        return re.findall(r'<a href="#[a-z-]+">([^<]*)</a>', self.text)


def signed_in(console, name, **more):
    program = Program(console.url)
    answer = program.sign_in(name, **more)
    assert answer.status == 303, answer.text
    return program

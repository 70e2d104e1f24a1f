"""A provider of OpenID Connect (npm's oidc-provider), and people who sign in
with it."""

import json
import os
import re
import ssl
import subprocess
import urllib.parse

from clients import HERE, NODE
from console import Program
from processes import end, free_port, needed, wait_for_port

SECRET = "wisteria/with signs: & more"
PEOPLE = {
    "jane": {"preferred_username": "jane.doe@nhs.example", "roles": ["everybody", "officers"]},
    "ward": {"preferred_username": "ward7", "roles": "trust", "ods": ["RXX"]},
    "nowhere": {"preferred_username": "nowhere", "roles": "trust"},
    "joe": {"preferred_username": "joe@nhs.example", "roles": ["everybody"]},
    "nameless": {"roles": ["officers"]},
}


class Provider:
    """One that is certified by `authority` as localhost, and knows a console by
    its address. `secret`: None for a public client."""

    def __init__(self, home, authority, console, secret=SECRET, algorithm="RS256", conform=True, more=""):
        self.home, self.port, self.process = home / "provider", free_port(), None
        self.issuer = f"https://localhost:{self.port}"
        certificate, key = authority.issue(self.home, "localhost")
        self.anchors = authority.write(self.home / "anchors.pem")
        self.tls = ssl.create_default_context(cafile=self.anchors)
        self.secret = self.home / "secret"
        client = {
            "client_id": "postern",
            "redirect_uris": [f"{console.url}/sign-in/openid/callback"],
            "post_logout_redirect_uris": [f"{console.url}/sign-in"],
            "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
        }
        if secret:
            client["client_secret"] = secret
            self.secret.touch(mode=0o600)
            self.secret.write_text(secret + "\n")
        self.settings = {
            "port": self.port, "issuer": self.issuer, "certificate": str(certificate), "key": str(key),
            "algorithm": algorithm, "client": client, "people": PEOPLE, "conform": conform,
        }
        named = f'client_secret_file = "{self.secret}"' if secret else ""
        console.settings += f"""
url = "{console.url}"
[console.openid]
issuer = "{self.issuer}"
client_id = "postern"
{named}
label = "Wisteria login"
scopes = ["profile", "postern"]
organisations_claim = "ods"
trust_anchors = "{self.anchors}"
{more}
[console.openid.roles]
officers = "officer"
trust = "local-administrator"
"""

    def start(self):
        """With a signing key that it never had before."""
        file = self.home / "settings.json"
        file.write_text(json.dumps(self.settings))
        log = open(self.home / "provider.log", "ab")
        self.process = subprocess.Popen(
            [needed("node"), HERE / "provider.mjs", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, "NODE_PATH": str(NODE / "node_modules")})
        log.close()
        wait_for_port(self.port, self.process)
        return self

    def stop(self):
        end(self.process)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Person(Program):
    """Somebody's browser, as far as it follows links and sends forms."""

    def __init__(self, console, provider):
        super().__init__("", provider.tls)
        self.console, self.provider = console.url, provider

    def begin(self, next="/account"):
        """Where the console leads to."""
        led = self.send(f"{self.console}/sign-in/openid?next={next}")
        assert led.status == 303, led.text
        assert led.headers["location"].startswith(self.provider.issuer), led.headers["location"]
        return led.headers["location"]

    def vouched(self, name, at=None):
        """Tells the provider who they are: where it leads back to."""
        at = self.follow(at or self.begin())
        form = self.send(at)
        action = re.search(r'action="([^"]+)"', form.text)
        assert action, form.text
        target = urllib.parse.urljoin(at, action[1])
        sent = self.send(target, {"prompt": "login", "login": name, "password": "x"})
        return self.follow(urllib.parse.urljoin(target, sent.headers["location"]))

    def follow(self, address):
        """As far as the provider leads to its own pages."""
        while address.startswith(self.provider.issuer):
            answer = self.send(address)
            if answer.status not in (302, 303):
                return address
            address = urllib.parse.urljoin(address, answer.headers["location"])
        return address

    def comes_in_as(self, name):
        """The console's answer in the end."""
        return self.send(self.vouched(name))


def with_parameter(address, name, value):
    """The address with another value in its query; without it where there is none."""
    url = urllib.parse.urlsplit(address)
    fields = dict(urllib.parse.parse_qsl(url.query))
    fields.pop(name, None)
    if value is not None:
        fields[name] = value
    return url._replace(query=urllib.parse.urlencode(fields)).geturl()


def parameter(address, name):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)[name][0]

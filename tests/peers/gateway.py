"""The gateway under test: the release binary with a configuration of its own,
on free ports of loopback, in a folder of its own."""

import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

from processes import end, free_port, wait_for_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "gw.test.example"
DOMAIN = "nhs.test.example"

CONFIG = """\
[node]
name = "{name}"
data_dir = "{home}/data"
policies = "{policies}"
local_domains = ["{domain}"]
control_socket = "{home}/control.sock"

[spool]
ephemeral = "allow"

[[listener]]
name = "mailboxes"
address = "127.0.0.1:{port}"
direction = "outbound"
tls = "starttls"
certificate = "{home}/{name}.pem"
key = "{home}/{name}.key"
clients = ["{clients}"]
max_message_size = "50 MiB"

[[signing.key]]
domain = "{domain}"
selector = "lab"
file = "{home}/dkim.key"

[retry]
delays = ["1s", "2s", "4s"]
expiry = "10m"

[limits]
sessions_per_client = 200

[dns]
servers = ["127.0.0.1:{dns}"]
{dnssec}

[metrics]
address = "127.0.0.1:{metrics}"
"""


def binary():
    """POSTERN, or the release build."""
    path = pathlib.Path(os.environ.get("POSTERN", ROOT / "target/release/postern"))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: build it first (cargo build --release), or name another in POSTERN")
    return path


def postern(*arguments, **more):
    """Runs a command of the binary to its end."""
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, check=False, **more)


def route(domain, port, **more):
    """A [[route]] to a port of loopback."""
    lines = ["[[route]]", f'domain = "{domain}"', f'next_hop = "smtp://127.0.0.1:{port}"']
    return "\n".join(lines + [f'{key} = "{value}"' for key, value in more.items()]) + "\n"


def exchanges(port):
    """Everything to the exchanges that DNS names, all on one port of loopback."""
    return f"""\
[[route]]
domain = "*"
next_hop = "mx"

[sending]
port = {port}
exchange_addresses = "any"
"""


class Gateway:
    """`routes`: [[route]] tables, made by `route` or `exchanges`. `policies`: a
    folder, the lab's (the shipped ones, observing) where none is given.
    `zones`: the `Zones` it asks and whose root it trusts; without them nothing
    that it is told is signed."""

    def __init__(self, home, routes, policies=None, clients="127.0.0.0/8", more="", zones=None):
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.port, self.metrics, self.dns = free_port(), free_port(), zones.port if zones else free_port()
        dnssec = f'trust_anchors = "{zones.anchors}"' if zones else 'dnssec = "off"'
        lab = ROOT / "deploy/lab"
        subprocess.run([lab / "certificates", self.home, NAME], check=True)
        subprocess.run([lab / "dkim", self.home], check=True)
        self.policies = pathlib.Path(policies or self.home / "policies")
        if policies is None:
            subprocess.run([lab / "policies", self.policies], check=True)
        self.config = self.home / "postern.toml"
        self.config.write_text(
            CONFIG.format(name=NAME, domain=DOMAIN, home=self.home, policies=self.policies, port=self.port,
                          clients=clients, metrics=self.metrics, dns=self.dns, dnssec=dnssec)
            + "\n" + "\n".join(routes) + more
        )
        self.process = None

    def dkim_record(self):
        return (self.home / "dkim.txt").read_text().strip()

    def spawn(self, under=()):
        """Starts it, and does not wait until it listens."""
        # Its words go to a file: a full pipe would stop it.
        log = open(self.home / "gateway.log", "ab")
        self.process = subprocess.Popen(
            [*under, binary(), "run", "--config", self.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
        )
        log.close()

    def start(self, under=()):
        self.spawn(under)
        try:
            wait_for_port(self.port, self.process)
        except (RuntimeError, TimeoutError) as cause:
            end(self.process)
            raise RuntimeError(f"the gateway did not start: {self.log()[-3000:]}") from cause
        return self

    def log(self):
        return (self.home / "gateway.log").read_text(errors="replace")

    def stop(self):
        """SIGTERM; its exit code."""
        return end(self.process, seconds=60)

    def kill(self):
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def pid(self):
        return self.process.pid

    def queue(self, *arguments):
        """`postern queue …`: its answer, parsed."""
        done = postern("queue", "--control", self.home / "control.sock", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def queued(self):
        return self.queue("list")["messages"]

    def wait_until_empty(self, seconds=60):
        wait_until("the queue is empty", lambda: not self.queued(), seconds)

    def audited(self, event=None):
        """The lines of the audit trail about an event, or all; one that is being written is not there yet."""
        file = self.home / "data/audit/audit.jsonl"
        text = file.read_text() if file.exists() else ""
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [line for line in lines if event in (None, line["event"])]

    def http(self, path):
        """GET on the metrics address: status and text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def amend(gateway, listener="", limits=""):
    """Lines for the first [[listener]] and for [limits], before it starts."""
    text = gateway.config.read_text()
    text = text.replace('direction = "outbound"\n', f'direction = "outbound"\n{listener}\n', 1)
    gateway.config.write_text(text.replace("[limits]\n", f"[limits]\n{limits}\n", 1))
    return gateway

"""The Debian package, in the life it leads on a Debian 12 that has nothing
else: installed, started, upgraded over mail that waits, removed, purged.

The chroot has no systemd running. What systemd would do is done by hand from
the unit as installed: its account, its commands, and where it says that it is
ready."""

import json
import os
import pathlib
import re
import socket
import subprocess

import pytest

import clients
from gateway import ROOT, binary
from messages import RECIPIENT, message
from processes import as_root, free_port, wait_until

BASE = ROOT / "target/tests/debian"
UNIT = "lib/systemd/system/postern.service"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The package of this version, and the next one's, which has the same in it."""
    folder = tmp_path_factory.mktemp("packages")

    def build(version=None):
        environment = os.environ | {"POSTERN": str(binary())} | ({"VERSION": version} if version else {})
        done = subprocess.run([ROOT / "deploy/debian/build", folder], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return pathlib.Path(done.stdout.strip())

    return build(), build("99.0.0")


class Machine:
    """A chroot of its own, in its own namespace of mounts. Like every machine without a gateway, it has no
    network but loopback, which it shares with the test."""

    def __init__(self, root):
        self.root = root
        subprocess.run(as_root("cp", "--archive", "--reflink=auto", BASE, root), check=True)

    def command(self, *command, **environment):
        inside = 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"'
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive",
                 *(f"{name}={value}" for name, value in environment.items())]
        return as_root(*clean, "unshare", "--mount", "sh", "-c", inside, self.root, *command)

    def run(self, *command, code=0, **more):
        done = subprocess.run(self.command(*command), capture_output=True, text=True, check=False, **more)
        assert done.returncode == code, (command, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def install(self, package):
        subprocess.run(as_root("cp", package, self.root / "tmp"), check=True)
        return self.run("dpkg", "--install", f"/tmp/{package.name}")

    def read(self, path):
        return subprocess.run(as_root("cat", self.root / path), capture_output=True, text=True, check=True).stdout

    def write(self, path, text):
        subprocess.run(as_root("tee", self.root / path), input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL)

    def there(self, path):
        """Links count as they are: where they lead to is seen from inside alone."""
        test = ["test", "-e", self.root / path, "-o", "-L", self.root / path]
        return subprocess.run(as_root(*test), check=False).returncode == 0

    def owner(self, path):
        return self.run("stat", "--format=%U:%G %a", f"/{path}").strip()


@pytest.fixture
def machine(home):
    yield Machine(home / "machine")


class Service:
    """postern.service as the package has it, started as systemd would."""

    def __init__(self, machine, far_end):
        self.machine, self.port, self.metrics = machine, free_port(), free_port()
        text = machine.read("etc/postern/postern.toml")
        text = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{self.port}", text, count=2 if "# As it" in text else 1)
        text = re.sub(r'(\[metrics\]\naddress = )".*"', rf'\1"127.0.0.1:{self.metrics}"', text)
        text = re.sub(r'next_hop = "(mx|smtp://127.*)"', f'next_hop = "smtp://127.0.0.1:{far_end.port}"', text)
        if "[dns]" not in text:
            # Nobody answers there: no name of these tests is asked of anybody.
            text += f'\n[dns]\nservers = ["127.0.0.1:{free_port()}"]\ndnssec = "off"\n'
            text += '\n[retry]\ndelays = ["1s"]\n'
        machine.write("etc/postern/postern.toml", text)
        unit = machine.read(UNIT)
        self.user = re.search(r"^User=(.*)$", unit, re.M)[1]
        self.before = re.search(r"^ExecStartPre=(.*)$", unit, re.M)[1].split()
        self.start = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()

    def as_its_user(self, *command):
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "--no-new-privs",
                "--inh-caps=-all", "--bounding-set=-all", "sh", "-c", 'umask 077; echo $$ >/tmp/pid; exec "$@"', "sh",
                *command]

    def __enter__(self):
        self.machine.run(*self.as_its_user(*self.before))
        told = self.machine.root / "tmp/notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(told))
            told.chmod(0o777)
            manager.settimeout(60)
            log = open(self.machine.root.parent / "service.log", "ab")
            self.process = subprocess.Popen(
                self.machine.command(*self.as_its_user(*self.start), NOTIFY_SOCKET="/tmp/notify.sock"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            while "READY=1" not in manager.recv(4096).decode():
                pass
        told.unlink()
        return self

    def __exit__(self, *_):
        subprocess.run(as_root("kill", self.machine.read("tmp/pid").strip()), check=True)
        assert self.process.wait(60) == 0

    def queued(self):
        return json.loads(self.machine.run("postern", "queue", "list", "--json"))["messages"]


def expected(version):
    """What lies in a spool that an earlier version has written."""
    return json.loads((ROOT / f"tests/spool/{version}/expected.json").read_text())


def test_lintian_finds_nothing_wrong(packages):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", packages[0]],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_package_is_made_again_octet_for_octet(packages, tmp_path):
    done = subprocess.run([ROOT / "deploy/debian/build", tmp_path], capture_output=True, text=True, check=True,
                          env=os.environ | {"POSTERN": str(binary())})
    assert pathlib.Path(done.stdout.strip()).read_bytes() == packages[0].read_bytes()


def test_a_life_from_installation_to_purge(packages, machine, far_end):
    machine.install(packages[0])
    assert machine.owner("var/lib/postern") == "postern:postern 700"
    assert machine.owner("etc/postern/private") == "root:postern 750"
    assert machine.owner("etc/postern/postern.toml") == "root:root 644"
    # It starts when the machine does.
    assert machine.there("etc/systemd/system/multi-user.target.wants/postern.service")
    # As it comes, it has no fault and its officers' cases pass.
    machine.run("postern", "check", "--config", "/etc/postern/postern.toml")
    machine.run("postern", "test", "--policies", "/etc/postern/policies")
    assert "postern-run" in machine.run("zcat", "/usr/share/man/man1/postern-run.1.gz").replace("\\-", "-")
    assert "_postern" in machine.read("usr/share/bash-completion/completions/postern")

    with Service(machine, far_end) as service:
        clients.by_smtplib(service, message(), RECIPIENT)
        assert "Rota" in far_end.only().header("Subject")[0]

    # The spool of an earlier version takes its place, as a restored machine would have it.
    subprocess.run(as_root("rm", "-rf", machine.root / "var/lib/postern/spool"), check=True)
    subprocess.run(as_root("cp", "-r", ROOT / "tests/spool/v1", machine.root / "var/lib/postern/spool"), check=True)
    machine.run("chown", "-R", "postern:postern", "/var/lib/postern/spool")
    changed = machine.read("etc/postern/postern.toml") + "\n# Ours.\n"
    machine.write("etc/postern/postern.toml", changed)
    machine.write("etc/postern/policies/rules.toml", machine.read("etc/postern/policies/rules.toml") + "\n# Ours.\n")

    machine.install(packages[1])
    assert "99.0.0-1" in machine.run("dpkg-query", "--show", "postern")
    assert machine.read("etc/postern/postern.toml") == changed
    with Service(machine, far_end) as service:
        messages = [one["message"] for one in expected("v1")]
        going = {one["id"] for one in messages if "hold" not in one and "redirect" not in one}
        staying = {one["id"] for one in messages} - going
        assert len(going) > 2 and len(staying) == 2
        wait_until("what could go has gone", lambda: {one["id"] for one in service.queued()} == staying, 60)
        arrived = [mail.forward_paths for mail in far_end.received if mail.reverse_path == "ward.nine@nhs.test.example"]
        assert len(arrived) == len(going)

    machine.write("etc/postern/private/mx1.key", "a key\n")

    # Removed, it says what it leaves; what was changed stays, and so does the mail.
    said = machine.run("dpkg", "--remove", "postern")
    assert "messages  2, 1 of them held" in said and "not delivered" in said
    assert not machine.there("usr/bin/postern")
    assert machine.read("etc/postern/postern.toml").endswith("# Ours.\n")
    assert machine.read("etc/postern/policies/rules.toml").endswith("# Ours.\n")

    # A purge takes the settings, but no key, and no mail unless that was said.
    said = machine.run("dpkg", "--purge", "postern")
    assert "/var/lib/postern stays" in said, said
    assert machine.there("var/lib/postern/spool") and machine.there("var/lib/postern/audit")
    assert not machine.there("etc/postern/postern.toml") and machine.there("etc/postern/private/mx1.key")

    # Installed again, it delivers what it had.
    machine.install(packages[1])
    with Service(machine, far_end) as service:
        assert {one["id"] for one in service.queued()} >= staying
    machine.run("debconf-set-selections", input="postern postern/remove-mail boolean true\n")
    said = machine.run("dpkg", "--purge", "postern")
    assert "removing /var/lib/postern" in said
    assert not machine.there("var/lib/postern")


def test_it_is_started_only_where_the_configuration_has_no_fault(packages, machine):
    """systemctl, which only systemd could obey, writes down what it is told."""
    machine.run("mkdir", "-p", "/run/systemd/system")
    machine.write("usr/bin/systemctl", '#!/bin/sh\necho "$@" >> /tmp/told\n')
    machine.run("chmod", "755", "/usr/bin/systemctl")
    machine.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n")
    machine.run("chmod", "755", "/usr/sbin/policy-rc.d")

    def told():
        text = machine.read("tmp/told")
        machine.run("rm", "/tmp/told")
        return re.findall(r"\b((?:re)?start|stop) .*postern\.service", text)

    machine.install(packages[0])
    assert told() == ["restart"]
    good = machine.read("etc/postern/postern.toml")
    machine.write("etc/postern/postern.toml", good.replace("data_dir", "dtaa_dir"))
    said = machine.install(packages[1])
    assert "dtaa_dir" in said and "not started" in said, said
    assert told() == []
    # Nor what its account cannot read.
    machine.write("etc/postern/postern.toml", good)
    machine.run("chmod", "700", "/etc/postern/policies")
    assert "not started" in machine.install(packages[1])
    assert told() == []
    machine.run("chmod", "755", "/etc/postern/policies")
    machine.install(packages[1])
    assert told() == ["restart"]
    # It is stopped before it is taken away.
    machine.run("dpkg", "--remove", "postern")
    assert "stop" in told()

"""Postern as a service of its machine: sockets that systemd hands down, what
the service manager hears, root given up, and files it cannot reach."""

import contextlib
import io
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import zipfile

import pytest

import clients
from gateway import ROOT, Gateway, binary, postern, route
from messages import message
from processes import as_root, end, exists, free_port, listens, needed, wait_until

ACCOUNT = "nobody"


@contextlib.contextmanager
def service_manager(home):
    """Where a service says how it does (sd_notify(3)), and what it has said."""
    path = home / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        path.chmod(0o777)
        heard.settimeout(60)
        yield heard


def hears(manager, wanted):
    """Reads on until it is said; everything that was said until then."""
    said = []
    while wanted not in said:
        said += manager.recv(4096).decode().splitlines()
    return said


def silent(manager):
    manager.setblocking(False)
    try:
        return not manager.recv(4096)
    except BlockingIOError:
        return True
    finally:
        manager.settimeout(60)


def on_inherited(gateway, mailboxes, metrics, *environment):
    """Under systemd's own tool, which holds both sockets, and starts it when the first client comes."""
    gateway.spawn([
        needed("systemd-socket-activate"), "--fdname=mailboxes:metrics",
        f"--listen=127.0.0.1:{mailboxes}", f"--listen=127.0.0.1:{metrics}",
        *(f"--setenv={one}" for one in environment),
    ])
    wait_until("the sockets are there", lambda: bound(mailboxes))


def bound(port):
    """Without a connection, which would be a client."""
    return any(f"0100007F:{port:04X} 00000000:0000 0A" in line for line in open("/proc/net/tcp"))


def status(pid):
    """Of each thread: what the kernel says of it."""
    return [dict(re.findall(r"^(\w+):\t(.*)$", task.joinpath("status").read_text(), re.M))
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def relays(gateway, far_end, subject):
    with clients.connect(gateway) as client:
        code, text = clients.submit(client, message(subject=subject), ["c@partner.test.example"])
    assert code == 250, text
    wait_until("it comes", lambda: any(mail.header("Subject") == [subject] for mail in far_end.received))


def test_sockets_handed_down_by_name_serve_and_its_own_addresses_stay_free(home, far_end):
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    mailboxes, metrics = free_port(), free_port()
    of_its_own = (gateway.port, gateway.metrics)
    # A key that only the service manager can read, and lays out for it.
    credentials = home / "credentials"
    credentials.mkdir(mode=0o700)
    key = subprocess.run([binary(), "spool", "key"], capture_output=True, check=True).stdout
    (credentials / "spool.key").write_bytes(key)
    (credentials / "spool.key").chmod(0o400)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("[spool]\n", '[spool]\nkey = "spool.key"\n', 1))
    with service_manager(home) as manager:
        on_inherited(gateway, mailboxes, metrics, f"NOTIFY_SOCKET={home}/notify.sock", "WATCHDOG_USEC=2000000",
                     f"CREDENTIALS_DIRECTORY={credentials}")
        try:
            gateway.port, gateway.metrics = mailboxes, metrics
            # The client that wakes it is served by it.
            relays(gateway, far_end, "who wakes it")
            said = hears(manager, "READY=1")
            assert "WATCHDOG=1" not in said[: said.index("READY=1")]
            # It says that it lives, again and again, and how it does.
            lives = hears(manager, "WATCHDOG=1") + hears(manager, "WATCHDOG=1")
            assert any(re.fullmatch(r"STATUS=\d+ messages wait.*held", line) for line in lives), lives
            assert gateway.http("/readyz")[0] == 200
            assert not any(listens(port) for port in of_its_own)
            os.kill(gateway.pid(), signal.SIGTERM)
            hears(manager, "STOPPING=1")
            assert gateway.process.wait(60) == 0
        finally:
            end(gateway.process)
    assert next((gateway.home / "data/spool").iterdir())


def test_ready_is_said_when_mail_is_taken_and_never_by_one_that_cannot_start(home, far_end, monkeypatch):
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    with service_manager(home) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", f"{home}/notify.sock")
        with socket.create_server(("127.0.0.1", gateway.metrics)):
            gateway.spawn()
            assert gateway.process.wait(60) == 69
        assert silent(manager), gateway.log()
        gateway.spawn()
        try:
            hears(manager, "READY=1")
            # No waiting: it has said so.
            with clients.connect(gateway) as client:
                assert clients.submit(client, message(), ["c@partner.test.example"])[0] == 250
        finally:
            gateway.stop()
        # Nothing of a watchdog that nobody has set.
        assert "WATCHDOG=1" not in hears(manager, "STOPPING=1")


def low_port():
    """One that only root may take."""
    reserved = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    for port in range(min(reserved, 1024) - 1, 1, -1):
        if not bound(port) and not listens(port):
            return port
    raise RuntimeError("this machine has no port that is root's alone")


def test_started_as_root_it_takes_a_low_port_and_goes_on_with_no_privilege(home, far_end):
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    port, account = low_port(), pwd.getpwnam(ACCOUNT)
    text = gateway.config.read_text().replace(f"127.0.0.1:{gateway.port}", f"127.0.0.1:{port}", 1)
    more = f'[node]\nuser = "{ACCOUNT}"\nconfinement = "required"\n'
    gateway.config.write_text(text.replace("[node]\n", more, 1))
    gateway.port = port
    subprocess.run(as_root("chown", "-R", f"{account.pw_uid}:{account.pw_gid}", gateway.home), check=True)
    # The pid is that of the gateway, also where sudo has started it.
    noted = home / "pid"
    log = open(home / "gateway.log", "ab")
    command = ["sh", "-c", f'echo $$ > {noted}; exec "$@"', "sh", binary(), "run", "--config", gateway.config]
    started = subprocess.Popen(as_root(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        wait_until("it listens", lambda: listens(port) or started.poll() is not None)
        pid = int(noted.read_text())
        relays(gateway, far_end, "by nobody at all")
        for thread in status(pid):
            assert set(thread["Uid"].split()) == {str(account.pw_uid)}, thread
            assert set(thread["Gid"].split()) == {str(account.pw_gid)}, thread
            assert "0" not in thread["Groups"].split(), thread
            for rights in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(thread[rights], 16) == 0, thread
            assert (thread["NoNewPrivs"], thread["Seccomp"]) == ("1", "2"), thread
        assert stat.S_IMODE((gateway.home / "data/spool").stat().st_mode) & 0o007 == 0
    finally:
        if noted.exists() and exists(int(noted.read_text())):
            subprocess.run(as_root("kill", noted.read_text().strip()), check=False)
        assert started.wait(60) == 0, (home / "gateway.log").read_text()


def test_an_account_that_is_root_or_none_is_no_account_to_run_as(home, far_end):
    for account, told in (("root", "is root"), ("no-such-account", "has no account")):
        gateway = Gateway(home / account, [route("*", far_end.port)])
        text = gateway.config.read_text()
        gateway.config.write_text(text.replace("[node]\n", f'[node]\nuser = "{account}"\n', 1))
        command = as_root(binary(), "run", "--config", gateway.config)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 78 and told in done.stderr, done.stderr


@pytest.mark.parametrize("confinement", ["required", "off"])
def test_a_confined_gateway_reads_no_file_outside_its_folders(home, far_end, confinement):
    """The policies' folder becomes a symbolic link to one that the gateway's account can read, and that no line of
    postern.toml names. Unconfined it goes live: so it is the confinement that forbids it."""
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("[node]\n", f'[node]\nconfinement = "{confinement}"\n', 1))
    elsewhere = home / "elsewhere"
    with gateway:
        shutil.copytree(gateway.policies, elsewhere)
        (elsewhere / "rules.toml").write_text((elsewhere / "rules.toml").read_text() + "\n# not the same\n")
        before = live(gateway)
        gateway.policies.rename(home / "away")
        gateway.policies.symlink_to(elsewhere)
        answer = ask(gateway, "reload")
        if confinement == "off":
            assert answer.returncode == 0 and live(gateway) != before, answer.stdout
        else:
            assert answer.returncode == 1 and "Permission denied" in answer.stdout + answer.stderr, answer
            assert live(gateway) == before
        # What stands in its own folders it reads as before: also files that were not there when it started.
        gateway.policies.unlink()
        (home / "away").rename(gateway.policies)
        (gateway.policies / "rules.toml").write_text((elsewhere / "rules.toml").read_text() + "\n# nor this\n")
        answer = ask(gateway, "reload")
        assert answer.returncode == 0, answer
        relays(gateway, far_end, "goes on")


def test_a_confined_gateway_reads_renewed_certificates_and_starts_readers(home, far_end):
    """As a renewal puts them: other files in the old ones' place."""
    gateway = Gateway(home / "gateway", [route("*", far_end.port)])
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("[node]\n", '[node]\nconfinement = "required"\n', 1))
    with gateway:
        before = presented(gateway)
        renewed = home / "renewed"
        renewed.mkdir()
        for authority in ("ca.pem", "ca.key"):
            shutil.copy(gateway.home / authority, renewed)
        subprocess.run([ROOT / "deploy/lab/certificates", renewed, "gw.test.example"], check=True)
        for file in ("gw.test.example.key", "gw.test.example.pem"):
            os.replace(renewed / file, gateway.home / file)
        gateway.reload()
        wait_until("the new one is shown", lambda: presented(gateway) != before)
        with clients.connect(gateway, tls=True) as client:
            mail = message(subject="with a document")
            mail.add_attachment(document(), maintype="application", subtype="zip", filename="rota.zip")
            assert clients.submit(client, mail, ["c@partner.test.example"])[0] == 250
        wait_until("it comes", lambda: far_end.received)
        assert 'postern_reader_documents_total{outcome="read"} 1' in gateway.http("/metrics")[1]


def presented(gateway):
    with clients.connect(gateway, tls=True) as client:
        return client.sock.getpeercert(binary_form=True)


def document():
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w") as archive:
        archive.writestr("rota.txt", "Monday: nobody.\n")
    return octets.getvalue()


def ask(gateway, *arguments):
    return postern("policy", "--control", gateway.home / "control.sock", *arguments)


def live(gateway):
    return re.search(r'postern_policy_info\{[^}]*version="(\w+)"', gateway.http("/metrics")[1])[1]

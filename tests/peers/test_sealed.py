"""Encryption at rest, as an operator has it: a key in a file or a credential,
a spool that says nothing to whoever has its disk, and a new key in the place of
the old one."""

import os
import re

import clients
import pytest
from far_end import FarEnd
from gateway import Gateway, postern, route
from messages import RECIPIENT, SENDER, message
from processes import free_port, wait_until

WORDS = [b"The rota of the ward", b"Subject: Sealed", RECIPIENT.encode(), SENDER.encode()]


def submit(gateway, count=1):
    with clients.connect(gateway) as client:
        for _ in range(count):
            mail = message("Sealed", text="The rota of the ward\n")
            assert clients.submit(client, mail, [RECIPIENT])[0] == 250


def make_key(gateway, name):
    """What it holds and its id."""
    made = postern("spool", "key")
    path = gateway.home / name
    path.touch(mode=0o600)
    path.write_text(made.stdout)
    return made.stderr.split()[1].rstrip(":")


def configure(gateway, spool):
    """Puts these lines into [spool], in the place of those before."""
    text = gateway.config.read_text()
    start = text.index("[spool]")
    end = text.index("[[listener]]")
    gateway.config.write_text(f'{text[:start]}[spool]\nephemeral = "allow"\n{spool}\n\n{text[end:]}')


def spool_of(gateway):
    return gateway.home / "data/spool"


def shown(gateway):
    """Which of the words stand anywhere in the spool."""
    octets = b"".join(read(path) for path in spool_of(gateway).iterdir())
    return [word for word in WORDS if word in octets]


def read(path):
    """Segments go while one looks."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def check(gateway, *arguments):
    return postern("spool", "check", *arguments, spool_of(gateway)).stdout


@pytest.fixture
def port():
    """Where nobody listens yet."""
    return free_port()


@pytest.fixture
def gateway(home, port):
    return Gateway(home / "gateway", [route("*", port)])


def test_whoever_has_the_disk_reads_nothing_and_the_key_delivers_it_after_a_crash(gateway, port):
    with gateway:
        submit(gateway)
    assert shown(gateway) == WORDS, "of a plain spool all can be read"
    first = make_key(gateway, "first.key")
    configure(gateway, 'key = "./first.key"')
    with gateway:
        wait_until("what is plain is written anew", lambda: not shown(gateway))
        submit(gateway)
        gateway.kill()
    assert shown(gateway) == []
    assert f"key {first}" in check(gateway) and "it is not given" in check(gateway)
    assert "2 messages; new mail as well" in check(gateway, "--config", gateway.config)
    with FarEnd(port) as far_end, gateway:
        gateway.queue("retry")
        far_end.wait_for(2)
        assert all(b"The rota of the ward" in one.content for one in far_end.received)


def test_without_its_key_the_gateway_does_not_start_and_touches_nothing(gateway):
    first = make_key(gateway, "first.key")
    configure(gateway, 'key = "./first.key"')
    with gateway:
        submit(gateway)
    before = {path.name: path.read_bytes() for path in spool_of(gateway).iterdir()}
    make_key(gateway, "second.key")
    for wrong in ["", 'key = "./second.key"']:
        configure(gateway, wrong)
        with pytest.raises(RuntimeError, match=f"was written with key {first}, which is not among"):
            gateway.start()
    (gateway.home / "first.key").chmod(0o640)
    configure(gateway, 'key = "./first.key"')
    with pytest.raises(RuntimeError, match="may be read by others than its owner"):
        gateway.start()
    assert {path.name: path.read_bytes() for path in spool_of(gateway).iterdir()} == before


def test_a_new_key_takes_the_place_of_the_old_one(gateway, port):
    first, second = make_key(gateway, "first.key"), make_key(gateway, "second.key")
    configure(gateway, 'key = "./first.key"')
    with gateway:
        submit(gateway, 3)
    configure(gateway, 'key = "./second.key"\nold_keys = ["./first.key"]')
    with gateway:
        gone = f"nothing stands under this key any more.*{first}"
        wait_until("the old key is not needed", lambda: re.search(gone, gateway.log()))
        submit(gateway)
    configure(gateway, 'key = "./second.key"')
    found = check(gateway, "--config", gateway.config)
    assert f"key {second}" in found and first not in found and "4 messages; new mail" in found, found
    with FarEnd(port) as far_end, gateway:
        gateway.queue("retry")
        far_end.wait_for(4)


def test_a_stopped_spool_is_written_anew_under_a_credential(gateway, monkeypatch):
    first = make_key(gateway, "first.key")
    configure(gateway, 'key = "./first.key"')
    with gateway:
        submit(gateway)
    credentials = gateway.home / "credentials"
    credentials.mkdir()
    os.rename(gateway.home / "first.key", credentials / "spool-2025")
    make_key(gateway, "credentials/spool-2026")
    configure(gateway, 'key = "spool-2026"\nold_keys = ["spool-2025"]')
    refused = postern("spool", "rekey", "--config", gateway.config)
    assert refused.returncode == 78 and "$CREDENTIALS_DIRECTORY is not set" in refused.stderr, refused
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    done = postern("spool", "rekey", "--config", gateway.config)
    assert done.returncode == 0 and first not in done.stdout, done
    assert "1 messages; new mail as well" in done.stdout, done.stdout
    configure(gateway, 'key = "spool-2026"')
    with gateway:
        assert len(gateway.queued()) == 1

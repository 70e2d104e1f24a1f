"""Authentication both ways, as others see it: what leaves is verified by
dkimpy, and its RSA by Mail::DKIM too, which share no code with us; what
was sealed is verified by dkimpy; what comes is judged by name servers of ours."""

import pathlib
import socket
import subprocess

import dkim
import pytest

import clients
from gateway import ROOT, Gateway, postern, route
from messages import RECIPIENT, message
from name_server import NameServer
from processes import free_port
from signatures import answers, each_is_valid

PERL = r"""
use strict; use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS::Resolver;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $ARGV[0], recurse => 0, usevc => 0));
binmode STDIN; my $verifier = Mail::DKIM::Verifier->new; local $/; $verifier->PRINT(<STDIN>); $verifier->CLOSE;
print $_->algorithm, ' ', $_->result, "\n" for $verifier->signatures;
"""
INBOUND = """
[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
direction = "inbound"
tls = "none"
proxy_protocol = "required"
"""
ALTERING = """
[[rule]]
name       = "mail from outside is altered"
when       = { direction = "inbound" }
disclaimer = "nhs"
"""


def new_key(folder, selector, *options):
    """A [[signing.key]] and its record, as `postern keys` makes them."""
    path = folder / f"{selector}.key"
    made = postern("keys", "make", "nhs.test.example", selector, "--file", path, *options)
    assert made.returncode == 0, made.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    again = postern("keys", "make", "nhs.test.example", selector, "--file", path)
    assert again.returncode == 73 and "never overwritten" in again.stderr
    name, _, text = made.stdout.partition(". IN TXT ")
    return name, "".join(text.split('"')[1::2]), path


def perl_sees(content, records):
    """Of each signature, its algorithm and whether Mail::DKIM takes it."""
    port = free_port()
    strings = {name: {"TXT": " ".join(f'"{text[at:at + 250]}"' for at in range(0, len(text), 250))}
               for name, text in records.items()}
    with NameServer(port, strings):
        done = subprocess.run(["perl", "-e", PERL, str(port)], input=content, capture_output=True, check=True)
    return dict(line.split() for line in done.stdout.decode().splitlines())


@pytest.fixture
def two_keys(home, far_end):
    """A gateway that signs with two keys beside its own, and their records."""
    rsa, ed25519 = new_key(home, "r2027"), new_key(home, "e2027", "--ed25519")
    keys = "".join(f'[[signing.key]]\ndomain = "nhs.test.example"\nselector = "{name.split(".")[0]}"\nfile = "{path}"\n'
                   for name, _, path in (rsa, ed25519))
    waiting = new_key(home, "w2028")
    keys += f'[[signing.key]]\ndomain = "nhs.test.example"\nselector = "w2028"\nfile = "{waiting[2]}"\nstate = "waiting"\n'
    with Gateway(home / "gateway", [route("*", far_end.port)], more=keys) as gateway:
        records = {name: text for name, text, _ in (rsa, ed25519)}
        yield gateway, records | {"lab._domainkey.nhs.test.example": gateway.dkim_record()}


def test_who_shares_no_code_with_us_verifies_both_algorithms_and_sees_every_tampering(two_keys, far_end):
    gateway, records = two_keys
    with clients.connect(gateway) as client:
        assert clients.submit(client, message(), [RECIPIENT])[0] == 250
    content = far_end.only().content
    assert content.count(b"DKIM-Signature:") == 3 and b"w2028" not in content, content
    assert b" l=" not in content.split(b"\r\n\r\n")[0]
    expected = {"rsa-sha256": True, "ed25519-sha256": True}
    assert each_is_valid(content, records) == expected
    # Debian's Mail::DKIM knows RSA alone, and says so of the other.
    assert perl_sees(content, records) == {"rsa-sha256": "pass", "ed25519-sha256": "invalid"}
    for was, becomes in (
        (b"\r\n\r\n", b"\r\n\r\nx"),
        (b"\r\nFrom:", b"\r\nFrom: boss@bank.example\r\nFrom:"),
        (b"\r\nSubject:", b"\r\nSubject: other"),
        (b"\r\nSubject:", b"\r\nSubject: one more\r\nSubject:"),
        (b"\r\nFrom:", b"\r\nReply-To: a@evil.example\r\nFrom:"),
    ):
        damaged = content.replace(was, becomes, 1)
        assert damaged != content
        assert not any(each_is_valid(damaged, records).values()), becomes
        assert "pass" not in perl_sees(damaged, records).values(), becomes


def test_keys_list_says_whether_dns_has_each_key(two_keys):
    gateway, records = two_keys
    config = gateway.home / "postern.toml"
    text = {name: {"TXT": " ".join(f'"{text[at:at + 250]}"' for at in range(0, len(text), 250))}
            for name, text in records.items()}
    port = int(config.read_text().split('servers = ["127.0.0.1:')[1].split('"')[0])
    with NameServer(port, text):
        listed = postern("keys", "list", "--config", config)
        assert listed.returncode == 0, listed.stdout + listed.stderr
        assert "r2027  rsa 2048  active  published" in listed.stdout
        assert "e2027  ed25519  active  published" in listed.stdout
        assert "w2028  rsa 2048  waiting  not in DNS" in listed.stdout
    text["r2027._domainkey.nhs.test.example"] = {"TXT": '"v=DKIM1; k=rsa; p=AAAA"'}
    with NameServer(port, text):
        listed = postern("keys", "list", "--config", config)
        assert listed.returncode == 1 and "! nhs.test.example  r2027  rsa 2048  active  DNS has another key" in listed.stdout


def from_outside(port, content, sender="a@stranger.test.example"):
    """The reply to a message from 192.0.2.7."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.25 4000 25\r\n")
        replies = raw.makefile("rb")
        replies.readline()
        for line in ("HELO mail.stranger.test.example", f"MAIL FROM:<{sender}>", "RCPT TO:<ward@nhs.test.example>", "DATA"):
            raw.sendall(line.encode() + b"\r\n")
            replies.readline()
        raw.sendall(content + b".\r\n")
        return replies.readline().decode()


def test_what_is_altered_on_its_way_in_is_sealed_and_sealed_again(home, far_end):
    inbound = free_port()
    gateway = Gateway(home / "gateway", [route("*", far_end.port)], more=INBOUND.format(port=inbound))
    rules = pathlib.Path(gateway.policies) / "rules.toml"
    rules.write_text(rules.read_text() + ALTERING)
    with gateway:
        record = gateway.dkim_record()
        records = {"lab._domainkey.nhs.test.example": record}
        port = int((gateway.home / "postern.toml").read_text().split('servers = ["127.0.0.1:')[1].split('"')[0])
        names = {"lab._domainkey.nhs.test.example": {"TXT": " ".join(f'"{record[at:at + 250]}"' for at in range(0, len(record), 250))}}
        with NameServer(port, names):
            mail = b"From: <a@stranger.test.example>\r\nTo: <ward@nhs.test.example>\r\nSubject: hello\r\n\r\nhello\r\n"
            assert from_outside(inbound, mail).startswith("250 ")
            once = far_end.only().content
            assert dkim.arc_verify(once, dnsfunc=answers(records))[0] == dkim.CV_Pass
            assert b"\r\nARC-Authentication-Results: i=1; gw.test.example;" in once
            # Round again: the field that says the level is taken out and set anew.
            assert from_outside(inbound, once).startswith("250 ")
            far_end.wait_for(2)
            twice = far_end.received[-1].content
            assert b"arc=pass" in twice and b"\r\nARC-Seal: i=2;" in b"\r\n" + twice, twice
            assert dkim.arc_verify(twice, dnsfunc=answers(records))[0] == dkim.CV_Pass
            # A chain that has failed is not gone on with.
            assert from_outside(inbound, once.replace(b"Subject: hello", b"Subject: other")).startswith("250 ")
            far_end.wait_for(3)
            broken = far_end.received[-1].content
            assert b"arc=fail" in broken and b"i=2" not in broken, broken


def test_mail_that_hides_its_author_is_refused_and_one_author_is_taken(home, far_end, tmp_path):
    inbound = free_port()
    policies = tmp_path / "policies"
    subprocess.run(["cp", "-r", ROOT / "policies", policies], check=True)
    with Gateway(home / "gateway", [route("*", far_end.port)], policies=policies, more=INBOUND.format(port=inbound)) as gateway:
        rest = b"Subject: hello\r\n\r\nhello\r\n"
        two = b"From: <boss@nhs.test.example>\r\nFrom: <a@stranger.test.example>\r\n"
        assert from_outside(inbound, two + rest).startswith("550-5.7.1 ")
        assert from_outside(inbound, rest).startswith("550-5.7.1 ")
        assert from_outside(inbound, b"From: <boss@nhs.test.example>\r\n" + rest).startswith("250 ")
        arrived = far_end.only()
        assert len(arrived.header("Authentication-Results")) == 1
        assert gateway.process.poll() is None

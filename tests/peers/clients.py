"""Real clients, each handing one message over and giving the last reply
that it saw."""

import os
import smtplib
import ssl
import subprocess

from messages import SENDER
from gateway import ROOT
from processes import needed

HERE = ROOT / "tests/peers"
NODE = ROOT / "target/tests/node"


def connect(gateway, tls=False):
    client = smtplib.SMTP("127.0.0.1", gateway.port, local_hostname="client.test.example", timeout=30)
    if tls:
        # Verified against the lab's authority, by name.
        client._host = "gw.test.example"
        code, text = client.starttls(context=ssl.create_default_context(cafile=gateway.home / "ca.pem"))
        assert code == 220, text
    return client


def submit(client, mail, recipients, sender=SENDER):
    """One transaction of smtplib's: the reply to the content."""
    return submit_octets(client, mail.as_bytes(policy=mail.policy.clone(linesep="\r\n")), recipients, sender)


def submit_octets(client, content, recipients, sender=SENDER):
    client.ehlo_or_helo_if_needed()
    for code, text in (client.mail(sender), *(client.rcpt(recipient) for recipient in recipients)):
        if code != 250:
            client.rset()
            return code, text.decode()
    code, text = client.data(content)
    return code, text.decode()


def by_smtplib(gateway, mail, recipient):
    with connect(gateway) as client:
        code, text = submit(client, mail, [recipient])
    assert code == 250, text
    return text


def by_smtplib_over_tls(gateway, mail, recipient):
    with connect(gateway, tls=True) as client:
        code, text = submit(client, mail, [recipient])
    assert code == 250, text
    return text


def by_swaks(gateway, mail, recipient, *more):
    done = subprocess.run(
        [needed("swaks"), "--server", "127.0.0.1", "--port", str(gateway.port), "--helo", "client.test.example",
         "--from", SENDER, "--to", recipient, "--data", "-", "--timeout", "30", *more],
        input=mail.as_string(), capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    replies = [line for line in done.stdout.splitlines() if line.startswith(("<-  250", "<~  250"))]
    return replies[-1][4:].strip().removeprefix("250 ")


def by_swaks_over_tls(gateway, mail, recipient):
    return by_swaks(gateway, mail, recipient, "--tls")


def by_program(gateway, mail, recipient, *program, **environment):
    """One of the programs of this folder: the last reply as it prints it."""
    done = subprocess.run(
        [*program, str(gateway.port)],
        input=mail.as_string(), capture_output=True, text=True, check=False,
        env=os.environ | environment | {
            "SENDER": SENDER, "RECIPIENT": recipient, "CA": str(gateway.home / "ca.pem"),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().removeprefix("250 ")


def by_nodemailer(gateway, mail, recipient):
    return by_program(gateway, mail, recipient, needed("node"), HERE / "nodemailer.cjs",
                      NODE_PATH=str(NODE / "node_modules"))


def by_go(gateway, mail, recipient):
    return by_program(gateway, mail, recipient, needed("go"), "run", HERE / "client.go", GO111MODULE="off")


def by_javamail(gateway, mail, recipient):
    jars = ":".join(f"/usr/share/java/javax.{jar}.jar" for jar in ("mail", "activation"))
    return by_program(gateway, mail, recipient, needed("java"), "-cp", jars, HERE / "Client.java")

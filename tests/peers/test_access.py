"""Who may do what: users, sending systems known by their certificates, and
what becomes of those who guess."""

import base64
import re
import smtplib
import ssl
import subprocess
import time

import clients
import pytest
from gateway import Gateway, postern, route
from messages import RECIPIENT, SENDER, message
from processes import free_port, needed, wait_for_port, wait_until

PASSWORD = "wisteria and oak"


@pytest.fixture
def door(home, far_end):
    """Makes a gateway with one more listener: implicit TLS, users, and
    systems known by certificate."""
    made = []

    def open_door(certified="", limits="", users=(("scanner", ()),)):
        port = free_port()
        file = home / "users"
        for name, domains in users:
            add_user(file, name, *domains)
        listener = f"""
[[listener]]
name = "submissions"
address = "127.0.0.1:{port}"
direction = "outbound"
tls = "implicit"
certificate = "{home}/gateway/gw.test.example.pem"
key = "{home}/gateway/gw.test.example.key"
users = "{file}"
{certified}
"""
        gateway = Gateway(home / "gateway", [route("*", far_end.port)], more=listener)
        if limits:
            gateway.config.write_text(gateway.config.read_text().replace("[limits]", f"[limits]\n{limits}"))
        gateway.start()
        wait_for_port(port, gateway.process)
        gateway.submissions, gateway.users = port, file
        made.append(gateway)
        return gateway

    yield open_door
    for gateway in made:
        gateway.stop()


def add_user(file, name, *domains, password=PASSWORD):
    more = [word for domain in domains for word in ("--sender-domain", domain)]
    done = postern("user", "add", name, "--file", file, *more, input=password + "\n")
    assert done.returncode == 0, done.stderr


def connect(gateway, *shown):
    context = ssl.create_default_context(cafile=gateway.home / "ca.pem")
    if shown:
        context.load_cert_chain(*shown)
    context.check_hostname = False
    return smtplib.SMTP_SSL("127.0.0.1", gateway.submissions, local_hostname="client.test.example",
                            timeout=30, context=context)


def msmtp(gateway, *more, sender=SENDER, mail=None):
    """A sendmail of somebody else's, with GNU SASL and GnuTLS."""
    arguments = [
        needed("msmtp"), "--file=/dev/null", "--host=127.0.0.1", f"--port={gateway.submissions}", "--tls=on",
        "--tls-starttls=off", f"--tls-trust-file={gateway.home}/ca.pem", "--tls-host-override=gw.test.example",
        "--timeout=30", f"--from={sender}", "--debug", *more, RECIPIENT,
    ]
    mail = (mail or message()).as_bytes()
    done = subprocess.run(arguments, input=mail, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def certificate(home, name, *, days=30, authority=None, extensions="extendedKeyUsage=clientAuth"):
    """A certificate and its key in one file; self-signed where no authority
    is named, and of X.509 version 1 where there are no extensions."""
    def openssl(*arguments):
        subprocess.run([needed("openssl"), *arguments], check=True, capture_output=True)

    key, pem = home / f"{name}.key", home / f"{name}.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", home / f"{name}.csr")
    issuer = ["-CA", authority, "-CAkey", authority.with_suffix(".key")] if authority else ["-signkey", key]
    written = home / f"{name}.extensions"
    written.write_text(extensions)
    more = ["-extfile", written] if extensions else []
    openssl("x509", "-req", "-in", home / f"{name}.csr", *issuer, "-set_serial", str(time.time_ns()),
            "-days", str(days), *more, "-out", pem)
    return pem, key


def fingerprint(pem):
    shown = subprocess.run([needed("openssl"), "x509", "-noout", "-fingerprint", "-sha256", "-in", pem],
                           check=True, capture_output=True, text=True).stdout
    return shown.strip().split("=")[1]


def metric(gateway, name):
    _, text = gateway.http("/metrics")
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line.startswith(name)}


def passwordeval(password):
    return f"--passwordeval=echo '{password}'"


def test_scram_sha_256_with_somebody_elses_client(door, far_end):
    gateway = door()
    scram = ("--auth=scram-sha-256", "--user=scanner")
    code, said = msmtp(gateway, *scram, passwordeval(PASSWORD))
    assert code == 0, said
    assert "AUTH SCRAM-SHA-256" in said and "235 2.7.0" in said, said
    assert any("ESMTPSA" in field for field in far_end.only().header("Received"))
    for user in ("scanner", "nobody"):
        code, said = msmtp(gateway, "--auth=scram-sha-256", f"--user={user}", passwordeval("wrong"))
        assert code == 77 and "535 5.7.8" in said, said
    assert len(far_end.received) == 1
    counted = metric(gateway, "postern_authentications_total")
    labels = 'postern_authentications_total{listener="submissions",mechanism="SCRAM-SHA-256",result="%s"}'
    assert counted == {labels % "accepted": 1, labels % "refused": 2}


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_passwords_under_tls(door, far_end, mechanism):
    gateway = door()
    code, said = msmtp(gateway, f"--auth={mechanism}", "--user=scanner", passwordeval(PASSWORD))
    assert code == 0, said
    code, said = msmtp(gateway, f"--auth={mechanism}", "--user=scanner", passwordeval("wrong"))
    assert code == 77 and "535 5.7.8" in said, said
    code, said = msmtp(gateway, "--auth=off")
    assert code != 0 and "550 5.7.1" in said, said
    assert len(far_end.received) == 1


def salt(gateway, user):
    with connect(gateway) as client:
        client.ehlo()
        first = base64.b64encode(f"n,,n={user},r=abc".encode()).decode()
        code, challenge = client.docmd("AUTH", f"SCRAM-SHA-256 {first}")
        assert code == 334
        client.docmd("*")
    return re.fullmatch(r"r=abc[!-~]+,s=([^,]+),i=4096", base64.b64decode(challenge).decode())[1]


def test_nobody_learns_which_users_exist(door):
    gateway = door()
    known, unknown = salt(gateway, "scanner"), salt(gateway, "nobody")
    assert len(base64.b64decode(known)) == len(base64.b64decode(unknown)) == 16
    assert known == salt(gateway, "scanner") and unknown == salt(gateway, "nobody"), "it changes"
    assert unknown != salt(gateway, "noone")
    assert metric(gateway, "postern_authentications_total") == {}, "nobody has claimed anything"


def test_a_client_sends_from_its_own_domains_only(door, far_end):
    gateway = door(users=[("ward", ()), ("lab", ("lab.test.example", ".labs.test.example"))])

    def outcome(user, sender, author):
        mail = message()
        del mail["From"]
        mail["From"] = author
        with connect(gateway) as client:
            client.login(user, PASSWORD)
            return clients.submit(client, mail, [RECIPIENT], sender=sender)

    # Without domains of its own: the local ones.
    assert outcome("ward", SENDER, f"Ward 7 <{SENDER}>")[0] == 250
    assert outcome("lab", "a@lab.test.example", "a@lab.test.example, b@x.labs.test.example")[0] == 250
    # A report has no sender, and From must be right all the same.
    assert outcome("lab", "", "a@lab.test.example")[0] == 250
    refused = [
        outcome("ward", "a@lab.test.example", SENDER),
        outcome("ward", SENDER, "Chief <chief@board.test.example>"),
        outcome("ward", SENDER, f"Chief <chief@board.test.example>, {SENDER}"),
        outcome("lab", SENDER, "a@lab.test.example"),
        outcome("lab", "a@labs.test.example", "a@lab.test.example"),
        outcome("lab", "", SENDER),
    ]
    for code, text in refused:
        assert code == 550 and text.startswith("5.7.1 "), (code, text)
    assert "board.test.example" in refused[1][1]
    assert len(far_end.received) == 3
    counted = metric(gateway, "postern_refusals_total")
    assert counted['postern_refusals_total{listener="submissions",reason="entitlement"}'] == len(refused)
    # A mail server that may relay for where it stands carries everybody's.
    with clients.connect(gateway) as client:
        assert clients.submit(client, message(), [RECIPIENT], sender="who@elsewhere.test.example")[0] == 250


def test_users_are_read_again_while_sessions_go_on(door):
    gateway = door()
    with connect(gateway) as session:
        session.login("scanner", PASSWORD)
        add_user(gateway.users, "printer")
        with connect(gateway) as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("printer", PASSWORD)
        gateway.reload()
        wait_until("the new user is known", lambda: may_log_in(gateway, "printer"))

        # One with a fault changes nothing, and says so.
        before = gateway.users.read_text()
        gateway.users.write_text(before + "stray\n")
        checked = postern("check", "--config", gateway.config)
        assert checked.returncode == 1 and "stray" in checked.stdout, checked.stdout
        shown = postern("user", "list", "--file", gateway.users)
        assert shown.returncode == 65 and "stray" in shown.stderr, shown.stderr
        gateway.reload()
        wait_until("the fault is told", lambda: "users not reloaded" in gateway.log())
        assert "users:3: error[bad-user]" in gateway.log()
        assert may_log_in(gateway, "printer")

        gateway.users.write_text(before)
        assert postern("check", "--config", gateway.config).returncode == 0
        assert postern("user", "remove", "scanner", "--file", gateway.users).returncode == 0
        assert postern("user", "list", "--file", gateway.users).stdout == "printer\tlocal domains\n"
        gateway.reload()
        wait_until("the user is gone", lambda: not may_log_in(gateway, "scanner"))
        # The session is still there, and may do nothing any more.
        code, text = session.mail(SENDER)
        assert code == 550 and text.startswith(b"5.7.1"), text
        assert session.noop()[0] == 250


def may_log_in(gateway, user):
    try:
        with connect(gateway) as client:
            client.login(user, PASSWORD)
            return True
    except smtplib.SMTPAuthenticationError:
        return False


def test_who_guesses_is_shut_out(door, far_end):
    gateway = door(limits='shut_out_after = 4\nshut_out_for = "6s"\nauthentication_delay = "1s"')
    with connect(gateway) as bystander:
        bystander.login("scanner", PASSWORD)
        for guess in range(2):
            with connect(gateway) as client:
                began = time.monotonic()
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    # PLAIN, then LOGIN.
                    client.login("scanner", f"guess {guess}")
                assert time.monotonic() - began > 1
        with pytest.raises((smtplib.SMTPException, OSError)):
            connect(gateway)
        with pytest.raises(smtplib.SMTPConnectError) as told:
            clients.connect(gateway)
        assert told.value.smtp_code == 421 and told.value.smtp_error.startswith(b"4.7.0")
        assert metric(gateway, "postern_clients_shut_out") == {"postern_clients_shut_out": 1}
        # Whoever has authenticated goes on.
        assert clients.submit(bystander, message(), [RECIPIENT])[0] == 250
    wait_until("it is let in again", lambda: metric(gateway, "postern_clients_shut_out")["postern_clients_shut_out"] == 0)
    assert may_log_in(gateway, "scanner")


def test_a_system_known_by_its_certificate(door, home, far_end):
    authority, _ = certificate(home, "authority", extensions="basicConstraints=critical,CA:TRUE")
    pathology = certificate(home, "pathology.test.example", authority=authority)
    scanner = certificate(home, "scanner")
    gateway = door(f"""
client_ca = "{authority}"
[[listener.certified]]
name = "pathology"
subject = "pathology.test.example"
sender_domains = ["lab.test.example"]
[[listener.certified]]
name = "old scanner"
fingerprint = "{fingerprint(scanner[0])}"
""")
    mail = message()
    del mail["From"]
    mail["From"] = "results@lab.test.example"

    def send(shown, *more, sender=SENDER, mail=None):
        certificates = shown and (f"--tls-cert-file={shown[0]}", f"--tls-key-file={shown[1]}")
        return msmtp(gateway, *(certificates or ()), *more, sender=sender, mail=mail)

    off, external = "--auth=off", ("--auth=external", "--user=pathology")
    assert send(pathology, off, sender="results@lab.test.example", mail=mail)[0] == 0
    code, said = send(pathology, *external, sender="results@lab.test.example", mail=mail)
    assert code == 0 and "AUTH EXTERNAL" in said and "235 2.7.0" in said, said
    with connect(gateway, *pathology) as client:
        client.ehlo()
        # Without a name: whatever the certificate says.
        assert client.auth("EXTERNAL", lambda challenge=None: "")[0] == 235
    assert send(scanner, off)[0] == 0
    # Its domains, and not others'.
    code, said = send(pathology, off)
    assert code != 0 and "550 5.7.1 nhs.test.example" in said, said
    assert len(far_end.received) == 3

    # A stranger's, an impostor's and one that is too old to be checked: TLS
    # goes on, and they are clients like any other.
    impostor, _ = certificate(home, "impostor", extensions="basicConstraints=critical,CA:TRUE")
    strangers = [
        None,
        certificate(home, "stranger"),
        certificate(home, "version1", extensions=""),
        certificate(home, "pathology.test.example", authority=impostor),
    ]
    for shown in strangers:
        code, said = send(shown, off)
        assert code != 0 and "550 5.7.1 relaying denied" in said, said
        code, said = send(shown, "--auth=plain", "--user=scanner", passwordeval(PASSWORD))
        assert code == 0, said
    assert "a client is not certified" in gateway.log()

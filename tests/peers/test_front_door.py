"""Who may hand mail over, and how."""

import smtplib
import socket
import ssl

import clients
from gateway import Gateway, route
from messages import RECIPIENT, message
from processes import free_port


def test_starttls_shows_a_certificate_that_verifies(gateway, far_end):
    with clients.connect(gateway, tls=True) as client:
        assert client.sock.version() in ("TLSv1.2", "TLSv1.3")
        client.ehlo()
        assert not client.has_extn("starttls"), "offered again under TLS"
        assert clients.submit(client, message(), [RECIPIENT])[0] == 250
    assert any("ESMTPS" in field for field in far_end.only().header("Received"))


def test_old_tls_is_refused(gateway):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with clients.connect(gateway) as client:
        try:
            client.starttls(context=context)
        except (ssl.SSLError, smtplib.SMTPException, ConnectionError):
            return
    raise AssertionError("TLS 1.1 was accepted")


def test_nobody_but_a_client_may_relay(home, far_end):
    with Gateway(home / "gateway", [route("*", far_end.port)], clients="10.0.0.0/8") as gateway:
        with clients.connect(gateway) as client:
            code, text = clients.submit(client, message(), [RECIPIENT])
        assert 500 <= code < 600, (code, text)
        assert gateway.queued() == []
    assert far_end.received == []


def test_what_is_sent_before_the_handshake_is_thrown_away(gateway, far_end):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as raw:
        raw.recv(4096)
        raw.sendall(b"EHLO client.test.example\r\n")
        raw.recv(4096)
        raw.sendall(b"STARTTLS\r\nMAIL FROM:<injected@nhs.test.example>\r\n")
        reply = raw.recv(4096)
        if not reply.startswith(b"220"):
            return  # refused outright, as good
        context = ssl.create_default_context(cafile=gateway.home / "ca.pem")
        try:
            with context.wrap_socket(raw, server_hostname="gw.test.example") as tls:
                tls.sendall(b"EHLO client.test.example\r\nRCPT TO:<partner@partner.test.example>\r\nQUIT\r\n")
                said = b""
                while chunk := tls.recv(4096):
                    said += chunk
        except (ssl.SSLError, ConnectionError):
            return  # closed on it, as good
    assert b"503" in said, said


def test_a_message_past_the_limit_is_refused(gateway):
    with clients.connect(gateway) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == str(50 * 2**20)
        code, _ = client.docmd("MAIL FROM:<ward7@nhs.test.example> SIZE=60000000")
        assert code == 552


def test_mail_from_outside_says_who_it_may_be_from(home, far_end):
    """The PROXY header gives the client, a forged result goes, ours is put in
    its place; and nobody is relayed for."""
    inbound = free_port()
    listener = f"""
[[listener]]
name = "outside"
address = "127.0.0.1:{inbound}"
direction = "inbound"
tls = "none"
proxy_protocol = "required"
"""
    with Gateway(home / "gateway", [route("*", far_end.port)], more=listener) as gateway:
        with socket.create_connection(("127.0.0.1", inbound), timeout=30) as raw:
            raw.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.25 4000 25\r\n")
            replies = raw.makefile("rb")
            said = [replies.readline()]
            for line in (b"HELO mail.stranger.test.example", b"MAIL FROM:<who@stranger.test.example>",
                         b"RCPT TO:<someone@elsewhere.test.example>", b"RCPT TO:<ward@nhs.test.example>", b"DATA"):
                raw.sendall(line + b"\r\n")
                said.append(replies.readline())
            assert said[3].startswith(b"550 5.7.1"), said
            raw.sendall(b"Authentication-Results: gw.test.example; dmarc=pass\r\n"
                        b"From: <who@stranger.test.example>\r\nSubject: hello\r\n\r\nhello\r\n.\r\n")
            said.append(replies.readline())
            assert said[-1].startswith(b"250 "), said
        results = far_end.only().header("Authentication-Results")
        assert len(results) == 1 and "dmarc=pass" not in results[0], results
        assert "spf=" in results[0] and "gw.test.example" in results[0], results
        assert "192.0.2.7" in far_end.only().header("Received")[0]
        assert gateway.process.poll() is None

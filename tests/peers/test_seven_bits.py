"""A next hop that does not offer 8BITMIME has mail in seven bits, signed after
it was encoded; what another has signed as it stands comes back instead."""

import email
import email.policy
import smtplib

import pytest

import signatures
from far_end import FarEnd, OFFERS
from gateway import Gateway, route
from messages import RECIPIENT, SENDER

TEXT = "Grüße von Łukasz: 37 °C, £5, and = signs.\n" + "é" * 600 + "\nFrom here\n.\n"
MIXED = (
    "From: Zoë <a@nhs.test.example>\r\nTo: \"Jörg, Müller\" <b@other.test.example>\r\n"
    "Subject: Blutdruck für März\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "{text}\r\n--b\r\nContent-Type: text/csv; charset=utf-8; name=\"Größe.csv\"\r\n"
    "Content-Transfer-Encoding: 8bit\r\nContent-Disposition: attachment; filename=\"Größe.csv\"\r\n\r\n"
    "größe,180\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: innen für\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ninnen für\r\n--b--\r\n"
).format(text=TEXT.replace("\n", "\r\n")).encode()
SIGNED = (
    "From: a@nhs.test.example\r\nSubject: signed\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=s\r\n\r\n"
    "--s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfür\r\n"
    "--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--\r\n"
).encode()


@pytest.fixture
def seven_bits():
    with FarEnd(offers=[offer for offer in OFFERS if offer not in ("8BITMIME", "SMTPUTF8")]) as far_end:
        yield far_end


@pytest.fixture
def gateway(home, seven_bits):
    with Gateway(home / "gateway", [route("*", seven_bits.port)]) as gateway:
        yield gateway


def submit(gateway, content):
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
        client.sendmail(SENDER, [RECIPIENT], content, mail_options=["BODY=8BITMIME"])


def test_it_says_in_seven_bits_what_it_said_in_eight(gateway, seven_bits):
    submit(gateway, MIXED)
    content = seven_bits.only().content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert signatures.is_valid(content, signatures.lab_records(gateway))
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert mail["Subject"] == "Blutdruck für März"
    assert mail["From"].addresses[0].display_name == "Zoë"
    assert mail["To"].addresses[0].display_name == "Jörg, Müller"
    text, table, inner = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n").startswith(TEXT)
    assert table.get_filename() == "Größe.csv"
    assert table.get_content().strip() == "größe,180"
    assert inner.get_content()["Subject"] == "innen für"
    assert inner.get_content().get_content().strip() == "innen für"


def test_what_is_signed_by_another_comes_back(gateway, seven_bits):
    submit(gateway, SIGNED)
    report = seven_bits.only()
    assert report.forward_paths == [SENDER]
    assert b"5.6.3" in report.content and b"8BITMIME" in report.content


def test_eight_bits_stay_eight_where_they_are_carried(home, far_end):
    with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        submit(gateway, MIXED)
        assert "Größe.csv".encode() in far_end.only().content

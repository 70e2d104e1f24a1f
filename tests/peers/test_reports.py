"""Delivery reports as somebody else's parser reads them: Python's email, over
the reports that are agreed on in tests/reports."""

import email
import email.policy
import email.utils
import re

import pytest

from gateway import ROOT

REPORTS = sorted((ROOT / "tests/reports").glob("*.eml"))
ACTIONS = {
    "failed": "failed", "failed-beyond-ascii": "failed", "failed-to-beyond-ascii": "failed", "delayed": "delayed",
    "waiting": "delayed", "diverted": "delayed", "relayed": "relayed", "delivered": "delivered",
}


def parsed(file):
    content = file.read_bytes().replace(b"\n", b"\r\n")
    policy = email.policy.SMTPUTF8 if "to-beyond-ascii" in file.stem else email.policy.SMTP
    return email.message_from_bytes(content, policy=policy)


def groups(part):
    """The groups of fields of a delivery-status part. What Python does not
    know for one (RFC 6533), it leaves as octets."""
    payload = part.get_payload()
    if isinstance(payload, list) and len(payload) > 1:
        return [dict(group.items()) for group in payload]
    text = part.get_payload(decode=True) or payload[0].as_bytes(policy=email.policy.SMTPUTF8)
    written = re.split(r"\r?\n\r?\n", text.decode().strip())
    return [dict(email.message_from_string(group).items()) for group in written]


def test_every_kind_of_report_is_here():
    assert {file.stem for file in REPORTS} == set(ACTIONS)


@pytest.mark.parametrize("file", REPORTS, ids=lambda file: file.stem)
def test_a_report_is_read_without_a_defect(file):
    report = parsed(file)
    assert [part.defects for part in report.walk() if part.defects] == []
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"].startswith("auto-")
    text, status, header = report.iter_parts()
    assert text.get_content_type() == "text/plain" and "Reference" in text.get_content()
    beyond = file.stem == "failed-to-beyond-ascii"
    assert status.get_content_type() == ("message/global-delivery-status" if beyond else "message/delivery-status")
    assert header.get_content_type() == ("message/global-headers" if beyond else "text/rfc822-headers")
    assert beyond or file.read_bytes().isascii()


@pytest.mark.parametrize("file", REPORTS, ids=lambda file: file.stem)
def test_its_fields_are_those_of_rfc_3464(file):
    _, status, _ = parsed(file).iter_parts()
    of_message, of_recipient = groups(status)
    assert of_message["Reporting-MTA"].startswith("dns; ")
    assert email.utils.parsedate_to_datetime(of_message["Arrival-Date"])
    action = of_recipient["Action"]
    assert action == ACTIONS[file.stem]
    assert re.fullmatch({"failed": r"5", "delayed": r"4"}.get(action, r"2") + r"\.\d{1,3}\.\d{1,3}", of_recipient["Status"])
    address_type, address = of_recipient["Final-Recipient"].split("; ")
    assert address_type == ("utf-8" if "beyond" in file.stem else "rfc822")
    assert address.endswith("@x.example")
    assert of_recipient["Final-Log-ID"]
    assert ("Will-Retry-Until" in of_recipient) == (action == "delayed")
    for field in ("Last-Attempt-Date", "Will-Retry-Until"):
        if field in of_recipient:
            assert email.utils.parsedate_to_datetime(of_recipient[field])
    if "Diagnostic-Code" in of_recipient:
        kind, _ = of_recipient["Diagnostic-Code"].split("; ", 1)
        assert kind == "smtp" and "Remote-MTA" in of_recipient or kind.startswith("x-")
    # RFC 3464 section 2.3 has them in this order.
    order = ["Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code",
             "Last-Attempt-Date", "Final-Log-ID", "Will-Retry-Until"]
    assert list(of_recipient) == [field for field in order if field in of_recipient]

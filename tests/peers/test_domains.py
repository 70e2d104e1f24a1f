"""`postern domains`, on a folder as an officer has it, with the columns of the
list that NHS England publishes. The organisations are invented."""

import json
import os
import re
import shutil

import pytest

from gateway import ROOT, postern

TITLES = (
    "Organisation Name,System Type,Domain name ,Data processed outside of the UK? (Y/N),DMARC Policy "
    "(quarantine/reject) **please note all organisation need to implement a DMARC policy of reject within 3 months of "
    "accreditation.,SPF (Softfail/Hardfail),All outgoing mail signed with DKIM,Uses TLS version 1.2 as a minimum (Y/N)\r\n"
)


def row(organisation, domain, system="Office 365", outside="N", tls="Y"):
    return f"{organisation},{system},{domain},{outside},Reject,Hardfail,Y,{tls}\r\n"


@pytest.fixture
def policies(tmp_path):
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    return tmp_path / "policies"


def imported(policies, rows, *options):
    published = policies.parent / "dcb1596_accredited_domains.csv"
    published.write_bytes((TITLES + "".join(rows)).encode("cp1252"))
    return postern("domains", "import", published, "--policies", policies, *options)


ROWS = [row("St Brié – Hospice", "Hospice.example "), row("A clinic", "clinic.example", outside="Y"), row("NHSmail", "nhs.net"),
        row("A person", "gmail.com"), row("Old", "x.gsi.gov.uk")]


def test_a_list_is_shown_and_written_once(policies):
    domains = policies / "domains.toml"
    domains.chmod(0o640)
    before = domains.read_text()
    shown = imported(policies, ROWS)
    assert shown.returncode == 0 and domains.read_text() == before, "nothing without --write"
    for said in ("hospice.example", "processed outside the UK", "yours, in line", "anybody can have an address", "is retired"):
        assert said in shown.stdout, shown.stdout
    assert imported(policies, ROWS, "--write").returncode == 65, "somebody answers for new entries"
    written = imported(policies, ROWS, "--write", "--owner", "A. Officer", "--review", "2099-01-31")
    assert written.returncode == 0, written.stderr
    after = domains.read_text()
    assert after.startswith(before) and "St Brié – Hospice" in after
    assert os.stat(domains).st_mode & 0o777 == 0o640
    assert postern("check", "--policies", policies).returncode == 0
    again = imported(policies, ROWS, "--write")
    assert again.returncode == 0 and domains.read_text() == after
    shown = postern("domains", "show", "hospice.example", "--policies", policies, "--json")
    assert json.loads(shown.stdout)["entry"]["clearance"] == 4


def test_what_is_gone_stays_until_it_is_told_to_go(policies):
    domains = policies / "domains.toml"
    assert imported(policies, ROWS, "--write", "--owner", "A. Officer").returncode == 0
    fewer = imported(policies, ROWS[1:], "--write")
    assert "no longer on the list" in fewer.stdout and "hospice.example" in domains.read_text()
    assert imported(policies, ROWS[1:], "--write", "--remove-gone").returncode == 0
    assert "hospice.example" not in domains.read_text() and "clinic.example" in domains.read_text()
    assert "From the published list" in domains.read_text()


def test_what_would_not_pass_check_is_not_written(policies):
    domains = policies / "domains.toml"
    domains.write_text(domains.read_text() + "\n[[domain]]\nname = 1\n")
    before = domains.read_text()
    refused = imported(policies, ROWS, "--write", "--owner", "A. Officer")
    assert refused.returncode == 78 and domains.read_text() == before


def test_what_is_due_is_told_soonest_first(policies):
    rules = policies / "rules.toml"
    rules.write_text(rules.read_text() + (
        '\n[[exemption]]\nrules = ["malware is refused"]\nwhen = { recipient_domain = "lab.example" }\n'
        'owner = "A. Officer"\nreason = "Agreed."\nexpires = 2020-01-31\n'))
    done = postern("domains", "expiring", "--policies", policies, "--within", "5200w", "--json")
    due = [json.loads(line) for line in done.stdout.splitlines()]
    assert due[0]["what"] == "exemption" and due[0]["days_left"] < 0 and due[0]["file"].endswith("rules.toml")
    assert [one["day"] for one in due] == sorted(one["day"] for one in due) and len(due) > 30


def test_tag_lines_are_shown_in_a_page_that_runs_nothing(policies, tmp_path):
    organisation = policies / "organisations" / "ZZ999.toml"
    organisation.write_text(organisation.read_text().replace("St Example's", "<script>alert(1)</script>"))
    shown = postern("check", "--policies", policies, "--preview")
    assert shown.returncode == 0 and "HTML, as text" in shown.stdout
    done = postern("check", "--policies", policies, "--preview-to", tmp_path / "preview")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "preview" / "index.html").read_text()
    assert "<script" not in page and "&lt;script" in page and re.search(r'<iframe sandbox=""', page)

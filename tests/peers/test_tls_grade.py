"""The receiving side of TLS, as two scanners see it."""

import json
import re
import subprocess
import sys

import pytest

from gateway import NAME
from processes import needed


@pytest.fixture
def address(gateway):
    return f"127.0.0.1:{gateway.port}"


def test_sslyze_finds_mozillas_intermediate_configuration(gateway, address, tmp_path):
    answer = tmp_path / "sslyze.json"
    done = subprocess.run(
        [sys.executable, "-m", "sslyze", "--starttls", "smtp", "--sni", NAME, "--mozilla_config=intermediate",
         "--certinfo_ca_file", gateway.home / "ca.pem", f"--json_out={answer}", address],
        capture_output=True, text=True, check=False,
    )
    complaints = re.findall(r"^ +\* (.*)", done.stdout.partition("COMPLIANCE AGAINST")[2], re.M)
    # The scanner's own authorities do not know the one of this test.
    assert [line for line in complaints if "certificate_path_validation" not in line] == [], done.stdout
    scans = json.loads(answer.read_text())["server_scan_results"][0]["scan_result"]
    for scan in ("heartbleed", "openssl_ccs_injection", "robot", "tls_compression", "session_renegotiation"):
        assert scans[scan]["status"] == "COMPLETED", scan
    assert not scans["heartbleed"]["result"]["is_vulnerable_to_heartbleed"]
    assert not scans["openssl_ccs_injection"]["result"]["is_vulnerable_to_ccs_injection"]
    assert not scans["tls_compression"]["result"]["supports_compression"]
    assert scans["session_renegotiation"]["result"]["supports_secure_renegotiation"]
    assert not scans["session_renegotiation"]["result"]["is_vulnerable_to_client_renegotiation_dos"]


def test_sslscan_finds_nothing_old(address):
    said = subprocess.run(
        [needed("sslscan"), "--no-colour", "--starttls-smtp", address], capture_output=True, text=True, check=True,
    ).stdout
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert re.search(rf"^{re.escape(version)} +disabled", said, re.M), said
    for version in ("TLSv1.2", "TLSv1.3"):
        assert re.search(rf"^{re.escape(version)} +enabled", said, re.M), said
    ciphers = re.findall(r"^(?:Accepted|Preferred) .*", said, re.M)
    assert ciphers, said
    broken = [line for line in ciphers if re.search("RC4|3DES|DES-CBC|NULL|EXP|ADH|AECDH|MD5|anon", line, re.I)]
    assert broken == []

"""Records: the story of a message, the certificate of its protection, and the
TLS reports that other domains get, each held against what the peer saw."""

import email
import gzip
import hashlib
import http.server
import json
import re
import ssl
import subprocess
import threading

import pytest

import clients
from far_end import FarEnd
from gateway import Gateway, postern, route
from messages import SENDER, message
from name_server import NameServer
from processes import needed, wait_until
from signatures import is_valid, lab_records
from test_next_hop import GOV, MX, certificate, protected, submit, verified_route  # noqa: F401

X = "partner.test.example"
HOST = f"mx.{X}"
RECEIVER = "reports.test.example"


def id_of(gateway, recipient):
    """The queue id of the message to a recipient, as the audit trail has it."""

    def found():
        for line in gateway.audited():
            if line["event"] == "accepted" and any(recipient in copy["recipients"] for copy in line["copies"]):
                return next(copy["id"] for copy in line["copies"] if recipient in copy["recipients"])
        return None

    return wait_until("the message in the audit trail", found)


def audit(gateway, *arguments):
    return postern("audit", "--control", gateway.home / "control.sock", *arguments)


def fingerprint(chain):
    told = subprocess.run([needed("openssl"), "x509", "-in", chain, "-noout", "-fingerprint", "-sha256"],
                          capture_output=True, text=True, check=True).stdout
    return told.split("=")[1].strip().replace(":", "").lower()


def test_trace_and_evidence_say_what_the_peer_saw(protected, home):  # noqa: F811
    gateway, port, _ = protected
    files = certificate(home / "gateway")
    with FarEnd(port, files) as far_end:
        submit(gateway, GOV)
        arrived = far_end.only()
        gateway.wait_until_empty()
    queue_id = id_of(gateway, GOV)
    events = gateway.queue("trace", queue_id)
    assert [event["event"] for event in events] == ["decision", "accepted", "attempt", "fate"]
    assert all(event["v"] == 1 for event in events[:-1])
    (one,) = events[2]["tries"]
    assert one["tls"] == {"version": arrived.tls, "cipher": arrived.cipher}
    assert one["chain"][0]["fingerprint"] == fingerprint(files[0])
    assert one["took"] == [GOV] and "route" in one["vouched_by"]
    assert events[2]["recipients"][0]["reply"] == "250 2.0.0 taken"
    assert events[3]["recipients"][0]["fate"] == "delivered"

    shown = postern("queue", "trace", "--control", gateway.home / "control.sock", queue_id)
    assert shown.returncode == 0 and arrived.cipher in shown.stdout and "now" in shown.stdout

    proof = audit(gateway, "evidence", queue_id)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    for words in (arrived.tls, arrived.cipher, fingerprint(files[0]), "protected as required", f"valid certificate for {MX}"):
        assert words in proof.stdout, proof.stdout
    assert message(recipient=GOV)["Subject"] not in proof.stdout
    told = json.loads(audit(gateway, "evidence", queue_id, "--json").stdout)
    assert told["recipients"][0]["conclusion"] == "protected"

    # The files alone say the same, and the command on the page makes the digest.
    gateway.stop()
    folder = gateway.home / "data/audit"
    again = json.loads(postern("audit", "evidence", queue_id, "--json", "--audit", folder).stdout)
    assert again["trail"] == told["trail"]
    digest = subprocess.run(["bash", "-c", told["trail"]["check"]], cwd=folder, capture_output=True, text=True, check=True)
    assert digest.stdout.split()[0] == told["trail"]["sha256"]
    stated = hashlib.sha256(arrived.header("Message-ID")[0].encode()).hexdigest()
    assert told["message"]["message_id_sha256"] == stated


def test_a_wait_and_a_refusal_are_told_and_prove_nothing(gateway, far_end):
    submit(gateway, f"later@{X}")
    far_end.wait_for(1)
    gateway.wait_until_empty()
    events = gateway.queue("trace", id_of(gateway, f"later@{X}"))
    assert [event["event"] for event in events] == ["decision", "accepted", "attempt", "settled", "attempt", "fate"]
    assert events[3]["recipients"][0]["state"] == "waiting"

    submit(gateway, f"reject@{X}")
    far_end.wait_for(2)
    queue_id = id_of(gateway, f"reject@{X}")
    events = gateway.queue("trace", queue_id)
    assert [event["event"] for event in events] == ["decision", "accepted", "attempt", "settled", "notice", "fate"]
    assert events[4]["about"] == queue_id and events[4]["to"] == SENDER
    assert events[5]["recipients"][0]["fate"] == "given_up"
    refused = audit(gateway, "evidence", queue_id)
    assert refused.returncode == 1 and "It was not delivered" in refused.stdout


def test_what_went_in_clear_is_not_certified_and_a_stranger_is_unknown(gateway, far_end):
    submit(gateway, f"anybody@{X}")
    far_end.only()
    gateway.wait_until_empty()
    queue_id = id_of(gateway, f"anybody@{X}")
    clear = audit(gateway, "evidence", queue_id)
    assert clear.returncode == 1 and "It went in clear" in clear.stdout
    assert audit(gateway, "evidence", queue_id, "--recipient", f"other@{X}").returncode == 66
    assert audit(gateway, "evidence", "0000000000000").returncode == 66


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.posts.append((self.path, self.headers["Content-Type"], body))
        self.send_response(server.answers.pop(0) if server.answers else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(home):
    """An HTTPS server that takes reports."""
    chain, key = certificate(home / "gateway", RECEIVER)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.posts, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


REPORTS = """
[sending]
port = {port}
exchange_addresses = "any"

[tls_reports]
organisation = "Test Trust"
contact = "postmaster@nhs.test.example"
from = "tls-reports@nhs.test.example"
trust_anchors = "ca.pem"
"""


def test_a_day_that_has_ended_is_reported_by_itself_and_once(home, receiver):
    files = certificate(home / "gateway", HOST)
    with FarEnd(certificate=files) as far_end:
        mx = '[[route]]\ndomain = "*"\nnext_hop = "mx"\n'
        gateway = Gateway(home / "gateway", [mx], more=REPORTS.format(port=far_end.port))
        url = f"https://{RECEIVER}:{receiver.server_port}/v1/tlsrpt"
        names = {
            X: {"MX": f"10 {HOST}."},
            HOST: {"A": "127.0.0.1"},
            RECEIVER: {"A": "127.0.0.1"},
            f"_smtp._tls.{X}": {"TXT": f'"v=TLSRPTv1; rua={url}"'},
        }
        with NameServer(gateway.dns, names):
            with gateway:
                submit(gateway, f"anybody@{X}")
                far_end.only()
                gateway.wait_until_empty()
            # As if it had happened the day before yesterday: no spreading of
            # reports after midnight reaches further than yesterday.
            state = gateway.home / "data/tls-reports/state.json"
            counted = json.loads(state.read_text())
            (today, domains), = counted["tally"]["days"].items()
            counted["tally"]["days"] = {str(int(today) - 2): domains}
            state.write_text(json.dumps(counted))
            with gateway:
                wait_until("the report at the receiver", lambda: receiver.posts, seconds=120)
            (_, _, body), = receiver.posts
            report = json.loads(gzip.decompress(body))
            begin, end = (report["date-range"][f"{which}-datetime"] for which in ("start", "end"))
            assert (begin[10:], end[10:]) == ("T00:00:00Z", "T23:59:59Z") and begin[:10] == end[:10]
            assert report["policies"][0]["summary"]["total-successful-session-count"] == 1
            assert json.loads(state.read_text())["tally"]["days"] == {}


def test_a_domain_is_told_of_its_tls_by_https_and_by_signed_mail(home, receiver):
    files = certificate(home / "gateway", HOST)
    with FarEnd(certificate=files) as far_end:
        mx = '[[route]]\ndomain = "*"\nnext_hop = "mx"\n'
        gateway = Gateway(home / "gateway", [mx], more=REPORTS.format(port=far_end.port))
        url = f"https://{RECEIVER}:{receiver.server_port}/v1/tlsrpt"
        names = {
            X: {"MX": f"10 {HOST}."},
            HOST: {"A": "127.0.0.1"},
            RECEIVER: {"A": "127.0.0.1"},
            f"_smtp._tls.{X}": {"TXT": f'"v=TLSRPTv1; rua=" "mailto:tls@{X},{url}"'},
        }
        with NameServer(gateway.dns, names), gateway:
            assert audit(gateway, "tls-report", X).returncode == 1
            for _ in range(2):
                submit(gateway, f"anybody@{X}")
            far_end.wait_for(2)
            gateway.wait_until_empty()
            shown = json.loads(audit(gateway, "tls-report", X).stdout)
            (policy,) = shown["policies"]
            assert policy["policy"] == {"policy-type": "no-policy-found", "policy-domain": X}
            # A connection that carried both messages was one session.
            sessions = sum(command == "STARTTLS" for command, _ in far_end.commands)
            assert policy["summary"] == {"total-successful-session-count": sessions, "total-failure-session-count": 0}

            # A restart loses none of it.
            gateway.stop()
            gateway.start()
            sent = audit(gateway, "tls-report", X, "--now")
            assert sent.returncode == 0, sent.stderr
            assert f"mailto:tls@{X}" in sent.stderr and url in sent.stderr
            wait_until("the report at the receiver", lambda: receiver.posts)
            (path, kind, body), = receiver.posts
            assert (path, kind) == ("/v1/tlsrpt", "application/tlsrpt+gzip")
            posted = json.loads(gzip.decompress(body))
            assert posted["organization-name"] == "Test Trust"
            assert posted["policies"] == shown["policies"]

            far_end.wait_for(3)
            gateway.wait_until_empty()
            mail = far_end.received[2]
            assert (mail.reverse_path, mail.forward_paths) == ("tls-reports@nhs.test.example", [f"tls@{X}"])
            parsed = email.message_from_bytes(mail.content)
            assert parsed.get_content_type() == "multipart/report" and parsed.get_param("report-type") == "tlsrpt"
            assert parsed["TLS-Report-Domain"] == X and parsed["TLS-Report-Submitter"] == "nhs.test.example"
            assert parsed["TLS-Required"] == "No"
            text, report = parsed.get_payload()
            assert text.get_content_type() == "text/plain" and report.get_content_type() == "application/tlsrpt+gzip"
            assert re.fullmatch(rf"nhs\.test\.example!{re.escape(X)}!\d+!\d+\.json\.gz", report.get_filename())
            assert json.loads(gzip.decompress(report.get_payload(decode=True)))["policies"] == shown["policies"]
            assert is_valid(mail.content, lab_records(gateway))

            # The session that carried it is counted for nobody.
            assert audit(gateway, "tls-report", X).returncode == 1
            metrics = gateway.http("/metrics")[1]
            for way in ("mail", "https"):
                assert f'postern_tls_reports_total{{result="sent",way="{way}"}} 1' in metrics


def test_a_report_that_is_not_taken_is_kept_for_later(home, receiver):
    receiver.answers = [503]
    files = certificate(home / "gateway", HOST)
    with FarEnd(certificate=files) as far_end:
        mx = '[[route]]\ndomain = "*"\nnext_hop = "mx"\n'
        gateway = Gateway(home / "gateway", [mx], more=REPORTS.format(port=far_end.port))
        names = {
            X: {"MX": f"10 {HOST}."},
            HOST: {"A": "127.0.0.1"},
            RECEIVER: {"A": "127.0.0.1"},
            f"_smtp._tls.{X}": {"TXT": f'"v=TLSRPTv1;rua=https://{RECEIVER}:{receiver.server_port}/"'},
        }
        with NameServer(gateway.dns, names), gateway:
            submit(gateway, f"anybody@{X}")
            far_end.wait_for(1)
            gateway.wait_until_empty()
            assert audit(gateway, "tls-report", X, "--now").returncode == 0
            assert 'postern_tls_reports_total{result="failed",way="https"} 1' in gateway.http("/metrics")[1]
        state = json.loads((gateway.home / "data/tls-reports/state.json").read_text())
        (due,) = state["due"]
        assert due["domain"] == X and due["next"] > due["first"]


def test_a_receiver_without_a_good_certificate_gets_nothing(home, receiver):
    chain, key = certificate(home / "stranger", RECEIVER)
    files = certificate(home / "gateway", HOST)
    impostor = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    impostor.socket = context.wrap_socket(impostor.socket, server_side=True)
    impostor.posts, impostor.answers = [], []
    threading.Thread(target=impostor.serve_forever, daemon=True).start()
    with FarEnd(certificate=files) as far_end:
        mx = '[[route]]\ndomain = "*"\nnext_hop = "mx"\n'
        gateway = Gateway(home / "gateway", [mx], more=REPORTS.format(port=far_end.port))
        names = {
            X: {"MX": f"10 {HOST}."},
            HOST: {"A": "127.0.0.1"},
            RECEIVER: {"A": "127.0.0.1"},
            f"_smtp._tls.{X}": {"TXT": f'"v=TLSRPTv1;rua=https://{RECEIVER}:{impostor.server_port}/"'},
        }
        with NameServer(gateway.dns, names), gateway:
            submit(gateway, f"anybody@{X}")
            far_end.wait_for(1)
            gateway.wait_until_empty()
            assert audit(gateway, "tls-report", X, "--now").returncode == 0
            assert 'postern_tls_reports_total{result="failed",way="https"} 1' in gateway.http("/metrics")[1]
    impostor.shutdown()
    assert impostor.posts == []

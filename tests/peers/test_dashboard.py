"""The dashboard and the alerts, asked of a real Prometheus that scrapes a
gateway under load."""

import base64
import io
import itertools
import json
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import pytest
import yaml

import clients
from far_end import FarEnd
from gateway import NAME, ROOT, Gateway, amend, postern, route
from messages import discharge_summary, message
from processes import end, free_port, needed, wait_for_port, wait_until

DASHBOARD = json.loads((ROOT / "deploy/grafana/postern.json").read_text())
RULES = [ROOT / "deploy/prometheus/recording.yml", ROOT / "deploy/prometheus/alerts.yml"]

# What a gateway in good order does not count, by the metric's name. All others answer.
QUIET = {
    "postern_deeds_total": "nobody has signed in to the console",
    "postern_exemption_expiry_timestamp_seconds": "the shipped policies have no exemption",
    "postern_policy_refusals_total": "no policy was refused",
    "postern_reader_failures_total": "no reader fails",
    "postern_spool_failures_total": "the disk is in order",
}

SEALED = """
[[rule]]
name = "this needs verified TLS"
when = { direction = "outbound", recipient_domain = "sealed.test.example" }
tls  = "verified"
"""

OUTSIDE = """
[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
direction = "inbound"
tls = "none"
"""


def panels(within=DASHBOARD["panels"]):
    for panel in within:
        yield panel
        yield from panels(panel.get("panels", []))


def queries():
    """Every query of the dashboard: of a panel, of a mark in time, of a choice."""
    for panel in panels():
        for target in panel.get("targets", []):
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for mark in DASHBOARD["annotations"]["list"]:
        yield pytest.param(mark["expr"], id=mark["name"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            yield pytest.param(f"count by ({asked[2]}) ({asked[1]})", id=variable["label"])


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A gateway under load, and the Prometheus that scrapes it every second."""
    home = tmp_path_factory.mktemp("dashboard")
    with FarEnd() as far_end, Load(home, far_end) as load, Prometheus(home, load.gateway) as prometheus:
        wait_until("some scrapes", lambda: len(prometheus.ask('postern_build_info[1m]')[0]["values"]) > 8, 60)
        yield prometheus


class Load:
    """All that a gateway meets in a day, again and again."""

    def __init__(self, home, far_end):
        policies = home / "policies"
        subprocess.run([ROOT / "deploy/lab/policies", policies], check=True)
        with open(policies / "rules.toml", "a") as rules:
            rules.write(SEALED)
        self.outside = free_port()
        folder = home / "gateway"
        self.broken = FarEnd(free_port(), on_starttls="refuse", certificate=None)
        routes = [route("*", far_end.port), route("nhs.test.example", far_end.port),
                  route("secure.test.example", free_port()), route("sealed.test.example", self.broken.port)]
        self.gateway = amend(Gateway(folder, routes, policies=policies, more=OUTSIDE.format(port=self.outside)),
                             listener='users = "users"', limits='authentication_delay = "1s"\nshut_out_after = 1000')
        done = postern("user", "add", "--file", folder / "users", "--sender-domain", "*", "lab", input="lab\n")
        assert done.returncode == 0, done.stderr
        certificate = (folder / f"{NAME}.pem", folder / f"{NAME}.key")
        self.secure = FarEnd(int(re.search(r'secure.test.example"\nnext_hop = "smtp://127.0.0.1:(\d+)',
                                           self.gateway.config.read_text())[1]), certificate)
        self.over, self.faults = threading.Event(), []
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.broken.start()
        self.secure.start()
        self.gateway.start()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.gateway.stop()
        self.secure.stop()
        self.broken.stop()
        assert not self.faults, self.faults

    def run(self):
        try:
            for number in itertools.count():
                if self.over.wait(0.05):
                    return
                self.round(number)
        except Exception as fault:  # noqa: BLE001
            self.faults.append(fault)

    def round(self, number):
        with clients.connect(self.gateway) as client:
            for recipient in ("a@partner.test.example", "b@secure.test.example", "reject@partner.test.example",
                              f"later{number}@partner.test.example"):
                clients.submit(client, message(recipient=recipient), [recipient])
            clients.submit(client, with_attachments(), ["c@partner.test.example"])
            # What waits and what is held stays few.
            if number < 3:
                clients.submit(client, message(), ["d@sealed.test.example"])
            clients.submit(client, discharge_summary("e@held.test.example"), ["e@held.test.example"])
        with clients.connect(self.gateway, tls=True) as client:
            client.ehlo()
            password = base64.b64encode(b"\0lab\0wrong").decode()
            assert client.docmd("AUTH", f"PLAIN {password}")[0] == 535
        with clients.smtplib.SMTP("127.0.0.1", self.outside, timeout=30) as client:
            clients.submit(client, message(), ["ward7@nhs.test.example"], sender="someone@partner.test.example")
            clients.submit(client, message(), ["else@where.test.example"])
        held = self.gateway.queue("list", "held")["messages"]
        for one in held[:-1]:
            self.gateway.queue("release", one["id"], "--reason", "looked at")
        if number % 10 == 0:
            rules = self.gateway.policies / "rules.toml"
            rules.write_text(rules.read_text() + f"# {number}\n")
            self.gateway.reload()


def with_attachments():
    mail = discharge_summary("c@partner.test.example")
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w") as archive:
        archive.writestr("rota.txt", "Monday: nobody.\n")
    mail.add_attachment(octets.getvalue(), maintype="application", subtype="zip", filename="rota.zip")
    unread = b"Rar!\x1a\x07\x01\x00 and no more"
    mail.add_attachment(unread, maintype="application", subtype="vnd.rar", filename="rota.rar")
    return mail


class Prometheus:
    def __init__(self, home, gateway):
        self.port, self.home = free_port(), home
        (home / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(file) for file in RULES],
            "scrape_configs": [{
                "job_name": "postern", "static_configs": [{"targets": [f"127.0.0.1:{gateway.metrics}"]}],
            }],
        }))

    def __enter__(self):
        with open(self.home / "prometheus.log", "ab") as log:
            self.process = subprocess.Popen(
                [needed("prometheus"), f"--config.file={self.home}/prometheus.yml",
                 f"--storage.tsdb.path={self.home}/prometheus", f"--web.listen-address=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        wait_for_port(self.port, self.process)
        wait_until("it is ready", self.ready)
        return self

    def __exit__(self, *_):
        end(self.process)

    def ready(self):
        try:
            return bool(self.ask("postern_build_info"))
        except urllib.error.HTTPError:
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=30) as answer:
            return json.load(answer)["data"]

    def ask(self, query):
        return self.get("query?" + urllib.parse.urlencode({"query": query}))["result"]


@pytest.mark.parametrize("query", list(queries()))
def test_every_query_of_the_dashboard_answers(scene, query):
    for variable, value in (("$job", "postern"), ("$instance", ".*"), ("$__rate_interval", "10s")):
        query = query.replace(variable, value)
    assert "$" not in query
    if any(metric in QUIET for metric in re.findall(r"postern_\w+", query)):
        scene.ask(query)
        return
    wait_until("it answers with numbers", lambda: numbers(scene.ask(query)))


def numbers(answer):
    """Whether it has any, and none is a quantile of nothing."""
    return answer and all(one["value"][1] != "NaN" for one in answer)


def test_prometheus_evaluates_every_rule_and_none_is_about_a_metric_that_there_is_not(scene):
    def evaluated():
        rules = [rule for group in scene.get("rules")["groups"] for rule in group["rules"]]
        return all(rule["health"] != "unknown" for rule in rules) and rules

    rules = wait_until("all are evaluated", evaluated)
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    there = set(scene.get("label/__name__/values"))
    asked = set(re.findall(r"postern_\w+", " ".join(rule["query"] for rule in rules)))
    assert asked - there - set(QUIET) == set()


def test_the_dashboard_is_laid_out_without_faults():
    """As Grafana reads it: every panel has a number, a place and a source of its own."""
    every = list(panels())
    assert len({panel["id"] for panel in every}) == len(every)
    taken = {}
    for panel in every:
        place = panel["gridPos"]
        assert 0 <= place["x"] and place["x"] + place["w"] <= 24 and place["h"] > 0, panel["title"]
        for cell in itertools.product(range(place["x"], place["x"] + place["w"]),
                                      range(place["y"], place["y"] + place["h"])):
            assert taken.setdefault(cell, panel["title"]) == panel["title"], (panel["title"], taken[cell])
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert [variable["type"] for variable in DASHBOARD["templating"]["list"]][0] == "datasource"
    for panel in every:
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert panel["targets"] and panel["fieldConfig"]["defaults"].get("unit"), panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]
        for target in panel["targets"]:
            # All of it follows the choices at the top.
            for selector in re.findall(r"postern_\w+(\{[^}]*\})?", target["expr"]):
                assert 'job=~"$job",instance=~"$instance"' in selector, target["expr"]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"}
    assert used == names

"""Knot as the whole of the DNS: an authoritative server of a signed root and
of the zones a test wants below it, with as many things wrong as it asks for."""

import dataclasses
import enum
import hashlib
import pathlib
import re
import signal
import subprocess
import time

import dns.exception
import dns.message
import dns.query
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from processes import end, free_port, needed, wait_until

# As short as it can be: what a test changes is seen at once.
TTL = 1
DAY = 24 * 3600


class Signing(enum.Enum):
    GOOD = enum.auto()
    NONE = enum.auto()  # the delegation is proven to be insecure
    ISLAND = enum.auto()  # signed, but its parent does not vouch for the key
    BOGUS = enum.auto()  # every signature but the key's own is broken
    EXPIRED = enum.auto()  # every signature was good until the day before
    STRIPPED = enum.auto()  # the parent says that it is signed, and it is not


@dataclasses.dataclass
class Zone:
    """`names`: by full name, the records by type, a text or a list of texts:
    {"x.example": {"MX": "10 mx.x.example."}}. `nsec3`: iterations, or None for
    NSEC. `spoiled`: the (name, type) of records whose signatures are broken.
    `fails`: names below which every question is answered with SERVFAIL."""

    names: dict
    signing: Signing = Signing.GOOD
    nsec3: int | None = None
    spoiled: tuple = ()
    fails: tuple = ()


class Zones:
    """`zones`: a `Zone` by name, without final dots. `port` is where all of
    them are asked for (UDP and TCP), `anchors` the file with the root's key."""

    def __init__(self, home, zones, port=None):
        self.home = pathlib.Path(home)
        for folder in ("written", "signed", "keys"):
            (self.home / folder).mkdir(parents=True)
        self.port = port or free_port()
        self.zones = dict(zones)
        self.anchors = self.home / "anchors"
        self.serial = int(time.time())
        self.with_keys = set()
        self.process = None

    def set(self, name, zone):
        """Another zone in its place, or a new one, at once."""
        self.zones[name] = zone
        self._write()
        self.process.send_signal(signal.SIGHUP)
        self._wait_until_loaded()
        time.sleep(TTL + 0.1)

    def start(self):
        self._write()
        log = open(self.home / "knotd.log", "ab")
        self.process = subprocess.Popen(
            [needed("knotd"), "-c", self.home / "serving.conf"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.close()
        try:
            self._wait_until_loaded()
        except TimeoutError as late:
            end(self.process)
            raise RuntimeError(f"knotd does not serve: {self.log()[-3000:]}") from late
        return self

    def stop(self):
        if self.process:
            end(self.process)

    def log(self):
        return (self.home / "knotd.log").read_text(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # The serial of the root says which state of all zones is served.
    def _wait_until_loaded(self):
        wait_until("the zones are loaded", lambda: self._served() == self.serial)

    def _served(self):
        try:
            answer = dns.query.udp(dns.message.make_query(".", "SOA"), "127.0.0.1", port=self.port, timeout=1)
        except (dns.exception.Timeout, ConnectionError):
            return None
        return answer.answer[0][0].serial if answer.answer else None

    def _write(self):
        self.serial += 1
        root = Zone({"name-server": {"A": "127.0.0.1"}})
        zones = {"": root, **self.zones}
        (self.home / "signing.conf").write_text(configuration(self, zones, SIGNED))
        failing = {name: Zone({}, Signing.NONE) for zone in zones.values() for name in zone.fails}
        (self.home / "serving.conf").write_text(configuration(self, zones | failing, SERVED))
        # Children first: their keys stand in their parents.
        for name in sorted(zones, key=len, reverse=True):
            self._write_zone(name, zones[name])
        key = self._keymgr("", "dnskey").splitlines()[0].split("DNSKEY", 1)[1]
        self.anchors.write_text(f". 3600 IN DNSKEY {key.strip()}\n")

    def _write_zone(self, name, zone):
        lines = [
            f"{name}. {TTL} IN SOA name-server. root.name-server. {self.serial} 3600 600 86400 {TTL}",
            f"{name}. {TTL} IN NS name-server.",
        ]
        for owner, kinds in zone.names.items():
            for kind, data in kinds.items():
                texts = [data] if isinstance(data, str) else data
                lines += [f"{owner}. {TTL} IN {kind} {text}" for text in texts]
        for child in self.zones:
            if self._parent(child) == name:
                lines += self._delegation(child)
        text = "\n".join(lines) + "\n"
        (self.home / "written" / file_of(name)).write_text(text)
        signed = self.home / "signed" / file_of(name)
        if zone.signing in (Signing.NONE, Signing.STRIPPED):
            signed.write_text(text)
        else:
            self._sign(name, zone)
            signed.write_text(spoiled(signed.read_text(), zone))

    def _parent(self, child):
        above = [zone for zone in self.zones if child.endswith("." + zone)]
        return max(above, key=len, default="")

    def _delegation(self, child):
        yield f"{child}. {TTL} IN NS name-server."
        if self.zones[child].signing not in (Signing.NONE, Signing.ISLAND):
            self._make_key(child)
            ds = self._keymgr(child, "ds").splitlines()[0].split(" DS ")[1]
            yield f"{child}. {TTL} IN DS {ds}"

    def _sign(self, name, zone):
        self._make_key(name)
        now = int(time.time()) - (2 * DAY if zone.signing is Signing.EXPIRED else 0)
        self._run("kzonesign", "-t", str(now), "-o", self.home / "signed", f"{name}.")

    def _make_key(self, name):
        if name not in self.with_keys:
            times = [f"{stage}=-9d" for stage in ("created", "publish", "ready", "active")]
            self._keymgr(name, "generate", "algorithm=ECDSAP256SHA256", "ksk=yes", "zsk=yes", *times)
            self.with_keys.add(name)

    def _keymgr(self, zone, *arguments):
        return self._run("keymgr", f"{zone}.", *arguments)

    def _run(self, program, *arguments):
        command = [needed(program), "-c", self.home / "signing.conf", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def spoiled(text, zone):
    """Its signatures, turned over where they are to be broken."""
    lines = []
    for line in text.splitlines():
        found = re.match(r"(\S+)\.\s+\d+\s+RRSIG\s+(\S+) ", line)
        broken = found and (zone.signing is Signing.BOGUS and found[2] != "DNSKEY" or found.groups() in zone.spoiled)
        if broken:
            rest, _, signature = line.rpartition(" ")
            line = f"{rest} {'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def file_of(zone):
    return f"{zone or 'root'}.zone"


def tlsa(certificate, usage=3, selector=1, matching=1):
    """The text of a TLSA record for the first certificate of a PEM file."""
    first = x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes())
    if selector:
        selected = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        selected = first.public_bytes(Encoding.DER)
    digests = {0: bytes.hex, 1: lambda it: hashlib.sha256(it).hexdigest(), 2: lambda it: hashlib.sha512(it).hexdigest()}
    return f"{usage} {selector} {matching} {digests[matching](selected)}"


def configuration(of, zones, template):
    text = CONFIG.format(home=of.home, port=of.port)
    iterations = sorted({zone.nsec3 for zone in zones.values()}, key=str)
    text += "policy:\n" + "".join(
        POLICY.format(name=policy_of(count), nsec3="off" if count is None else "on", iterations=count or 0)
        for count in iterations
    )
    text += template.format(home=of.home) + "zone:\n"
    for name, zone in zones.items():
        text += f'  - domain: "{name}."\n    file: "{file_of(name)}"\n    dnssec-policy: {policy_of(zone.nsec3)}\n'
    return text


def policy_of(iterations):
    return "nsec" if iterations is None else f"nsec3-{iterations}"


CONFIG = """\
server:
    rundir: "{home}"
    listen: "127.0.0.1@{port}"
database:
    storage: "{home}/keys"
control:
    listen: "{home}/knot.sock"
log:
  - target: stdout
    any: info
"""
POLICY = """\
  - id: {name}
    manual: on
    single-type-signing: on
    algorithm: ecdsap256sha256
    dnskey-ttl: 1
    zone-max-ttl: 1
    propagation-delay: 1
    rrsig-lifetime: 1d
    rrsig-refresh: 2h
    nsec3: {nsec3}
    nsec3-iterations: {iterations}
"""
# Whole or not at all, and nothing kept: the files are what is served.
SIGNED = """\
template:
  - id: default
    storage: "{home}/written"
    dnssec-signing: on
    zonefile-load: whole
    journal-content: none
"""
SERVED = """\
template:
  - id: default
    storage: "{home}/signed"
    dnssec-signing: off
    semantic-checks: off
    zonefile-load: whole
    journal-content: none
"""

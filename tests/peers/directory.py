"""Debian's slapd as a peer: a directory of its own with its own database, on a
free port of loopback. It starts as whoever runs the tests and stays in the
foreground; the system's own slapd, if there is one, is not touched."""

import pathlib
import subprocess

from gateway import ROOT
from processes import end, free_port, needed, wait_for_port

BASE = "dc=nhs,dc=test,dc=example"
READER = f"cn=gateway,{BASE}"
PASSWORD = "wisteria"

CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {home}/slapd.pid
argsfile {home}/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
{security}
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {home}/data
# As directories of hospitals have it: nobody looks without a name.
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""

ENTRIES = """\
dn: {base}
objectClass: dcObject
objectClass: organization
dc: nhs
o: Example Hospitals

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: gateway
userPassword: {password}

"""

# `uid` stands in for what Active Directory calls proxyAddresses.
PERSON = """\
dn: cn={name},{base}
objectClass: inetOrgPerson
cn: {name}
sn: {name}
mail: {mail}
uid: {alias}

"""

FILTER = "(|(mail={address})(uid=smtp:{address}))"


class Slapd:
    """`people`: addresses; each has the alias `alias.ADDRESS` too. `lab`: the
    folder with the lab's authority, which certifies it as `name`. `security`:
    a line of slapd.conf, such as that it gives nothing away without TLS."""

    def __init__(self, home, lab, people, name="localhost", security=""):
        self.home = pathlib.Path(home)
        self.port, self.tls_port = free_port(), free_port()
        subprocess.run([ROOT / "deploy/lab/certificates", lab, name], check=True)
        (self.home / "data").mkdir(parents=True)
        self.config = self.home / "slapd.conf"
        self.config.write_text(CONFIG.format(
            home=self.home, ca=lab / "ca.pem", certificate=lab / f"{name}.pem", key=lab / f"{name}.key",
            base=BASE, reader=READER, security=security,
        ))
        entries = ENTRIES.format(base=BASE, reader=READER, password=PASSWORD) + "".join(
            PERSON.format(base=BASE, name=f"person {number}", mail=mail, alias=f"smtp:alias.{mail}")
            for number, mail in enumerate(people)
        )
        subprocess.run([needed("slapadd"), "-f", self.config], input=entries, text=True, check=True,
                       capture_output=True)
        self.process = None

    def start(self):
        addresses = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        log = open(self.home / "slapd.log", "ab")
        # -d keeps it in the foreground: our own child, and no daemon.
        self.process = subprocess.Popen(
            [needed("slapd"), "-f", self.config, "-h", addresses, "-d", "stats"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        log.close()
        wait_for_port(self.port, self.process)
        return self

    def stop(self):
        if self.process is not None:
            end(self.process)

    def searches(self):
        """How often it has been asked."""
        return (self.home / "slapd.log").read_text(errors="replace").count(" SRCH base=")

    def connections(self):
        return (self.home / "slapd.log").read_text(errors="replace").count(" ACCEPT from ")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

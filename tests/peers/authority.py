"""Certificates of every kind, good and bad, for the peers of the tests."""

import datetime
import functools
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DAY = datetime.timedelta(days=1)


@functools.cache
def rsa_key(bits):
    return rsa.generate_private_key(65537, bits)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Authority:
    """One that signs what it is asked to. `above` is the authority that has
    signed its own certificate; itself where there is none."""

    def __init__(self, name="Test authority", above=None):
        self.name, self.above, self.key = name, above, ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder().subject_name(subject).public_key(self.key.public_key())
            .issuer_name(above.certificate.subject if above else subject)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY).not_valid_after(now() + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        self.certificate = builder.sign(above.key if above else self.key, hashes.SHA256())

    def write(self, path):
        """Its certificate as a trust anchor."""
        pathlib.Path(path).write_bytes(pem(self.certificate))
        return path

    def private(self):
        """Its key, PEM."""
        return private(self.key)

    def issue(self, folder, *names, start=-1, end=30, key=None, hash=hashes.SHA256(), chain=True, alone=False, label=None):
        """Chain and key files for the names. `start` and `end`: in days from
        now. `chain`: with the authorities between it and the root. `alone`:
        signed by itself."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        builder = (
            x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
            .issuer_name(subject if alone else self.certificate.subject)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() + start * DAY).not_valid_after(now() + end * DAY)
            .add_extension(x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        certificate = builder.sign(key if alone else self.key, hash)
        label = label or f"{names[0]}-{certificate.serial_number:x}"
        chain_path, key_path = folder / f"{label[:60]}.pem", folder / f"{label[:60]}.key"
        above = b"".join(pem(one.certificate) for one in self.between()) if chain and not alone else b""
        chain_path.write_bytes(pem(certificate) + above)
        key_path.write_bytes(private(key))
        return chain_path, key_path

    def between(self):
        """Itself and those above it, the root left out."""
        return [] if self.above is None else [self, *self.above.between()]


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)

"""What cannot be read without a key, and what only looks so."""

import io
import pathlib
import secrets as chance
import subprocess
import tempfile

import msoffcrypto.format.ooxml
import pyzipper

from . import archives, mime, plain, word, sheets
from .file import File


def _run(*command, given=b""):
    return subprocess.run([str(part) for part in command], input=given, check=True, capture_output=True).stdout


def zip_aes(random, inner):
    store = io.BytesIO()
    with pyzipper.AESZipFile(store, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"correct horse")
        archive.writestr(inner.name, inner.octets)
    return File("zip", "application/zip", store.getvalue(), inner.stem)


def zip_crypto(random, inner):
    return File(
        "zip",
        "application/zip",
        archives.seven_zip([inner], "a.zip", "-tzip", "-pcorrecthorse", "-mem=ZipCrypto"),
        inner.stem,
    )


def sevenzip_password(random, inner):
    return File("7z", "application/x-7z-compressed", archives.seven_zip([inner], "a.7z", "-pcorrecthorse"), inner.stem)


def sevenzip_names_too(random, inner):
    return File(
        "7z", "application/octet-stream", archives.seven_zip([inner], "a.7z", "-pcorrecthorse", "-mhe=on"), inner.stem
    )


def zip_in_zip(random, inner):
    return archives.as_zip(random, zip_aes(random, inner))


def _qpdf(inner, user, owner):
    with tempfile.TemporaryDirectory() as folder:
        before, after = pathlib.Path(folder) / "a.pdf", pathlib.Path(folder) / "b.pdf"
        before.write_bytes(inner.octets)
        subprocess.run(["qpdf", "--encrypt", user, owner, "256", "--", before, after], check=True)
        return File("pdf", "application/pdf", after.read_bytes(), inner.stem)


def pdf_password(random, inner):
    return _qpdf(inner, "correcthorse", "owner")


def pdf_owner_only(random, inner):
    """Encrypted, and anybody may open it: readable."""
    return _qpdf(inner, "", "owner")


def office_password(random, inner):
    store = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(inner.octets)).encrypt("correcthorse", store)
    return File(inner.suffix, inner.kind, store.getvalue(), inner.stem)


def damaged(random, inner):
    """Cut short on the way: nobody reads it."""
    whole = archives.as_zip(random, inner)
    return File("zip", whole.kind, whole.octets[: 40 + len(whole.octets) // 5], inner.stem)


FILES = {
    zip_aes: "any",
    zip_crypto: "any",
    sevenzip_password: "any",
    sevenzip_names_too: "any",
    zip_in_zip: "any",
    pdf_password: "pdf",
    office_password: "ooxml",
    damaged: "any",
}


def _certificate(folder):
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    _run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
        "-subj",
        "/CN=blind",
        "-days",
        "30",
    )
    return key, certificate


def smime_encrypted(random, draft):
    with tempfile.TemporaryDirectory() as name:
        _, certificate = _certificate(pathlib.Path(name))
        text = mime.text(plain.text(random, draft), encoding="quoted-printable").octets()
        octets = _run(
            "openssl", "cms", "-encrypt", "-aes-256-cbc", "-binary", "-outform", "DER", certificate, given=text
        )
    part = mime.file(random, "smime.p7m", octets, "application/pkcs7-mime; smime-type=enveloped-data")
    return part


def smime_signed_clear(random, draft):
    """Signed, and in clear."""
    with tempfile.TemporaryDirectory() as name:
        key, certificate = _certificate(pathlib.Path(name))
        text = mime.text(plain.text(random, draft), encoding="quoted-printable")
        octets = _run(
            "openssl",
            "cms",
            "-sign",
            "-binary",
            "-signer",
            certificate,
            "-inkey",
            key,
            "-outform",
            "DER",
            given=text.octets(),
        )
    signature = mime.file(random, "smime.p7s", octets, "application/pkcs7-signature")
    return mime.multipart(
        random, "signed", [text, signature], '; protocol="application/pkcs7-signature"; micalg=sha-256'
    )


def smime_signed_wrapped(random, draft):
    """Signed, the text within the signature: readable by whoever unwraps it."""
    with tempfile.TemporaryDirectory() as name:
        key, certificate = _certificate(pathlib.Path(name))
        text = mime.text(plain.text(random, draft), encoding="quoted-printable").octets()
        octets = _run(
            "openssl",
            "cms",
            "-sign",
            "-nodetach",
            "-binary",
            "-signer",
            certificate,
            "-inkey",
            key,
            "-outform",
            "DER",
            given=text,
        )
    return mime.file(random, "smime.p7m", octets, "application/pkcs7-mime; smime-type=signed-data")


def _gpg(octets, *options):
    with tempfile.TemporaryDirectory() as home:
        return _run(
            "gpg",
            "--homedir",
            home,
            "--batch",
            "--yes",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            chance.token_hex(4),
            "--symmetric",
            *options,
            given=octets,
        )


def pgp_inline(random, draft):
    return mime.text(_gpg(plain.text(random, draft).encode(), "--armor").decode(), encoding="7bit", charset="us-ascii")


def pgp_mime(random, draft):
    inner = mime.text(plain.text(random, draft), encoding="quoted-printable").octets()
    version = mime.Part([("Content-Type", "application/pgp-encrypted")], b"Version: 1\r\n")
    secret = mime.Part(
        [("Content-Type", 'application/octet-stream; name="encrypted.asc"')], mime.lines(_gpg(inner, "--armor"))
    )
    return mime.multipart(random, "encrypted", [version, secret], '; protocol="application/pgp-encrypted"')


def pgp_file(random, draft):
    inner = word.as_docx(random, draft) if random.random() < 0.5 else sheets.as_csv(random, draft)
    name = random.choice(["list.gpg", "file.pgp", "data.csv.gpg"])
    part = mime.file(random, name, _gpg(inner.octets), "application/octet-stream")
    return mime.multipart(random, "mixed", [mime.text("Password by phone.", encoding="7bit", charset="us-ascii"), part])


MESSAGES = [smime_encrypted, pgp_inline, pgp_mime, pgp_file]

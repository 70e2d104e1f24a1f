"""Archives, and what else holds files, as other programs make them: what
stands in one is found and placed, what is sealed is said to be."""

import base64
import gzip
import json
import mailbox
import random
import struct
import subprocess
import tarfile
import zipfile
from email.message import EmailMessage

import pytest
from msgforge import Message as OutlookMessage

from gateway import ROOT, postern
from messages import message
from processes import needed


def nhs_number():
    """One that could be issued, and made now: none stands in a file here."""
    while True:
        digits = [int(digit) for digit in str(random.randint(600_000_000, 799_999_999))]
        check = 11 - sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1))) % 11
        if check != 10:
            return "".join(map(str, digits)) + str(check % 11)


@pytest.fixture
def number():
    return nhs_number()


@pytest.fixture
def letter(number):
    return f"Patient: Zelda Testperson\nNHS number: {number}\nAdmitted with pneumonia.\n".encode()


@pytest.fixture
def file(tmp_path, letter):
    """The letter as a file in an empty folder, as programs take it."""
    folder = tmp_path / "files"
    folder.mkdir()
    folder.joinpath("letter.txt").write_bytes(letter)
    return folder / "letter.txt"


def classified(tmp_path, octets, kind="application/octet-stream", name="file.bin"):
    """What Postern says of a message with this attached, by any name."""
    mail = message("Rota", text="Attached.\n")
    main, _, sub = kind.partition("/")
    mail.add_attachment(octets, maintype=main, subtype=sub, filename=name)
    return classified_message(tmp_path, mail.as_bytes())


def classified_message(tmp_path, octets):
    tmp_path.joinpath("message.eml").write_bytes(octets)
    ran = postern("classify", "--json", "--reveal", "--policies", ROOT / "policies", tmp_path / "message.eml")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def parts(answer, number):
    """Where the number was found."""
    numbers = [found for found in answer["findings"] if found["kind"] == "nhs_number"]
    return {found["part"] for found in numbers if "".join(filter(str.isdigit, found["value"])) == number}


def reasons(answer):
    return {part["part"]: part["reason"] for part in answer["opaque_parts"]}


def run(*command, folder):
    subprocess.run(list(map(str, command)), cwd=folder, check=True, capture_output=True)


def made(program, *arguments, file, name):
    """What a program that packs the letter into a file of a name has made."""
    run(needed(program), *arguments, folder=file.parent)
    return file.parent.joinpath(name).read_bytes()


# ---- Archives --------------------------------------------------------------

SEVEN = ("7z", "a", "-bd")
PACKED = {
    "zip": (("zip", "-q", "a.zip", "letter.txt"), "a.zip", "2/1"),
    "zip, stored": (("zip", "-q", "-0", "a.zip", "letter.txt"), "a.zip", "2/1"),
    "zip by 7-Zip": ((*SEVEN, "a.zip", "letter.txt"), "a.zip", "2/1"),
    "zip with LZMA": ((*SEVEN, "-mm=LZMA", "a.zip", "letter.txt"), "a.zip", "2/1"),
    "zip with bzip2": ((*SEVEN, "-mm=BZip2", "a.zip", "letter.txt"), "a.zip", "2/1"),
    "7z": ((*SEVEN, "a.7z", "letter.txt"), "a.7z", "2/1"),
    "7z, LZMA": ((*SEVEN, "-m0=LZMA", "a.7z", "letter.txt"), "a.7z", "2/1"),
    "7z, bzip2": ((*SEVEN, "-m0=BZip2", "a.7z", "letter.txt"), "a.7z", "2/1"),
    "7z, as it is": ((*SEVEN, "-mx0", "a.7z", "letter.txt"), "a.7z", "2/1"),
    "7z, greatest": ((*SEVEN, "-mx9", "a.7z", "letter.txt"), "a.7z", "2/1"),
    "tar": (("tar", "cf", "a.tar", "letter.txt"), "a.tar", "2/1"),
    "tar, old": (("tar", "cf", "a.tar", "--format=v7", "letter.txt"), "a.tar", "2/1"),
    "tar, pax": (("tar", "cf", "a.tar", "--format=pax", "letter.txt"), "a.tar", "2/1"),
    "tar.gz": (("tar", "czf", "a.tgz", "letter.txt"), "a.tgz", "2/1/1"),
    "tar.bz2": (("tar", "cjf", "a.tbz", "letter.txt"), "a.tbz", "2/1/1"),
    "tar.xz": (("tar", "cJf", "a.txz", "letter.txt"), "a.txz", "2/1/1"),
    "gzip": (("gzip", "-k", "letter.txt"), "letter.txt.gz", "2/1"),
    "bzip2": (("bzip2", "-k", "letter.txt"), "letter.txt.bz2", "2/1"),
    "xz": (("xz", "-k", "-9e", "letter.txt"), "letter.txt.xz", "2/1"),
    "lzma": (("xz", "-k", "--format=lzma", "letter.txt"), "letter.txt.lzma", "2/1"),
}


@pytest.mark.parametrize("way", PACKED)
def test_what_is_packed_is_found(way, tmp_path, file, number):
    (program, *arguments), name, part = PACKED[way]
    answer = classified(tmp_path, made(program, *arguments, file=file, name=name))
    assert parts(answer, number) == {part}
    assert reasons(answer) == {}


RARELY_PACKED = {
    "zip with Deflate64": ((*SEVEN, "-mm=Deflate64", "a.zip", "letter.txt"), "a.zip", 9, "2/1"),
    "zip with PPMd": ((*SEVEN, "-mm=PPMd", "a.zip", "letter.txt"), "a.zip", 98, "2/1"),
    "7z, PPMd": ((*SEVEN, "-m0=PPMd", "a.7z", "letter.txt"), "a.7z", None, "2/1"),
    "zstd": (("zstd", "-q", "letter.txt"), "letter.txt.zst", None, "2/1"),
    "zstd, greatest": (("zstd", "-q", "--ultra", "-22", "letter.txt"), "letter.txt.zst", None, "2/1"),
    "tar.zst": (("tar", "cf", "a.tar.zst", "--zstd", "letter.txt"), "a.tar.zst", None, "2/1/1"),
}


@pytest.mark.parametrize("way", RARELY_PACKED)
def test_what_is_packed_in_rarer_ways_is_found(way, tmp_path, file, letter, number):
    (program, *arguments), name, method, part = RARELY_PACKED[way]
    # What does not get smaller is not packed.
    file.write_bytes(letter + b"There is nothing else to say.\n" * 5000)
    octets = made(program, *arguments, file=file, name=name)
    assert method is None or octets[8] == method
    answer = classified(tmp_path, octets)
    assert parts(answer, number) == {part}
    assert reasons(answer) == {}


UNREAD = {
    "cabinet": (("gcab", "-c", "-z", "a.cab", "letter.txt"), "a.cab"),
    "image of a disc": (("genisoimage", "-quiet", "-o", "a.iso", "letter.txt"), "a.iso"),
    "ARJ": (("arj", "a", "-y", "a.arj", "letter.txt"), "a.arj"),
    "compress": (("compress", "-f", "letter.txt"), "letter.txt.Z"),
}


@pytest.mark.parametrize("way", UNREAD)
def test_an_archive_without_a_reader_is_said_to_be_unread(way, tmp_path, file):
    (program, *arguments), name = UNREAD[way]
    answer = classified(tmp_path, made(program, *arguments, file=file, name=name))
    assert reasons(answer) == {"2": "unreadable"} and answer["opaque"]


SEALED = {
    "zip": (("zip", "-q", "-P", "secret", "a.zip", "letter.txt"), "a.zip", {"2/1": "encrypted"}),
    "zip, AES": ((*SEVEN, "-psecret", "-mem=AES256", "a.zip", "letter.txt"), "a.zip", {"2/1": "encrypted"}),
    "7z": ((*SEVEN, "-psecret", "a.7z", "letter.txt"), "a.7z", {"2/1": "encrypted"}),
    "7z, names too": ((*SEVEN, "-psecret", "-mhe=on", "a.7z", "letter.txt"), "a.7z", {"2": "encrypted"}),
}


@pytest.mark.parametrize("way", SEALED)
def test_what_is_sealed_is_said_to_be(way, tmp_path, file, number):
    (program, *arguments), name, sealed = SEALED[way]
    answer = classified(tmp_path, made(program, *arguments, file=file, name=name))
    assert parts(answer, number) == set()
    assert reasons(answer) == sealed and answer["opaque"]


def test_what_stands_beside_something_sealed_is_found(tmp_path, file, number):
    made("7z", "a", "-bd", "-psecret", "a.zip", "letter.txt", file=file, name="a.zip")
    file.rename(file.with_name("open.txt"))
    answer = classified(tmp_path, made("7z", "a", "-bd", "a.zip", "open.txt", file=file, name="a.zip"))
    assert parts(answer, number) == {"2/2"}
    assert reasons(answer) == {"2/1": "encrypted"}


def test_a_name_is_read_even_of_what_is_sealed(tmp_path, file, number):
    named = file.rename(file.with_name(f"NHS number {number} pneumonia.txt"))
    answer = classified(tmp_path, made("zip", "-q", "-P", "secret", "a.zip", named.name, file=file, name="a.zip"))
    assert parts(answer, number) == {"2/1"}
    assert reasons(answer) == {"2/1": "encrypted"}


def test_archives_within_each_other_are_read(tmp_path, file, number):
    for command in (
        ("tar", "czf", "a.tgz", "letter.txt"), ("7z", "a", "-bd", "a.7z", "a.tgz"), ("zip", "-q", "a.zip", "a.7z"),
    ):
        run(needed(command[0]), *command[1:], folder=file.parent)
    answer = classified(tmp_path, file.with_name("a.zip").read_bytes())
    assert parts(answer, number) == {"2/1/1/1/1"}
    assert reasons(answer) == {}


def test_an_archive_that_was_streamed_is_read(tmp_path, file, number):
    piped = subprocess.run(
        [needed("zip"), "-q", "-", "letter.txt"], cwd=file.parent, stdout=subprocess.PIPE, check=True
    ).stdout
    assert parts(classified(tmp_path, piped), number) == {"2/1"}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_pythons_archives_are_read(method, tmp_path, letter, number):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("folder/naïve.txt", letter)
        archive.comment = f"NHS number: {number}, pneumonia".encode()
    answer = classified(tmp_path, tmp_path.joinpath("a.zip").read_bytes())
    assert parts(answer, number) == {"2/1", "2:comment"}
    assert reasons(answer) == {}


def test_an_archive_cut_off_is_read_as_far_as_it_goes(tmp_path, letter, number):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("letter.txt", letter)
        archive.writestr("other.txt", random.randbytes(5000).hex())
    octets = tmp_path.joinpath("a.zip").read_bytes()
    answer = classified(tmp_path, octets[: len(octets) // 2])
    assert parts(answer, number) == {"2/1"}
    assert "damaged" in reasons(answer).values() and answer["opaque"]


def test_a_wrong_sum_is_damage(tmp_path, letter, number):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("letter.txt", letter)
    octets = tmp_path.joinpath("a.zip").read_bytes().replace(b"Zelda", b"Zelma")
    answer = classified(tmp_path, octets)
    assert parts(answer, number) == {"2/1"}
    assert reasons(answer) == {"2/1": "damaged"}


def test_an_archive_behind_a_program_is_read(tmp_path, file, number):
    octets = made("zip", "-q", "a.zip", "letter.txt", file=file, name="a.zip")
    program = b"MZ" + random.randbytes(600)
    answer = classified(tmp_path, program + octets)
    assert parts(answer, number) == {"2/1"}
    assert reasons(answer) == {"2": "unreadable"}


def test_python_and_its_tar_agree_on_long_names(tmp_path, file, number):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(file, f"{'folder/' * 40}letter.txt")
    answer = classified(tmp_path, tmp_path.joinpath("a.tar.gz").read_bytes())
    assert parts(answer, number) == {"2/1/1"}


# ---- Bombs -----------------------------------------------------------------

def bombs(tmp_path):
    zeros = bytes(1 << 20)
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(200):
            archive.writestr(f"{number}.txt", zeros)
    with zipfile.ZipFile(tmp_path / "nested.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(16):
            archive.write(tmp_path / "many.zip", f"{number}.zip")
    with zipfile.ZipFile(tmp_path / "entries.zip", "w") as archive:
        for number in range(30_000):
            archive.writestr(str(number), b"")
    yield from (tmp_path.joinpath(f"{name}.zip").read_bytes() for name in ("many", "nested", "entries"))
    yield gzip.compress(gzip.compress(zeros * 300))
    yield b"\x5d" + struct.pack("<IQ", 1 << 31, (1 << 64) - 1) + random.randbytes(100)


def test_bombs_are_over_the_limit(tmp_path):
    for octets in bombs(tmp_path):
        answer = classified(tmp_path, octets)
        assert "over-limit" in reasons(answer).values() and answer["opaque"]


# ---- S/MIME ----------------------------------------------------------------

@pytest.fixture
def entity(letter):
    return b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(letter)


@pytest.fixture
def certificate(tmp_path):
    run(needed("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Ann", "-days", "2",
        "-keyout", "key.pem", "-out", "cert.pem", folder=tmp_path)


CMS = {
    "signed": ("-sign", "-nodetach", "-signer", "cert.pem", "-inkey", "key.pem"),
    "signed, streamed": ("-sign", "-nodetach", "-stream", "-signer", "cert.pem", "-inkey", "key.pem"),
}


@pytest.mark.parametrize("way", CMS)
def test_what_is_signed_and_not_encrypted_is_read(way, tmp_path, certificate, entity, number):
    tmp_path.joinpath("entity").write_bytes(entity)
    run(needed("openssl"), "cms", *CMS[way], "-binary", "-in", "entity", "-out", "signed.eml", folder=tmp_path)
    answer = classified_message(tmp_path, tmp_path.joinpath("signed.eml").read_bytes())
    assert parts(answer, number) == {"1.1"}
    assert reasons(answer) == {}


def test_what_is_signed_twice_is_read(tmp_path, certificate, entity, number):
    tmp_path.joinpath("0").write_bytes(entity)
    for once in range(2):
        run(needed("openssl"), "cms", *CMS["signed"], "-binary", "-in", once, "-out", once + 1, folder=tmp_path)
    answer = classified_message(tmp_path, tmp_path.joinpath("2").read_bytes())
    assert parts(answer, number) == {"1.1.1"}


@pytest.mark.parametrize("cipher", ["-aes-256-cbc", "-aes-256-gcm"])
def test_what_is_enveloped_is_encrypted(cipher, tmp_path, certificate, entity):
    tmp_path.joinpath("entity").write_bytes(entity)
    run(needed("openssl"), "cms", "-encrypt", cipher, "-in", "entity", "-out", "sealed.eml", "cert.pem",
        folder=tmp_path)
    answer = classified_message(tmp_path, tmp_path.joinpath("sealed.eml").read_bytes())
    assert reasons(answer) == {"1": "encrypted"}


# ---- Messages as files, and files in text ----------------------------------

def inner_message(letter, number):
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@nhs.test.example", "b@nhs.test.example"
    mail["Subject"] = f"NHS number {number}: pneumonia"
    mail["Message-ID"] = "<a@nhs.test.example>"
    mail.set_content("Attached.\n")
    mail.add_attachment(letter, maintype="application", subtype="octet-stream", filename="letter.txt")
    return mail.as_bytes()


def test_a_message_that_is_a_file_is_read(tmp_path, letter, number):
    octets = inner_message(letter, number)
    answer = classified(tmp_path, octets, name="message.eml")
    assert parts(answer, number) == {"2.2", "2:header:Subject"}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("message.eml", octets)
    answer = classified(tmp_path, tmp_path.joinpath("a.zip").read_bytes())
    assert parts(answer, number) == {"2/1.2", "2/1:header:Subject"}


def test_a_mailbox_is_read(tmp_path, letter, number):
    box = mailbox.mbox(tmp_path / "box", create=True)
    box.add(inner_message(b"nothing", "0"))
    box.add(inner_message(letter, number))
    box.flush()
    answer = classified(tmp_path, tmp_path.joinpath("box").read_bytes(), name="Sent")
    assert parts(answer, number) == {"2/2.2", "2/2:header:Subject"}


@pytest.mark.parametrize("option", [[], ["-m"]], ids=["historical", "base64"])
def test_files_in_text_are_read(option, tmp_path, file, number):
    encoded = subprocess.run(
        [needed("uuencode"), *option, "letter.txt", "letter.txt"],
        cwd=file.parent, stdout=subprocess.PIPE, check=True,
    ).stdout
    lines = b"From: a@nhs.test.example\r\nSubject: Rota\r\n\r\nAttached.\r\n" + encoded.replace(b"\n", b"\r\n")
    answer = classified_message(tmp_path, lines)
    assert parts(answer, number) == {"1/1"}
    assert reasons(answer) == {}
    header = b"From: a@nhs.test.example\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"
    answer = classified_message(tmp_path, header + encoded.replace(b"\n", b"\r\n"))
    assert parts(answer, number) == {"1"}


# ---- Outlook ---------------------------------------------------------------

def attribute(identifier, data):
    level = 2 if identifier in (0x00069002, 0x00018010, 0x0006800F) else 1
    return struct.pack("<BII", level, identifier, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def test_winmail_dat_is_read(tmp_path, letter, number):
    """Written as MS-OXTNEF says; Debian's reader is asked whether it is so."""
    stream = struct.pack("<IH", 0x223E9F78, 1) + b"".join([
        attribute(0x00089006, struct.pack("<I", 0x00010000)),
        attribute(0x00069007, struct.pack("<II", 1252, 0)),
        attribute(0x00078008, b"IPM.Microsoft Mail.Note\0"),
        attribute(0x0002800C, b"NHS number: " + number.encode() + b"\0"),
        attribute(0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)),
        attribute(0x00018010, b"letter.txt\0"),
        attribute(0x0006800F, letter),
    ])
    tmp_path.joinpath("winmail.dat").write_bytes(stream)
    run(needed("tnef"), "--save-body=body", "-C", tmp_path, tmp_path / "winmail.dat", folder=tmp_path)
    assert tmp_path.joinpath("letter.txt").read_bytes() == letter
    answer = classified(tmp_path, stream, "application/ms-tnef", "winmail.dat")
    assert parts(answer, number) == {"2", "2/1"}
    assert reasons(answer) == {}


def test_an_outlook_message_is_read(tmp_path, letter, number):
    made = OutlookMessage(
        subject=f"NHS number {number}: pneumonia",
        html_body=f"<p>NHS number: <b>{number}</b>, pneumonia</p>",
        to=[("ann@nhs.test.example", "Ann Example")],
    )
    made.attach_bytes("letter.txt", letter)
    answer = classified(tmp_path, made.as_bytes(), "application/vnd.ms-outlook", "message.msg")
    found = parts(answer, number)
    assert {"2", "2:subject"} <= found
    assert any(part.startswith("2/") for part in found)
    assert "damaged" not in reasons(answer).values()

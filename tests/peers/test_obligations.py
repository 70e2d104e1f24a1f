"""What rules ask to be done to a copy: a banner, tags in the Subject, wrapping,
tag lines that differ, fields supplied and taken out. Held against Python's own
e-mail parser, OpenSSL, GnuPG and the gateway's far end."""

import pathlib
import subprocess

import clients
import pytest
from gateway import ROOT, Gateway, postern, route
from messages import message
from odd_messages import Maker
from processes import needed
from rewriting_properties import BANNER, PHRASE, again_faults, faults, header_fields, parsed

INWARD = ["--from", "b@other.test.example", "--to", "a@nhs.test.example", "--local", "nhs.test.example",
          "--direction", "inbound"]
OUTWARD = ["--from", "a@nhs.test.example", "--to", "b@other.test.example"]

RULES = """
[[rule]]
name        = "mail from outside says so"
when        = { direction = "inbound" }
banner      = "lab"
tag_subject = "[EXTERNAL]"

[[rule]]
name       = "what is sealed is wrapped"
when       = { direction = "outbound", destination = ["approved", "internet"], level = "0..4" }
disclaimer = "nhs"
protected  = "wrap"

[[rule]]
name       = "partners have words of their own"
when       = { direction = "outbound", destination = "approved", recipient_domain = "gov.test.example", level = "0..4" }
disclaimer = "partner"

[[rule]]
name           = "what is internal stays inside"
when           = { direction = "outbound" }
remove_headers = ["X-Internal-*"]
"""


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The lab's, with these rules and wordings."""
    folder = tmp_path_factory.mktemp("policies")
    subprocess.run([ROOT / "deploy/lab/policies", folder], check=True)
    with open(folder / "rules.toml", "a") as rules:
        rules.write(RULES)
    for name, words in (("lab", f"{BANNER}: daw\u2019r neges hon o\u2019r tu allan"), ("partner", "Between partners.")):
        (folder / f"disclaimers/{name}.txt").write_text(f"{words}\n")
        (folder / f"disclaimers/{name}.html").write_text(f'<p lang="en">{words}</p>\n')
    return folder


def rewritten(source, policies, folder, journey):
    folder.mkdir()
    ran = postern("rewrite", source, *journey, "--policies", policies, "--out", folder)
    assert ran.returncode == 0, ran.stderr
    return folder


def rewritten_one(octets, policies, folder, journey=OUTWARD):
    folder.mkdir(exist_ok=True)
    source = folder / "before.eml"
    source.write_bytes(octets)
    ran = postern("rewrite", source, *journey, "--policies", policies, "--out", folder / ".")
    assert ran.returncode == 0, ran.stderr
    return (folder / "before.eml").read_bytes()


def test_odd_messages_show_the_banner_above_all_once_and_keep_all_that_is_theirs(tmp_path, policies):
    before = tmp_path / "before"
    before.mkdir()
    for seed in range(400):
        (before / f"{seed:04}.eml").write_bytes(Maker(seed).message())
    once = rewritten(before, policies, tmp_path / "once", INWARD)
    twice = rewritten(once, policies, tmp_path / "twice", INWARD)
    wrong = []
    for path in sorted(before.iterdir()):
        was, now, again = (folder.joinpath(path.name).read_bytes() for folder in (before, once, twice))
        if found := faults(was, now, BANNER, b"[EXTERNAL]") + again_faults(now, again):
            wrong.append(f"{path.name}: {found}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])


def first_part(octets):
    """The octets of the first part of a multipart, fields and all."""
    boundary = b"--" + parsed(octets).get_boundary().encode()
    return octets.split(b"\r\n" + boundary + b"\r\n", 2)[1]


@pytest.mark.parametrize("way", [["-sign"], ["-sign", "-nodetach"], ["-encrypt"]], ids="-".join)
def test_s_mime_still_verifies_when_it_is_wrapped(tmp_path, policies, way):
    def openssl(*arguments):
        subprocess.run([needed("openssl"), *map(str, arguments)], check=True, capture_output=True, cwd=tmp_path)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Ann", "-days", "2",
            "-keyout", "key", "-out", "certificate")
    (tmp_path / "entity").write_bytes(b"Content-Type: text/plain\r\n\r\nhello\r\n")
    keys = ["-signer", "certificate", "-inkey", "key"] if "-sign" in way else []
    openssl("cms", *way, *keys, "-crlfeol", "-in", "entity", "-out", "sealed.eml", *(["certificate"] if not keys else []))
    sealed = (tmp_path / "sealed.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    before = b"From: a@nhs.test.example\r\nSubject: hello\r\n" + sealed
    after = rewritten_one(before, policies, tmp_path / "out")

    top = parsed(after)
    assert top.get_content_type() == "multipart/mixed" and len(top.get_payload()) == 2
    assert PHRASE in top.get_payload()[1].get_payload(decode=True).decode()
    (tmp_path / "part.eml").write_bytes(first_part(after))
    if keys:
        openssl("cms", "-verify", "-noverify", "-in", "part.eml", "-out", "text")
    else:
        openssl("cms", "-decrypt", "-recip", "certificate", "-inkey", "key", "-in", "part.eml", "-out", "text")
    assert b"hello" in (tmp_path / "text").read_bytes()
    broken = first_part(after).replace(b"hello", b"jello")
    if broken != first_part(after):
        (tmp_path / "part.eml").write_bytes(broken)
        with pytest.raises(subprocess.CalledProcessError):
            openssl("cms", "-verify", "-noverify", "-in", "part.eml", "-out", "text")
    again = rewritten_one(after, policies, tmp_path / "again")
    assert again_faults(after, again) == []


def test_pgp_mime_still_verifies_when_it_is_wrapped(tmp_path, policies):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)

    def gpg(*arguments):
        command = [needed("gpg"), "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run([*command, *map(str, arguments)], capture_output=True, cwd=tmp_path, check=False)

    assert gpg("--quick-generate-key", "ann@nhs.test.example", "ed25519", "sign", "1d").returncode == 0
    text = b"Content-Type: text/plain\r\n\r\nhello \r\nyou\r\n"
    (tmp_path / "text").write_bytes(text)
    assert gpg("--armor", "--detach-sign", "--output", "signature", "text").returncode == 0
    armour = (tmp_path / "signature").read_bytes().replace(b"\n", b"\r\n")
    before = (
        b"From: ann@nhs.test.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=pgp-sha512;\r\n"
        b'\tprotocol="application/pgp-signature"; boundary="s"\r\n\r\n--s\r\n' + text
        + b"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n" + armour + b"\r\n--s--\r\n"
    )
    after = rewritten_one(before, policies, tmp_path / "out")
    inner = first_part(after)
    signed, signature = inner.split(b"--s\r\n", 1)[1].split(b"\r\n--s\r\n")
    (tmp_path / "text").write_bytes(signed)
    (tmp_path / "signature").write_bytes(signature.split(b"\r\n\r\n", 1)[1].split(b"\r\n--s--")[0])
    assert gpg("--verify", "signature", "text").returncode == 0
    (tmp_path / "text").write_bytes(signed.replace(b"hello", b"jello"))
    assert gpg("--verify", "signature", "text").returncode != 0
    subprocess.run([needed("gpgconf"), "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def test_a_machine_s_message_is_left_though_what_is_sealed_is_wrapped(tmp_path, policies):
    before = b"From: a@nhs.test.example\r\nAuto-Submitted: auto-replied\r\n\r\nI am away\r\n"
    assert rewritten_one(before, policies, tmp_path / "out").endswith(before)


def test_recipients_of_different_tag_lines_get_different_copies_and_each_is_kept_once(home, far_end, policies):
    alike, partner = ["one@other.test.example", "two@other.test.example"], "three@gov.test.example"
    with Gateway(home / "gateway", [route("*", far_end.port)], policies=policies) as gateway:
        mail = message(recipient=alike[0])
        mail["X-Internal-Host"] = "ward7.internal"
        with clients.connect(gateway) as client:
            code, text = clients.submit(client, mail, [*alike, partner])
        assert code == 250, text
        far_end.wait_for(1)
        (ours,) = [one for one in far_end.received if alike[0] in one.forward_paths]
        assert ours.forward_paths == alike
        assert PHRASE in ours.reading("plain") and "Between partners." not in ours.reading("plain")
        assert ours.header("X-Internal-Host") == []
        shown = postern("explain", write(home / "mail.eml", mail), "--from", "a@nhs.test.example", "--to", partner,
                        "--policies", policies).stdout
        assert "Gave way" in shown and "partners have words of their own" in shown, shown


def write(path, mail):
    path.write_bytes(mail.as_bytes(policy=mail.policy.clone(linesep="\r\n")))
    return path


def test_what_a_client_left_out_is_supplied_and_a_stranger_s_message_is_not_touched(tmp_path, policies):
    bare = b"From: a@nhs.test.example\r\nSubject: a\r\n\r\nhello\r\n"
    names = [field.split(b":")[0] for field in header_fields(rewritten_one(bare, policies, tmp_path / "out"))[0]]
    assert names.count(b"Date") == names.count(b"Message-ID") == 1, names
    inward = rewritten_one(bare, policies, tmp_path / "in", INWARD)
    names = [field.split(b":")[0] for field in header_fields(inward)[0]]
    assert b"Date" not in names and b"Message-ID" not in names, names


def test_the_checker_sees_what_is_wrong_with_a_banner():
    was = b"Subject: a\r\n\r\nhello\r\n"
    ours = b"Received: from x\r\nPostern-Level: 0\r\n"
    good = ours + b"Subject: [EXTERNAL] a\r\n\r\n" + BANNER.encode() + b": x\r\n\r\nhello\r\n"
    check = lambda after: faults(was, after, BANNER, b"[EXTERNAL]")  # noqa: E731
    assert check(good) == []
    for broken in (
        ours + was,
        good.replace(b" [EXTERNAL]", b""),
        good.replace(b"[EXTERNAL]", b"[EXTERNAL] [EXTERNAL]"),
        good.replace(b"] a", b"] b"),
        good.replace(b"hello", b"hell"),
        ours + b"Subject: [EXTERNAL] a\r\n\r\nhello\r\n\r\n" + BANNER.encode() + b": x\r\n",
        good.replace(b"hello", BANNER.encode() + b"\r\nhello"),
        ours + b"Date: x\r\nDate: y\r\n" + good[len(ours):],
    ):
        assert check(broken), broken

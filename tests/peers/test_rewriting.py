"""The tag line in messages of every kind: what comes out is held against what
went in by Python's own e-mail parser."""

import pathlib
import subprocess

import pytest
from gateway import ROOT, postern
from odd_messages import Maker
from rewriting_properties import again_faults, faults

SEEDS = range(600)
JOURNEY = ["--from", "a@nhs.test.example", "--to", "b@other.test.example"]


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The lab's: observing, with a phrase in the tag line that can be counted."""
    folder = tmp_path_factory.mktemp("policies")
    subprocess.run([ROOT / "deploy/lab/policies", folder], check=True)
    return folder


def rewritten(source, policies, folder, journey=JOURNEY):
    folder.mkdir()
    ran = postern("rewrite", source, *journey, "--policies", policies, "--out", folder)
    assert ran.returncode == 0, ran.stderr
    return folder


def found(before, once, twice):
    """Faults by name of the message."""
    names = sorted(path.name for path in pathlib.Path(before).iterdir())
    for name in names:
        was, now, again = ((folder / name).read_bytes() for folder in (before, once, twice))
        if wrong := faults(was, now) + again_faults(now, again):
            yield f"{name}: {wrong}"


def test_odd_messages_keep_all_that_is_theirs_and_show_the_tag_line_once(tmp_path, policies):
    before = tmp_path / "before"
    before.mkdir()
    for seed in SEEDS:
        (before / f"{seed:04}.eml").write_bytes(Maker(seed).message())
    once = rewritten(before, policies, tmp_path / "once")
    twice = rewritten(once, policies, tmp_path / "twice")
    wrong = list(found(before, once, twice))
    assert not wrong, f"{len(wrong)} of {len(SEEDS)}:\n" + "\n".join(wrong[:20])


def test_a_message_on_its_way_in_is_not_touched_but_in_front(tmp_path, policies):
    before = tmp_path / "before"
    before.mkdir()
    for seed in SEEDS[:100]:
        (before / f"{seed:04}.eml").write_bytes(Maker(seed).message())
    inward = ["--from", "b@other.test.example", "--to", "a@nhs.test.example", "--local", "nhs.test.example"]
    after = rewritten(before, policies, tmp_path / "after", [*inward, "--direction", "inbound"])
    for path in before.iterdir():
        was, now = path.read_bytes(), (after / path.name).read_bytes()
        if b"\r\n\r\n" not in was:
            continue  # A body without its empty line is given one.
        first = was.find(b"\n") + 1 if was.startswith(b"From ") else 0
        assert now.startswith(was[:first]) and now.endswith(was[first:]), path.name


def test_the_checker_sees_what_is_broken():
    """A checker that finds no fault in anything would prove nothing."""
    head = b"Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    was = head + b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b--\r\n"
    ours = b"Received: from x\r\nPostern-Level: 0\r\n"
    tag = b"\r\n\r\npostern lab tag line"
    good = ours + was.replace(b"hello", b"hello" + tag)
    assert faults(was, good) == []
    for broken in (
        ours + was,
        good.replace(b"PNG", b"PNH"),
        good.replace(b"hello", b"hell"),
        good.replace(tag, tag + tag),
        good.replace(b"Subject: a", b"Subject: b"),
        good.replace(b"--b--\r\n", b""),
        good.replace(tag, tag.replace(b"\r\n", b"\n")),
        good.replace(tag, tag + b"x" * 1000),
    ):
        assert faults(was, broken), broken

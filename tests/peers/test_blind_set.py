"""The blind set is what it says it is: nothing here asks the gateway."""

import email
import email.policy
import html
import json
import random
import re
import subprocess
import sys

import pytest

from gateway import ROOT

sys.path.insert(0, str(ROOT / "tests/blind"))

from mailset import numbers, scoring  # noqa: E402

IDENTIFIERS = {"nhs_number", "chi_number", "hc_number"}
# What Python's own reader of mail does not undo.
BEYOND_PYTHON = {"pack:uuencoded", "pack:smime_signed_wrapped"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    subprocess.run(
        [sys.executable, ROOT / "tests/blind/generate", folder, "--seed", "11", "--count", "150"], check=True
    )
    with open(folder / "labels.jsonl", encoding="utf-8") as lines:
        return folder, [json.loads(line) for line in lines]


def text_of(path):
    """All text of a mail, HTML without its tags but with its comments."""
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    texts = []
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            try:
                text = part.get_content()
            except LookupError:
                text = part.get_payload(decode=True).decode("utf-8", "replace")
            texts.append(re.sub(r"<(?!!--)[^>]*>", "", html.unescape(text)))
    return " ".join(texts)


def test_what_is_labelled_in_a_body_stands_there(made):
    folder, labels = made
    seen = 0
    for label in labels:
        if label.get("opaque") or BEYOND_PYTHON & set(label["tags"]):
            continue
        wanted = [f["value_normalised"] for f in label["findings"] if f["kind"] in IDENTIFIERS and f["where"] == "body"]
        digits = "".join(str(int(c)) for c in text_of(folder / label["file"]) if c.isdecimal())
        for number in wanted:
            assert number in digits, (label["file"], number, label["tags"])
        seen += bool(wanted)
    assert seen > 15


def test_harmless_mail_carries_no_identifier_but_of_the_test_range(made):
    _, labels = made
    harmless = [label for label in labels if max(label["level_ok"]) <= 1]
    assert len(harmless) > 40
    for label in harmless:
        for finding in label["findings"]:
            assert (
                finding["kind"] not in IDENTIFIERS
                or finding["optional"]
                and finding["value_normalised"].startswith("999")
            )


def test_a_number_has_its_check_and_its_range():
    chance = random.Random(1)
    for _ in range(500):
        number = numbers.nhs_number(chance)
        assert numbers.check_digit(number[:9]) == number[9]
        assert 400 <= int(number[:3]) < 500 or 600 <= int(number[:3]) < 800
        faulty = numbers.faulty_number(chance)
        assert numbers.check_digit(faulty[:9]) != faulty[9]
        assert numbers.test_number(chance).startswith("999")


def label(level, accepted=None, **more):
    return {
        "file": "mail/x.eml",
        "level": level,
        "level_ok": accepted or [level],
        "findings": [],
        "tags": ["t"],
        **more,
    }


@pytest.mark.parametrize(
    ("true", "accepted", "predicted", "verdict"),
    [
        (3, [3], 2, "leak"),
        (3, [2, 3], 2, None),
        (4, [4], 3, "short"),
        (4, [3, 4], 3, None),
        (4, [4], 2, "leak"),
        (0, [0, 1], 3, "hold"),
        (0, [0, 1], 2, None),
        (0, [0, 1, 2], 3, None),
        (3, [3], 4, None),
    ],
)
def test_the_kindest_reading_decides_a_verdict(true, accepted, predicted, verdict):
    score = scoring.Score()
    score.add(label(true, accepted), {"level": predicted})
    assert [error for error, _, _ in score.errors] == ([verdict] if verdict else [])


def test_mail_that_cannot_be_read_is_scored_for_its_flag_alone():
    score = scoring.Score()
    score.add(label(4, opaque=True), {"level": 0, "opaque": True})
    score.add(label(4, opaque=True), {"level": 0})
    assert (score.total.flagged, score.total.opaque, score.total.high) == (1, 2, 0)
    assert score.total.opaque_flagged == 0.5 and score.total.leak is None
    assert [error for error, _, _ in score.errors] == ["unflagged"]


def test_a_number_found_in_other_spelling_is_the_same_and_another_is_wrong():
    want = {"kind": "nhs_number", "value_normalised": "9990000018", "where": "body"}
    score = scoring.Score()
    score.add(
        label(3) | {"findings": [want]},
        {
            "level": 3,
            "findings": [
                {"kind": "nhs_number", "value": "999\u00a0000-0018"},
                {"kind": "nhs_number", "value": "999 000 0026"},
            ],
        },
    )
    assert (score.total.found, score.total.wanted, score.total.wrong) == (1, 1, 1)

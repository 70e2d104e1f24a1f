"""The classifier on mail nobody tunes it to: `tests/blind`, made here anew, and
real mail of nobody's treatment."""

import json
import pathlib
import subprocess
import sys

import pytest

from gateway import ROOT, binary

BLIND = ROOT / "tests/blind"
SEEDS, COUNT = (2026, 20261, 61807, 777), 300

sys.path.insert(0, str(BLIND))

from mailset import scoring  # noqa: E402


def classified(mails, predictions):
    """What the shipped policy says of the mails, in a file of lines."""
    command = [binary(), "classify", mails, "--json", "--reveal", "--policies", ROOT / "policies"]
    with open(predictions, "w", encoding="utf-8") as out:
        subprocess.run(command, stdout=out, check=True)
    return predictions


@pytest.fixture(scope="module")
def score(tmp_path_factory):
    """Of all sets together: in one of 133 a single mail is most of a hundredth."""
    pooled = scoring.Score()
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp("blind")
        generate = [sys.executable, BLIND / "generate", folder, "--seed", str(seed), "--count", str(COUNT)]
        subprocess.run(generate, check=True)
        scoring.read(folder / "labels.jsonl", classified(folder / "mail", folder / "predictions.jsonl"), pooled)
    return pooled


def test_few_leak(score):
    assert score.total.high > 500
    assert score.total.leak <= 0.03, _which(score, "leak")


def test_three_in_a_hundred_harmless_are_held_at_most(score):
    assert score.total.low > 400
    assert score.total.false_hold <= 0.03, _which(score, "hold")


def test_what_cannot_be_read_is_flagged(score):
    assert score.total.opaque >= 20
    assert score.total.opaque_flagged >= 0.95, _which(score, "unflagged")


def test_real_mail_of_nobodys_treatment_is_held_twice_in_a_thousand_at_most(tmp_path):
    mails = tmp_path / "mail"
    subprocess.run([sys.executable, BLIND / "harmless", mails], check=True)
    with open(classified(mails, tmp_path / "predictions.jsonl"), encoding="utf-8") as lines:
        levels = {prediction["file"]: prediction["level"] for prediction in map(json.loads, lines)}
    held = [pathlib.Path(file).name for file, level in levels.items() if level >= 3]
    assert len(levels) > 6000
    assert len(held) <= 0.002 * len(levels), held


def _which(score, error):
    """By tag alone: whoever reads this may be the one who must not tune."""
    return sorted(
        " ".join(
            tag
            for tag in label["tags"]
            if tag.startswith(("pack:", "voice:", "hn:", "special:", "opaque:", "archive:"))
        )
        for kind, label, _ in score.errors
        if kind == error
    )

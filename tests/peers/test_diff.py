"""`postern diff` and `postern prove` as officers run them: on folders, with
the exit code that a script goes by."""

import json
import pathlib
import shutil

import pytest
from gateway import postern

POLICIES = pathlib.Path(__file__).parents[2] / "policies"


def json_lines(*arguments):
    return [json.loads(line) for line in postern(*arguments, "--json").stdout.splitlines()]


@pytest.fixture
def changed(tmp_path):
    """A copy of the shipped folder, to be changed in one place."""
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder)

    def change(path, old, new):
        file = folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        return folder

    return change


def test_nothing_differs_from_itself():
    done = postern("diff", POLICIES, POLICIES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing differs")


def test_what_a_looser_rule_lets_through_is_told_with_a_message(changed):
    held = 'then    = "hold"\ntell    = ["sender", "officers"]\nmode    = "enforce"'
    folder = changed("rules.toml", held, 'tell    = ["officers"]')
    done = postern("diff", POLICIES, folder)
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stdout.split())
    assert said.startswith("Looser ====== Whose Outbound messages above the clearance of where they go. What held before")
    assert "Such as an outbound message of level 2 from anyone" in said
    lines = json_lines("diff", POLICIES, folder)
    assert lines[0]["turn"] == "loosening"
    assert lines[0]["example"]["before"]["disposition"] == "hold"
    assert lines[0]["example"]["after"]["disposition"] == "relay"


def test_the_same_hole_is_proved_to_be_one(changed):
    folder = changed("rules.toml", 'mode    = "enforce"', 'mode    = "observe"')
    done = postern("prove", "--policies", folder)
    assert done.returncode == 1
    assert "FAIL  nothing above its destination's clearance is relayed" in done.stdout
    assert "matches, but only observes" in done.stdout
    lines = json_lines("prove", "--policies", folder)
    broken = [line for line in lines if line["outcome"] == "broken"]
    assert broken[0]["counterexample"]["near"][0]["why"] == "matches, but only observes"
    assert postern("prove", "--policies", POLICIES).returncode == 0


def test_a_folder_that_is_not_there_or_has_faults_is_no_difference(changed, tmp_path):
    assert postern("diff", POLICIES, tmp_path / "nowhere").returncode == 66
    folder = changed("rules.toml", "\nwhen ", "\nwhne ")
    done = postern("diff", POLICIES, folder)
    assert done.returncode == 65 and "unknown-key" in done.stderr

"""What `postern test --junit` writes is read by a reader that others use."""

import shutil

from junitparser import Failure, JUnitXml

from gateway import ROOT, postern


def test_cases_that_fail_are_told_with_their_file_and_line(tmp_path):
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    wrong = policies / "tests" / "wrong.toml"
    wrong.write_text(
        'name = "a <case> that & fails"\nfrom = "ward@mytrust.example"\nfacts = { level = 3 }\n'
        '\n[[expect]]\nto = "friend@webmail.example"\nthen = "relay"\n'
    )
    report = tmp_path / "report.xml"
    done = postern("test", "--policies", policies, "--junit", report)
    assert done.returncode == 1, done.stderr
    suites = JUnitXml.fromfile(str(report))
    cases = [(suite, case) for suite in suites for case in suite]
    assert suites.tests == len(cases) > 100 and suites.failures == 1 and suites.errors == 0
    failed = [(suite, case) for suite, case in cases if case.result]
    (suite, case), = failed
    assert case.name == "a <case> that & fails" and suite.name == str(wrong)
    (failure,) = case.result
    assert isinstance(failure, Failure) and failure.type == "case-failed"
    assert "expected relay, found hold" in failure.message
    assert f"{wrong}:7:" in failure.text, failure.text
    assert case._elem.get("file") == str(wrong) and case._elem.get("line") == "1"


def test_cases_that_hold_leave_nothing_to_complain_of(tmp_path):
    report = tmp_path / "report.xml"
    done = postern("test", "--policies", ROOT / "policies", "--junit", report)
    assert done.returncode == 0, done.stdout
    assert "no case exercises" not in done.stdout
    assert JUnitXml.fromfile(str(report)).failures == 0

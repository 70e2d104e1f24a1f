"""What Postern is built of, told to those who must keep a list of it."""

import json
import subprocess

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from gateway import ROOT

TARGET = "x86_64-unknown-linux-gnu"


def written(*arguments):
    return subprocess.run([ROOT / "deploy/sbom", *arguments], capture_output=True, text=True, check=True).stdout


def test_the_bill_of_materials_is_cyclonedx_and_names_what_cargo_builds_with():
    text = written()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    named = {f"{one['name']} v{one['version']}" for one in bill["components"]}
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--edges=normal,build", f"--target={TARGET}", "--prefix=none", "--format={p}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout
    built = {" ".join(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    built = {one for one in built if not one.startswith("postern ")}
    assert named == built and len(named) > 100
    assert not [one for one in named if one.startswith(("criterion ", "insta ", "proptest "))]
    assert all(one.get("licenses") and one.get("hashes") for one in bill["components"])
    # What is depended on is there.
    references = {one["bom-ref"] for one in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert {need for one in bill["dependencies"] for need in one["dependsOn"]} <= references
    assert written() == text
    assert json.loads(written("--target", "aarch64-unknown-linux-gnu"))["components"] != bill["components"]

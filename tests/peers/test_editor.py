"""Editors: language servers of TOML that people have, driven as an editor
drives them, complete and explain the officers' files from our schemas."""

import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import tomllib

import jsonschema
import pytest

from gateway import ROOT, postern
from processes import end

POLICIES = ROOT / "policies"
KINDS = {
    "policy": "policy.toml", "domains": "domains.toml", "rules": "rules.toml", "classification": "classification.toml",
    "organisation": "organisations/*.toml", "detectors": "detectors/*.toml", "terms": "terms/*.toml", "case": "tests/*.toml",
}


def program(name):
    """Wheels bring it, beside this Python."""
    found = shutil.which(name, path=str(pathlib.Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is not installed: see tests/requirements.txt"
    return found


def schema(kind):
    done = postern("schema", kind)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plain(value):
    """As a schema sees it: days are text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_files_are_as_their_schema_says(kind):
    validator = jsonschema.Draft7Validator(schema(kind), format_checker=jsonschema.FormatChecker())
    validator.check_schema(validator.schema)
    files = sorted(POLICIES.glob(KINDS[kind]))
    assert files
    for file in files:
        faults = [f"{file.name}: {fault.json_path}: {fault.message}"
                  for fault in validator.iter_errors(plain(tomllib.loads(file.read_text())))]
        assert not faults, "\n".join(faults[:10])


# What a schema can see of each file.
FAULTS = {
    "rules": [
        '[[rule]]\nnmae = "a"\nwhen = {}', '[[rule]]\nname = "a"', '[[rule]]\nname = "a"\nwhen = { level = true }',
        '[[rule]]\nname = "a"\nwhen = { direction = "outward" }', '[[rule]]\nname = "a"\nwhen = {}\nthen = "quarantine"',
        '[[exemption]]\nrules = "a"\nwhen = {}\nowner = "a"\nreason = "b"\nexpires = 2027-01-01',
    ],
    "domains": ['[[domain]]\nname = "a.example"\nowner = "a"\nevidence = "b"\nclearance = 5'],
    "policy": ["officers = []\n", '[levels]\n0 = "a"\n'],
    "case": ['name = "a"\nfacts = { levels = 3 }'],
    "terms": ['[[list]]\nname = "a"\nkind = "medicine"'],
    "detectors": ['[[detector]]\nname = "a"\nkind = "nhs_number"\npattern = "x"\nbase = 500'],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_a_schema_can_see_it_refuses(kind):
    validator = jsonschema.Draft7Validator(schema(kind))
    for text in FAULTS[kind]:
        assert list(validator.iter_errors(plain(tomllib.loads(text)))), text


class Editor:
    """The client's half of the Language Server Protocol, as much as is needed."""

    def __init__(self, command, folder):
        self.folder = folder
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, cwd=folder)
        self.answers, self.diagnostics, self.next = {}, {}, 0
        self.changed = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()
        uri = folder.as_uri()
        completion = {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}}
        hover = {"contentFormat": ["markdown", "plaintext"]}
        self.ask("initialize", {
            "processId": None, "rootUri": uri, "workspaceFolders": [{"uri": uri, "name": "policies"}],
            "capabilities": {
                "textDocument": {"completion": completion, "hover": hover, "publishDiagnostics": {},
                                 "diagnostic": {}, "synchronization": {}},
                "workspace": {"configuration": True, "workspaceFolders": True},
            },
        })
        self.tell("initialized", {})

    def listen(self):
        while True:
            length = None
            while (line := self.process.stdout.readline().strip()):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            content = self.process.stdout.read(length) if length is not None else b""
            if not content:
                return
            message = json.loads(content)
            with self.changed:
                if "method" not in message:
                    self.answers[message["id"]] = message
                elif "id" in message:
                    items = message.get("params", {}).get("items") if isinstance(message.get("params"), dict) else None
                    self.send({"id": message["id"], "result": [None] * len(items) if items else None})
                elif message["method"] == "textDocument/publishDiagnostics":
                    self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
                self.changed.notify_all()

    def send(self, message):
        octets = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(octets), octets))
        self.process.stdin.flush()

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def ask(self, method, params, seconds=30):
        self.next += 1
        number = self.next
        self.send({"id": number, "method": method, "params": params})
        with self.changed:
            assert self.changed.wait_for(lambda: number in self.answers, seconds), f"no answer to {method}"
            answer = self.answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, file, text):
        """A file with a cursor in it, `|`: where to ask."""
        before, _, after = text.partition("|")
        file.write_text(before + after)
        document = {"uri": file.as_uri(), "languageId": "toml", "version": 1, "text": before + after}
        self.tell("textDocument/didOpen", {"textDocument": document})
        lines = before.split("\n")
        return {"textDocument": {"uri": file.as_uri()}, "position": {"line": len(lines) - 1, "character": len(lines[-1])}}

    def until(self, ask, seconds=30):
        """Schemas are read while the first questions come in."""
        ends = time.monotonic() + seconds
        while not (answer := ask()) and time.monotonic() < ends:
            time.sleep(0.1)
        return answer

    def offered(self, place):
        def ask():
            found = self.ask("textDocument/completion", {**place, "context": {"triggerKind": 1}}) or []
            return found["items"] if isinstance(found, dict) else found

        return {item["label"].strip('"').strip() for item in self.until(ask)}

    def shown(self, place):
        return json.dumps(self.until(lambda: self.ask("textDocument/hover", place)))

    def faults(self, place, seconds=30):
        uri = place["textDocument"]["uri"]
        with self.changed:
            self.changed.wait_for(lambda: self.diagnostics.get(uri), seconds)
            told = self.diagnostics.get(uri)
        if not told:
            told = (self.ask("textDocument/diagnostic", {"textDocument": place["textDocument"]}) or {}).get("items", [])
        return [fault["message"] for fault in told]


@pytest.fixture
def folder(tmp_path):
    """Where an officer has the policies."""
    folder = tmp_path / "policies"
    assert postern("schema", "--out", folder / ".schemas").returncode == 0
    # The network has catalogues of other schemas; nothing here asks it.
    (folder / "tombi.toml").write_text("[schema]\ncatalog = { paths = [] }\n")
    return folder


@pytest.fixture
def editor(folder):
    editor = Editor([program("tombi"), "lsp"], folder)
    yield editor
    end(editor.process)


def linted(file):
    """By the other reader, that of Even Better TOML in VS Code."""
    return subprocess.run([program("taplo"), "lint", file], capture_output=True, text=True, cwd=file.parent, check=False)


def test_the_shipped_files_lead_an_editor_to_their_schemas():
    for pattern in KINDS.values():
        for file in POLICIES.glob(pattern):
            done = linted(file)
            assert done.returncode == 0, done.stderr


def test_both_readers_see_a_misspelt_key(folder):
    file = folder / "rules.toml"
    file.write_text(HEAD + RULE + "when = {}\n")
    assert linted(file).returncode == 0
    file.write_text(HEAD + RULE + 'when = {}\nresaon = "x"\n')
    done = linted(file)
    assert done.returncode != 0 and "resaon" in done.stderr, done.stderr


HEAD = "#:schema .schemas/rules.json\n\n"
RULE = '[[rule]]\nname = "a rule"\n'


def test_conditions_are_offered_within_when(editor):
    place = editor.open(editor.folder / "rules.toml", HEAD + RULE + "when = { | }\n")
    offered = editor.offered(place)
    assert {"direction", "level", "recipient_domain", "kinds", "authentication", "visible_recipients"} <= offered, offered


def test_dispositions_are_offered_after_then(editor):
    place = editor.open(editor.folder / "rules.toml", HEAD + RULE + 'when = {}\nthen = "|"\n')
    offered = editor.offered(place)
    assert {"relay", "redirect", "defer", "hold", "reject"} <= offered, offered


def test_a_key_is_explained_under_the_pointer(editor):
    place = editor.open(editor.folder / "rules.toml", HEAD + RULE + "wh|en = {}\n")
    assert "all of them at once" in editor.shown(place)


def test_a_misspelt_key_is_underlined(editor):
    place = editor.open(editor.folder / "rules.toml", HEAD + RULE + 'when = {}\nresaon = "x"|\n')
    faults = editor.faults(place)
    assert any("resaon" in fault or "dditional" in fault for fault in faults), faults


def test_a_sound_rule_is_not(editor):
    text = HEAD + RULE + 'when = { level = ">=3", kinds = ["nhs_number"] }\ntls = "verified"\nexpires = 2027-03-31\n|'
    place = editor.open(editor.folder / "rules.toml", text)
    assert editor.faults(place, seconds=5) == []


def test_a_domain_s_keys_are_offered_in_its_own_file(editor):
    head = "#:schema .schemas/domains.json\n\n"
    place = editor.open(editor.folder / "domains.toml", head + '[[domain]]\nname = "a.example"\ntls = "|"\n')
    assert {"encrypted", "verified", "dane"} <= editor.offered(place)

"""Conversions by LibreOffice, many files at a start: one start takes seconds."""

import pathlib
import subprocess
import tempfile

from .file import File


def converted(pending):
    """The files promised, in their order."""
    done = [None] * len(pending)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        groups = {}
        for index, promise in enumerate(pending):
            groups.setdefault((promise.suffix, promise.export, promise.source.suffix), []).append(index)
        for number, ((suffix, export, source), indexes) in enumerate(groups.items()):
            place, out = folder / f"in{number}", folder / f"out{number}"
            place.mkdir()
            for index in indexes:
                (place / f"{index}.{source}").write_bytes(pending[index].source.octets)
            _convert(sorted(place.iterdir()), export or suffix, out, folder / "profile")
            for index in indexes:
                promise = pending[index]
                done[index] = File(promise.suffix, promise.kind, (out / f"{index}.{suffix}").read_bytes())
    return done


def _convert(files, export, out, profile):
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation=file://{profile}",
            "--headless",
            "--norestore",
            "--convert-to",
            export,
            "--outdir",
            out,
            *files,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=600,
    )

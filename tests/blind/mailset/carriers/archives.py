"""Files in files."""

import bz2
import gzip
import io
import lzma
import pathlib
import subprocess
import tarfile
import tempfile
import zipfile

from .file import File


def seven_zip(members, name, *options):
    """By p7zip."""
    with tempfile.TemporaryDirectory() as folder:
        for member in members:
            (pathlib.Path(folder) / member.name.replace("/", "-")).write_bytes(member.octets)
        subprocess.run(
            ["7z", "a", "-bd", "-y", *options, name, *(f"./{member.name.replace('/', '-')}" for member in members)],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return (pathlib.Path(folder) / name).read_bytes()


def as_zip(random, inner, method=zipfile.ZIP_DEFLATED):
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w", method) as archive:
        if random.random() < 0.4:
            archive.writestr("readme.txt", "Files as agreed.")
        archive.writestr(random.choice(["", "export/", "a b/c/"]) + inner.name, inner.octets)
    return File(
        "zip",
        random.choice(["application/zip", "application/x-zip-compressed", "application/octet-stream"]),
        store.getvalue(),
        inner.stem,
    )


def zip_stored(random, inner):
    return as_zip(random, inner, zipfile.ZIP_STORED)


def as_tar(random, inner, mode="w", suffix="tar"):
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode=mode) as archive:
        entry = tarfile.TarInfo("export/" + inner.name)
        entry.size = len(inner.octets)
        archive.addfile(entry, io.BytesIO(inner.octets))
    return File(
        suffix, "application/x-tar" if mode == "w" else "application/octet-stream", store.getvalue(), inner.stem
    )


def tar_gz(random, inner):
    return as_tar(random, inner, "w:gz", random.choice(["tar.gz", "tgz"]))


def tar_bz2(random, inner):
    return as_tar(random, inner, "w:bz2", "tar.bz2")


def tar_xz(random, inner):
    return as_tar(random, inner, "w:xz", "tar.xz")


def gz(random, inner):
    return File(inner.suffix + ".gz", "application/gzip", gzip.compress(inner.octets, mtime=0), inner.stem)


def bare_bz2(random, inner):
    return File(inner.suffix + ".bz2", "application/x-bzip2", bz2.compress(inner.octets), inner.stem)


def bare_xz(random, inner):
    return File(inner.suffix + ".xz", "application/x-xz", lzma.compress(inner.octets), inner.stem)


def as_7z(random, inner):
    return File("7z", "application/x-7z-compressed", seven_zip([inner], "a.7z"), inner.stem)


def zip_7z(random, inner):
    """A zip of another writer."""
    return File("zip", "application/zip", seven_zip([inner], "a.zip", "-tzip"), inner.stem)


def zip_in_zip_in_tgz(random, inner):
    return tar_gz(random, as_zip(random, as_zip(random, inner)))


def zip_in_7z(random, inner):
    return as_7z(random, as_zip(random, inner))


WEIGHTS = {
    as_zip: 8,
    zip_stored: 2,
    as_tar: 1,
    tar_gz: 3,
    tar_bz2: 1,
    tar_xz: 1,
    gz: 3,
    bare_bz2: 1,
    bare_xz: 1,
    as_7z: 4,
    zip_7z: 2,
    zip_in_zip_in_tgz: 2,
    zip_in_7z: 1,
}

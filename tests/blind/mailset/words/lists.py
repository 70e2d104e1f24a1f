"""The lists of words beside this file, read once."""

import functools
import pathlib


@functools.cache
def words(name):
    """The entries of `NAME.txt`: apart by semicolons and lines; # begins a
    line that says what they are."""
    text = (pathlib.Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("# ")]
    return tuple(word.strip() for line in lines for word in line.split(";") if word.strip())

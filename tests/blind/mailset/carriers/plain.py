"""A draft as plain text, in the ways a table ends up in it."""

import textwrap

from ..draft import Table

TABLES = ["aligned", "tabs", "pipes", "cells", "named", "commas", "dashes"]


def text(random, draft, width=None):
    """Notes the way of the tables, and a number cut by a line's end, as tags."""
    pieces = [draft.page_header] if draft.page_header else []
    style = random.choice(TABLES)
    for block in draft.blocks:
        if isinstance(block, Table):
            draft.tags.add(f"table:{style}")
            pieces.append(table(block, style))
        else:
            pieces.append(wrapped(block, width) if width else block)
    joined = random.choice(["\n\n", "\n\n", "\n"]).join(pieces)
    return joined + ("\n\n" + draft.signature if draft.signature else "") + "\n"


def wrapped(block, width):
    return "\n".join(
        part
        for line in block.split("\n")
        for part in (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""])
    )


def table(block, style):
    rows = block.rows
    if style == "aligned":
        widths = [max(len(row[i]) if i < len(row) else 0 for row in rows) for i in range(max(map(len, rows)))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
    if style == "tabs":
        return "\n".join("\t".join(row) for row in rows)
    if style == "pipes":
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)
    if style == "commas":
        return "\n".join(", ".join(row) for row in rows)
    if style == "dashes":
        return "\n".join(" - ".join(cell for cell in row if cell) for row in rows)
    if style == "cells":
        return "\n".join("\n".join(row) + "\n" for row in rows)
    if len(rows[0]) == 2:
        return "\n".join(f"{row[0]}: {row[1]}" for row in rows)
    return "\n\n".join("\n".join(f"{head}: {cell}" for head, cell in zip(rows[0], row)) for row in rows[1:])

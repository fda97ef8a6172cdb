"""The ledger's lines as a table for a terminal, as csv for a spreadsheet, as json for a program.

Pure: lines in, text out. Models are callers' own text, so whatever reads this is protected from
what may be in it.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from gateway.domain.usage.report import Line

CREDIT_EXPONENT = -9
"""As a power of ten (copilot-upstream.md §6.6)."""
USD_PER_CREDIT = Decimal("0.01")
"""copilot-upstream.md §6.6."""
ESTIMATED = "~"
NOTHING = "-"
FORMULA = frozenset("=+-@")
"""What a spreadsheet takes for the beginning of a formula."""
SUMS = tuple(field.name for field in fields(Line) if field.name != "values")
TABLE_SUMS = {
    "requests": "requests",
    "partial": "partial",
    "input_tokens": "input",
    "cached_tokens": "cached",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
}


def credits_of(nano_aiu: int) -> Decimal:
    """Credits, exactly."""
    return Decimal(nano_aiu).scaleb(CREDIT_EXPONENT)


def as_table(by: Sequence[str], lines: Sequence[Line]) -> str:
    """Aligned columns, a total below them, and what the marks mean."""
    total = _total(lines, len(by))
    rows = [_header(by), *(_cells(line) for line in lines), _cells(total)]
    rows[-1][: len(by)] = ["total", *[""] * (len(by) - 1)]
    text = [_aligned(row, _widths(rows), len(by)) for row in rows]
    return "\n".join([*text, *_notes(total)]) + "\n"


def as_csv(by: Sequence[str], lines: Sequence[Line]) -> str:
    """A header and the lines; credits are exact."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*by, *SUMS, "credits", "usd"])
    for line in lines:
        money = [_plain(credits_of(line.nano_aiu)), _plain(_usd(line.nano_aiu))]
        writer.writerow([*map(_harmless, line.values), *_sums(line).values(), *money])
    return text.getvalue()


def as_json(by: Sequence[str], lines: Sequence[Line]) -> str:
    """A list of objects."""
    return json.dumps([_object(by, line) for line in lines], indent=2) + "\n"


FORMS: Mapping[str, Callable[[Sequence[str], Sequence[Line]], str]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
}


# --- the table --------------------------------------------------------------------------------


def _header(by: Sequence[str]) -> list[str]:
    return [*by, *TABLE_SUMS.values(), "credits", "USD", "premium"]


def _cells(line: Line) -> list[str]:
    mark = ESTIMATED if line.estimated_nano_aiu else ""
    return [
        *(_visible(value) or NOTHING for value in line.values),
        *(str(getattr(line, name)) for name in TABLE_SUMS),
        f"{mark}{credits_of(line.nano_aiu):.2f}",
        f"{mark}{_usd(line.nano_aiu):.4f}",
        f"{line.premium_requests:.2f}",
    ]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _aligned(row: Sequence[str], widths: Sequence[int], texts: int) -> str:
    """Texts to the left, numbers to the right."""
    cells = [
        cell.ljust(width) if number < texts else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _notes(total: Line) -> list[str]:
    notes = []
    if total.estimated_nano_aiu:
        estimated = credits_of(total.estimated_nano_aiu)
        notes.append(
            f"{ESTIMATED} with estimates: {estimated:.2f} credits in all are by the catalogue's "
            "prices, since upstream did not say"
        )
    if total.partial:
        notes.append("partial: requests that may have used more than is known")
    return ["", *notes] if notes else []


def _total(lines: Sequence[Line], texts: int) -> Line:
    sums = {name: sum(getattr(line, name) for line in lines) for name in SUMS}
    return Line(values=("",) * texts, **sums)


def _visible(text: str) -> str:
    """Without what would move the cursor or turn the text around."""
    return "".join(each if each.isprintable() else "?" for each in text)


# --- csv and json -----------------------------------------------------------------------------


def _sums(line: Line) -> dict[str, int | float]:
    return {name: getattr(line, name) for name in SUMS}


def _object(by: Sequence[str], line: Line) -> dict[str, Any]:
    return {
        **dict(zip(by, line.values, strict=True)),
        **_sums(line),
        "credits": float(credits_of(line.nano_aiu)),
        "usd": float(_usd(line.nano_aiu)),
    }


def _harmless(text: str) -> str:
    """One line, and no formula: a spreadsheet shows what begins with an apostrophe as it is."""
    text = _visible(text)
    # Some take a wide sign for the sign, and pass over what is blank.
    first = normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if first in FORMULA else text


def _usd(nano_aiu: int) -> Decimal:
    return credits_of(nano_aiu) * USD_PER_CREDIT


def _plain(number: Decimal) -> str:
    """All of its digits, and no zeros after them."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

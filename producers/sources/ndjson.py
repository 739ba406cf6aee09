"""NDJSON: one JSON object a line."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from producers.sources.table import Broken, Cells, Row, refuse_sheet
from producers.sources.text import TextFile


class NdjsonSource:
    """An NDJSON file. It has no header: a member that an object lacks is an empty cell."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb"):
            pass  # says at once whether it may be read

    def table(self, sheet: str | None, columns: Sequence[str]) -> "NdjsonTable":  # noqa: ARG002 (no header)
        refuse_sheet(self._path, sheet)
        return NdjsonTable(self._path)


class NdjsonTable:
    """The objects of an NDJSON file; one line is in memory at a time."""

    def __init__(self, path: Path) -> None:
        self._file = TextFile(path)
        self.size = self._file.size
        self.position = self._file.position

    def rows(self) -> Iterator[Row]:
        with closing(self._file.lines()) as lines:
            for number, line in enumerate(lines, start=1):
                cells = None if line.isspace() else _parse(line)
                if cells:
                    yield number, cells

    def place(self, number: int) -> str:
        return f"line {number}"


def _parse(line: str) -> Cells | Broken | None:
    """The members of one object; None when all of them are empty."""
    try:
        value = _decode(line)
    except (ValueError, RecursionError) as error:
        return Broken(f"the line is not JSON: {error}", line)
    if not isinstance(value, dict):
        return Broken("the line is JSON, but not an object: expected {...}", line)
    return value if any(cell is not None and cell != "" for cell in value.values()) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


#: Decimal keeps a number's digits, where a float would round them.
_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode

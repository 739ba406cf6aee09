"""What commands print: tables and sentences for people, JSON for programs; results on stdout, progress on stderr."""

import sys
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

#: Rich knows NO_COLOR and terminals; into a file or a pipe lines are as long as they need to be.
OUT: Final = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
ERR: Final = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """Print one JSON document: dates as RFC 3339, bytes never."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table without frames; the columns named in `numbers` are set flush right.

    Cells are Rich markup: `rich.markup.escape` what others wrote.
    """
    result = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        result.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return result

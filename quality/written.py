"""Checks that are written: an SQL file each, whose header says what it means.

-- What holds when it passes.
-- level: warn
-- remedy: What to do when it fails.
-- kept: the columns of an offending row that may be stored
SELECT ... the offending rows
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from events.errors import UsageError
from quality.checks import Check, Level

#: A line of the header that is no prose.
_ENTRY: Final = re.compile(r"(level|remedy|kept): *(.*)")


def read_check(path: Path) -> Check:
    """Read one file.

    Raises: UsageError naming what is missing.
    """
    text = path.read_text(encoding="utf-8")
    prose: list[str] = []
    entries: dict[str, str] = {}
    latest = ""
    for line in _header(text):
        if entry := _ENTRY.fullmatch(line):
            latest = entry[1]
            entries[latest] = entry[2]
        elif latest:
            entries[latest] += f" {line}"
        else:
            prose.append(line)
    missing = [name for name in ("level", "remedy") if not entries.get(name)]
    if missing or not prose:
        raise UsageError(
            f"{path}: the file must begin with a comment that says what the check means, followed by the lines "
            f"`-- level: warn` (or error) and `-- remedy: ...`; missing: {', '.join(missing) or 'what it means'}"
        )
    if entries["level"] not in (*Level,):
        raise UsageError(f"{path}: level {entries['level']!r} is not known: expected warn or error")
    return Check(
        name=path.stem,
        level=Level(entries["level"]),
        meaning=" ".join(prose),
        remedy=entries["remedy"],
        kept=tuple(re.findall(r"\w+", entries.get("kept", ""))),
        query=text.rstrip().rstrip(";"),
    )


def _header(text: str) -> Iterator[str]:
    """The lines of the comment that the file begins with."""
    for line in text.splitlines():
        if not line.startswith("--"):
            return
        yield line.removeprefix("--").strip()

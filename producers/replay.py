"""Replay a file into the topics: the whole way of a row, put together in one place.

1. `sources` opens the file and finds every table and column that the mapping names, before anything is published;
2. each row is cleaned into an event (`cleaning`), or described as a rejected row;
3. both are published (`publish`), the latter to `rejected_events`: rows read = published + rejected;
4. the replay ends when the broker has taken all of them.

Memory does not grow with the file (an Excel sheet is held as a whole, and see `identity.Ordinals`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from events import topics
from events.contracts import RejectedRow
from events.encoding import encode
from events.errors import RejectedEvent
from producers.cleaning import Clean, compile_cleaner, rejected_row
from producers.identity import Ordinals
from producers.mapping import Mapping, StreamMapping
from producers.publish import Publisher
from producers.sources import Broken, Cells, Table, open_source

#: Progress is told, and a wish to stop heard, once per so many rows.
_ROWS_PER_REPORT: Final = 500

#: Topics that a replay may publish to.
TOPICS: Final = tuple(topic.name for topic in topics.ALL)

#: Rejected rows that a summary shows per column.
_EXAMPLES: Final = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay has come."""

    rows: int
    rejected: int
    #: Share of the file that is read, 0 to 1.
    share: float


@dataclass(slots=True)
class Rejections:
    """Rejected rows of one stream with the same column at fault."""

    count: int = 0
    #: The first few, as `place: reason`.
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a replay did; `rows` = the sum of `published` + `rejected`."""

    rows: int
    #: Stream to events.
    published: dict[str, int]
    rejected: int
    #: (stream, column at fault or None) to what was refused there.
    rejections: dict[tuple[str, str | None], Rejections]
    seconds: float
    #: False when it was stopped before the end of the file.
    complete: bool

    @property
    def rows_per_second(self) -> float:
        """Rows read and delivered, per second."""
        return self.rows / max(self.seconds, 1e-6)


def replay(
    path: Path,
    mapping: Mapping,
    publisher: Publisher,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Publish every row of a file.

    Args:
        on_progress: Told now and then how far it is, and once at the end.
        stop: Asked now and then; True ends the replay after the current row, with all of it delivered.
    Raises: UsageError before anything is published, when file and mapping don't fit; Unavailable when events could
        not be delivered.
    """
    run = _Run(path, mapping, publisher, on_progress, stop)
    started = time.monotonic()
    complete = all(run.replay_table(step) for step in run.steps)
    publisher.finish()
    run.report()
    seconds = time.monotonic() - started
    return Summary(run.rows, run.published, run.rejected, run.rejections, seconds, complete)


@dataclass(frozen=True, slots=True)
class _Step:
    """One table of the file, and how its rows become events."""

    stream: StreamMapping
    table: Table
    clean: Clean


class _Run:
    """One replay under way: its counters, and the way of a row."""

    def __init__(
        self,
        path: Path,
        mapping: Mapping,
        publisher: Publisher,
        on_progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        source = open_source(path)
        self._ordinals = Ordinals()
        self.steps = tuple(
            _Step(
                stream,
                source.table(stream.sheet, stream.columns),
                compile_cleaner(stream, mapping.source, self._ordinals),
            )
            for stream in mapping.streams
        )
        self._file_name = path.name
        self._source = mapping.source
        self._origin = f"file/{quote(path.name, errors='surrogateescape')}"
        self._publisher = publisher
        self._on_progress = on_progress
        self._stop = stop
        self._size = sum(step.table.size for step in self.steps) or 1
        self._size_done = 0
        self._table: Table | None = None
        self.rows = self.rejected = 0
        self.published = {stream.stream: 0 for stream in mapping.streams}
        self.rejections: dict[tuple[str, str | None], Rejections] = {}

    def replay_table(self, step: _Step) -> bool:
        """Publish the rows of one table. Returns: False when it was stopped on the way."""
        self._table = step.table
        stream = step.stream.stream
        for number, cells in step.table.rows():
            if self.rows % _ROWS_PER_REPORT == 0:
                self.report()
                if self._stop():
                    return False
            self.rows += 1
            try:
                if isinstance(cells, Broken):
                    raise RejectedEvent(cells.reason)
                self._publisher.publish(encode(step.clean(cells), source=self._origin))
                self.published[stream] += 1
            except RejectedEvent as error:
                self._reject(error, step, step.table.place(number), cells)
        self._size_done += step.table.size
        self._table = None
        return True

    def report(self) -> None:
        """Tell how far the replay is."""
        if self._on_progress:
            read = self._size_done + (self._table.position() if self._table else 0)
            self._on_progress(Progress(self.rows, self.rejected, min(1.0, read / self._size)))

    def _reject(self, error: RejectedEvent, step: _Step, place: str, cells: Cells | Broken) -> None:
        row = rejected_row(error, step.stream, self._ordinals, self._source, self._file_name, place, cells)
        self._publisher.publish(encode(row, source=self._origin))
        self.rejected += 1
        self._remember(row)

    def _remember(self, row: RejectedRow) -> None:
        rejections = self.rejections.setdefault((row.stream, row.column), Rejections())
        rejections.count += 1
        if len(rejections.examples) < _EXAMPLES:
            rejections.examples.append(f"{row.place}: {row.reason}")

"""Replay files into the topics: the whole way of a row, put together in one place.

1. `sources` opens a file and finds every table and column that the mapping names, before anything is published;
2. its rows are read in batches, and each batch becomes events (`cleaning`), or descriptions of rejected rows;
3. both are published (`publish`), the latter to `rejected_events`: rows read = published + rejected + skipped;
4. the replay ends when the broker has taken all of them.

Memory does not grow with the file (an Excel sheet is held as a whole, and see `identity.Ordinals`).
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from events import topics
from producers.intake import Counts, Intake, Rejections, Stopped, Window
from producers.mapping import Mapping, StreamMapping
from producers.pace import Pace
from producers.publish import Publisher
from producers.sources import Digest, Location, Source, Table, Unreadable, locate, open_source

__all__ = ["TOPICS", "Pace", "Progress", "Rejections", "Summary", "Window", "replay"]

#: Topics that a replay may publish to.
TOPICS: Final = tuple(topic.name for topic in topics.ALL)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay has come."""

    rows: int
    rejected: int
    #: Share of the files that is read, 0 to 1.
    share: float


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read to its end."""

    location: Location
    size_bytes: int
    #: Of the bytes as they are stored, in hexadecimal digits.
    sha256: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a replay did; `rows` = the sum of `published` + `rejected` + `skipped`."""

    rows: int
    #: Stream to events.
    published: dict[str, int]
    rejected: int
    #: Rows outside of the wanted time, or that don't feed the stream.
    skipped: int
    #: (stream, column at fault or None) to what was refused there.
    rejections: dict[tuple[str, str | None], Rejections]
    seconds: float
    #: False when it was stopped before the end.
    complete: bool
    #: Why the end was not reached, when nobody wished to stop.
    failure: str | None = None
    #: The files that were read to their ends; one that is followed has none.
    files: tuple[ReadFile, ...] = ()

    @property
    def rows_per_second(self) -> float:
        """Rows read and delivered, per second."""
        return self.rows / max(self.seconds, 1e-6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How files are replayed."""

    pace: Pace = field(default_factory=Pace)
    window: Window | None = None
    #: From the beginning again at the end, until stopped.
    loop: bool = False
    #: Wait for more at the end, until stopped.
    follow: bool = False


def replay(
    files: Path | Sequence[Location],
    mapping: Mapping,
    publisher: Publisher,
    *,
    options: Options | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Publish every row of some files.

    Args:
        on_progress: Told now and then how far it is, and once at the end.
        stop: Asked now and then; True ends the replay after the current batch, with all of it delivered.
    Raises: UsageError before anything is published, when file and mapping don't fit; Unavailable when events could
        not be delivered.
    """
    locations = locate(str(files)) if isinstance(files, Path) else list(files)
    run = _Run(locations, mapping, publisher, options or Options(), on_progress=on_progress, stop=stop)
    run.check()
    started = time.monotonic()
    complete, failure = True, None
    try:
        run.replay_all()
    except Stopped as reason:
        complete, failure = False, str(reason) or None
    except Unreadable as error:
        complete, failure = False, str(error)
    publisher.finish()
    run.report()
    counts, seconds = run.counts, time.monotonic() - started
    return Summary(
        rows=counts.rows,
        published=counts.published,
        rejected=counts.rejected,
        skipped=counts.skipped,
        rejections=counts.rejections,
        seconds=seconds,
        complete=complete,
        failure=failure,
        files=tuple(run.files.values()),
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file, and the tables of it that the mapping reads, each with the streams that it feeds."""

    source: Source
    digest: Digest
    tables: list[tuple[Table, list[StreamMapping]]]


class _Run:
    """One replay under way."""

    def __init__(
        self,
        locations: Sequence[Location],
        mapping: Mapping,
        publisher: Publisher,
        options: Options,
        *,
        on_progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        self._locations = locations
        self._mapping = mapping
        self._publisher = publisher
        self._options = options
        self._on_progress = on_progress
        self._stop = stop
        self._first: _Opened | None = None
        self._files_done = 0
        self._share = 0.0
        self.counts = Counts()
        #: What was read to its end, by address.
        self.files: dict[str, ReadFile] = {}

    def check(self) -> None:
        """Find all tables and columns, as far as that is possible without reading twice.

        Raises: UsageError.
        """
        for location in reversed(self._locations[1:]):
            if location.can_be_read_again and location.kind != ".xlsx":
                self._open(location).source.close()
        self._first = self._open(self._locations[0])

    def replay_all(self) -> None:
        """Raises: Stopped, Unreadable, Unavailable."""
        while True:
            for number, location in enumerate(self._locations):
                self._files_done = number
                self._replay_file(location)
            if not self._options.loop:
                return

    def report(self) -> None:
        """Tell how far the replay is."""
        if self._on_progress:
            self._on_progress(Progress(self.counts.rows, self.counts.rejected, min(1.0, self._share)))

    def _replay_file(self, location: Location) -> None:
        opened, self._first = self._first or self._open(location), None
        intake = Intake(
            self._mapping,
            self._publisher,
            self.counts,
            name=location.name,
            origin=f"file/{quote(location.name, errors='surrogateescape')}",
            pace=self._options.pace,
            window=self._options.window,
            stop=self._stop,
        )
        with closing(opened.source):
            for number, (table, streams) in enumerate(opened.tables):
                for batch in table.batches(self._options.pace.batch_rows):
                    self._share_is(number, len(opened.tables), table)
                    self.report()
                    intake.take(batch, streams, table.place)
                    if not batch.numbers and not batch.broken:
                        self._options.pace.nap()
                self._share_is(number + 1, len(opened.tables), None)
        if not self._options.follow:
            digest = opened.digest if opened.digest.size else location.digest()
            self.files[location.address] = ReadFile(location, digest.size, digest.hexdigest())

    def _open(self, location: Location) -> "_Opened":
        """The tables that the mapping reads, each with the streams that it feeds."""
        mapping, digest = self._mapping, Digest()
        source = open_source(location, mapping.csv, records=mapping.records, follow=self._options.follow, digest=digest)
        try:
            by_sheet: dict[str | None, list[StreamMapping]] = {}
            for stream in mapping.streams:
                by_sheet.setdefault(stream.sheet, []).append(stream)
            tables = [
                (source.table(sheet, list(dict.fromkeys(c for s in streams for c in s.columns))), streams)
                for sheet, streams in by_sheet.items()
            ]
            return _Opened(source, digest, tables)
        except BaseException:
            source.close()
            raise

    def _share_is(self, tables_read: int, tables: int, table: Table | None) -> None:
        part = table.position() / table.size if table and table.size else 0.0
        self._share = (self._files_done + (tables_read + part) / tables) / len(self._locations)

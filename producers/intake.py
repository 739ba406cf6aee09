"""The way of a batch: cleaned for each stream that it feeds, published, and counted.

Rows read = published + rejected + skipped, whatever the rows hold; a row that feeds two streams counts as two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.contracts import RejectedRow
from events.encoding import encode
from events.errors import RejectedEvent
from producers.cleaning import Cleaned, Cleaner, rejected_row
from producers.identity import Ordinals
from producers.mapping import Mapping, StreamMapping
from producers.pace import Pace
from producers.publish import Publisher
from producers.sources import Batch, Broken, Cells

#: Rejected rows that a summary shows per column.
_EXAMPLES = 2


@dataclass(slots=True)
class Rejections:
    """Rejected rows of one stream with the same column at fault."""

    count: int = 0
    #: The first few, as `place: reason`.
    examples: list[str] = field(default_factory=list)


class Stopped(Exception):
    """Somebody wished to stop, or the mapping does: all that was counted was published."""


@dataclass(slots=True)
class Counts:
    """What was done; `rows` = the sum of `published` + `rejected` + `skipped`."""

    rows: int = 0
    #: Stream to events.
    published: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    #: Rows outside of the wanted time, or that don't feed the stream.
    skipped: int = 0
    #: (stream, column at fault or None) to what was refused there.
    rejections: dict[tuple[str, str | None], Rejections] = field(default_factory=dict)

    def remember(self, row: RejectedRow) -> None:
        """Count a rejected row, and keep the first ones to show."""
        self.rejected += 1
        rejections = self.rejections.setdefault((row.stream, row.column), Rejections())
        rejections.count += 1
        if len(rejections.examples) < _EXAMPLES:
            rejections.examples.append(f"{row.place}: {row.reason}")


@dataclass(frozen=True, slots=True)
class Window:
    """Facts that happened from `start` on and before `end`; events without a time are always in it."""

    start: datetime | None = None
    end: datetime | None = None

    def places(self, moments: Sequence[datetime]) -> list[bool]:
        """Which of them are inside."""
        return [
            (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)
            for moment in moments
        ]


class Intake:
    """Takes the batches of one file, or of one API.

    Args:
        name: What rejected rows name as their source.
        origin: For the `ce_source` header: a URI reference such as `file/crm_export.xlsx`.
        counts: Counted on.
        stop: Asked before each batch, and while waiting.
        tells_rejected: False for rows that are in `rejected_events` already: they are but counted.
    """

    def __init__(
        self,
        mapping: Mapping,
        publisher: Publisher,
        counts: Counts,
        *,
        name: str,
        origin: str,
        pace: Pace | None = None,
        window: Window | None = None,
        stop: Callable[[], bool] = lambda: False,
        tells_rejected: bool = True,
    ) -> None:
        self._mapping = mapping
        self._publisher = publisher
        self._counts = counts
        self._name = name
        self._origin = origin
        self._pace = pace or Pace()
        self._window = window
        self._stop = stop
        self._tells_rejected = tells_rejected
        self._ordinals = Ordinals()
        self._cleaners = {
            id(stream): Cleaner(stream, source=mapping.source, origin=origin, ordinals=self._ordinals)
            for stream in mapping.streams
        }
        for stream in mapping.streams:
            counts.published.setdefault(stream.stream, 0)

    def take(self, batch: Batch, streams: Sequence[StreamMapping], place: Callable[[int], str]) -> None:
        """Publish a batch to the streams that it feeds.

        Args:
            place: Words the number of a row.
        Raises: Stopped; Unavailable.
        """
        rows = len(batch.numbers) + len(batch.broken)
        if not self._pace.wait_for_rows(rows, self._stop):
            raise Stopped
        for stream in streams:
            cleaned = self._cleaners[id(stream)](batch)
            self._count_skipped(cleaned)
            self._publish(stream, cleaned)
            for number, broken in batch.broken:
                self._reject(RejectedEvent(broken.reason), stream, place(number), broken)
            for row, error in cleaned.refused:
                self._reject(error, stream, place(batch.numbers[row]), batch.row(row))
            if stream.on_error == "stop" and (batch.broken or cleaned.refused):
                raise Stopped("stopped at the first rejected row, since the mapping says on_error = 'stop'")

    def _count_skipped(self, cleaned: Cleaned) -> None:
        if self._window and cleaned.moments is not None:
            inside = self._window.places(cleaned.moments)
            cleaned.skipped += len(inside) - sum(inside)
            cleaned.keep(inside)
        self._counts.skipped += cleaned.skipped
        self._counts.rows += cleaned.skipped

    def _publish(self, stream: StreamMapping, cleaned: Cleaned) -> None:
        left = len(cleaned.records)
        for due in self._pace.slices(cleaned.moments, self._stop):
            records = cleaned.records.part(due)
            self._publisher.publish_all(records)
            self._counts.published[stream.stream] += len(records)
            self._counts.rows += len(records)
            left -= len(records)
        if left:
            raise Stopped

    def _reject(self, error: RejectedEvent, stream: StreamMapping, place: str, cells: Cells | Broken) -> None:
        row = rejected_row(
            error,
            stream,
            self._ordinals,
            source=self._mapping.source,
            file_name=self._name,
            place=place,
            cells=cells,
        )
        if self._tells_rejected:
            self._publisher.publish(encode(row, source=self._origin))
        self._counts.rows += 1
        self._counts.remember(row)

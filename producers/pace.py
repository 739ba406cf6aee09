"""How fast a replay goes: as fast as it can, so many rows a second, or in the rhythm in which the facts happened."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from producers.sources import BATCH_ROWS

#: The longest sleep, after which a wish to stop is heard.
_NAP_SECONDS: Final = 0.1

#: With a rate, rows come in so many small batches a second.
_BATCHES_PER_SECOND: Final = 10


@dataclass(slots=True)
class Pace:
    """Holds a replay back.

    Args:
        rate: Rows per second; None: no limit.
        speed: Seconds of event time per second: 60 plays an hour in a minute. None: as fast as possible.
    """

    rate: float | None = None
    speed: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _due: float | None = field(default=None, init=False)
    _origin: tuple[float, datetime] | None = field(default=None, init=False)

    @property
    def batch_rows(self) -> int:
        """Rows that are read at once."""
        return BATCH_ROWS if self.rate is None else max(1, min(BATCH_ROWS, int(self.rate / _BATCHES_PER_SECOND)))

    def wait_for_rows(self, rows: int, stop: Callable[[], bool]) -> bool:
        """Wait until so many more rows may go. Returns: False when a wish to stop came first."""
        if self.rate is None:
            return not stop()
        self._due = max(self._due or 0, self.clock() - 1 / _BATCHES_PER_SECOND) + rows / self.rate
        return self._wait_until(self._due, stop)

    def slices(self, moments: Sequence[datetime] | None, stop: Callable[[], bool]) -> Iterator[slice]:
        """Cut a batch into what is due together, and wait before each part. Ends early at a wish to stop.

        A fact that happened earlier than one that went before it goes with that one: the file's order is kept.
        """
        if self.speed is None or not moments:
            yield slice(None)
            return
        self._origin = self._origin or (self.clock(), moments[0])
        begun, due = 0, self._due_at(moments[0])
        for place, moment in enumerate(moments):
            later = self._due_at(moment)
            if later > due + _NAP_SECONDS:
                if not self._wait_until(due, stop):
                    return
                yield slice(begun, place)
                begun, due = place, later
        if self._wait_until(due, stop):
            yield slice(begun, None)

    def nap(self) -> None:
        """Wait for a file to grow."""
        self.sleep(_NAP_SECONDS)

    def _due_at(self, moment: datetime) -> float:
        assert self.speed is not None
        assert self._origin is not None
        start, first = self._origin
        return start + (moment - first) / timedelta(seconds=self.speed)

    def _wait_until(self, due: float, stop: Callable[[], bool]) -> bool:
        while not stop():
            left = due - self.clock()
            if left <= 0:
                return True
            self.sleep(min(left, _NAP_SECONDS))
        return False

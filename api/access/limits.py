"""How often one caller may ask: sliding minutes, counted in the memory of this process, per class of requests.

A sliding window counter: requests of the running minute, and of the minute before the share that a window of 60
seconds still covers. Counted here and not by a library because it stands before every answer, and takes a tenth of the
time.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

from api.errors import TooManyRequests

#: Classes of requests, each with a limit of its own.
RouteClass = Literal["reads", "writes"]

_MINUTE: Final = 60


class RateLimits:
    """Counts requests.

    Args:
        reads_per_minute, writes_per_minute: Of one caller; 0: no limit.
        clock: Seconds that only grow.
    """

    def __init__(
        self, *, reads_per_minute: int, writes_per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        per_minute: dict[RouteClass, int] = {"reads": reads_per_minute, "writes": writes_per_minute}
        self._windows = {name: _Window(amount) for name, amount in per_minute.items() if amount}
        self._clock = clock

    def count(self, route_class: RouteClass, caller: str) -> dict[str, str]:
        """Count one request.

        Returns: The headers that tell the caller where it stands.
        Raises: TooManyRequests, with the same headers and Retry-After.
        """
        window = self._windows.get(route_class)
        if window is None:
            return {}
        remaining, seconds = window.count(caller, self._clock())
        # As in draft-ietf-httpapi-ratelimit-headers-11: structured fields, q for quota, w for window, r for remaining.
        headers = {
            "RateLimit-Policy": f'"{route_class}";q={window.amount};w={_MINUTE}',
            "RateLimit": f'"{route_class}";r={max(remaining, 0)};t={seconds}',
        }
        if remaining < 0:
            detail = f"more than {window.amount} {route_class} within a minute"
            raise TooManyRequests(detail, headers={**headers, "Retry-After": str(seconds)})
        return headers


class _Window:
    """The requests of all callers in this minute and in the one before.

    Args:
        amount: Most of one caller within a minute.
    """

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self._minute = 0
        self._now: Counter[str] = Counter()
        self._before: Counter[str] = Counter()

    def count(self, caller: str, at: float) -> tuple[int, int]:
        """Count one request, unless it is one too many.

        Returns: How many more there may be at once, -1 when this one may not be; and in how many seconds one more.
        """
        minute, elapsed = divmod(at, _MINUTE)
        self._turn_to(int(minute))
        before, now = self._before[caller], self._now[caller]
        faded = before * (1 - elapsed / _MINUTE)
        allowed = faded + now + 1 <= self.amount
        if allowed:
            now += 1
            self._now[caller] = now
        remaining = math.floor(self.amount - faded - now) if allowed else -1
        level = self.amount - max(remaining, 0) - 1
        return remaining, max(1, math.ceil(_seconds_until(level, before, now, elapsed)))

    def _turn_to(self, minute: int) -> None:
        """Whoever did not ask for two minutes is forgotten."""
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else Counter()
            self._now = Counter()
            self._minute = minute


def _seconds_until(level: int, before: int, now: int, elapsed: float) -> float:
    """When no more than `level` requests will be covered, if there are none meanwhile."""
    if now <= level:  # while the minute before fades
        return _MINUTE * (1 - (level - now) / before) - elapsed
    return _MINUTE - elapsed + _MINUTE * (1 - level / now)  # in the next minute, while this one fades

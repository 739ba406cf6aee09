"""How often one caller may ask: sliding minutes, counted in the memory of this process, per class of requests."""

import math
import time
from typing import Final, Literal

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from api.errors import TooManyRequests

#: Classes of requests, each with a limit of its own.
RouteClass = Literal["reads", "writes"]

_MINUTE: Final = 60


class RateLimits:
    """Counts requests.

    Args:
        reads_per_minute, writes_per_minute: Of one caller; 0: no limit.
    """

    def __init__(self, *, reads_per_minute: int, writes_per_minute: int) -> None:
        per_minute: dict[RouteClass, int] = {"reads": reads_per_minute, "writes": writes_per_minute}
        self._items = {name: RateLimitItemPerMinute(amount) for name, amount in per_minute.items() if amount}
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def count(self, route_class: RouteClass, caller: str) -> dict[str, str]:
        """Count one request.

        Returns: The headers that tell the caller where it stands.
        Raises: TooManyRequests, with the same headers and Retry-After.
        """
        item = self._items.get(route_class)
        if item is None:
            return {}
        counted = await self._limiter.hit(item, route_class, caller)
        reset_at, remaining = await self._limiter.get_window_stats(item, route_class, caller)
        seconds = max(1, math.ceil(reset_at - time.time()))
        # As in draft-ietf-httpapi-ratelimit-headers-11: structured fields, q for quota, w for window, r for remaining.
        headers = {
            "RateLimit-Policy": f'"{route_class}";q={item.amount};w={_MINUTE}',
            "RateLimit": f'"{route_class}";r={remaining};t={seconds}',
        }
        if not counted:
            detail = f"more than {item.amount} {route_class} within a minute"
            raise TooManyRequests(detail, headers={**headers, "Retry-After": str(seconds)})
        return headers

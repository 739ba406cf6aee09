"""Positions: per topic partition, the offset that comes next; and their text form, `interactions:0@43,customers:1@7`.

The same token says how far an answer reaches (header C360-Position), where a write went, and what a question waits for.
"""

import re
from collections.abc import Mapping
from typing import Final

#: (topic, partition) to the offset that comes next.
Position = Mapping[tuple[str, int], int]

#: Of one partition; bounded so that every number is one of Postgres's bigint.
_PART: Final = r"[a-z_]{1,100}:[0-9]{1,5}@[0-9]{1,18}"
PATTERN: Final = rf"^{_PART}(,{_PART})*$"
#: Beyond, it is no token of ours.
LONGEST: Final = 20_000

_WHOLE: Final = re.compile(rf"{_PART}(,{_PART})*")


def write_position(position: Position) -> str:
    """The token of a position; empty for the beginning of everything."""
    return ",".join(f"{topic}:{partition}@{offset}" for (topic, partition), offset in sorted(position.items()))


def read_position(token: str) -> dict[tuple[str, int], int]:
    """What `write_position` wrote.

    Raises: ValueError.
    """
    if not _WHOLE.fullmatch(token):
        raise ValueError("expected a position as answers carry it, such as interactions:0@43")
    position: dict[tuple[str, int], int] = {}
    for part in token.split(","):
        place, _, offset = part.partition("@")
        topic, _, partition = place.partition(":")
        position[topic, int(partition)] = int(offset)
    return position


def includes(reached: Position, wanted: Position) -> bool:
    """Whether everything before `wanted` is before `reached`, too."""
    return all(reached.get(place, 0) >= offset for place, offset in wanted.items())

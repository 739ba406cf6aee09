"""Has anything become much slower? `python -m benchmarks guard` ends with exit code 1 when it has; it takes a minute.

Each line is CPU time of ours to CPU time of a reference in the same run, which does the same or the least that must be
done, so that the machine and its other work matter little. The limits are half as much again as was measured when they
were set: they notice a mistake, not a nuance, which is for `throughput`, `limit` and `profile`.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final, cast

import msgspec

from benchmarks.contest import Contestant, run
from benchmarks.contestants import LOOP, OURS
from benchmarks.processor_run import interactions
from benchmarks.report import report
from benchmarks.stand import stand
from benchmarks.work import Work
from events import encoding, topics
from events.contracts import Interaction
from stream_processors.binary import postgres_micros
from stream_processors.catalogue import Catalogue
from stream_processors.chunks import Chunk, Record
from stream_processors.facts import Facts
from stream_processors.interactions import Interactions
from stream_processors.ownership import Ownership

#: Most CPU time of ours, as a multiple of the reference's.
LIMITS: Final = {
    "encode an event, to bare JSON": 9.0,
    "decode a chunk, to bare msgspec": 7.5,
    "encode rows of COPY, to a loop of struct.pack": 1.5,
    "processor and its Postgres, to the hand-written loop's": 1.7,
}

_CHUNK: Final = 20_000
_TURNS: Final = 5


@dataclass(slots=True)
class _Fetched:
    """A record as aiokafka hands it on."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class _Sink:
    """Takes what is copied in, in the place of a connection."""

    def cursor(self) -> "_Sink":
        return self

    def copy(self, _: str) -> "_Sink":
        return self

    async def __aenter__(self) -> "_Sink":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def write(self, data: bytes) -> None:
        self.data = data


def guard(*, events: int = 100_000) -> None:
    """End with exit code 1 when something takes much more CPU than it did, by ratios to references.

    Parameters
    ----------
    events: int
        How many interactions the processor and the loop take.
    """
    found = {**_in_process(), "processor and its Postgres, to the hand-written loop's": _engine(events)}
    rows = [
        {"what": what, "CPU ratio": round(ratio, 2), "limit": LIMITS[what], "": "" if ratio <= LIMITS[what] else "SLOW"}
        for what, ratio in found.items()
    ]
    report("guard", rows)
    if any(ratio > LIMITS[what] for what, ratio in found.items()):
        sys.exit(1)


def _in_process() -> dict[str, float]:
    events = list(interactions(_CHUNK))
    records = [encoding.encode(event) for event in events]
    fetched: list[Record] = [
        _Fetched(offset, 0, record.key, record.value, cast(Any, record.headers))
        for offset, record in enumerate(records)
    ]
    stream = Interactions(Catalogue(), Ownership(1))
    facts = stream.read(events, 0)
    to_json = msgspec.json.Encoder().encode
    from_json = msgspec.json.Decoder(Interaction).decode
    return {
        "encode an event, to bare JSON": _ratio(
            lambda: [encoding.encode(event) for event in events], lambda: [to_json(event) for event in events]
        ),
        "decode a chunk, to bare msgspec": _ratio(
            lambda: stream.decode(Chunk(topics.INTERACTIONS.name, 0, 0, fetched)),
            lambda: [from_json(record.value or b"") for record in fetched],
        ),
        "encode rows of COPY, to a loop of struct.pack": _ratio(
            lambda: asyncio.run(stream.table.insert(cast(Any, _Sink()), facts)), lambda: _packed(facts)
        ),
    }


def _packed(facts: Facts) -> bytes:
    """The rows of COPY as one writes that by hand."""
    fixed = Struct("!hi16siqiiih").pack
    length = Struct("!i").pack
    columns = [facts[name] for name in ("event_id", "count", "partition", "customer_id", "channel")]
    rows = bytearray()
    for occurred_at, identity, count, partition, customer, channel in zip(
        postgres_micros(facts["occurred_at"]), *columns, strict=True
    ):
        rows += fixed(9, 16, identity, 8, occurred_at, 4, count, 2, partition)
        for text in (customer.encode(), channel.encode()):
            rows += length(len(text)) + text
        rows += length(-1) * 3
    return bytes(rows)


def _ratio(ours: Callable[[], object], reference: Callable[[], object]) -> float:
    """CPU time of the one to that of the other, in turns, the best of each."""
    gc.disable()  # a worker hardly ever looks for cycles
    try:
        turns = [(_cpu_seconds(ours), _cpu_seconds(reference)) for _ in range(_TURNS)]
    finally:
        gc.enable()
    return min(one for one, _ in turns) / min(other for _, other in turns)


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _engine(events: int) -> float:
    work = Work(events)

    def cpu(contestant: Contestant) -> float:
        result = run(contestant, "facts", work, servers)
        return result.cpu + result.postgres_cpu

    with stand(None) as servers:
        return cpu(OURS) / cpu(LOOP)

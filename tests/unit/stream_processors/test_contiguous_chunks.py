"""Chunks of a partition follow each other without a gap, whatever became of the batches that were fetched for them."""

from contextlib import aclosing
from itertools import product
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import faust
import pytest
from faust.types import TP
from yarl import URL

from stream_processors.chunks import Batch, Chunk, ChunkConsumer, ChunkTransport

_TP = TP("interactions", 0)


class Thread:
    """What aiokafka does for a consumer: it fetches on from a position that only seeking sets back."""

    beacon = None

    def __init__(self) -> None:
        self.position = 0

    def assignment(self) -> set[TP]:
        return {_TP}

    async def getmany(self, active: set[TP], timeout: float) -> dict[TP, Batch]:  # noqa: ARG002, ASYNC109
        begin, self.position = self.position, self.position + 3
        return {
            _TP: Batch(
                begin,
                [SimpleNamespace(offset=n, timestamp=0, timestamp_type=0) for n in range(begin, begin + 3)],
                begin + 3,
            )
        }

    async def seek_wait(self, offsets: dict[TP, int]) -> None:
        self.position = offsets[_TP]


class Reader(ChunkConsumer):
    """The consumer on such a thread."""

    def _new_consumer_thread(self) -> Any:
        return Thread()


@pytest.fixture
async def reader() -> ChunkConsumer:
    """A consumer that has just been given one partition, of which Postgres has the first four records."""
    app = faust.App("reader")
    app.chunk_events = 2
    app.claim = AsyncMock(return_value={_TP: 4})
    made = Reader(
        ChunkTransport([URL("kafka://")], app),
        callback=AsyncMock(),
        on_partitions_revoked=AsyncMock(),
        on_partitions_assigned=AsyncMock(),
    )
    made._active_partitions = {_TP}
    return made


async def claim(reader: ChunkConsumer) -> None:
    """As Faust's recovery after a rebalance, though there is nothing to recover."""
    reader.resume_flow()
    await reader.seek_to_committed()
    reader.resume_flow()


async def chunks(reader: ChunkConsumer, *, most: int | None = None) -> list[Chunk]:
    """What it hands on of one fetch to somebody who commits it at once, or is stopped after some chunks of it."""
    found: list[Chunk] = []
    async with aclosing(reader.getmany(timeout=0)) as messages:
        async for _, message in messages:
            found.append(message.value)
            if len(found) == most:
                break
    reader._outstanding.clear()
    return found


@pytest.mark.parametrize("fates", list(product(["taken", "lost", "left"], repeat=4)))
async def test_what_nobody_took_is_fetched_again(reader: ChunkConsumer, fates: tuple[str, ...]) -> None:
    await claim(reader)
    read: list[Chunk] = []
    for fate in fates:
        if fate == "lost":  # whoever waited for it was stopped
            await reader._thread.getmany({_TP}, 0)
        elif fate == "left":  # stopped between two chunks of a batch
            read += await chunks(reader, most=1)
        else:
            read += await chunks(reader)
    read += await chunks(reader) + await chunks(reader)  # the first may find a gap
    assert [record.offset for chunk in read for record in chunk.records] == list(range(4, read[-1].next_offset))
    assert sum(chunk.skipped for chunk in read) == 0


async def test_nothing_is_handed_on_between_a_rebalance_and_the_claim_after_it(reader: ChunkConsumer) -> None:
    await claim(reader)
    await reader.on_partitions_revoked({_TP})
    reader._active_partitions = {_TP}
    reader.resume_flow()  # as Faust does before it seeks
    assert await chunks(reader) == []
    await reader.seek_to_committed()
    assert await chunks(reader) == []  # when Faust resumes, it drops what it has
    reader.resume_flow()
    assert await chunks(reader) == []  # finds that a batch was lost
    assert [chunk.start for chunk in await chunks(reader)] == [4, 5]


async def test_a_claim_that_the_next_rebalance_overtakes_is_not_used(reader: ChunkConsumer) -> None:
    async def overtaken(assigned: set[TP]) -> dict[TP, int]:  # noqa: ARG001
        await reader.on_partitions_revoked({_TP})
        reader._active_partitions = {_TP}
        return {_TP: 4}

    reader.app.claim = overtaken
    await claim(reader)
    assert await chunks(reader) == []
    assert await chunks(reader) == []


async def test_a_partition_is_fetched_from_until_a_full_chunk_of_events_waits(reader: ChunkConsumer) -> None:
    reader.app.chunk_events = 7
    await claim(reader)
    waiting = [message for _ in range(5) async for _, message in reader.getmany(timeout=0)]
    assert [message.value.offsets for message in waiting] == [3, 3, 3]
    reader.ack(waiting[0])
    more = [message for _ in range(5) async for _, message in reader.getmany(timeout=0)]
    assert [message.value.start for message in more] == [13]

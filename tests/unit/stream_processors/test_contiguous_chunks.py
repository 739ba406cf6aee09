"""Chunks of a partition follow each other without a gap, whatever became of the batches that were fetched for them."""

from collections import Counter
from types import SimpleNamespace

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.chunks import Batch, Chunk, ChunkConsumer

_TP = TP("interactions", 0)


class Thread:
    """What aiokafka does for a consumer: it fetches on from a position that only seeking sets back."""

    def __init__(self) -> None:
        self.position = 0

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


def consumer(thread: Thread, *, claimed: int) -> ChunkConsumer:
    """A consumer that was given one partition, and claimed it at an offset."""
    made = ChunkConsumer.__new__(ChunkConsumer)
    made.app = SimpleNamespace(consumer_generation_id=1, chunk_events=2)
    made.flow_active = True
    made._thread = thread
    made._active_partitions = {_TP}
    made._starts = {_TP: claimed}
    made._outstanding = Counter()
    return made


async def chunks(consumer: ChunkConsumer) -> list[Chunk]:
    """What it hands on of one fetch."""
    found = [message.value async for _, message in consumer.getmany(timeout=0)]
    consumer._outstanding.clear()
    return found


@given(st.lists(st.sampled_from(["taken", "lost", "half"]), max_size=20))
async def test_what_nobody_took_is_fetched_again(fetches: list[str]) -> None:
    thread = Thread()
    reader = consumer(thread, claimed=0)
    read: list[Chunk] = []
    for fate in fetches:
        if fate == "lost":  # whoever waited for it was stopped
            await thread.getmany({_TP}, 0)
        elif fate == "half":  # stopped between two chunks of a batch
            async for _, message in reader.getmany(timeout=0):
                read.append(message.value)
                break
            reader._outstanding.clear()
        else:
            read += await chunks(reader)
    read += await chunks(reader) + await chunks(reader)  # the first may find a gap
    assert [record.offset for chunk in read for record in chunk.records] == list(range(read[-1].next_offset))
    assert sum(chunk.skipped for chunk in read) == 0


async def test_nothing_is_handed_on_before_the_claim_of_an_assignment() -> None:
    reader = consumer(Thread(), claimed=0)
    reader._starts = {}
    assert await chunks(reader) == []

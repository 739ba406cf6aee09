"""Faust's Kafka transport, handing agents one chunk of records instead of one record at a time.

Faust's machinery costs about 100 microseconds per message; a message that is a chunk of 20,000 records costs the same
(design.md section 1). What differs from Faust's own driver:

* `getmany` yields one message per fetched partition, or a few when that is much; its value is the `Chunk`, its offset
  that of the last record;
* a partition of which a full chunk's events wait to be committed is not fetched from: memory stays bounded without
  blocking others;
* consumption starts where Postgres says, not where Kafka's committed offsets do (those are for lag tools only);
* acknowledged offsets are whole chunks, in order: gaps left by compaction or transactions can't stall them.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, cast

import aiokafka
import faust
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message
from faust.types.tuples import ConsumerMessage
from mode.threads import WorkerThread

from events.errors import RefusedState

logger = logging.getLogger(__name__)

#: How soon a partition is fetched from again after it was full, while others have nothing to give.
_FULL_POLL_SECONDS = 0.02


class Record(Protocol):
    """What the processors read of a Kafka record."""

    offset: int
    #: Milliseconds since 1970-01-01 UTC.
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(slots=True, eq=False)
class Chunk:
    """Consecutive records of one partition; none, where offsets hold nothing but traces of transactions."""

    topic: str
    partition: int
    #: Where the partition stood before; offsets from here that hold no record were compacted away, belong to an
    #: aborted transaction, or mark the end of one.
    start: int
    records: Sequence[Record]
    #: What gets stored: like Kafka, the offset to read next; unless given, the one after the last record.
    next_offset: int = -1
    #: How many records there are, or were.
    size: int = field(init=False)
    #: When the last of them was written to the topic (milliseconds since 1970-01-01 UTC); 0 when there are none.
    told_ms: int = field(init=False)

    def __post_init__(self) -> None:
        if self.next_offset < 0:
            self.next_offset = self.records[-1].offset + 1
        self.size = len(self.records)
        self.told_ms = self.records[-1].timestamp if self.records else 0

    @property
    def skipped(self) -> int:
        """Offsets within the chunk that hold no record."""
        return self.offsets - self.size

    @property
    def offsets(self) -> int:
        """How many offsets it covers, whether they hold records or not."""
        return self.next_offset - self.start

    def release(self) -> None:
        """Let go of the records, once they are decoded: Faust keeps the chunk itself until it is acknowledged."""
        self.records = ()


def no_such_offset(topic: str, partition: int, offset: int) -> RefusedState:
    """The refusal to read on where the broker has nothing: elsewhere, events could be missed without a word."""
    return RefusedState(
        f"{topic}/{partition}: the broker has no offset {offset}, where this database reads on. If it lost events (a "
        "restore?), `c360 adopt` has the topic read from its start, which counts nothing twice; if it dropped some "
        "before they were read (retention), `c360 adopt --skip-lost` goes on after them"
    )


class ChunkSchema(faust.Schema[Any, Any]):
    """Passes chunks through undecoded: each stream's module decodes a whole chunk at once."""

    def loads_key(self, app: Any, message: Message, **_: Any) -> Any:  # noqa: ARG002
        return message.key

    def loads_value(self, app: Any, message: Message, **_: Any) -> Any:  # noqa: ARG002
        return message.value


class FetchedRecords(PartitionRecords):  # type: ignore[misc]
    """Hands records on as they were parsed: wrapping each in a ConsumerRecord takes a fifth of the worker's time."""

    def __iter__(self) -> Iterator[Record]:
        """The records themselves, not `self`, which would be asked for each of them."""
        return cast("Iterator[Record]", self._records_iterator)

    def _consumer_record(self, tp: TP, record: Record) -> Record:  # noqa: ARG002
        return record


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch gave of a partition: all that it holds from one offset to another."""

    #: The offset from which was fetched; lower than that of the first record where offsets hold none.
    begin: int
    records: Sequence[Record]
    #: The offset to fetch next.
    end: int


class FetchedBatch(fetcher.FetchResult):  # type: ignore[misc]
    """Says of all that it hands on where it begins: a batch that got lost shows as a gap before the next."""

    def getall(self, max_records: int | None = None) -> Batch | None:
        fetched = self._partition_records
        begin = fetched.next_fetch_offset
        records = super().getall(max_records)
        end = fetched.next_fetch_offset
        return Batch(begin, records, end) if end > begin else None


# aiokafka's fetcher offers no other way to choose these classes.
fetcher.PartitionRecords = FetchedRecords
fetcher.FetchResult = FetchedBatch


class DaemonThread(WorkerThread):
    """A thread that does not keep a stopped worker from ending: mode's own do when their loop was closed first."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """Runs aiokafka's consumer in its thread, with Faust's co-partitioning assignor and a fetch wait of our own."""

    Worker = DaemonThread

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            max_poll_records=None,  # all that was fetched: a limit would leave scraps, and `getmany` keeps ours
            isolation_level="read_committed",
            auto_offset_reset="none",  # an offset that is gone is refused, never skipped
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=cast(Any, self.app).fetch_wait_ms,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            # A broker that has just come back may know no topics for a moment. If that is when partitions are assigned,
            # nobody is given any, until the group's leader asks again what there is (aiokafka: after five minutes).
            metadata_max_age_ms=int(conf.broker_session_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._fetch_records(*args, **kwargs)
        except aiokafka.errors.NoOffsetForPartitionError:
            # Newly assigned, not yet claimed: Kafka knows no offset, and Postgres tells it in a moment (see
            # ChunkConsumer.seek_to_committed).
            return {}
        except aiokafka.errors.OffsetOutOfRangeError as error:
            ((tp, offset),) = error.args[0].items()
            raise no_such_offset(tp.topic, tp.partition, offset) from error

    def stable_offset(self, tp: TP) -> int:
        """The end of what may be read: transactions that are still open begin there."""
        state = _state(self._ensure_consumer(), tp)
        return int(state.lso or 0) if state else 0

    def end_offset(self, tp: TP) -> int | None:
        """The high watermark of the last fetch; None before it, and of a partition that is not ours at the moment."""
        state = _state(self._ensure_consumer(), tp)
        return cast("int | None", state.highwater) if state else None

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Tell Kafka how far we are; a failure costs the lag tools some accuracy and nothing else."""
        try:
            await self._ensure_consumer().commit(
                {
                    aiokafka.TopicPartition(*tp): aiokafka.structs.OffsetAndMetadata(offset, "")
                    for tp, offset in offsets.items()
                }
            )
        except aiokafka.errors.KafkaError as error:
            self.log.info("offsets not committed to Kafka: %r", error)
            return False
        return True


def _state(consumer: Any, tp: TP) -> Any:
    """What aiokafka knows of a partition; None when it is not assigned."""
    subscription = consumer._subscription.subscription
    return subscription.assignment.state_value(tp) if subscription and subscription.assignment else None


class ChunkConsumer(driver.Consumer):
    """Faust's consumer, one message per chunk."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Where the next chunk of each partition starts.
        self._starts: dict[TP, int] = {}
        #: What `_starts` will be once Faust lets chunks flow; None when the next rebalance has begun meanwhile.
        self._claimed: dict[TP, int] | None = None
        #: Offsets of each partition that were handed on and are not committed.
        self._outstanding: Counter[TP] = Counter()

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """A rebalance begins: nothing is handed on until the partitions are claimed anew."""
        self._starts, self._claimed = {}, None
        await super().on_partitions_revoked(revoked)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Claim the assigned partitions in Postgres and go where their last unit of work ended."""
        self._claimed = {}
        offsets = await cast(Any, self.app).claim(self.assignment())
        await self._thread.seek_wait(offsets)
        if self._claimed is not None:
            self._claimed = dict(offsets)
        return cast("Mapping[TP, int]", offsets)

    def resume_flow(self) -> None:
        """Hand chunks on, once they are claimed: Faust resumes before that, too, and drops what it has after it."""
        if self._claimed:
            self._starts, self._claimed = self._claimed, {}
            self._outstanding.clear()
        super().resume_flow()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's signature
        """Fetch once and yield a message for each partition that had records."""
        generation = self.app.consumer_generation_id
        for tp, batch in (await self._next_batches(timeout)).items():
            if batch.begin != self._starts.get(tp):
                await self._read_again(tp)
                continue
            for part, reached in evenly(batch.records, batch.end, most=cast(Any, self.app).chunk_events):
                if generation != self.app.consumer_generation_id or tp not in self._starts:
                    break  # a rebalance: what was fetched will be fetched again from the claimed offsets
                yield tp, self._chunk_message(tp, part, reached)

    async def _next_batches(self, timeout: float) -> Mapping[TP, Batch]:  # noqa: ASYNC109 - Faust's signature
        if not self.flow_active:
            await self.wait(cast(Any, self.can_resume_flow))
        assigned = self._get_active_partitions()
        # One full chunk in work, one decoded while the first is written; or many small ones, which the next unit of
        # work takes together: a bound on their number would have events wait in the broker for several units.
        active = {tp for tp in assigned if self._outstanding[tp] < cast(Any, self.app).chunk_events}
        if not active:
            await asyncio.sleep(_FULL_POLL_SECONDS)
            return {}
        if len(active) < len(assigned):
            timeout = _FULL_POLL_SECONDS
        return cast("Mapping[TP, Batch]", await self._getmany(active_partitions=active, timeout=timeout) or {})

    async def _read_again(self, tp: TP) -> None:
        """Go back to where the chunks of a partition end.

        The thread fetches on while Faust stops and starts what waits for it, and while a claim seeks: a batch that
        nobody was there to take is lost, unless it is fetched again.
        """
        if tp not in self._starts:
            return
        logger.debug("read again", extra={"topic": tp.topic, "partition": tp.partition, "offset": self._starts[tp]})
        with contextlib.suppress(aiokafka.errors.IllegalStateError):  # a rebalance has taken it away meanwhile
            await self._thread.seek_wait({tp: self._starts[tp]})

    def _chunk_message(self, tp: TP, records: Sequence[Any], position: int) -> ConsumerMessage:
        chunk = Chunk(tp.topic, tp.partition, self._starts[tp], records, position)
        self._starts[tp] = chunk.next_offset
        self._outstanding[tp] += chunk.offsets
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            position - 1,
            records[-1].timestamp / 1000 if records else 0.0,
            records[-1].timestamp_type if records else 0,
            [],
            None,
            cast(Any, chunk),
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def lagging(self) -> bool:
        """Whether the broker has records, of the assigned partitions, that are not committed yet."""
        if any(self._outstanding.values()):
            return True
        thread = cast(ChunkConsumerThread, self._thread)
        return any(thread.stable_offset(tp) > start for tp, start in self._starts.items())

    def beyond_end(self) -> dict[TP, int]:
        """Where partitions are read on that, as the broker says with each fetch, end before that offset."""
        thread = cast(ChunkConsumerThread, self._thread)
        ends = {tp: thread.end_offset(tp) for tp in self._starts}
        return {tp: start for tp, start in self._starts.items() if (end := ends[tp]) is not None and end < start}

    def ack(self, message: Message) -> bool:
        """Note that a chunk is committed, which makes room to fetch the next one."""
        self._outstanding[message.tp] -= cast(Chunk, message.value).offsets
        return bool(super().ack(message))

    def _new_offset(self, tp: TP) -> int | None:
        """The offset to commit: chunks of a partition are acknowledged whole and in order."""
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return last + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets between chunks hold no record, and nothing waits for them."""


def evenly(batch: Sequence[Any], position: int, *, most: int) -> Iterator[tuple[Sequence[Any], int]]:
    """A fetched batch in as few parts as possible, none of them much smaller than the others; at least one.

    Args:
        batch: Records, or none where offsets hold no record.
        position: Where the partition is read next after all of them.
        most: Records in one part.
    Yields: The records, and where the partition is read next after them.
    """
    count = -(-len(batch) // most) or 1
    for number in range(1, count + 1):
        part = batch[len(batch) * (number - 1) // count : len(batch) * number // count]
        yield part, position if number == count else part[-1].offset + 1


class ChunkTransport(driver.Transport):
    """Faust's aiokafka transport with chunks."""

    Consumer: ClassVar = ChunkConsumer

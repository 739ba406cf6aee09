"""Commits what the dispatcher hands out: one unit of work after another, on each of a few connections.

Postgres away means waiting and trying the same unit again; anything unexpected stops the worker, whose successor goes
on from the last commit.
"""

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import psycopg
import stamina
from psycopg import AsyncConnection, errors

from events.admin import Cluster
from sql import KEEPALIVES
from stream_processors import binary, metrics, positions
from stream_processors.catalogue import Catalogue
from stream_processors.chunks import Chunk
from stream_processors.dispatcher import Dispatcher
from stream_processors.tables import RunningTotal
from stream_processors.unit_of_work import Decoded, NeedsReattribution, Stream, UnitOfWork

logger = logging.getLogger(__name__)

#: The last one: this worker was frozen in mid-transaction for so long that Postgres ended its session.
_SERVER_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)
#: What may go well on a second try: the server was away, or another partition told the same fact at the same moment.
_PASSING: Final = (*_SERVER_AWAY, errors.UniqueViolation)

#: A worker that is frozen in mid-transaction must not block whoever takes its partitions over. Statements are planned
#: once, perhaps while the tables are empty: they go from keys to an index whatever Postgres believes then, as otherwise
#: it would read whole tables, until the next ANALYZE comes by.
_SESSION: Final = (
    "-c idle_in_transaction_session_timeout=15s -c statement_timeout=60s -c TimeZone=UTC -c jit=off"
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off"
    " -c enable_mergejoin=off"
)


class Engine:
    """Everything between a decoded chunk and its commit."""

    def __init__(
        self,
        database_url: str,
        streams: Mapping[str, Stream],
        tables: Mapping[str, RunningTotal],
        catalogue: Catalogue,
        *,
        most_events: int,
    ) -> None:
        self.dispatcher = Dispatcher(most_events=most_events)
        #: When a unit of work last committed, or waited for Postgres knowingly (time.monotonic).
        self.alive_at = time.monotonic()
        self._database_url = database_url
        self._streams = streams
        self._tables = tables
        self._catalogue = catalogue
        self._owner = uuid4()
        self._epoch: int | None = None
        #: The next offset of each claimed partition, by what this worker knows to be committed.
        self._reached: dict[positions.TopicPartition, int] = {}

    @property
    def topics(self) -> list[str]:
        """The topics that it can commit."""
        return list(self._streams)

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk's records, by the rules of its stream."""
        decoded = self._streams[chunk.topic].decode(chunk) if chunk.records else Decoded(chunk, events=None)
        chunk.release()
        return decoded

    async def claim(
        self, cluster: Cluster, earliest: Mapping[positions.TopicPartition, int]
    ) -> dict[positions.TopicPartition, int]:
        """Take over newly assigned partitions; what was known of totals may be stale from here on.

        Raises: RefusedState when the topics are not those that the database knows, or offsets are gone.
        """
        await self.dispatcher.drop_waiting()
        self._owner = uuid4()
        self._epoch = None
        topics = sorted({topic for topic, _ in earliest})
        async for attempt in stamina.retry_context(on=_SERVER_AWAY, attempts=None, timeout=None, wait_max=5):
            with attempt:
                async with await self.connect() as connection:
                    await positions.end_frozen_workers(connection)
                    await positions.refuse_other_version(connection)
                    await positions.refuse_strangers(connection, cluster, topics)
                    await positions.refuse_other_partitions(connection, cluster, topics)
                    self._reached = await positions.claim(connection, cluster, earliest, self._owner)
                    return dict(self._reached)
        raise AssertionError("retries never end")

    async def work(self) -> None:
        """Commit units of work until cancelled."""
        connection: AsyncConnection[Any] | None = None
        while True:
            unit = await self.dispatcher.take()
            try:
                connection = await self._commit_in_the_end(connection, [delivery.decoded for delivery in unit])
                for delivery in unit:
                    delivery.acknowledge()
            finally:
                await self.dispatcher.done(unit)

    async def check_idle(self) -> None:
        """Ask whether what was committed is still there; without Postgres the question waits for the next time.

        Raises: positions.PositionMoved.
        """
        with contextlib.suppress(*_SERVER_AWAY):
            async with await self.connect() as connection:
                await positions.refuse_lost_commits(connection, self._reached)

    async def connect(self) -> AsyncConnection[Any]:
        """Open a connection as units of work need it."""
        connection = await AsyncConnection.connect(
            self._database_url,
            autocommit=True,
            options=_SESSION,
            application_name="c360-processor",
            connect_timeout=5,
            **KEEPALIVES,
        )
        binary.register(connection)
        return connection

    async def commit(self, connection: AsyncConnection[Any], decoded: Sequence[Decoded], *, exclusive: bool) -> None:
        """Make one unit of work; the numbers are those of unit_of_work."""
        stream = self._streams[decoded[0].chunk.topic]
        unit = UnitOfWork(connection, self._tables, exclusive=exclusive)
        owner = self._owner
        began = time.monotonic()
        async with connection.transaction():
            todo, epoch = await unit.lock(decoded, owner)  # 1
            if epoch != self._epoch:
                await self._start_over(connection, epoch)
            if not todo:
                return
            # 2; before a tombstone among the events can forget whom they name
            await unit.store_rejects(todo, self._catalogue.forgotten)
            if with_records := [one for one in todo if one.chunk.size]:
                await stream.apply(unit, with_records)
            await unit.store(todo)  # 3
            if exclusive:
                await connection.execute("UPDATE reattribution SET epoch = epoch + 1")
        if (owner, epoch) == (self._owner, self._epoch):  # 4
            unit.give_back()
            self._reached |= {(one.chunk.topic, one.chunk.partition): one.chunk.next_offset for one in todo}
        self.alive_at = time.monotonic()
        _tell(todo, unit, seconds=self.alive_at - began)

    async def _commit_in_the_end(
        self, connection: AsyncConnection[Any] | None, decoded: Sequence[Decoded]
    ) -> AsyncConnection[Any]:
        """Commit a unit of work however often Postgres goes away meanwhile."""
        async for attempt in stamina.retry_context(
            on=_PASSING, attempts=None, timeout=None, wait_initial=0.05, wait_max=2, wait_jitter=0.05
        ):
            with attempt:
                try:
                    if connection is None or connection.closed:
                        connection = await self.connect()
                    await self._commit(connection, decoded)
                except _PASSING as error:
                    metrics.FAILED_UNITS.labels(type(error).__name__).inc()
                    if isinstance(error, _SERVER_AWAY):
                        self.alive_at = time.monotonic()
                        self._epoch = None  # the server that comes back may be another, which knows less
                    raise
                return connection
        raise AssertionError("retries never end")

    async def _commit(self, connection: AsyncConnection[Any], decoded: Sequence[Decoded]) -> None:
        try:
            await self.commit(connection, decoded, exclusive=False)
        except NeedsReattribution:
            await self.commit(connection, decoded, exclusive=True)

    async def _start_over(self, connection: AsyncConnection[Any], epoch: int) -> None:
        """Totals of any customer may have moved since they were read: read everything anew."""
        await positions.refuse_lost_commits(connection, self._reached)
        for table in self._tables.values():
            table.forget()
        await self._catalogue.reload(connection)
        self._epoch = epoch


def _tell(todo: Sequence[Decoded], unit: UnitOfWork, *, seconds: float) -> None:
    """Count what was committed; at level debug, say so."""
    topic = todo[0].chunk.topic
    metrics.count_unit(topic, unit.outcomes, seconds=seconds, committed_at=time.time())
    if logger.isEnabledFor(logging.DEBUG):
        offsets = {one.chunk.partition: [one.chunk.start, one.chunk.next_offset] for one in todo}
        logger.debug("unit of work committed", extra={"topic": topic, "offsets": offsets, "seconds": round(seconds, 3)})

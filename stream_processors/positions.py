"""How far each partition has been read, kept in Postgres beside the totals: claiming, guarding, moving on.

Table `positions` is the only truth about offsets. A worker that is given partitions claims them here; a unit of work
locks their rows, and goes on only if they still carry the worker's claim and the offset it started from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection, errors

from events.admin import Cluster
from events.errors import RefusedState
from sql import schema
from stream_processors import binary
from stream_processors.chunks import Chunk

TopicPartition = tuple[str, int]

#: What can become of a record; the columns of table positions that add up to next_offset.
OUTCOMES: Final = ("new", "repeated", "corrected", "withdrawn", "rejected", "skipped")

_CLAIM: Final = """
    INSERT INTO positions (topic, partition, cluster_id, topic_id, partitions, next_offset, skipped, owner)
    VALUES (
        %(topic)s, %(partition)s, %(cluster_id)s, %(topic_id)s, %(partitions)s, %(earliest)s, %(earliest)s, %(owner)s
    )
    ON CONFLICT (topic, partition, topic_id) DO UPDATE SET
        owner = excluded.owner, partitions = excluded.partitions, retired_at = NULL
    RETURNING next_offset
"""
_STRANGERS: Final = """
    SELECT topic, topic_id, cluster_id FROM positions
    WHERE retired_at IS NULL AND topic = ANY(%(topics)s) AND (topic, topic_id, cluster_id) NOT IN (
        SELECT known.topic, known.topic_id, %(cluster_id)s
        FROM unnest(%(topics)s::text[], %(topic_ids)s::text[]) AS known (topic, topic_id)
    )
    LIMIT 1
"""
_OTHER_PARTITIONS: Final = """
    SELECT topic, p.partitions, now.partitions
    FROM positions AS p JOIN unnest(%s::text[], %s::bigint[]) AS now (topic, partitions) USING (topic)
    WHERE p.partitions <> now.partitions
    LIMIT 1
"""
_LOCK: Final = """
    SELECT partition, next_offset, owner FROM positions
    WHERE topic = %s AND partition = ANY(%s) AND retired_at IS NULL
    ORDER BY partition FOR UPDATE
"""
#: Whoever listens hears of it with the commit, and reads the positions: of any number of them it is one notice.
_ADVANCE: Final = """
    WITH advanced AS (
        UPDATE positions AS p SET
            next_offset = m.next_offset, committed_at = clock_timestamp(),
            newest_event_at = greatest(p.newest_event_at, to_timestamp(nullif(m.told_ms, 0) / 1000.0)),
            new = p.new + m.new, repeated = p.repeated + m.repeated, corrected = p.corrected + m.corrected,
            withdrawn = p.withdrawn + m.withdrawn, rejected = p.rejected + m.rejected, skipped = p.skipped + m.skipped
        FROM unnest(
            %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::bigint[], %s::bigint[]
        ) AS m (partition, next_offset, told_ms, new, repeated, corrected, withdrawn, rejected, skipped)
        WHERE p.topic = %s AND p.partition = m.partition AND p.retired_at IS NULL
    )
    SELECT pg_notify('c360_commits', '')
"""
_REACHED: Final = "SELECT topic, partition, next_offset FROM positions WHERE retired_at IS NULL"

#: Timeouts of Postgres end a session that is idle in a transaction, but not one that waits for the rest of a COPY.
_END_FROZEN: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()
        AND state = 'active' AND wait_event = 'ClientRead' AND state_change < now() - interval '15 seconds'
"""


class PositionMoved(RefusedState):
    """Another worker was given this partition, or wrote to it: this one must not write any more."""


async def end_frozen_workers(connection: AsyncConnection[Any]) -> None:
    """Cut off workers that stopped in the middle of sending, and might hold what we are about to wait for.

    A later `claim` waits 5 seconds at most, and fails with LockNotAvailable; trying again comes by here.
    """
    await connection.execute(_END_FROZEN)
    await connection.execute("SET lock_timeout = '5s'")


async def refuse_other_version(connection: AsyncConnection[Any]) -> None:
    """Make sure that the database was brought to the schema of this version. Raises: RefusedState."""
    try:
        row = await (await connection.execute("SELECT schema FROM reattribution")).fetchone()
    except (errors.UndefinedTable, errors.UndefinedColumn):
        row = None
    refuse_other_schema(row[0] if row else None)


def refuse_other_schema(found: str | None) -> None:
    """Stop a processor that would write as another version of the program expects it. Raises: RefusedState."""
    if found != schema():
        raise RefusedState(
            "the database is not at the schema of this version of the program: `c360 migrate` of this version brings "
            "an older database to it; a newer one needs the processors of the version that migrated it"
        )


async def refuse_strangers(connection: AsyncConnection[Any], cluster: Cluster, topics: Sequence[str]) -> None:
    """Make sure that the topics are those whose offsets the database holds.

    Raises: RefusedState when a topic was deleted and created again, or the cluster is another one.
    """
    parameters = {
        "topics": list(topics),
        "topic_ids": [cluster.topics[topic].topic_id for topic in topics],
        "cluster_id": cluster.cluster_id,
    }
    stranger = await (await connection.execute(_STRANGERS, parameters)).fetchone()
    if stranger:
        topic, topic_id, cluster_id = stranger
        raise RefusedState(
            f"topic {topic} is not the one that this database has read: it knows topic id {topic_id} of cluster "
            f"{cluster_id}, the broker has {cluster.topics[topic].topic_id} of {cluster.cluster_id}. If the topic was "
            "meant to be replaced, run `c360 adopt`; the facts stay, and events told again count once"
        )


async def refuse_other_partitions(connection: AsyncConnection[Any], cluster: Cluster, topics: Sequence[str]) -> None:
    """Make sure that the topics have as many partitions as when their facts were counted.

    Raises: RefusedState when partitions were added: keys go elsewhere from then on, and lose their order and owner.
    """
    counts = [cluster.topics[topic].partitions for topic in topics]
    other = await (await connection.execute(_OTHER_PARTITIONS, [list(topics), counts])).fetchone()
    if other:
        topic, counted, found = other
        raise RefusedState(
            f"topic {topic} has {found} partitions, and this database has counted it with {counted}: customers would "
            f"change their owner. Delete it, run `c360 adopt` and `c360 migrate` with KAFKA_PARTITIONS={counted}, and "
            "publish its events again"
        )


async def claim(
    connection: AsyncConnection[Any], cluster: Cluster, earliest: Mapping[TopicPartition, int], owner: UUID
) -> dict[TopicPartition, int]:
    """Take partitions over from whoever had them; waits for a unit of work that is just committing.

    Args:
        earliest: The first offset that the broker still has, for each partition to claim.
        owner: Names this assignment; the guard of every unit of work asks for it.
    Returns: The offset to read next of each partition.
    Raises: RefusedState when offsets that were never read are gone from the broker.
    """
    offsets: dict[TopicPartition, int] = {}
    async with connection.transaction():
        for topic, partition in sorted(earliest):
            parameters = {
                "topic": topic,
                "partition": partition,
                "cluster_id": cluster.cluster_id,
                "topic_id": cluster.topics[topic].topic_id,
                "partitions": cluster.topics[topic].partitions,
                "earliest": earliest[topic, partition],
                "owner": owner,
            }
            row = await (await connection.execute(_CLAIM, parameters)).fetchone()
            assert row is not None
            offsets[topic, partition] = row[0]
    for position, offset in offsets.items():
        if offset < earliest[position]:
            raise RefusedState(
                f"{position[0]}/{position[1]}: offsets {offset} to {earliest[position] - 1} were never read and are "
                "gone from the broker (retention): publish those events again, then run `c360 adopt --skip-lost`"
            )
    return offsets


async def refuse_lost_commits(connection: AsyncConnection[Any], reached: Mapping[TopicPartition, int]) -> None:
    """Make sure that the database still has what this worker committed: it may be a replica that never got it.

    Args:
        reached: The next offset of each partition by this worker's last commit.
    Raises: PositionMoved when the database is behind that; whoever starts anew reads those events again.
    """
    stored = {
        (topic, partition): next_offset
        for topic, partition, next_offset in await (await connection.execute(_REACHED, [])).fetchall()
    }
    for (topic, partition), offset in reached.items():
        if (have := stored.get((topic, partition), 0)) < offset:
            raise PositionMoved(
                f"the database went back: {topic}/{partition} stands at {have}, and this worker had committed {offset} "
                "(a failover, or a restore?): this one stops, the next one reads on from there"
            )


async def guard(connection: AsyncConnection[Any], chunks: Sequence[Chunk], owner: UUID) -> list[Chunk]:
    """Lock the positions of the chunks' partitions (all of one topic) for this transaction.

    Returns: The chunks still to be done: a chunk whose commit succeeded although its answer was lost drops out.
    Raises: PositionMoved when this worker may not write there any more.
    """
    partitions = sorted({chunk.partition for chunk in chunks})
    cursor = await connection.execute(_LOCK, [chunks[0].topic, partitions])
    stored = {partition: (next_offset, holder) for partition, next_offset, holder in await cursor.fetchall()}
    todo = []
    for chunk in chunks:
        next_offset, holder = stored.get(chunk.partition, (None, None))
        if holder != owner:
            raise PositionMoved(f"{chunk.topic}/{chunk.partition} was given to another worker: this one stops")
        if next_offset == chunk.start:
            todo.append(chunk)
            stored[chunk.partition] = (chunk.next_offset, holder)
        elif next_offset is None or next_offset < chunk.next_offset:
            raise PositionMoved(
                f"{chunk.topic}/{chunk.partition} stands at {next_offset}, not at {chunk.start} where this worker "
                "read on: this one stops"
            )
    return todo


async def advance(
    connection: AsyncConnection[Any], topic: str, last: Mapping[int, Chunk], outcomes: Mapping[int, Counter[str]]
) -> None:
    """Store how far each partition is with the last chunk of it, and what became of the records up to there."""
    partitions = list(last)
    columns = [partitions, [chunk.next_offset for chunk in last.values()], [chunk.told_ms for chunk in last.values()]]
    columns += [[outcomes[partition][outcome] for partition in partitions] for outcome in OUTCOMES]
    await connection.execute(_ADVANCE, [*map(binary.Int8Array.of, columns), topic])

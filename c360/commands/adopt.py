"""`c360 adopt`: accept topics that were deleted and created again, or that lost events."""

from pathlib import Path
from typing import Final

from c360.database import connect, errors
from c360.output import OUT
from c360.target import Target, resolve_target
from events import admin
from settings import Settings
from sql import adopt as lost
from sql.adopt import adopt_topics

_POSITIONS: Final = "SELECT topic, partition, topic_id, next_offset FROM positions WHERE retired_at IS NULL"


def adopt(*, skip_lost: bool = False, data_dir: Path | None = None) -> None:
    """Accept the topics that are there now as the successors of those that were processed so far.

    The processors keep, for each partition, the offset they got to, with the ids of the cluster and the topic. When a
    topic was deleted and created again, the address leads to another cluster, or the topic lost events at its end,
    those offsets mean nothing, and the processors refuse to go on: they might skip events without a word. This command
    retires the old offsets, so that the processors begin such topics from their start. No total changes by it: events
    that were counted are still in the database as facts, and are recognised when they come again.

    Parameters
    ----------
    skip_lost: bool
        Instead: go on after events that retention took from the broker before they were read. Publish them again, from
        where they came from: what was counted already is recognised.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    target = resolve_target(Settings(), data_dir)
    with errors(target.database_url):
        if skip_lost:
            _skip(target)
            return
        retired = adopt_topics(target.database_url, too_short=_too_short(target))
    OUT.print(f"positions of {retired} partitions retired: the processors will begin the topics from their start")


def _too_short(target: Target) -> list[tuple[str, int]]:
    """Partitions of topics that are the same, but end before the offset to read next."""
    with connect(target.database_url) as connection:
        positions = connection.execute(_POSITIONS).fetchall()
    if not positions:
        return []
    config = target.librdkafka()
    known = admin.describe_cluster(config).topics
    offsets = {
        (topic, partition): offset
        for topic, partition, topic_id, offset in positions
        if topic in known and known[topic].topic_id == topic_id
    }
    ends = admin.end_offsets(config, offsets) if offsets else {}
    return [place for place, offset in offsets.items() if offset > ends[place]]


def _skip(target: Target) -> None:
    config = target.librdkafka()
    known = admin.describe_cluster(config).topics
    places = [(name, number) for name, state in known.items() for number in range(state.partitions)]
    moved = lost.skip_lost(target.database_url, admin.first_offsets(config, places))
    for topic, partition, before, after in moved:
        OUT.print(f"{topic}/{partition}: offsets {before} to {after - 1} are skipped")
    OUT.print(f"{len(moved)} partitions moved on to the first event that the broker still has")

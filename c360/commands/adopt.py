"""`c360 adopt`: accept topics that were deleted and created again."""

from pathlib import Path

from c360.database import errors
from c360.output import OUT
from c360.target import Target, resolve_target
from events import admin
from settings import Settings
from sql import adopt as lost
from sql.adopt import adopt_topics


def adopt(*, skip_lost: bool = False, data_dir: Path | None = None) -> None:
    """Accept the topics that are there now as the successors of those that were processed so far.

    The processors keep, for each partition, the offset they got to, with the ids of the cluster and the topic. When a
    topic was deleted and created again, or the address leads to another cluster, those offsets mean nothing, and the
    processors refuse to go on: they might skip events without a word. This command retires the old offsets, so that
    the processors begin the new topics from their start. No total changes by it: events that were counted are still
    in the database as facts, and are recognised when they come again.

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
        retired = adopt_topics(target.database_url)
    OUT.print(f"positions of {retired} partitions retired: the processors will begin the topics from their start")


def _skip(target: Target) -> None:
    config = target.librdkafka()
    known = admin.describe_cluster(config).topics
    places = [(name, number) for name, state in known.items() for number in range(state.partitions)]
    moved = lost.skip_lost(target.database_url, admin.first_offsets(config, places))
    for topic, partition, before, after in moved:
        OUT.print(f"{topic}/{partition}: offsets {before} to {after - 1} are skipped")
    OUT.print(f"{len(moved)} partitions moved on to the first event that the broker still has")

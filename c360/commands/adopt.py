"""`c360 adopt`: accept topics that were deleted and created again."""

from pathlib import Path

from c360.database import errors
from c360.output import OUT
from c360.target import resolve_target
from settings import Settings
from sql.adopt import adopt_topics


def adopt(*, data_dir: Path | None = None) -> None:
    """Accept the topics that are there now as the successors of those that were processed so far.

    The processors keep, for each partition, the offset they got to, with the ids of the cluster and the topic. When a
    topic was deleted and created again, or the address leads to another cluster, those offsets mean nothing, and the
    processors refuse to go on: they might skip events without a word. This command retires the old offsets, so that
    the processors begin the new topics from their start. No total changes by it: events that were counted are still
    in the database as facts, and are recognised when they come again.

    Parameters
    ----------
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    url = resolve_target(Settings(), data_dir).database_url
    with errors(url):
        retired = adopt_topics(url)
    OUT.print(f"positions of {retired} partitions retired: the processors will begin the topics from their start")

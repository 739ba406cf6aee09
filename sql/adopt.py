"""Accept that the topics were replaced by new ones: the positions in the old ones are retired, the totals stay."""

from collections.abc import Sequence

import psycopg


def adopt_topics(url: str, *, keep: Sequence[str] = ()) -> int:
    """Retire every live position, so that the processors begin the topics that are there now from their start.

    Safe for the totals: they rest on the facts in the database, and a fact that comes again is recognised.

    Args:
        url: postgresql://user:password@host:port/database
        keep: Ids of topics whose positions stay as they are.
    Returns: How many partitions were retired.
    Raises: psycopg.Error.
    """
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute(
            "UPDATE positions SET retired_at = now() WHERE retired_at IS NULL AND topic_id <> ALL(%s::text[])",
            [list(keep)],
        ).rowcount

"""`c360 forget`: forget a customer, and prove that no table says anything of the person any more."""

import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from c360.commands.replay import kafka_publisher
from c360.database import connect
from c360.output import OUT, print_json, table
from c360.target import Target, resolve_target
from c360.traces import Trace, drop_refused, read_person, refresh_copies, traces
from events import admin, topics
from events.encoding import encode_tombstone
from events.errors import Unavailable, UsageError
from events.identity import canonical_id
from settings import Settings

_POLL_SECONDS: Final = 0.1
_NEXT_OFFSET: Final = """
    SELECT next_offset FROM positions WHERE topic = %s AND partition = %s AND topic_id = %s AND retired_at IS NULL
"""
_TOLD: Final = """
    SELECT
        (SELECT count(*) FROM interactions WHERE customer_id = %(customer_id)s),
        (SELECT count(*) FROM transactions WHERE customer_id = %(customer_id)s)
"""


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """What of the customer is still in a topic, out of the database's reach."""

    topic: str
    #: Facts of the customer that the database knew; events that told them twice come on top. None: not known.
    facts: int | None
    cleanup_policy: str
    retention: str


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What was done and what was found."""

    ok: bool
    customer_id: str
    #: Names of the attributes that were looked for.
    looked_for: list[str]
    #: Where they stood before the tombstone: that the search finds what is there.
    before: list[Trace]
    #: Refused records and rows that told of the person without the id.
    refused_dropped: int
    left: list[Trace]
    remains_in_topics: list[Remains]


def forget(
    customer_id: str,
    /,
    *,
    timeout: Annotated[float, Parameter(validator=Number(gt=0))] = 60,
    json: bool = False,
    data_dir: Path | None = None,
) -> int:
    """Forget a customer, wait until that is done, and look for what is left; exits with 1 when something is.

    Publishes the tombstone (docs/forgetting.md), which can't be taken back. Every table is searched for what was known
    of the person: id, names, email, phone, address, account, birthday, occupation, balance.

    Parameters
    ----------
    customer_id: str
        Who.
    timeout: float
        Give up after so many seconds, and exit with 3: does a processor run?
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    settings = Settings()
    found = forget_customer(resolve_target(settings, data_dir), settings, _id(customer_id), data_dir, timeout)
    if json:
        print_json(found)
    else:
        _print(found)
    return 0 if found.ok else 1


def forget_customer(
    target: Target, settings: Settings, customer_id: str, data_dir: Path | None, timeout_seconds: float
) -> Forgotten:
    """Tombstone, wait, see to what the tombstone could not know of, search.

    Raises: UsageError for a customer nobody knows; Unavailable.
    """
    with connect(target.database_url) as connection:
        person = read_person(connection, customer_id)
        before = traces(connection, person)
        told = connection.execute(_TOLD, {"customer_id": customer_id}).fetchone() or (0, 0)
    if not before:
        raise UsageError(f"nothing is known of a customer {customer_id!r}: is the id spelled as told?")
    publisher = kafka_publisher(settings, data_dir, client_id="c360-forget")
    publisher.publish(encode_tombstone(topics.CUSTOMERS.name, key=customer_id))
    publisher.finish()
    _wait_until_committed(target, customer_id, timeout_seconds)
    with connect(target.database_url) as connection:
        dropped = drop_refused(connection, person)
        refresh_copies(connection, before)
    with connect(target.database_url) as connection:
        left = traces(connection, person)
    return Forgotten(
        ok=not left,
        customer_id=customer_id,
        looked_for=person.attributes,
        before=before,
        refused_dropped=dropped,
        left=left,
        remains_in_topics=_remains(target, dict(zip(("interactions", "transactions"), told, strict=True))),
    )


def _id(text: str) -> str:
    try:
        return canonical_id(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no customer_id: {error}") from error


def _wait_until_committed(target: Target, customer_id: str, timeout_seconds: float) -> None:
    """Until all that the customer's partition holds now is in the database: the tombstone is among it."""
    topic = topics.CUSTOMERS.name
    state = admin.describe_cluster(target.librdkafka()).topics[topic]
    partition = topics.partition_of(customer_id.encode(), state.partitions)
    end = admin.end_offsets(target.librdkafka(), {(topic, partition): 0})[topic, partition]
    deadline = time.monotonic() + timeout_seconds
    with connect(target.database_url) as connection:
        connection.autocommit = True
        while True:
            row = connection.execute(_NEXT_OFFSET, [topic, partition, state.topic_id]).fetchone()
            if row and row[0] >= end:
                return
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the tombstone is in the topic, but was not processed within {timeout_seconds:g} s: run this "
                    "again, and start a processor meanwhile; once it forgot, nobody knows what to look for"
                )
            time.sleep(_POLL_SECONDS)


def _remains(target: Target, facts: dict[str, int]) -> list[Remains]:
    configs = admin.topic_configs(target.librdkafka())
    names = [topic.name for topic in topics.ALL if topic.customer_keyed or topic is topics.REJECTED_EVENTS]
    return [
        Remains(
            topic=name,
            facts=facts.get(name),
            cleanup_policy=configs[name]["cleanup.policy"],
            retention=_retention(configs[name]),
        )
        for name in names
    ]


def _retention(config: dict[str, str]) -> str:
    if config["cleanup.policy"] == "compact":
        return "until the log is compacted"
    milliseconds = int(config.get("retention.ms", "-1"))
    return (
        "for ever: nothing deletes it"
        if milliseconds < 0
        else f"{milliseconds / 86_400_000:g} days from when it was told"
    )


def _print(found: Forgotten) -> None:
    stood = {trace.table for trace in found.before}
    OUT.print(f"Forgotten: {found.customer_id}. Looked for {', '.join(found.looked_for)},", markup=False)
    OUT.print(f"which stood in {', '.join(sorted(stood))} before.", markup=False)
    if found.refused_dropped:
        OUT.print(f"{found.refused_dropped:,} refused records that told of the person were dropped.")
    if found.left:
        OUT.print("STILL THERE:")
        _print_traces(found.left)
    else:
        OUT.print("No table holds any of it any more.")
    OUT.print("\nOut of reach stay backups, exports, files that were replayed, and the events in the topics:")
    shown = table("topic", "facts told", "cleanup", "stays", numbers=("facts told",))
    for one in found.remains_in_topics:
        shown.add_row(one.topic, "" if one.facts is None else f"{one.facts:,}", one.cleanup_policy, one.retention)
    OUT.print(shown)


def _print_traces(found: list[Trace]) -> None:
    shown = table("table", "column", "what", "rows", numbers=("rows",))
    for trace in found:
        shown.add_row(trace.table, trace.column, trace.attribute, f"{trace.rows:,}")
    OUT.print(shown)

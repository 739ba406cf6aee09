"""Ask the broker about topics and offsets, and create what is missing.

Every function takes the connection as `settings.KafkaSettings.librdkafka` gives it, answers within a few seconds, and
raises Unavailable when the broker does not.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from events import topics
from events.errors import RefusedState, Unavailable

#: How long the broker may take to answer.
PATIENCE_SECONDS: Final = 5.0

#: What librdkafka tells its error callback alone, and what the exception that follows says nothing of.
_CAUSES: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError._RESOLVE)

# librdkafka reports lost connections on standard error; what matters of them comes back as an exception.
_QUIET: Final = {"log_level": 0}

# Only the high watermark of the answer is wanted, so as few records as the client allows.
_SMALL_FETCHES: Final = {
    "group.id": "c360-end-offsets",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.message.max.bytes": 1_000,
    "fetch.max.bytes": 1_000_000,
    "fetch.wait.max.ms": 10,
    "queued.min.messages": 1,
    # Partitions whose records were not taken yet are left out of the next question for so long: by default, a second.
    "fetch.queue.backoff.ms": 1,
}

Config = Mapping[str, str]
Offsets = dict[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as it is on the broker."""

    #: Kafka's own id: a topic that is deleted and created again has another one.
    topic_id: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster and those of our topics that it has."""

    cluster_id: str
    topics: dict[str, TopicState]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a partition behind an offset."""

    events: int
    #: When the first of them was written to the topic (milliseconds since 1970-01-01 UTC); None: nothing waits.
    since_ms: int | None


def create_topics(config: Config, *, partitions: int, replication_factor: int) -> list[str]:
    """Create the topics of `events.topics` that the broker lacks; safe to run twice, or by two at once.

    Returns: Names of the topics that were created.
    Raises: RefusedState when a topic exists with another number of partitions; Unavailable.
    """
    existing = describe_cluster(config).topics
    for name, state in existing.items():
        _refuse_other_partition_count(name, state.partitions, partitions)
    missing = [
        NewTopic(topic.name, num_partitions=partitions, replication_factor=replication_factor, config=topic.config)
        for topic in topics.ALL
        if topic.name not in existing
    ]
    if not missing:
        return []
    with _admin(config) as admin:
        created = _create(admin, missing)
    for name, state in _told_topics(config).items():
        _refuse_other_partition_count(name, state.partitions, partitions)
    return created


def describe_cluster(config: Config) -> Cluster:
    """The cluster's id, and the state of those of our topics that exist.

    Raises: Unavailable.
    """
    with _admin(config) as admin:
        metadata = admin.list_topics(timeout=PATIENCE_SECONDS)
        names = [topic.name for topic in topics.ALL if topic.name in metadata.topics]
        described = admin.describe_topics(TopicCollection(names), request_timeout=PATIENCE_SECONDS) if names else {}
        states = {name: future.result() for name, future in described.items()}
    return Cluster(
        metadata.cluster_id or "",
        {name: TopicState(str(state.topic_id), len(state.partitions)) for name, state in states.items()},
    )


def _told_topics(config: Config) -> dict[str, TopicState]:
    """All of our topics: a broker knows of a new one a moment after the controller has made it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(told := describe_cluster(config).topics) < len(topics.ALL):
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka at {_address(config)} made topics, and does not tell of them")
        time.sleep(0.05)
    return told


def end_offsets(config: Config, next_offsets: Mapping[tuple[str, int], int]) -> Offsets:
    """The offset after the last record of each partition.

    Taken from the high watermark that comes with every fetch: brokers agree on that one, while the embedded broker's
    answer to ListOffsets is the start of its last batch.

    Args:
        next_offsets: (topic, partition) to an offset to fetch at: any will do, the nearer to the end the less is read.
    Raises: Unavailable, also when a topic or partition does not exist.
    """
    ends: Offsets = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    with _broker_errors(config), closing(Consumer({**config, **_SMALL_FETCHES, **_QUIET})) as consumer:
        consumer.assign([TopicPartition(*place, offset) for place, offset in next_offsets.items()])
        while missing := next_offsets.keys() - ends.keys():
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka at {_address(config)} did not tell the end of {_listed(missing)}")
            consumer.poll(0.01)
            ends |= {place: end for place in missing if (end := _high_watermark(consumer, place)) is not None}
    return ends


def first_offsets(config: Config, places: Collection[tuple[str, int]]) -> Offsets:
    """The offset of the first record that each partition still has.

    Raises: Unavailable, also when a topic or partition does not exist.
    """
    with _broker_errors(config), closing(Consumer({**config, **_SMALL_FETCHES, **_QUIET})) as consumer:
        return {
            place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=PATIENCE_SECONDS)[0]
            for place in places
        }


def topic_configs(config: Config) -> dict[str, dict[str, str]]:
    """What the broker says of how long records stay in each of our topics; what it leaves out is as we create them.

    Raises: Unavailable.
    """
    with _admin(config) as client:
        resources = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in topics.ALL]
        answers = client.describe_configs(resources, request_timeout=PATIENCE_SECONDS)
        told = {
            resource.name: {name: entry.value for name, entry in future.result().items() if entry.value is not None}
            for resource, future in answers.items()
        }
    return {topic.name: topic.config | told[topic.name] for topic in topics.ALL}


def backlogs(config: Config, next_offsets: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], Backlog]:
    """How many records wait in each partition, and since when; read as `end_offsets` does.

    Args:
        next_offsets: (topic, partition) to the offset to read next.
    Raises: Unavailable, also when a topic or partition does not exist.
    """
    found: dict[tuple[str, int], Backlog] = {}
    first: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    with _broker_errors(config), closing(Consumer({**config, **_SMALL_FETCHES, **_QUIET})) as consumer:
        consumer.assign([TopicPartition(*place, offset) for place, offset in next_offsets.items()])
        while missing := next_offsets.keys() - found.keys():
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka at {_address(config)} did not tell what waits in {_listed(missing)}")
            if (record := consumer.poll(0.01)) is not None and record.error() is None:
                first.setdefault((record.topic() or "", record.partition() or 0), record.timestamp()[1])
            for place in missing:
                end = _high_watermark(consumer, place)
                if end is not None and (place in first or end <= next_offsets[place]):
                    found[place] = Backlog(max(0, end - next_offsets[place]), first.get(place))
    return found


def _high_watermark(consumer: Consumer, place: tuple[str, int]) -> int | None:
    """What the last fetch said; None before the first one."""
    watermarks = consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
    return watermarks[1] if watermarks and watermarks[1] >= 0 else None


def _create(admin: AdminClient, missing: list[NewTopic]) -> list[str]:
    created = []
    for name, future in admin.create_topics(missing, operation_timeout=PATIENCE_SECONDS).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return created


def _refuse_other_partition_count(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise RefusedState(
            f"topic {name} has {found} partitions, {wanted} are wanted: customers would move between processors; "
            f"set KAFKA_PARTITIONS={found}, or delete the topics and run `c360 adopt`"
        )


def _address(config: Config) -> str:
    return config["bootstrap.servers"]


def _listed(places: set[tuple[str, int]]) -> str:
    return ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(places))


@contextmanager
def _admin(config: Config) -> Iterator[AdminClient]:
    heard: list[KafkaError] = []
    settings: dict[str, Any] = {**config, **_QUIET, "error_cb": heard.append}
    admin = AdminClient(settings)
    with _broker_errors(config):
        try:
            yield admin
        except KafkaException as error:
            admin.poll(0)
            causes = [one for one in heard if one.code() in _CAUSES]
            raise KafkaException(*causes[:1] or error.args) from error


@contextmanager
def _broker_errors(config: Config) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise Unavailable(f"Kafka at {_address(config)} does not answer: {error.args[0].str()}") from error

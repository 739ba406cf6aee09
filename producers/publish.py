"""Events to Kafka: an idempotent producer that knows of every event whether it arrived."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from events.contracts import MAX_EVENT_BYTES
from events.encoding import Record
from events.errors import RejectedEvent, Unavailable, UsageError
from events.topics import LIBRDKAFKA_PARTITIONER, MAX_RECORD_BYTES
from producers.records import RecordBatch

#: Failures are asked for once per so many records: each question costs a microsecond, late answers cost nothing.
_RECORDS_PER_POLL: Final = 500


class Publisher(Protocol):
    """Where a replay sends its records."""

    def publish(self, record: Record) -> None:
        """Send one record, sooner or later.

        Raises: RejectedEvent when it is too large; Unavailable when records could not be delivered.
        """

    def publish_all(self, batch: RecordBatch) -> None:
        """Send many, none of them too large. Raises: Unavailable."""

    def finish(self) -> None:
        """Wait until all records have arrived. Raises: Unavailable when some did not."""


class KafkaPublisher:
    """Publishes to Kafka in batches, in order per key, each record once.

    Args:
        config: The connection as `settings.KafkaSettings.librdkafka` gives it.
        delivery_timeout: How long a record is tried before it counts as undelivered: long enough for a broker that
            restarts.
    Raises: UsageError when librdkafka refuses the configuration.
    """

    def __init__(
        self,
        config: Mapping[str, str],
        *,
        client_id: str = "c360-replay",
        delivery_timeout: timedelta = timedelta(seconds=60),
    ) -> None:
        self._address = config.get("bootstrap.servers", "?")
        self._patience_seconds = delivery_timeout.total_seconds() + 5  # the producer gives up first, and says why
        self._sent = self._failed = 0
        self._first_failure: KafkaError | None = None
        settings = {
            **config,
            "client.id": client_id,
            "enable.idempotence": True,
            "partitioner": LIBRDKAFKA_PARTITIONER,
            # A report of each record that did arrive would cost a tenth of the speed.
            "delivery.report.only.error": True,
            # Waiting a little makes batches large; nobody looks at a single event of a replay.
            "linger.ms": 20,
            "batch.size": 500_000,
            # Bounds the memory of a replay that is faster than the broker.
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 65_536,
            "message.max.bytes": MAX_RECORD_BYTES,
            "message.timeout.ms": int(delivery_timeout.total_seconds() * 1000),
            "log_level": 0,  # what goes wrong comes back in delivery reports
        }
        try:
            self._producer = Producer(settings)
        except KafkaException as error:
            raise UsageError(f"the Kafka connection can't be set up: {error.args[0].str()}") from error

    def publish(self, record: Record) -> None:
        if record.value is not None and len(record.value) > MAX_EVENT_BYTES:
            raise RejectedEvent(f"{len(record.value):,} bytes are too many: at most {MAX_EVENT_BYTES:,} are accepted")
        self._enqueue(record)
        self._sent += 1
        if self._sent % _RECORDS_PER_POLL == 0:
            self._producer.poll(0)
            self._raise_failure()

    def publish_all(self, batch: RecordBatch) -> None:
        for start in range(0, len(batch), _RECORDS_PER_POLL):
            self._enqueue_all(batch.part(slice(start, start + _RECORDS_PER_POLL)))
            self._producer.poll(0)
            self._raise_failure()

    def _enqueue_all(self, batch: RecordBatch) -> None:
        produce, on_failure = self._producer.produce, self._on_failure
        topic, headers = batch.topic, [*batch.headers, ("ce_id", b"")]
        for key, value, identity in zip(batch.keys, batch.values, batch.identities, strict=True):
            headers[-1] = ("ce_id", identity)  # the producer takes a copy
            try:  # arguments by place: names cost time
                produce(topic, value, key, -1, on_failure, None, 0, headers)  # type: ignore[arg-type]
            except (BufferError, KafkaException):  # full, most of the time: wait there, or say what it is
                self._enqueue(Record(topic, key, value, headers))
            self._sent += 1

    def finish(self) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while len(self._producer) and time.monotonic() < deadline and not self._failed:
            self._producer.flush(0.5)
        self._raise_failure()
        if len(self._producer):
            raise self._undelivered("no answer")

    def _enqueue(self, record: Record) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=record.headers,  # type: ignore[arg-type]
                    on_delivery=self._on_failure,
                )
            except BufferError:  # the broker is slower than we are: wait for delivery reports
                self._producer.poll(0.01)
                self._raise_failure()
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise RejectedEvent(f"the broker does not take an event of this size: {error}") from error
                raise self._undelivered(error.args[0].str()) from error
            else:
                return

    def _on_failure(self, error: KafkaError | None, _: Message) -> None:
        self._failed += 1
        self._first_failure = self._first_failure or error

    def _raise_failure(self) -> None:
        if self._first_failure:
            raise self._undelivered(self._first_failure.str())

    def _undelivered(self, reason: str) -> Unavailable:
        lost = min(self._sent, self._failed + len(self._producer))
        return Unavailable(
            f"Kafka at {self._address} took {self._sent - lost:,} events, {lost:,} could not be delivered: "
            f"{reason}; send all of it again when the broker is back, nothing will count twice"
        )


class DryRun:
    """Publishes nothing; keeps the first records of each stream for people to look at."""

    def __init__(self, *, keep: int = 3) -> None:
        self._keep = keep
        self._first: dict[str, list[Record]] = {}

    def publish(self, record: Record) -> None:
        kept = self._first.setdefault(record.topic, [])
        if len(kept) < self._keep:
            kept.append(record)

    def publish_all(self, batch: RecordBatch) -> None:
        for record in batch:
            self.publish(record)

    def finish(self) -> None:
        """Nothing is under way."""

    def first_values(self) -> dict[str, list[msgspec.Raw]]:
        """Topic to the values, in JSON, of its first records."""
        return {topic: [msgspec.Raw(record.value or b"null") for record in kept] for topic, kept in self._first.items()}

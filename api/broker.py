"""The API's way to Kafka: a few events at a time, each delivered before the answer, with the offset that it got."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from api.errors import BrokerUnavailable
from events.encoding import Record
from events.topics import LIBRDKAFKA_PARTITIONER, MAX_RECORD_BYTES

#: A record that is not delivered after this time is given up.
DELIVERY_SECONDS: Final = 4.0

_SETTINGS: Final = {
    "client.id": "c360-api",
    "enable.idempotence": True,
    "partitioner": LIBRDKAFKA_PARTITIONER,
    # The caller waits: only as long as it takes for requests of the same moment to share a batch.
    "linger.ms": 2,
    "queue.buffering.max.messages": 100_000,
    "message.max.bytes": MAX_RECORD_BYTES,
    "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
    "log_level": 0,  # what goes wrong comes back in delivery reports
}


class Broker:
    """Publishes records and tells where they went.

    A producer of its own, not that of a replay: that one does not learn the offsets, which are what is answered here.

    Args:
        config: The connection as `settings.KafkaSettings.librdkafka` gives it; None: nothing can be written.
    """

    def __init__(self, config: Mapping[str, str] | None) -> None:
        self._config = config
        self._producer: _PolledProducer | None = None

    async def publish(self, records: Sequence[Record]) -> dict[tuple[str, int], int]:
        """Send records and wait until all of them have arrived.

        Returns: The position behind them.
        Raises: BrokerUnavailable when some may not have arrived; sending all of them again counts nothing twice.
        """
        if self._config is None:
            raise BrokerUnavailable("this API knows no broker: it was started without KAFKA_BOOTSTRAP_SERVERS")
        try:
            if self._producer is None:
                self._producer = _PolledProducer(self._config)
            delivery = _Delivery(len(records))
            for record in records:
                self._producer.send(record, delivery)
            async with asyncio.timeout(DELIVERY_SECONDS + 1):  # the producer gives up first, and says why
                return await delivery.done
        except (KafkaException, BufferError, TimeoutError) as error:
            # A new one next time, whatever state this one is in.
            self.close()
            raise BrokerUnavailable("the broker does not take events now") from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._producer:
            self._producer.stop()
            self._producer = None


class _Delivery:
    """The reports about one request's records, gathered in the producer's thread."""

    def __init__(self, expected: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[dict[tuple[str, int], int]] = self._loop.create_future()
        self._missing = expected
        self._position: dict[tuple[str, int], int] = {}

    def report(self, error: KafkaError | None, message: Message) -> None:
        """One record arrived, or never will."""
        self._loop.call_soon_threadsafe(self._take, error, message)

    def _take(self, error: KafkaError | None, message: Message) -> None:
        if self.done.done():
            return
        if error is not None:
            self.done.set_exception(KafkaException(error))
            return
        place = (message.topic() or "", message.partition() or 0)
        self._position[place] = max(self._position.get(place, 0), (message.offset() or 0) + 1)
        self._missing -= 1
        if not self._missing:
            self.done.set_result(self._position)


class _PolledProducer:
    """A producer with the thread that fetches its delivery reports."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._producer = Producer({**config, **_SETTINGS})
        self._stopped = threading.Event()
        threading.Thread(target=self._poll, name="c360-api-producer", daemon=True).start()

    def send(self, record: Record, delivery: _Delivery) -> None:
        """Hand over one record."""
        self._producer.produce(
            record.topic,
            key=record.key,
            value=record.value,
            headers=record.headers,  # type: ignore[arg-type]  # a value may be None, as in Kafka
            on_delivery=delivery.report,
        )

    def stop(self) -> None:
        """End the thread; what is still under way is given up."""
        self._stopped.set()

    def _poll(self) -> None:
        while not self._stopped.is_set():
            self._producer.poll(0.2)
        self._producer.purge()

"""Where the parts are put together: settings in, a running Faust worker out.

Walking the way of the data: ChunkTransport fetches chunks -> one agent per stream decodes them -> the engine's
dispatcher -> units of work -> Postgres. Faust brings the consumer group, co-partitioned assignment, rebalancing, agents
and tables; how far we are and what the totals are is in Postgres alone.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import signal
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, cast

import faust
import mode.loop
import psycopg
from faust.types import TP, StreamT

from events import topics
from events.admin import Cluster, describe_cluster
from events.errors import C360Error, RefusedState, Unexpected
from settings import KafkaSettings, Settings
from stream_processors import metrics, views
from stream_processors.catalogue import Catalogue
from stream_processors.channels import Channels
from stream_processors.chunks import ChunkSchema, ChunkTransport, no_such_offset
from stream_processors.customers import Customers
from stream_processors.dispatcher import Delivery
from stream_processors.engine import Engine
from stream_processors.fold import View
from stream_processors.interactions import Interactions
from stream_processors.ownership import Ownership
from stream_processors.product_discussions import ProductDiscussions
from stream_processors.products import Products
from stream_processors.rejected_rows import RejectedRows
from stream_processors.tables import RunningTotal, Tables
from stream_processors.transactions import Transactions
from stream_processors.unit_of_work import Stream

logger = logging.getLogger(__name__)

#: A worker that has something to do and gets nothing done for so long stops, so that it is started anew.
STUCK_SECONDS: Final = 60.0

#: How often a worker looks after itself.
_WATCH_SECONDS: Final = 6.0

#: A stop that takes longer is cut short.
STOP_SECONDS: Final = 20.0

#: Parameters of mallopt, and their values: more than a unit of work needs, and the most that glibc takes for a block.
_M_TRIM_THRESHOLD: Final = -1
_KEPT_BYTES: Final = 256 * 1024 * 1024
_M_MMAP_THRESHOLD: Final = -3
_LARGEST_BYTES: Final = 32 * 1024 * 1024

#: How Faust reports what ends a worker, with a traceback for each service that falls; `run` tells the reason, once.
_LAST_WORDS: Final = ("Crashed reason=%r", "Drain messages raised: %r")

#: Bytes of one partition in one fetch: a chunk of 20,000 events of 300 bytes.
_FETCH_BYTES: Final = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker does: its streams by topic, the views that they move, and what all of them know by heart."""

    streams: Mapping[str, Stream]
    views: Sequence[View]
    catalogue: Catalogue


class ProcessorApp(faust.App):
    """A Faust app whose transport delivers chunks and whose tables live in Postgres."""

    def __init__(self, settings: Settings, cluster: Cluster, job: Job) -> None:
        kafka, bounds = settings.kafka, settings.processor
        session = kafka.session_timeout_seconds
        super().__init__(
            bounds.group,
            broker=[f"kafka://{address}" for address in (kafka.bootstrap_servers or "").split(",")],
            broker_client_id="c360-processor",
            broker_credentials=_credentials(kafka),
            broker_session_timeout=session,
            broker_heartbeat_interval=session / 4,
            broker_request_timeout=max(90.0, 2 * session),
            consumer_max_fetch_size=_FETCH_BYTES,
            consumer_group_instance_id=bounds.group_instance_id,
            # Faust asks whether an assignment is its own by this: who comes back may run on another machine.
            canonical_url="http://localhost",
            topic_disable_leader=True,
            stream_wait_empty=False,  # what is not committed will be done again, and may never end without Postgres
            web_enabled=False,
            store="memory://",
            table_standby_replicas=0,  # Postgres has the totals; with any, Faust may leave a worker without partitions
            TableManager=Tables,
        )
        self.fetch_wait_ms = bounds.fetch_wait_ms
        self.chunk_events = bounds.chunk_events
        self.alive_file = bounds.alive_file
        #: Set when the worker has to stop; `reason` says why if nobody asked for it.
        self.ended = asyncio.Event()
        self.reason: BaseException | None = None
        self._cluster = cluster
        self._kafka = kafka
        tables = {view.name: RunningTotal(self, view, capacity=bounds.cached_rows) for view in job.views}
        for table in tables.values():
            self.tables.add(table)
        database_url = settings.database.address
        assert database_url is not None
        self.engine = Engine(
            database_url,
            job.streams,
            tables,
            job.catalogue,
            most_events=bounds.chunk_events,
        )

    def _new_transport(self) -> ChunkTransport:
        return ChunkTransport(self.conf.broker_consumer, self)

    async def claim(self, assigned: Iterable[TP]) -> Mapping[TP, int]:
        """Take the assigned partitions over in Postgres; returns the offset to read next of each."""
        assigned = set(assigned)
        earliest = await self.consumer.earliest_offsets(*assigned) if assigned else {}
        self._cluster = await asyncio.to_thread(describe_cluster, self._kafka.librdkafka())
        try:
            offsets = await self.engine.claim(
                self._cluster, {(tp.topic, tp.partition): offset for tp, offset in earliest.items()}
            )
        except C360Error as error:
            await self.crash(error)
            raise
        metrics.PARTITIONS.set(len(offsets))
        listed = {f"{topic}/{partition}": offset for (topic, partition), offset in sorted(offsets.items())}
        logger.info("partitions assigned", extra={"offsets": listed})
        return {TP(topic, partition): offset for (topic, partition), offset in offsets.items()}

    def note_failed_start(self, start: asyncio.Future[Any]) -> None:
        """Stop when `start` ends with an exception."""
        if not start.cancelled() and (reason := start.exception()):
            self._crash(reason)

    async def crash(self, reason: BaseException) -> None:
        """Stop the worker, in order; `run` tells why."""
        self._crash(reason)

    def _crash(self, reason: BaseException) -> None:
        """A part of Faust crashed. Marking all others as crashed, as Faust does, would keep them from stopping."""
        self.reason = self.reason or reason
        self.ended.set()


def customer_360(settings: Settings, cluster: Cluster) -> Job:
    """All our streams, all our views.

    Raises: RefusedState when customer-keyed topics differ in their number of partitions.
    """
    catalogue = Catalogue()
    forgotten = settings.processor.forgotten
    return Job(streams(catalogue, cluster, forgotten=forgotten), views.ALL, catalogue)


def streams(catalogue: Catalogue, cluster: Cluster, *, forgotten: Literal["anonymous", "removed"]) -> dict[str, Stream]:
    """The streams by topic.

    Raises: RefusedState when customer-keyed topics differ in their number of partitions.
    """
    counts = {topic.name: cluster.topics[topic.name].partitions for topic in topics.STREAMS if topic.customer_keyed}
    if len(set(counts.values())) != 1:
        raise RefusedState(
            f"topics keyed by customer must have the same number of partitions, but have {counts}: "
            "one worker could not own all that is known of a customer"
        )
    ownership = Ownership(next(iter(counts.values())))
    interactions, transactions = Interactions(catalogue, ownership), Transactions(catalogue, ownership)
    return {
        topics.CHANNELS.name: Channels(),
        topics.PRODUCTS.name: Products(),
        topics.CUSTOMERS.name: Customers(ownership, [interactions, transactions], forgotten=forgotten),
        topics.INTERACTIONS.name: interactions,
        topics.TRANSACTIONS.name: transactions,
        topics.PRODUCT_DISCUSSIONS.name: ProductDiscussions(),
        topics.REJECTED_EVENTS.name: RejectedRows(catalogue),
    }


def build(settings: Settings, make_job: Callable[[Settings, Cluster], Job] = customer_360) -> ProcessorApp:
    """Make the app with its agents and its committing tasks.

    Raises: Unavailable when the broker can't be reached; RefusedState when its topics can't be worked with.
    """
    cluster = describe_cluster(settings.kafka.librdkafka())
    app = ProcessorApp(settings, cluster, make_job(settings, cluster))
    for topic in app.engine.topics:
        _add_agent(app, topic)
    for _ in range(settings.processor.connections):
        app.task(partial(_work, app))
    app.task(partial(_watch, app))
    app.on_partitions_revoked.connect(partial(_finish, app))
    return app


def _credentials(kafka: KafkaSettings) -> faust.types.auth.CredentialsT | None:
    """The connection's security as Faust wants it."""
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = None
    if kafka.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=str(kafka.ssl_cafile) if kafka.ssl_cafile else None)
        if kafka.ssl_certfile:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    if kafka.security_protocol == "SSL":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=kafka.sasl_username,
        password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        mechanism=kafka.sasl_mechanism,
        ssl_context=context,
    )


def _add_agent(app: ProcessorApp, topic: str) -> None:
    async def decode_chunks(chunks: StreamT[Any]) -> None:
        async for event in cast(Any, chunks).noack().events():
            try:
                await app.engine.dispatcher.submit(Delivery(app.engine.decode(event.value), event.ack))
            except Exception as error:  # Faust would restart the agent and go on after the chunk
                await app.crash(error)
                raise

    app.agent(app.topic(topic, schema=ChunkSchema()), name=topic)(decode_chunks)


async def _work(app: ProcessorApp) -> None:
    try:
        await app.engine.work()
    except Exception as error:
        await app.crash(error)
        raise


async def _finish(app: ProcessorApp, *_: Any, **__: Any) -> None:
    """Let go of partitions in good order: whoever is given them must not find us in the middle of a unit of work."""
    with contextlib.suppress(TimeoutError):  # without Postgres it would take too long: the guard refuses us then
        await asyncio.wait_for(app.engine.dispatcher.drop_waiting(), app.conf.broker_session_timeout / 2)


async def _watch(app: ProcessorApp) -> None:
    """Stop a worker that looks alive and does nothing (the most reported fault of Kafka consumers)."""
    beyond: Mapping[TP, int] = {}
    while not app.should_stop:
        await app.sleep(_WATCH_SECONDS)
        beyond, before = cast(Any, app.consumer).beyond_end(), beyond
        for tp in beyond.keys() & before.keys():  # twice: a new leader may not know its end for a moment
            await app.crash(no_such_offset(*tp, beyond[tp]))
        idle_seconds = time.monotonic() - app.engine.alive_at
        if cast(Any, app.consumer).lagging() and idle_seconds > STUCK_SECONDS:
            await app.crash(RefusedState(f"no progress for {STUCK_SECONDS:.0f} s although there are events to read"))
        elif idle_seconds > _WATCH_SECONDS:
            try:
                await app.engine.check_idle()
            except RefusedState as error:
                await app.crash(error)
        if app.alive_file and not app.ended.is_set():
            app.alive_file.touch()


def run(settings: Settings, make_job: Callable[[Settings, Cluster], Job] = customer_360) -> None:
    """Run a processor until SIGTERM or SIGINT.

    Raises: C360Error.
    """
    mode.loop.use("uvloop")
    _keep_memory()
    # A chunk is some 100,000 objects that come and go without cycles: looking for some while they are there costs a
    # sixth of a worker's time, and every 700 of them, as is usual, another fifth.
    gc.set_threshold(1_000_000, 20, 100)
    _quieten_libraries()
    loop = asyncio.new_event_loop()
    # Not asyncio.run: it waits for every task that is left, and what keeps Faust from stopping keeps it, too.
    try:
        loop.run_until_complete(_run(settings, make_job))
    except C360Error:
        raise
    except psycopg.errors.UndefinedTable as error:
        raise RefusedState(f"{_first_line(error)}: bring the database up to date with `c360 migrate`") from error
    except Exception as error:
        logger.debug("stopped by an error that nobody expected", exc_info=True)
        reason = f"{type(error).__name__}: {_first_line(error)}"
        raise Unexpected(f"stopped by {reason} (LOG_LEVEL=debug shows where)") from error


def _keep_memory() -> None:
    """Have the C library keep the megabytes of a chunk for the next one.

    Handed back to the system and asked for anew each time, their pages have to be zeroed: a tenth of a worker's time.
    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html; C libraries without it are left alone.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _quieten_libraries() -> None:
    """Keep what Faust and aiokafka say of their inner life out of the log, unless that is at level debug."""
    # Faust reports every agent that a rebalance stops as an error; agents report real ones themselves.
    logging.getLogger("faust.agents.actor").setLevel(logging.CRITICAL)
    if logger.isEnabledFor(logging.DEBUG):
        return
    mode.Service.mundane_level = "debug"
    for library in ("faust", "mode", "aiokafka"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It tries again until it succeeds, and a new cluster keeps no groups before the first question.
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns when a stop interrupts a unit of work
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: not str(record.msg).endswith(_LAST_WORDS))


async def _run(settings: Settings, make_job: Callable[[Settings, Cluster], Job]) -> None:
    if settings.processor.metrics_port is not None:
        metrics.serve(settings.processor.metrics_host, settings.processor.metrics_port)
    app = build(settings, make_job)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.ended.set)
    # Once the worker is about to end, `run` tells why, and not each task that fell with it.
    loop.set_exception_handler(lambda loop, context: app.ended.is_set() or loop.default_exception_handler(context))
    app.finalize()
    starting = asyncio.ensure_future(app.start())  # done when the partitions are claimed, however long Postgres is away
    starting.add_done_callback(app.note_failed_start)
    await app.ended.wait()
    stopping = asyncio.ensure_future(app.stop())
    await asyncio.wait([stopping], timeout=STOP_SECONDS)
    if not stopping.done():
        logger.warning("did not stop within %s s: what was not committed will be done again", STOP_SECONDS)
    if app.reason:
        raise app.reason

"""What purchases cost beside interactions: the processor over as many of each."""

from dataclasses import asdict
from statistics import mean

from benchmarks.processor_run import fill, interactions, run_processor, servers, transactions
from benchmarks.report import report
from events import topics

_STREAMS = {topics.INTERACTIONS.name: interactions, topics.TRANSACTIONS.name: transactions}


def measure(*, events: int = 1_000_000, broker: str | None = None) -> None:
    """The processor's rate with purchases against its rate with interactions, before and after.

    Parameters
    ----------
    events: int
        How many of each.
    broker: str
        host:port of a Kafka without our topics, or `kafka`: Apache Kafka on this machine (Java); by default the
        embedded broker.
    """
    results = []
    for topic in (topics.INTERACTIONS.name, topics.TRANSACTIONS.name, topics.INTERACTIONS.name):
        with servers(broker) as where:
            fill(where.bootstrap_servers, _STREAMS[topic](events))
            results.append(run_processor(where, events, topic))
    before, purchases, after = (result.events_per_second for result in results)
    ratio = round(purchases / mean([before, after]), 2)
    report("transactions", [asdict(result) for result in results], events=events, ratio=ratio)

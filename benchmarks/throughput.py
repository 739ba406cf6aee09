"""Events/s, the same work for all: `throughput` is ours against the hand-written loop, `peers` all peers too."""

from collections.abc import Sequence

from benchmarks.contest import Contestant, compare
from benchmarks.contestants import LOOP, OURS
from benchmarks.peers import PEERS
from benchmarks.report import report, say
from benchmarks.stand import stand
from benchmarks.work import Mode, Work

MODES: Sequence[Mode] = ("facts", "totals")


def throughput(*, events: int = 1_000_000, broker: str | None = None) -> None:
    """Our rate against the hand-written loop's, with facts and without.

    Parameters
    ----------
    events: int
        How many interactions.
    broker: str
        host:port of a Kafka without our topics, or `kafka`: Apache Kafka on this machine (Java); by default the
        embedded broker.
    """
    _measure("throughput", [OURS], events, broker)


def peers(*, events: int = 1_000_000, broker: str | None = None, only: str = "") -> None:
    """Our rate and that of every peer against the hand-written loop's, with facts and without.

    Parameters
    ----------
    events: int
        How many interactions.
    broker: str
        host:port of a Kafka without our topics, or `kafka`: Apache Kafka on this machine (Java); by default the
        embedded broker.
    only: str
        Only those with this in their names.
    """
    _measure("peers", [one for one in (OURS, *PEERS) if only.lower() in one.name.lower()], events, broker)


def _measure(name: str, contestants: Sequence[Contestant], events: int, broker: str | None) -> None:
    say(f"making {events:,} interactions ...")
    work = Work(events)
    with stand(broker) as servers:
        rows = compare(LOOP, contestants, work, servers, MODES)
    report(name, rows, events=events, broker=broker or "embedded")

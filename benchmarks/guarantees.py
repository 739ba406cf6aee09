"""What a SIGKILL in the middle, and the same events told again, do to each contestant's totals; and what readers see.

Each contestant counts the topic while a reader takes samples of all totals. After two fifths of it everything that the
contestant runs is killed by SIGKILL and started again. When it is done, or has given up, its totals are held against
the known truth. Then the same events are published a second time. With facts that must change nothing; totals alone
can't know, and all of them are expected to double.
"""

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from threading import Event, Thread

import psycopg

from benchmarks.contest import Contestant, Program, started
from benchmarks.contestants import LOOP, OURS
from benchmarks.judge import Judge
from benchmarks.peers import PEERS
from benchmarks.report import Row, report, say
from benchmarks.stand import Round, Stand, stand
from benchmarks.throughput import MODES
from benchmarks.work import Key, Mode, Work, markers, publish, read_totals
from events import encoding
from events.errors import C360Error, Unavailable

#: Totals that have not moved for so long stay as they are.
_SETTLED_SECONDS = 8.0
_PATIENCE_SECONDS = 300.0
_LOOK_SECONDS = 0.1


class Watch:
    """A reader that takes samples of all totals, in a thread of its own, until it is told to stop."""

    def __init__(self, where: Round, table: str, judge: Judge) -> None:
        self.seen: Mapping[Key, int] = {}
        #: Events in the totals, and since when (time.monotonic) they are so many.
        self.events = 0
        self.since = time.monotonic()
        self._judge = judge
        self._table = table
        self._url = where.database_url
        self._over = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for(self, events: int) -> None:
        """Wait until so many are counted.

        Raises: Unavailable when they don't come.
        """
        while self.events < events:
            if time.monotonic() - self.since > _PATIENCE_SECONDS:
                raise Unavailable(f"it came to a halt at {self.events:,} events of {events:,}")
            time.sleep(_LOOK_SECONDS / 2)

    def wait_for_all(self, customers: AbstractSet[str], program: Program) -> None:
        """Wait until these customers are counted, and the totals stay as they are; or until the program has ended.

        Raises: Unavailable when it goes on without counting them.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not customers <= {customer for customer, _ in self.seen}:
            if not program.running:
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"after {_PATIENCE_SECONDS:.0f} s it had not counted what was told last")
            time.sleep(_LOOK_SECONDS)
        while time.monotonic() - self.since < _SETTLED_SECONDS:
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.wait(_LOOK_SECONDS):
                seen = read_totals(connection, self._table)
                if (events := sum(seen.values())) != self.events:
                    self.events, self.since = events, time.monotonic()
                self.seen = seen
                self._judge.see(seen)


def guarantees(*, events: int = 300_000, broker: str | None = None, only: str = "") -> None:
    """Kill each contestant in the middle, tell it everything twice, and hold its totals against the truth.

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
    contestants = [one for one in (OURS, LOOP, *PEERS) if only.lower() in one.name.lower()]
    works: dict[float, Work] = {
        one.share: Work(round(events * one.share), ending=markers("first")) for one in contestants
    }
    rows: list[Row] = []
    with stand(broker) as servers:
        for mode in MODES:
            for contestant in contestants:
                rows.append(_try(contestant, mode, works[contestant.share], servers))
                say(str(rows[-1]))
    report("guarantees", rows, events=events, broker=broker or "embedded")


def _try(contestant: Contestant, mode: Mode, work: Work, servers: Stand) -> Row:
    row = {"mode": mode, "who": contestant.name}
    try:
        with servers.round() as where, started(contestant, mode, where) as program:
            return {**row, **_tried(contestant, mode, work, where, program)}
    except C360Error as error:
        return {**row, "failed": str(error)}


def _tried(contestant: Contestant, mode: Mode, work: Work, where: Round, program: Program) -> Row:
    first = max(len(work) // 20, 40)
    judge = Judge(work)
    with Watch(where, contestant.tables[mode].totals, judge) as watch:
        publish(where.bootstrap_servers, work.records[:first])
        watch.wait_for(first)
        program.freeze()
        publish(where.bootstrap_servers, work.records[first:])
        program.thaw()
        watch.wait_for(len(work) * 2 // 5)
        caught_at = watch.events
        program.kill()
        program.start()
        watch.wait_for_all(_customers("first"), program)
        killed = judge.differences(watch.seen)
    again = _told_again(contestant.tables[mode].totals, work, where, program) if program.running else ""
    return {
        "killed at": f"{caught_at / len(work):.0%}",
        "after SIGKILL and restart": killed if again else f"did not come back: {killed}",
        "told again": again,
        "samples": judge.samples,
        "a total fell": judge.fell,
        "too high": judge.too_high,
        "never true together": judge.mixed,
    }


def _told_again(table: str, work: Work, where: Round, program: Program) -> str:
    """What the same events do to the totals, told a second time."""
    with Watch(where, table, Judge(work)) as watch:
        watch.wait_for(1)
        before = watch.events
        publish(where.bootstrap_servers, [*work.records, *map(encoding.encode, markers("again"))])
        watch.wait_for_all(_customers("again"), program)
        added = watch.events - len(_customers("again")) - before
    return f"{added:+,} events" if added else "nothing"


def _customers(name: str) -> set[str]:
    return {marker.customer_id for marker in markers(name)}

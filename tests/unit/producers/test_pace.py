"""Pace with a clock of our own, windows, loops, and what a mapping says of rows that fail."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from producers.mapping import Mapping
from producers.pace import Pace
from producers.replay import Options, Window, replay
from producers.sources import locate
from tests.unit.producers.conftest import INTERACTIONS, Collector

Write = Callable[..., Path]
Load = Callable[..., Mapping]
HEADER = ("Customer", "Channel", "Date")


class Clock:
    """Moves on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_rate(clock: Clock, mapping: Load, csv_file: Write) -> None:
    path = csv_file(HEADER, *[("1", "Email", "01/01/2020 10:00")] * 500)
    pace = Pace(rate=100, clock=clock, sleep=clock.sleep)
    summary = replay(path, mapping(), Collector(), options=Options(pace=pace))
    assert summary.published == {"interactions": 500}
    assert 104.8 <= clock.now <= 105.1
    assert pace.batch_rows == 10
    assert Pace(rate=3).batch_rows == 1


def test_a_speed(clock: Clock, mapping: Load, csv_file: Write) -> None:
    times = ["01/01/2020 10:00", "01/01/2020 10:30", "01/01/2020 09:00", "01/01/2020 11:00"]
    seen: list[tuple[float, int]] = []

    class Timed(Collector):
        def publish_all(self, batch) -> None:  # type: ignore[no-untyped-def]
            seen.append((round(clock.now - 100, 3), len(batch)))
            super().publish_all(batch)

    path = csv_file(HEADER, *[("1", "Email", at) for at in times])
    options = Options(pace=Pace(speed=60, clock=clock, sleep=clock.sleep))
    replay(path, mapping(), Timed(), options=options)
    assert seen == [(0.0, 1), (30.0, 2), (60.0, 1)]


def test_a_wish_to_stop_is_heard_while_waiting(clock: Clock, mapping: Load, csv_file: Write) -> None:
    path = csv_file(HEADER, ("1", "Email", "01/01/2020 10:00"), ("1", "Email", "01/01/2030 10:00"))
    options = Options(pace=Pace(speed=1, clock=clock, sleep=clock.sleep))
    summary = replay(path, mapping(), Collector(), options=options, stop=lambda: clock.now > 160)
    assert (summary.rows, summary.published, summary.complete) == (1, {"interactions": 1}, False)
    assert clock.now < 161


def test_a_window_skips_what_is_outside(mapping: Load, csv_file: Write) -> None:
    days = [("1", "Email", f"0{day}/01/2020 00:00") for day in range(1, 6)]
    window = Window(datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 4, tzinfo=UTC))
    path = csv_file(HEADER, *days, ("1", "Email", "never"))
    everything, part = Collector(), Collector()
    replay(path, mapping(), everything)
    summary = replay(path, mapping(), part, options=Options(window=window))
    assert (summary.rows, summary.published, summary.skipped, summary.rejected) == (6, {"interactions": 2}, 3, 1)
    assert part.events["interactions"] == everything.events["interactions"][1:3], "with the same identities"


def test_a_loop_goes_on_until_it_is_stopped(mapping: Load, csv_file: Write) -> None:
    path = csv_file(HEADER, ("1", "Email", "01/01/2020 10:00"))
    collector = Collector()
    summary = replay(
        locate(str(path)),
        mapping(),
        collector,
        options=Options(loop=True),
        stop=lambda: len(collector.events.get("interactions", [])) >= 3,
    )
    assert (summary.published, summary.complete) == ({"interactions": 3}, False)
    assert len({event.identity for event in collector.events["interactions"]}) == 1


def test_a_mapping_may_stop_at_the_first_fault(mapping: Load, csv_file: Write) -> None:
    text = INTERACTIONS.replace('stream = "interactions"', 'stream = "interactions"\non_error = "stop"')
    rows = [("1", "Email", "01/01/2020 10:00")] * 1500
    path = csv_file(HEADER, *rows, ("1", "Email", "never"), *rows)
    summary = replay(path, mapping(text), Collector())
    assert "stopped at the first rejected row" in (summary.failure or "")
    assert (summary.complete, summary.rejected) == (False, 1)
    assert summary.rows == 2000, "to the end of the batch"

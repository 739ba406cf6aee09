"""The benchmarks' own judgement: what was never true is noticed, and CPU is that of all that a process started."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import process_tree
from benchmarks.freshness import Watch
from benchmarks.freshness_producer import probes
from benchmarks.judge import Judge
from benchmarks.plot import Panel, write_plot
from benchmarks.report import table
from benchmarks.stand import PARTITIONS
from benchmarks.work import Key, Work
from events import topics

WORK = Work(600)


def after(counts: dict[int, int]) -> dict[Key, int]:
    """The totals when so many events of each partition are counted."""
    totals: dict[Key, int] = {}
    for partition, count in counts.items():
        for key in WORK.partitions[partition][:count]:
            totals[key] = totals.get(key, 0) + 1
    return totals


def found(*samples: dict[Key, int]) -> tuple[int, int, int]:
    judge = Judge(WORK)
    for sample in samples:
        judge.see(sample)
    return judge.fell, judge.too_high, judge.mixed


def test_the_work_is_complete() -> None:
    assert (len(WORK), sum(WORK.totals().values()), len(WORK.partitions)) == (600, 600, 4)


def test_partitions_may_be_at_different_places() -> None:
    assert found(after({}), after({0: 5}), after({0: 5, 1: 90, 2: 1}), dict(WORK.totals())) == (0, 0, 0)


def test_a_total_that_falls_is_noticed() -> None:
    assert found(after({0: 50}), after({0: 40})) == (1, 0, 0)


def test_a_total_above_the_topic_is_noticed() -> None:
    key = next(iter(WORK.totals()))
    assert found({**WORK.totals(), key: WORK.totals()[key] + 1}) == (0, 1, 0)


def test_totals_that_were_never_true_at_one_moment_are_noticed() -> None:
    early = after({0: 20})
    last = WORK.partitions[0][-1]
    assert found({**early, last: early.get(last, 0) + 1}) == (0, 0, 1)


@pytest.mark.parametrize(("extra", "said"), [(0, "exact"), (2, "1 totals wrong, +2 events")])
def test_differences_are_said(extra: int, said: str) -> None:
    totals = dict(WORK.totals())
    totals[next(iter(totals))] += extra
    assert Judge(WORK).differences(totals) == said


def test_children_belong_to_a_process() -> None:
    burn = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ntime.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        deadline = time.monotonic() + 30
        while process_tree.cpu_seconds(process.pid) < 0.3 and time.monotonic() < deadline:
            time.sleep(0.02)
        members = process_tree.members(process.pid)
        assert process_tree.cpu_seconds(process.pid) >= 0.3
        process_tree.send(members, signal.SIGKILL)
    assert len(members) == 2


def test_a_table_leaves_out_what_a_row_lacks() -> None:
    assert table([{"who": "a", "rate": 1000}, {"who": "b", "failed": "no"}]) == [
        "who   rate  failed",
        "a    1,000        ",
        "b           no    ",
    ]


def test_an_event_is_answered_with_by_the_first_answer_that_counts_it() -> None:
    watch = Watch(0, "1")
    watch.counts, watch.answered_at = [0, 2, 5], [0.0, 11.0, 13.0]
    assert watch.delays([10.0, 10.5, 11.0, 12.0, 12.5]) == [1.0, 0.5, 2.0, 1.0, 0.5]


def test_probes_are_in_all_partitions() -> None:
    assert [topics.partition_of(customer.encode(), PARTITIONS) for customer in probes("any")] == [*range(PARTITIONS)]


def test_a_plot_has_a_line_for_each_series_of_each_panel(tmp_path: Path) -> None:
    file = tmp_path / "plot.svg"
    write_plot(
        file, [Panel("rate", {"a": [(1, 5), (2, 6)], "b": [(1, 7)]}), Panel("MB", {"a": [(1, 100)]})], x_title="x"
    )
    lines = [one for one in ElementTree.parse(file).iter() if one.tag.endswith("polyline")]  # noqa: S314 - our own
    assert [len(one.attrib["points"].split()) for one in lines] == [2, 1, 1]

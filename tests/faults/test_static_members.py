"""Processors with names of their own in the group: who is started again gets its partitions back, others go on."""

from collections.abc import Callable
from random import Random

import pytest

from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Processor, Stand

pytestmark = pytest.mark.kafka  # the embedded broker knows no such members

#: Longer than a processor takes to start.
_SESSION_SECONDS = 20


def _start(stand: Stand, name: str) -> Processor:
    return stand.start_processor(
        C360_GROUP_INSTANCE_ID=name, C360_CHUNK_EVENTS=200, KAFKA_SESSION_TIMEOUT_SECONDS=_SESSION_SECONDS
    )


@pytest.mark.parametrize("end", [Processor.terminate, Processor.kill], ids=["stopped", "killed"])
def test_one_is_started_again_and_the_other_is_not_disturbed(stand: Stand, end: Callable[[Processor], object]) -> None:
    told = tell(Random(31), interactions=60_000)
    records = map(record, told)
    first, second = _start(stand, "first"), _start(stand, "second")
    stand.trickle(records, until=lambda: len(set(stand.owners().values())) == 2)
    before = stand.owners()
    end(second)
    second = _start(stand, "second")
    stand.trickle(records, until=lambda: stand.owners() != before)
    stand.publish(records)
    stand.wait_until_done()
    now = stand.owners()
    moved = {partition for partition in before if now[partition] != before[partition]}
    assert len({before[partition] for partition in moved}) == 1, "nobody else was assigned anything"
    assert len({now[partition] for partition in moved}) == 1
    assert len(moved) == len(before) // 2, "it got back what it had"
    assert_exact(stand, told)
    assert [first.terminate(), second.terminate()] == [0, 0]


def test_of_two_with_one_name_the_first_stops(stand: Stand) -> None:
    told = tell(Random(32), interactions=60_000)
    records = map(record, told)
    first = _start(stand, "same")
    stand.trickle(records, until=lambda: stand.committed() > 0)
    before = stand.owners()
    second = _start(stand, "same")
    stand.trickle(records, until=lambda: stand.claimed_since(before))
    assert first.exit_code() == 1
    assert first.said.splitlines()[-1].endswith("was given to another worker: this one stops")
    assert "Traceback" not in first.said
    stand.publish(records)
    stand.wait_until_done()
    assert_exact(stand, told)
    assert second.terminate() == 0

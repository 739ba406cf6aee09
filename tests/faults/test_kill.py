"""SIGKILL in the middle of the work, again and again: every event counts exactly once."""

import time
from itertools import chain
from random import Random

import pytest

from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Stand

#: Small units of work: more moments at which a kill can do harm.
_CHUNK_EVENTS = 500


def _process_and_kill(stand: Stand, random: Random, *, times: int) -> None:
    """Process all that was published, killing the processor so many times while there is work left."""
    begun = stand.committed()
    work = stand.published - begun
    for moment in sorted(random.uniform(0, 0.85) for _ in range(times)):
        owners, stood = stand.owners(), stand.committed()
        processor = stand.start_processor(C360_CHUNK_EVENTS=_CHUNK_EVENTS)
        if random.random() < 0.2:  # has just taken the partitions over
            stand.wait_until(lambda before=owners: stand.claimed_since(before), "a claim")
        else:
            reached = max(begun + int(moment * work), stood + 1)
            stand.wait_until(lambda to=reached: stand.committed() >= to, f"{reached} events processed")
        time.sleep(random.uniform(0, 0.02))  # anywhere between two commits
        assert processor.process.poll() is None, stand.report("ended before it was killed")
        processor.kill()
        assert stand.committed() < stand.published, "this kill came too late to prove anything"
    processor = stand.start_processor(C360_CHUNK_EVENTS=_CHUNK_EVENTS)
    stand.wait_until_done()
    assert processor.terminate() == 0


@pytest.mark.parametrize(
    ("interactions", "kills"),
    [
        pytest.param(15_000, 3, id="briefly"),
        pytest.param(200_000, 20, id="at-length", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def test_killed_at_random_moments_of_a_replay_and_of_its_repetition(
    stand: Stand, interactions: int, kills: int
) -> None:
    random = Random(20_191_004)
    told = tell(random, interactions=interactions)
    stand.publish(map(record, told))
    _process_and_kill(stand, random, times=kills)
    once = assert_exact(stand, told)
    stand.publish(map(record, told))
    _process_and_kill(stand, random, times=kills // 5)
    twice = assert_exact(stand, chain(told, told))
    assert twice.facts == once.facts
    assert twice.outcomes["interactions"]["repeated"] > 0.8 * interactions

"""What became of each event: told for the first time, again, differently, or taken back.

Pure: the versions already stored go in, together with the events in the order of their offsets; what to add and what
to remove comes out. Within one identity the last event wins.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: The fields of a fact that make up its version; equal versions say the same.
Version = tuple[Any, ...]


class Step(NamedTuple):
    """One event as far as its identity goes."""

    fact_id: bytes
    partition: int
    #: Place of the new version in the batch; None for a withdrawal.
    place: int | None


@dataclass(slots=True)
class Settled:
    """The net effect of a batch."""

    #: Places in the batch of the versions to store.
    added: Sequence[int] = field(default_factory=list)
    #: Stored versions that go, by identity.
    removed: dict[bytes, Version] = field(default_factory=dict)
    #: Per partition number, how many events had which outcome.
    outcomes: dict[int, Counter[str]] = field(default_factory=dict)


def settle(steps: Sequence[Step], stored: Mapping[bytes, Version], version_at: Callable[[int], Version]) -> Settled:
    """Walk through events in order and say what they amount to.

    Args:
        steps: The events, in the order of their offsets.
        stored: The versions in the database, of the identities that have one.
        version_at: The version at a place of the batch.
    """
    added: list[int] = []
    settled = Settled(added)
    current: dict[bytes, Version | None] = dict(stored)
    last_place: dict[bytes, int | None] = {}
    for step in steps:
        version = None if step.place is None else version_at(step.place)
        before = current.get(step.fact_id)
        settled.outcomes.setdefault(step.partition, Counter())[_outcome(before, version)] += 1
        if before != version:
            current[step.fact_id] = version
            last_place[step.fact_id] = step.place
    for fact_id, place in last_place.items():
        if current[fact_id] == stored.get(fact_id):
            continue  # changed and changed back
        if fact_id in stored:
            settled.removed[fact_id] = stored[fact_id]
        if place is not None:
            added.append(place)
    return settled


def _outcome(before: Version | None, after: Version | None) -> str:
    if before == after:
        return "repeated"
    if before is None:
        return "new"
    return "withdrawn" if after is None else "corrected"

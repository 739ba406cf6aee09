"""However often a fact is told, changed and taken back within a batch: the net effect is what remains."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.settle import Settled, Step, Version, settle

IDS = st.sampled_from([b"a", b"b", b"c"])
VERSIONS = st.sampled_from([("red",), ("blue",)])
STORED = st.dictionaries(IDS, VERSIONS)
#: Identity, partition number and version, None for a withdrawal.
EVENTS = st.lists(st.tuples(IDS, st.integers(0, 1), st.none() | VERSIONS), max_size=12)
Event = tuple[bytes, int, Version | None]


def settled(stored: dict[bytes, Version], events: list[Event]) -> tuple[Settled, list[Version]]:
    versions = [version for _, _, version in events if version is not None]
    places = iter(range(len(versions)))
    steps = [Step(fact, number, None if version is None else next(places)) for fact, number, version in events]
    return settle(steps, stored, versions.__getitem__), versions


@given(STORED, EVENTS)
def test_what_is_added_and_removed_leads_to_the_last_word_on_each_fact(
    stored: dict[bytes, Version], events: list[Event]
) -> None:
    outcome, versions = settled(stored, events)
    owners = [fact for fact, _, version in events if version is not None]
    after = {fact: version for fact, version in stored.items() if fact not in outcome.removed}
    for place in outcome.added:
        assert owners[place] not in after, "stored twice"
        after[owners[place]] = versions[place]
    expected = dict(stored) | {fact: version for fact, _, version in events}
    assert after == {fact: version for fact, version in expected.items() if version is not None}


@given(STORED, EVENTS)
def test_no_more_is_touched_than_has_changed(stored: dict[bytes, Version], events: list[Event]) -> None:
    outcome, versions = settled(stored, events)
    owners = [fact for fact, _, version in events if version is not None]
    assert all(stored[fact] == version for fact, version in outcome.removed.items())
    assert all(stored.get(owners[place]) != versions[place] for place in outcome.added)
    assert len({owners[place] for place in outcome.added}) == len(outcome.added)


@given(STORED, EVENTS)
def test_every_event_has_one_outcome(stored: dict[bytes, Version], events: list[Event]) -> None:
    outcome, _ = settled(stored, events)
    current: dict[bytes, Version | None] = dict(stored)
    expected: dict[int, Counter[str]] = {}
    for fact, number, version in events:
        before = current.get(fact)
        if before == version:
            word = "repeated"
        elif before is None:
            word = "new"
        else:
            word = "withdrawn" if version is None else "corrected"
        current[fact] = version
        expected.setdefault(number, Counter())[word] += 1
    assert outcome.outcomes == expected


@given(STORED, EVENTS)
def test_new_less_withdrawn_is_how_many_more_facts_there_are(stored: dict[bytes, Version], events: list[Event]) -> None:
    outcome, _ = settled(stored, events)
    words = sum(outcome.outcomes.values(), Counter())
    assert words["new"] - words["withdrawn"] == len(outcome.added) - len(outcome.removed)


@given(STORED, EVENTS, st.integers(0, 12))
def test_two_batches_come_to_what_one_comes_to(stored: dict[bytes, Version], events: list[Event], cut: int) -> None:
    def after(stored: dict[bytes, Version], events: list[Event]) -> dict[bytes, Version]:
        outcome, versions = settled(stored, events)
        owners = [fact for fact, _, version in events if version is not None]
        left = {fact: version for fact, version in stored.items() if fact not in outcome.removed}
        return left | {owners[place]: versions[place] for place in outcome.added}

    assert after(after(stored, events[:cut]), events[cut:]) == after(stored, events)


def test_changed_and_changed_back_touches_nothing() -> None:
    outcome, _ = settled({b"a": ("red",)}, [(b"a", 0, ("blue",)), (b"a", 0, None), (b"a", 0, ("red",))])
    assert (outcome.added, outcome.removed) == ([], {})
    assert outcome.outcomes == {0: Counter(corrected=1, withdrawn=1, new=1)}

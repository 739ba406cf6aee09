"""Holds what a reader sees against what the topic says: was it ever true?"""

from collections import Counter
from collections.abc import Mapping

from benchmarks.work import Key, Work


class Judge:
    """Knows what each partition holds, and is shown the totals again and again.

    Args:
        work: What is in the topic. Each customer's events are in one partition, and each counts 1.
    """

    def __init__(self, work: Work) -> None:
        self._expected = work.totals()
        self._partitions = [_Partition(keys) for keys in work.partitions.values()]
        self._before: Mapping[Key, int] = {}
        self.samples = 0
        #: How often some total was lower than it was before.
        self.fell = 0
        #: How often some total was higher than the whole topic makes it.
        self.too_high = 0
        #: How often totals of a partition, though none of them was wrong by itself, had never been true at one moment.
        self.mixed = 0

    def see(self, totals: Mapping[Key, int]) -> None:
        """Look at the totals as a reader sees them now."""
        self.samples += 1
        fell = any(totals.get(key, 0) < count for key, count in self._before.items())
        too_high = any(count > self._expected[key] for key, count in totals.items())
        mixed = not all(partition.was_ever(totals) for partition in self._partitions)
        self.fell += fell
        self.too_high += too_high
        self.mixed += mixed and not too_high
        self._before = totals

    def differences(self, totals: Mapping[Key, int]) -> str:
        """How totals differ from those of the whole topic, in words."""
        wrong = {key for key in self._expected.keys() | totals.keys() if totals.get(key, 0) != self._expected[key]}
        if not wrong:
            return "exact"
        return f"{len(wrong):,} totals wrong, {sum(totals.values()) - sum(self._expected.values()):+,} events"


class _Partition:
    """The events of a partition in their order, counted as far as the totals have come."""

    def __init__(self, keys: list[Key]) -> None:
        self._keys = keys
        self._customers = {customer for customer, _ in keys}
        self._counted: Counter[Key] = Counter()
        self._reached = 0

    def was_ever(self, totals: Mapping[Key, int]) -> bool:
        """Whether totals of this partition's customers are those after some number of its events."""
        ours = {key: count for key, count in totals.items() if count and key[0] in self._customers}
        self._count_to(sum(ours.values()))
        return self._counted == ours

    def _count_to(self, reached: int) -> None:
        if reached < self._reached:
            self._counted, self._reached = Counter(), 0
        self._counted.update(self._keys[self._reached : reached])
        self._reached = reached

"""Who is given which partitions when workers come and go."""

from collections.abc import Sequence

import pytest

from events import topics
from events.admin import Cluster, TopicState
from settings import Settings
from stream_processors.app import ProcessorApp, customer_360

_PARTITIONS = 4
_CLUSTER = Cluster("cluster", {topic.name: TopicState("id", _PARTITIONS) for topic in topics.STREAMS})


class Metadata:
    """What aiokafka knows of the cluster."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Their numbers."""
        return set(range(_CLUSTER.topics[topic].partitions))


class Group:
    """Workers of a group by name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: dict[str, ProcessorApp] = {}

    def assign(self, members: str) -> dict[str, set[int]]:
        """What the leader, the first of these workers, gives to each; whoever was here before remembers what it had."""
        for name in members:
            job = customer_360(self._settings, _CLUSTER)
            self._workers.setdefault(name, ProcessorApp(self._settings, _CLUSTER, job))
        assignors = {name: self._workers[name].assignor for name in members}
        told = {name: assignor.metadata(set(_CLUSTER.topics)) for name, assignor in assignors.items()}
        given = assignors[members[0]].assign(Metadata(), told)
        for name in members:
            assignors[name].on_assignment(given[name])
        return {name: _same_of_each_topic(given[name].assignment) for name in members}


def _same_of_each_topic(assignment: Sequence[tuple[str, Sequence[int]]]) -> set[int]:
    """The numbers of a worker's partitions: a customer's events are in partitions of one number."""
    if not assignment:
        return set()
    assert {topic for topic, _ in assignment} == set(_CLUSTER.topics)
    (numbers,) = {frozenset(numbers) for _, numbers in assignment}
    return set(numbers)


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    """Nobody yet."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://c360@127.0.0.1:1/c360")
    return Group(Settings())


def test_who_joins_is_given_a_share_and_who_leaves_gives_it_back(group: Group) -> None:
    for members in ("a", "ab", "abc", "bc", "bcd", "bcde", "e", "efgh", "efg", "gf"):
        given = group.assign(members)
        owned = [partition for partitions in given.values() for partition in partitions]
        assert sorted(owned) == list(range(_PARTITIONS)), "each partition has one owner"
        shares = sorted(map(len, given.values()))
        assert shares[-1] - shares[0] <= 1, f"{members}: {given}"


def test_more_workers_than_partitions_leave_some_in_reserve(group: Group) -> None:
    assert sorted(map(len, group.assign("abcdef").values())) == [0, 0, 1, 1, 1, 1]

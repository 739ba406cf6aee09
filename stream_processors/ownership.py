"""Is each customer's event in the partition where the customer belongs?

One worker owns a customer only as long as every producer uses the same partitioner. A record that another partitioner
put elsewhere is refused, with the reason: counted there, it would be counted by a worker that doesn't own it.
"""

from collections.abc import Set as AbstractSet

from events.contracts import text_complaint
from events.errors import RejectedEvent
from events.identity import canonical_id
from events.topics import partition_of

#: Ids known to be right are remembered, up to so many of each partition.
_REMEMBERED = 200_000


class Ownership:
    """Checks customer ids and the partitions they came in; each id once in a while, as hashing it costs."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._right: dict[int, set[str]] = {}

    def all_right(self, customer_ids: AbstractSet[str], partition: int) -> bool:
        """Whether all of these ids are canonical and belong to this partition."""
        right = self._right.setdefault(partition, set())
        unknown = customer_ids - right
        if not all(self._complaint(customer_id, partition) is None for customer_id in unknown):
            return False
        if len(right) > _REMEMBERED:
            right.clear()
        right |= unknown
        return True

    def check(self, customer_id: str, partition: int) -> None:
        """Raises: RejectedEvent when the id is not canonical or belongs elsewhere."""
        if complaint := self._complaint(customer_id, partition):
            raise RejectedEvent(complaint, field="$.customer_id")

    def _complaint(self, customer_id: str, partition: int) -> str | None:
        if complaint := text_complaint(customer_id):
            return complaint
        if canonical_id(customer_id) != customer_id:
            return f"{customer_id!r} is not in canonical form: expected {canonical_id(customer_id)!r}"
        home = partition_of(customer_id.encode(), self._partitions)
        if home != partition:
            return (
                f"key {customer_id!r} belongs to partition {home} but came in partition {partition}: "
                "set the producer's partitioner to murmur2"
            )
        return None

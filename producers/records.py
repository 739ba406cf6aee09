"""Many records of one topic, column by column: what a replay publishes at once.

What `RecordPacker` makes is what `events.encoding.encode` makes of the events one by one, in a tenth of the time
(tests/unit/producers/test_records.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET, Struct

from events.contracts import Event, ProductDiscussion
from events.encoding import STANDARD_HEADERS, Record
from events.topics import INTERACTIONS, TRANSACTIONS

#: The field of a fact that is its identity; events of other streams are known by their key.
IDENTITIES: Final = {INTERACTIONS.name: "event_id", TRANSACTIONS.name: "transaction_id"}

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class RecordBatch:
    """Records in the order in which they are sent; the columns are of one length."""

    topic: str
    #: The headers that all of them share.
    headers: tuple[tuple[str, bytes], ...]
    keys: Sequence[bytes]
    values: Sequence[bytes]
    #: Of the header `ce_id`.
    identities: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Record]:
        for key, value, identity in zip(self.keys, self.values, self.identities, strict=True):
            yield Record(self.topic, key, value, [*self.headers, ("ce_id", identity)])

    def part(self, of: slice) -> "RecordBatch":
        """Some of them."""
        return RecordBatch(self.topic, self.headers, self.keys[of], self.values[of], self.identities[of])

    def only(self, kept: Sequence[bool]) -> "RecordBatch":
        """Those that are to be kept."""
        columns = (list(compress(column, kept)) for column in (self.keys, self.values, self.identities))
        return RecordBatch(self.topic, self.headers, *columns)


class RecordPacker:
    """Puts the columns of a stream together to records.

    Args:
        fields: Fields that the events have; others are left out.
        source: For the `ce_source` header: a URI reference such as `file/crm_export.xlsx`.
    """

    def __init__(self, model: type[Event], fields: Iterable[str], *, source: str) -> None:
        self._model = model
        self._topic = model.topic.name
        self._row: Any = _row_type(model, set(fields))
        self._headers = (*STANDARD_HEADERS[self._topic], ("ce_source", source.encode()))

    def pack(self, columns: Mapping[str, Sequence[Any]]) -> RecordBatch:
        """Make the records of some events.

        Args:
            columns: Field to values that the contract accepts; UNSET leaves a field out.
        """
        rows = map(self._row, *(columns[name] for name in self._row.__struct_fields__))
        values = list(map(_encode, rows))
        keys = [key.encode() for key in columns[self._model.topic.key]]
        identities = [identity.encode() for identity in self._identities(columns)]
        return RecordBatch(self._topic, self._headers, keys, values, identities)

    def nothing(self) -> RecordBatch:
        """No records."""
        return RecordBatch(self._topic, self._headers, (), (), ())

    def _identities(self, columns: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        if self._model is ProductDiscussion:
            return [f"{month} {product}" for month, product in zip(columns["month"], columns["product"], strict=True)]
        return columns[IDENTITIES.get(self._topic, self._model.topic.key)]


def _row_type(model: type[Event], names: set[str]) -> type[Struct]:
    """A class of rows that encode to what the contract's events encode to.

    Its constructor takes the fields by position, in the contract's order, and does not look at them, which makes it ten
    times as fast: columns are checked when they are made.
    """
    fields: list[tuple[str, Any, Any]] = [
        (field.name, object, UNSET if field.default is NODEFAULT else field.default)
        for field in msgspec.structs.fields(model)
        if field.name in names
    ]
    return msgspec.defstruct(model.__name__, fields, omit_defaults=True, gc=False)

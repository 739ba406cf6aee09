"""When are two ids the same, and when are two events the same fact?

`canonical_id` gives customers, products and channels one spelling. `fact_id` turns the id of a fact into the 16 bytes
it is stored under. `derived_id` makes an id for a fact whose source has none.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import chain
from struct import iter_unpack

_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: A hexadecimal digit with the variant bits of RFC 9562 set.
_VARIANT = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}


def canonical_id(value: str | int | float | Decimal) -> str:
    """Spell an id the one way that all streams use: `1`, ` 1 `, `1.0` and 1.0 are all "1".

    Leading zeros, letters and inner spaces are kept: "007" and "7" are two customers.

    Raises: ValueError when nothing is left, or when a number is not finite.
    """
    if isinstance(value, float):
        if not value.is_integer():  # also NaN and the infinities
            raise ValueError(f"{value!r} is no id: expected text or a whole number")
        value = int(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value!r} is no id: expected text or a number")
        value = f"{value:f}"  # 1E+2 is 100
    text = str(value).strip()
    if whole := _WHOLE_NUMBER.fullmatch(text):
        text = whole[1]
    if not text:
        raise ValueError("an id must not be empty")
    return text


def fact_id(identity: str) -> bytes:
    """The 16 bytes under which a fact is stored: the UUID that the identity is, else a hash of its text.

    Source: hashed ids are laid out as RFC 9562 version 8 UUIDs, so both kinds share one column without colliding.
    """
    return _uuid_bytes((identity,)) or _as_version_8(blake2b(identity.encode(), digest_size=16).digest())


def fact_ids(identities: Sequence[str]) -> tuple[list[bytes], list[str | None]]:
    """`fact_id` of many identities; fast when all of them are UUIDs.

    Returns: The ids, and beside each the identity where it is stored as a hash, None where it is the UUID that it is.
    """
    if raw := _uuid_bytes(identities):
        return list(chain.from_iterable(iter_unpack("16s", raw))), [None] * len(identities)
    texts = [None if _uuid_bytes((identity,)) else identity for identity in identities]
    return [fact_id(identity) for identity in identities], texts


def _uuid_bytes(identities: Sequence[str]) -> bytes | None:
    """The bytes of UUIDs in text form (8-4-4-4-12 hexadecimal digits), or None if one of them is something else."""
    if set(map(len, identities)) != {36}:
        return None
    text = "".join(identities)
    hyphens = "-" * len(identities)
    if not all(text[place::36] == hyphens for place in (8, 13, 18, 23)):
        return None
    try:
        raw = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return raw if len(raw) == 16 * len(identities) else None  # fromhex skips white space


def derived_id(occurred_at: datetime, *content: object, ordinal: int) -> str:
    """Make the identity of a fact whose source has no ids: a pure function of what the row says.

    The high 48 bits are the fact's own time, so ids of neighbouring times are neighbours in the index however many
    facts there are (design.md section 2); the rest is a hash of the content.

    Args:
        occurred_at: The fact's time, with a zone.
        content: The fact's fields and the name of its source, in a fixed order; None differs from "".
        ordinal: 0 for the first of several identical rows of that source, 1 for the second, ...
    Returns: A version 8 UUID in its text form.
    """
    milliseconds = f"{(occurred_at - _EPOCH) // _MILLISECOND & 0xFFFF_FFFF_FFFF:012x}"
    digest = blake2b(repr((*content, ordinal)).encode(), digest_size=10).hexdigest()
    # Written out rather than built by uuid.UUID: half the time, in the hottest line of a replay.
    return f"{milliseconds[:8]}-{milliseconds[8:]}-8{digest[1:4]}-{_VARIANT[digest[4]]}{digest[5:8]}-{digest[8:]}"


def _as_version_8(raw: bytes) -> bytes:
    """Set the version and variant bits of RFC 9562 section 5.8."""
    return bytes((*raw[:6], 0x80 | raw[6] & 0x0F, raw[7], 0x80 | raw[8] & 0x3F, *raw[9:]))

"""The question at the end of each test: is everything exactly as it must be?"""

from collections.abc import Iterable

from c360.commands.verify import verification
from tests.faults.history import Ledger, Told, differences, stored
from tests.faults.stand import Stand


def assert_exact(stand: Stand, told: Iterable[Told]) -> Ledger:
    """Hold every table against an independent count of the events, and every total against its question in SQL.

    Args:
        told: All events in the order of their publication, as often as they were published.
    Returns: The count.
    """
    ledger = Ledger()
    for one in told:
        ledger.hear(one)
    with stand.connect() as connection:
        actual = stored(connection)
    for name, expected in ledger.tables().items():
        assert differences(expected, actual[name]) == [], f"{name}: (key, expected, actual)"
    # Every view equals its question asked of the facts; every partition accounts for its offsets.
    assert verification(stand.database_url).ok
    return ledger

"""Rows of totals that were read, and increments that Postgres adds to rows that were not, come to the same."""

from decimal import Decimal

import faust
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.fold import Columns, Rows, counted, put
from stream_processors.tables import CheckedOut, RunningTotal, Tables
from stream_processors.views import CHANNEL_TOTALS
from tests.properties.test_totals import FEW
from tests.properties.world import Ground

_app = faust.App("increments", store="memory://", TableManager=Tables)

COLUMNS = ("customer_id", "channel", "interactions", "revenue", "occurred_at")
AMOUNTS = st.none() | st.decimals(-100, 100, places=2)
FACTS = st.tuples(st.sampled_from("12"), st.sampled_from("ECB"), st.integers(1, 5), AMOUNTS, st.integers(0, 10**15))
#: Whether a unit must know the rows of some facts, and the facts that it puts in.
STEPS = st.tuples(st.booleans(), st.lists(FACTS, min_size=1, max_size=4))
UNITS = st.lists(st.lists(STEPS, max_size=3), max_size=6)


@settings(deadline=None, suppress_health_check=FEW, max_examples=100)
@given(units=UNITS, capacity=st.sampled_from([1, 3, 100]))
def test_rows_that_were_read_and_increments_come_to_the_same(
    ground: Ground, units: list[list[tuple[bool, list[tuple[str, str, int, Decimal | None, int]]]]], capacity: int
) -> None:
    async def work() -> None:
        connection = ground.connections[0]
        table = RunningTotal(_app, CHANNEL_TOTALS, capacity=capacity)
        truth: Rows = {}
        async with connection.transaction(force_rollback=True):
            for unit in units:
                out = CheckedOut()
                for whole, facts in unit:
                    told: Columns = dict(zip(COLUMNS, zip(*facts, strict=True), strict=True))
                    keys = dict.fromkeys(CHANNEL_TOTALS.keys(told))
                    await table.check_out(connection, out, keys, whole=whole)
                    truth |= {key: CHANNEL_TOTALS.zero() for key in keys.keys() - truth.keys()}
                    if whole:
                        assert {key: out.rows[key] for key in keys} == {key: truth[key] for key in keys}
                    for rows in (out.rows, truth):
                        entries = counted({name: list(values) for name, values in told.items()}, [CHANNEL_TOTALS])
                        put(CHANNEL_TOTALS, rows, CHANNEL_TOTALS.keys(entries), entries)
                await table.write(connection, out)
                table.give_back(out)
                everything = CheckedOut()
                fresh = RunningTotal(_app, CHANNEL_TOTALS, capacity=capacity)
                await fresh.check_out(connection, everything, dict.fromkeys(truth), whole=True)
                assert everything.rows == truth
                assert all(row == truth[key] for key, row in table.data.items())

    ground.runner.run(work())


def test_where_memory_is_short_who_comes_again_is_read_and_kept(ground: Ground) -> None:
    async def work() -> None:
        connection = ground.connections[0]
        table = RunningTotal(_app, CHANNEL_TOTALS, capacity=2)

        async def commit(*customers: str) -> CheckedOut:
            out, keys = CheckedOut(), [(customer, "Email") for customer in customers]
            await table.check_out(connection, out, dict.fromkeys(keys), whole=False)
            for key in keys:
                out.rows[key][:] = [out.rows[key][0] + 1, Decimal(0), 5, 5]
            await table.write(connection, out)
            table.give_back(out)
            return out

        async with connection.transaction(force_rollback=True):
            assert not (await commit("1", "2")).increments  # there is room
            assert not (await commit("3", "4")).increments
            assert (await commit("5")).increments.keys() == {("5", "Email")}
            assert not (await commit("5")).increments
            assert table.data["5", "Email"] == [2, Decimal(0), 5, 5]

    ground.runner.run(work())

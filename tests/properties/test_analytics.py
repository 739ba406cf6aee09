"""Every derived answer is that of plain Python over the same facts, whatever they are and whatever day it is.

Amounts, days and names are few, so that ties, empty months, refunds and the edges of quarters come up again and again.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql as query
from psycopg.rows import dict_row, tuple_row

from sql import FOLDER, text
from sql.category_columns import add_category_columns
from sql.category_pairs import count_pairs

EXAMPLES = 1000 if settings.get_current_profile_name() == "nightly" else 25

#: Leap days, and the edges of months, quarters and years.
DAYS = st.sampled_from(
    [
        *(date(2023, month, day) for month, day in ((1, 1), (2, 28), (3, 1), (3, 31), (4, 1), (6, 30), (9, 30))),
        *(date(2023, month, day) for month, day in ((10, 1), (11, 15), (12, 1), (12, 31))),
        *(date(2024, month, day) for month, day in ((1, 1), (1, 31), (2, 1), (2, 28), (2, 29), (3, 1), (3, 31))),
        date(2022, 12, 31),
        date(2024, 4, 1),
        date(2024, 5, 5),
        date(2024, 6, 30),
    ]
)
CUSTOMERS = st.sampled_from([str(number) for number in range(1, 13)])
AMOUNTS = st.sampled_from([Decimal(amount) for amount in ("0", "0.01", "10", "10", "99.99", "-10", "-3.5")])

#: What the views read, and they.
TOTALS = ("category_amounts", "channel_totals", "customer_purchases", "daily_revenue", "segment_changes")
VIEWS = tuple(
    path.stem for path in sorted((FOLDER / "analytics").glob("*.sql")) if "CREATE MATERIALIZED VIEW" in path.read_text()
)

Row = dict[str, Any]
Connection = psycopg.Connection[Row]


@dataclass(frozen=True)
class Contact:
    customer: str
    day: date
    count: int
    revenue: Decimal | None


@dataclass(frozen=True)
class Purchase:
    customer: str
    day: date
    quantity: int
    amount: Decimal
    currency: str
    category: str | None


@dataclass(frozen=True)
class Told:
    """What the customers stream told of one."""

    balance: Decimal | None
    industry: str | None
    #: Day to the segment from then on.
    segments: dict[date, str | None]

    def history(self) -> list[tuple[date, str | None]]:
        """Each segment that differs from the one before."""
        told = sorted(self.segments.items())
        return [one for one, before in zip(told, [(None, "none yet"), *told], strict=False) if one[1] != before[1]]


@dataclass(frozen=True)
class Facts:
    today: date
    contacts: list[Contact] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    customers: dict[str, Told] = field(default_factory=dict)

    def revenues(self) -> Iterator[tuple[str, date, Decimal]]:
        for contact in self.contacts:
            yield contact.customer, contact.day, contact.revenue or Decimal(0)
        for purchase in self.purchases:
            yield purchase.customer, purchase.day, purchase.amount

    def revenue_of(self) -> dict[str, Decimal]:
        """Of everyone whom anything names."""
        sums = dict.fromkeys([*self.customers, *(customer for customer, _, _ in self.revenues())], Decimal(0))
        for customer, _, revenue in self.revenues():
            sums[customer] += revenue
        return sums

    def histories(self) -> dict[str, list[str]]:
        """The categories that each customer bought, in the order of time."""
        histories = defaultdict(list)
        for _, purchase in sorted(enumerate(self.purchases), key=lambda one: (moment(one[1].day, one[0]), one[0])):
            if purchase.category and purchase.amount >= 0:
                histories[purchase.customer].append(purchase.category)
        return histories


TOLD = st.builds(
    Told,
    balance=st.none() | AMOUNTS,
    industry=st.sampled_from([None, "Banking", "Media", "Retail", "Travel"]),
    segments=st.dictionaries(DAYS, st.sampled_from(["SMB", "Startup", None]), max_size=4),
)
CONTACTS = st.builds(Contact, customer=CUSTOMERS, day=DAYS, count=st.integers(1, 3), revenue=st.none() | AMOUNTS)
PURCHASES = st.builds(
    Purchase,
    customer=CUSTOMERS,
    day=DAYS,
    quantity=st.integers(1, 3),
    amount=AMOUNTS,
    currency=st.sampled_from(["EUR", "EUR", "USD"]),
    category=st.sampled_from(["Books", "Toys", "Food", None]),
)
FACTS = st.builds(
    Facts,
    today=DAYS,
    contacts=st.lists(CONTACTS, max_size=30),
    purchases=st.lists(PURCHASES, max_size=40),
    customers=st.dictionaries(CUSTOMERS, TOLD, max_size=12),
)


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with psycopg.connect(
        database, autocommit=True, row_factory=dict_row, options="-c TimeZone=UTC -c synchronous_commit=off -c jit=off"
    ) as connection:
        connection.prepare_threshold = None  # a plan of all columns ends when one is added
        yield connection


def moment(day: date, number: int) -> datetime:
    """The first or the last moment of a day."""
    return datetime.combine(day, time.max if number % 2 else time.min, UTC)


def store(connection: Connection, facts: Facts) -> None:
    """Put facts and totals into the database, make it today, and refresh everything."""
    cursor = connection.cursor()
    cursor.execute("TRUNCATE customers, customer_segments, interactions, transactions")
    cursor.executemany(
        "INSERT INTO customers (customer_id, account_balance, industry, segment, partition) VALUES (%s, %s, %s, %s, 0)",
        [
            (customer, told.balance, told.industry, told.history()[-1][1] if told.history() else None)
            for customer, told in facts.customers.items()
        ],
    )
    cursor.executemany(
        "INSERT INTO customer_segments VALUES (%s, %s, %s)",
        [
            (customer, moment(day, day.day), segment)
            for customer, told in facts.customers.items()
            for day, segment in told.history()
        ],
    )
    cursor.executemany(
        "INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, revenue)"
        " VALUES (%s, %s, %s, 0, %s, 'Email', %s)",
        [
            (UUID(int=number), moment(fact.day, number), fact.count, fact.customer, fact.revenue)
            for number, fact in enumerate(facts.contacts)
        ],
    )
    cursor.executemany(
        "INSERT INTO transactions (transaction_id, occurred_at, quantity, partition, customer_id, category, amount,"
        " currency) VALUES (%s, %s, %s, 0, %s, %s, %s, %s)",
        [
            (UUID(int=number), moment(fact.day, number), fact.quantity, fact.customer, fact.category, fact.amount,
             fact.currency)
            for number, fact in enumerate(facts.purchases)
        ],
    )  # fmt: skip
    make_it(connection, facts.today)
    cursor.execute(
        query.SQL("; ").join(
            query.SQL("TRUNCATE {0}; INSERT INTO {0} TABLE {1}").format(
                query.Identifier(total), query.Identifier(f"{total}_from_facts")
            )
            for total in TOTALS
        )
    )
    with connection.transaction():
        plain: Any = connection.cursor(row_factory=tuple_row)
        add_category_columns(plain)
        count_pairs(plain)
    cursor.execute(
        query.SQL("; ").join(query.SQL("REFRESH MATERIALIZED VIEW {}").format(query.Identifier(v)) for v in VIEWS)
    )


def make_it(connection: Connection, day: date) -> None:
    """Make it that day for all analytics."""
    connection.execute(
        query.SQL("CREATE OR REPLACE VIEW today AS SELECT {}::date AS day").format(query.Literal(day.isoformat()))
    )


def rows(connection: Connection, table: str, key: str) -> dict[Any, Row]:
    found = connection.execute(query.SQL("TABLE {}").format(query.Identifier(table))).fetchall()
    return {row[key]: row for row in found}


@given(facts=FACTS)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_answer_is_that_of_plain_python(connection: Connection, facts: Facts) -> None:
    store(connection, facts)
    check_industries(connection, facts)
    check_segments(connection, facts)
    check_movers(connection, facts)
    check_top_customers(connection, facts)
    check_statistics(connection, facts)
    check_wide_view(connection, facts)
    check_next_best(connection, facts)
    for as_of in (facts.today, *sorted({purchase.day for purchase in facts.purchases})[:3]):
        check_periods(connection, facts, as_of)


def check_industries(connection: Connection, facts: Facts) -> None:
    found = rows(connection, "industry_revenue", "industry")
    revenues: dict[str, Decimal] = defaultdict(Decimal)
    customers: Counter[str] = Counter()
    for customer, revenue in facts.revenue_of().items():
        told = facts.customers.get(customer)
        industry = (told.industry if told else None) or "unknown"
        revenues[industry] += revenue
        customers[industry] += 1
    assert {industry: (row["revenue"], row["customers"]) for industry, row in found.items()} == {
        industry: (revenue, customers[industry]) for industry, revenue in revenues.items()
    }
    known = {industry: revenue for industry, revenue in revenues.items() if industry != "unknown"}
    for industry, row in found.items():
        if industry == "unknown":
            assert (row["place"], row["revenue_category"], row["customers_category"]) == (None, None, None)
            continue
        assert row["place"] == 1 + sum(other > known[industry] for other in known.values())
        assert row["revenue_category"] == low_mid_high(known[industry], known.values())
        assert row["customers_category"] == low_mid_high(customers[industry], [customers[other] for other in known])
    if sum(revenues.values()):
        share = 100 * revenues["unknown"] / sum(revenues.values())
        assert "unknown" not in found or float(found["unknown"]["revenue_percent"]) == pytest.approx(
            float(share), abs=0.0051
        )


def low_mid_high(value: Decimal | int, values: Iterable[Decimal | int]) -> str:
    floats = sorted(map(float, values))
    if float(value) < quantile(floats, 0.25):
        return "Low"
    return "High" if float(value) > quantile(floats, 0.75) else "Mid"


def quantile(ordered: list[float], share: float) -> float:
    """Interpolated between neighbours."""
    place = share * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def check_segments(connection: Connection, facts: Facts) -> None:
    everyone = facts.revenue_of()
    counted: Counter[str] = Counter()
    for customer in everyone:
        told = facts.customers.get(customer)
        counted[(told.history()[-1][1] if told and told.history() else None) or "unknown"] += 1
    found = rows(connection, "segment_shares", "segment")
    assert {segment: row["customers"] for segment, row in found.items()} == counted
    for segment, row in found.items():
        assert float(row["customers_percent"]) == pytest.approx(100 * counted[segment] / len(everyone), abs=0.0051)


def check_movers(connection: Connection, facts: Facts) -> None:
    try:
        a_year_ago = facts.today.replace(year=facts.today.year - 1)
    except ValueError:  # 29 February
        a_year_ago = date(facts.today.year - 1, 2, 28)
    expected = {}
    for customer, told in facts.customers.items():
        history = told.history()
        moves = [(day, old, new) for (_, old), (day, new) in pairwise(history) if a_year_ago < day <= facts.today]
        if moves:
            expected[customer] = (len(moves), moves[0][1], moves[-1][2], moves[-1][0])
    found = rows(connection, "segment_movers", "customer_id")
    assert {
        customer: (row["changes"], row["old_segment"], row["new_segment"], row["last_changed_at"].date())
        for customer, row in found.items()
    } == expected


def check_top_customers(connection: Connection, facts: Facts) -> None:
    revenue_of = {customer: revenue for customer, revenue in facts.revenue_of().items() if revenue > 0}
    best = sorted(revenue_of.values(), reverse=True)
    top_20 = rows(connection, "top_20_customers", "customer_id")
    assert {customer: row["place"] for customer, row in top_20.items()} == {
        customer: 1 + best.index(revenue) for customer, revenue in revenue_of.items()
    }
    months: dict[str, Counter[int]] = defaultdict(Counter)
    this_month = facts.today.year * 12 + facts.today.month
    for customer, day, revenue in facts.revenues():
        if 1 <= this_month - (day.year * 12 + day.month) <= 12:
            months[customer][day.year * 12 + day.month] += revenue  # type: ignore[assignment]
    least = best[math.ceil(len(best) / 10) - 1] if best else Decimal(0)
    found = rows(connection, "top_decile_customers", "customer_id")
    assert {customer: row["months_with_revenue"] for customer, row in found.items()} == {
        customer: sum(month > 0 for month in months[customer].values())
        for customer, revenue in revenue_of.items()
        if revenue >= least
    }


def check_statistics(connection: Connection, facts: Facts) -> None:
    columns: dict[tuple[str, str, str], list[Decimal | int | None]] = defaultdict(list)
    for told in facts.customers.values():
        columns["customers", "account_balance", ""].append(told.balance)
    for contact in facts.contacts:
        columns["interactions", "count", ""].append(contact.count)
        columns["interactions", "revenue", "EUR"].append(contact.revenue)
    for purchase in facts.purchases:
        columns["transactions", "quantity", ""].append(purchase.quantity)
        columns["transactions", "amount", purchase.currency].append(purchase.amount)
    found = connection.execute("TABLE column_statistics").fetchall()
    assert {(row["table_name"], row["column_name"], row["currency"]) for row in found} == set(columns)
    for row in found:
        told_values = columns[row["table_name"], row["column_name"], row["currency"]]
        values = sorted(Decimal(value) for value in told_values if value is not None)
        assert (row["count"], row["missing"]) == (len(values), len(told_values) - len(values))
        if not values:
            assert {row[name] for name in ("min", "max", "mean", "stddev", "q1", "median", "q3")} == {None}
            continue
        floats = [float(value) for value in values]
        assert (row["min"], row["max"]) == (values[0], values[-1])
        assert float(row["mean"]) == pytest.approx(statistics.fmean(floats), abs=1e-6)
        assert (row["q1"], row["median"], row["q3"]) == pytest.approx(
            (quantile(floats, 0.25), statistics.median(floats), quantile(floats, 0.75))
        )
        if len(values) == 1:
            assert row["stddev"] is None
        else:
            assert float(row["stddev"]) == pytest.approx(statistics.stdev(floats), abs=1e-6)


def check_wide_view(connection: Connection, facts: Facts) -> None:
    names = {"Books": "books_amount", "Toys": "toys_amount", "Food": "food_amount", "unknown": "unknown_amount"}
    expected: dict[str, dict[str, Decimal]] = {}
    for purchase in facts.purchases:
        customer = expected.setdefault(purchase.customer, defaultdict(Decimal))
        customer[names[purchase.category or "unknown"]] += purchase.amount
    for customer, row in rows(connection, "category_amounts_wide", "customer_id").items():
        del row["customer_id"]
        assert "unknown_amount" in row
        assert {name: amount for name, amount in row.items() if amount} == {
            name: amount for name, amount in expected.pop(customer).items() if amount
        }
    assert not expected


def check_next_best(connection: Connection, facts: Facts) -> None:
    histories = facts.histories()
    times: Counter[tuple[str, str]] = Counter()
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for history in histories.values():
        for place, category in enumerate(history):
            for distance, earlier in enumerate(reversed(history[max(0, place - 5) : place])):
                times[earlier, category] += 1
                weights[earlier, category] += 0.5**distance
    found = connection.execute("TABLE category_transitions").fetchall()
    assert {(row["from_category"], row["to_category"]): row["times"] for row in found} == times
    for row in found:
        pair = earlier, later = row["from_category"], row["to_category"]
        of_earlier = sum(weight for (other, _), weight in weights.items() if other == earlier)
        of_later = sum(weight for (_, other), weight in weights.items() if other == later)
        assert row["support"] == pytest.approx(times[pair] / times.total())
        assert row["confidence"] == pytest.approx(weights[pair] / of_earlier)
        assert row["lift"] == pytest.approx(weights[pair] / of_earlier / (of_later / sum(weights.values())))
    for customer in (*list(histories)[:2], "nobody"):
        check_next_best_of(connection, customer, histories, weights)


def check_next_best_of(
    connection: Connection, customer: str, histories: dict[str, list[str]], weights: dict[tuple[str, str], float]
) -> None:
    bought = Counter(category for history in histories.values() for category in history)
    latest = list(reversed(histories.get(customer, [])))[:5]
    expected = {}
    for category in bought:
        popularity = bought[category] / bought.total()
        likely = [
            (weights.get((earlier, category), 0) + 20 * popularity)
            / (sum(weight for (other, _), weight in weights.items() if other == earlier) + 20)
            for earlier in latest
        ]
        shares = [0.5**distance for distance in range(len(latest))]
        mixed = sum(share * one for share, one in zip(shares, likely, strict=True)) / (sum(shares) or 1)
        expected[category] = mixed if latest else popularity
    found = connection.execute("SELECT * FROM next_best_categories(%s) ORDER BY place", [customer]).fetchall()
    assert {row["category"]: float(row["probability"]) for row in found} == pytest.approx(expected, abs=1e-6)
    assert [row["place"] for row in found] == list(range(1, len(expected) + 1))
    assert [row["probability"] for row in found] == sorted((row["probability"] for row in found), reverse=True)
    if expected:
        assert sum(expected.values()) == pytest.approx(1)
    for row in found:
        assert {one["category"]: one["purchases"] for one in row["evidence"]} == {
            earlier: latest.count(earlier) for earlier in latest if (earlier, row["category"]) in weights
        }


def check_periods(connection: Connection, facts: Facts, as_of: date) -> None:
    found = connection.execute("SELECT * FROM revenue_by_period(%s)", [as_of]).fetchall()
    seen = {row["customer_id"]: row for row in found}
    for customer in facts.revenue_of():
        row = seen.pop(customer, None)
        sums = periods(facts, customer, as_of)
        if row is None:
            assert not any(sums.values())
            continue
        assert {name: row[name] for name in sums} == sums
        earlier, later = sums["quarter_before"], sums["last_quarter"]
        expected = None if earlier == 0 else pytest.approx(float(100 * (later - earlier) / abs(earlier)), abs=0.0051)
        assert (None if row["quarter_over_quarter"] is None else float(row["quarter_over_quarter"])) == expected
    assert not seen


def periods(facts: Facts, customer: str, as_of: date) -> dict[str, Decimal]:
    """Month by month and quarter by quarter, counted from the year 0."""
    sums = dict.fromkeys(("last_month", "last_quarter", "quarter_before", "month_to_date", "year_to_date"), Decimal(0))
    for other, day, revenue in facts.revenues():
        if other != customer or day > as_of:
            continue
        months = (as_of.year - day.year) * 12 + as_of.month - day.month
        quarters = (as_of.year * 4 + (as_of.month - 1) // 3) - (day.year * 4 + (day.month - 1) // 3)
        for name, counts in (
            ("last_month", months == 1),
            ("month_to_date", months == 0),
            ("last_quarter", quarters == 1),
            ("quarter_before", quarters == 2),
            ("year_to_date", day.year == as_of.year),
        ):
            sums[name] += revenue * counts
    return sums


@pytest.mark.parametrize(
    ("as_of", "days"),
    [
        # last_month, last_quarter, quarter_before, month_to_date, year_to_date
        ("2024-02-29", (31, 92, 92, 29, 60)),  # a leap day
        ("2024-03-01", (29, 92, 92, 1, 61)),  # the month after it
        ("2024-03-31", (29, 92, 92, 31, 91)),  # a quarter's last day
        ("2024-04-01", (31, 91, 92, 1, 92)),  # a quarter's first day: the one that just ended had a leap day
        ("2024-01-01", (31, 92, 92, 1, 1)),  # a year's first day: last month is of the year before
        ("2023-12-31", (30, 92, 91, 31, 365)),
        ("2023-04-01", (31, 90, 0, 1, 91)),  # nothing in the earlier quarter
    ],
)
def test_periods_around_the_edges_of_the_calendar(connection: Connection, as_of: str, days: tuple[int, ...]) -> None:
    # One EUR a day from 2023 on, so that a sum is a number of days.
    connection.execute(
        "INSERT INTO daily_revenue SELECT '1', day::date, 1, 1, 1"
        " FROM generate_series(timestamp '2023-01-01', '2024-12-31', '1 day') AS day"
    )
    row = connection.execute("SELECT * FROM revenue_by_period(%s)", [as_of]).fetchone()
    assert row
    _, last_quarter, quarter_before, _, _ = days
    names = ("last_month", "last_quarter", "quarter_before", "month_to_date", "year_to_date")
    assert tuple(row[name] for name in names) == days
    growth = round(Decimal(100 * (last_quarter - quarter_before)) / quarter_before, 2) if quarter_before else None
    assert row["quarter_over_quarter"] == growth


@pytest.mark.parametrize(
    ("before", "after", "growth"),
    [("100", "150", 50), ("100", "0", -100), ("0", "100", None), ("-50", "50", 200), ("-50", "-100", -100)],
)
def test_growth_is_of_the_absolute_value(connection: Connection, before: str, after: str, growth: int | None) -> None:
    connection.execute(
        "INSERT INTO daily_revenue VALUES ('1', '2023-08-15', 1, %s, 0), ('1', '2023-11-15', 1, %s, 0)", [before, after]
    )
    row = connection.execute("SELECT * FROM revenue_by_period('2024-01-15')").fetchone()
    assert row
    assert row["quarter_over_quarter"] == growth


def steady_purchases(customer: str, first: date, months: int, amount: int = 10) -> list[Purchase]:
    """One purchase in each of so many months."""
    days = [date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(months)]
    return [Purchase(customer, day, 1, Decimal(amount), "EUR", "Books") for day in days]


def test_the_top_10_percent_include_ties_and_leave_out_the_young(connection: Connection) -> None:
    # 20 customers, so 2 places; three share the first place with 12 * 20, and one of these is a month too young.
    best = [("1", date(2023, 3, 1), 12, 20), ("2", date(2023, 3, 1), 12, 20), ("3", date(2023, 4, 1), 11, 20)]
    others = [(str(number), date(2023, 3, 1), 12, 1) for number in range(4, 21)]
    purchases = [one for customer in (*best, *others) for one in steady_purchases(*customer)]
    purchases += [Purchase("3", date(2024, 3, 1), 1, Decimal(20), "EUR", "Books")]
    store(connection, Facts(today=date(2024, 3, 1), purchases=purchases))
    found = rows(connection, "top_decile_customers", "customer_id")
    # Today's month, begun today, is none of the 12: who brought something in today is not helped by it.
    assert {customer: row["months_with_revenue"] for customer, row in found.items()} == {"1": 12, "2": 12, "3": 11}
    # A month later the first one of the others' months is past, and the young one has had all 12.
    make_it(connection, date(2024, 4, 1))
    connection.execute("REFRESH MATERIALIZED VIEW top_decile_customers")
    found = rows(connection, "top_decile_customers", "customer_id")
    assert {customer: row["months_with_revenue"] for customer, row in found.items()} == {"1": 11, "2": 11, "3": 12}


def test_exactly_20_customers_whatever_ties(connection: Connection) -> None:
    purchases = [Purchase(str(n), date(2024, 1, 1), 1, Decimal(5), "EUR", None) for n in range(1, 26)]
    store(connection, Facts(today=date(2024, 2, 1), purchases=purchases))
    found = rows(connection, "top_20_customers", "customer_id")
    assert sorted(map(int, found)) == list(range(1, 21))
    assert {row["place"] for row in found.values()} == {1}
    assert len(rows(connection, "top_decile_customers", "customer_id")) == 25


@pytest.mark.parametrize(
    ("today", "changed_on", "counts"),
    [
        (date(2024, 2, 29), date(2023, 2, 28), False),
        (date(2024, 2, 29), date(2023, 3, 1), True),
        (date(2025, 2, 28), date(2024, 2, 28), False),
        (date(2025, 2, 28), date(2024, 2, 29), True),
        (date(2024, 6, 30), date(2023, 6, 30), False),
        (date(2024, 6, 30), date(2023, 7, 1), True),
        (date(2024, 6, 30), date(2024, 6, 30), True),
        (date(2024, 6, 30), date(2024, 7, 1), False),
    ],
)
def test_the_12_months_of_segment_changes_end_with_today(
    connection: Connection, today: date, changed_on: date, counts: bool
) -> None:
    segments = {changed_on - timedelta(days=900): "SMB", changed_on: "Startup"}
    store(connection, Facts(today=today, customers={"1": Told(None, None, segments)}))  # type: ignore[arg-type]
    assert ("1" in rows(connection, "segment_movers", "customer_id")) == counts


def test_every_numeric_column_has_statistics(connection: Connection) -> None:
    contact, purchase = Contact("1", date(2024, 1, 1), 1, Decimal(1)), steady_purchases("1", date(2024, 1, 1), 1)
    told = {"1": Told(Decimal(5), None, {})}
    store(connection, Facts(today=date(2024, 1, 1), contacts=[contact], purchases=purchase, customers=told))
    numeric = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_name IN ('customers', 'interactions', 'transactions') AND table_schema = current_schema()"
        " AND data_type IN ('numeric', 'integer', 'bigint', 'smallint', 'double precision', 'real')"
        " AND column_name <> 'partition'"  # where a row is kept says nothing about anybody
    ).fetchall()
    found = connection.execute("SELECT table_name, column_name FROM column_statistics").fetchall()
    assert sorted(tuple(row.values()) for row in found) == sorted(tuple(row.values()) for row in numeric)


def test_the_monthly_report_names_no_customer_and_can_be_made_again(connection: Connection) -> None:
    purchases = steady_purchases("jane", date(2023, 2, 1), 12) + steady_purchases("jane", date(2024, 2, 29), 1)
    store(connection, Facts(today=date(2024, 3, 1), purchases=purchases))
    for _ in range(2):
        connection.execute(text("queries/monthly_report.sql").encode())
    (row,) = connection.execute("TABLE monthly_reports").fetchall()
    assert row["month"] == date(2024, 2, 1)
    assert row["report"]["revenue"] == {"month": 10, "month_before": 10, "year_to_date": 20}
    assert row["report"]["revenue_of_top_20_customers"] == 130
    assert row["report"]["top_10_percent"] == {"customers": 1, "with_revenue_every_month": 1}
    assert "jane" not in str(row)

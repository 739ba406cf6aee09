"""Made-up data of any size that hangs together: customers, channels, products, discussions, interactions, purchases.

The same seed gives the same data, whatever else happens, so that two machines can be compared. It looks like the real
thing: a few customers do most of everything, weekdays and the weeks before Christmas are busy, business grows over the
years, prices follow their category, what was bought last leads to what is bought next, and some facts name customers
that nobody has heard of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Any, Final

from events import contracts
from producers.records import RecordBatch, RecordPacker

_BATCH: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Channel:
    name: str
    kind: str
    price: Decimal
    share: int


CHANNELS: Final = (
    _Channel("Email", "text", Decimal("0.001"), 45),
    _Channel("Call", "voice", Decimal("0.12"), 25),
    _Channel("Chat", "chat", Decimal("0.02"), 15),
    _Channel("SMS", "text", Decimal("0.075"), 10),
    _Channel("Bird", "air", Decimal("1.5"), 5),
)
CATEGORIES: Final = (
    ("Apps & Games", 8), ("Beauty", 25), ("Books", 18), ("Clothing", 55), ("Electronics", 210), ("Food", 14),
    ("Health", 30), ("Home", 75), ("Music", 15), ("Sports", 60), ("Toys", 28), ("Travel", 320),
)  # fmt: skip
#: Who bought in the one category often buys in the other one next.
LEADS_TO: Final = {
    "Apps & Games": "Electronics", "Beauty": "Clothing", "Books": "Music", "Clothing": "Beauty",
    "Electronics": "Apps & Games", "Food": "Home", "Health": "Sports", "Home": "Food", "Music": "Books",
    "Sports": "Health", "Toys": "Books", "Travel": "Clothing",
}  # fmt: skip
TYPES: Final = ("Red", "Orange", "Blue", "Green")
SEGMENTS: Final = ("Enterprise", "SMB", "Startup", "Consumer")
INDUSTRIES: Final = ("Banking", "Health", "Media", "Public", "Retail", "Travel")
COUNTRIES: Final = ("DE", "FR", "GB", "HR", "IT", "PL", "US")
OCCUPATIONS: Final = ("Baker", "Doctor", "Farmer", "Judge", "Nurse", "Painter", "Pilot", "Teacher", "Watchmaker")
FIRST_NAMES: Final = (
    "Ada",
    "Aisha",
    "Björn",
    "Carla",
    "Chen",
    "Elif",
    "Grace",
    "Hugo",
    "Kaito",
    "Mateo",
    "Olga",
    "Zoë",
)
LAST_NAMES: Final = ("Adler", "Brandt", "Eriksen", "Haddad", "Ito", "Kowalski", "Müller", "Okafor", "Rossi", "Sato")
THINGS: Final = ("Alpha", "Classic", "Compact", "Deluxe", "Eco", "Mini", "Plus", "Pro", "Retro", "Travel")

#: Share of the year's business in each month, and in each weekday.
_MONTHS: Final = (7, 6, 7, 7, 8, 8, 7, 7, 8, 9, 12, 14)
_WEEKDAYS: Final = (16, 16, 16, 16, 17, 11, 8)

#: How often that is so; else the last purchase has no say.
_LED: Final = 0.3

#: Facts of customers that nobody has heard of, per thousand.
_STRANGERS: Final = 5


#: Id, name, category and price.
_Product = tuple[str, str, str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is made."""

    events: int = 100_000
    seed: int = 360
    #: Facts happen from this day on ...
    start: date = date(2022, 1, 1)
    #: ... for so many days.
    days: int = 3 * 365
    #: None: one for fifty facts.
    customers: int | None = None
    products: int = 120

    @property
    def customer_count(self) -> int:
        """How many customers there are."""
        return self.customers or max(10, self.events // 50)


@dataclass(frozen=True, slots=True)
class Columns:
    """Neighbouring events of one stream, column by column."""

    model: type[contracts.Event]
    columns: dict[str, Sequence[Any]]


def make(plan: Plan) -> Iterator[Columns]:
    """Make everything: what there is first, then facts in the order of time; `plan.events` counts the facts."""
    random = Random(plan.seed)  # noqa: S311 (made-up data)
    yield _channels()
    yield _products(plan)
    yield _discussions(random, plan)
    yield from _customers(random, plan)
    yield from _facts(random, plan)


def records(plan: Plan) -> Iterator[RecordBatch]:
    """The same, ready to be published."""
    packers: dict[str, RecordPacker] = {}
    for made in make(plan):
        stream = made.model.topic.name
        if stream not in packers:
            packers[stream] = RecordPacker(made.model, made.columns, source=f"synthetic/{plan.seed}")
        yield packers[stream].pack(made.columns)


def _channels() -> Columns:
    names = [channel.name for channel in CHANNELS]
    kinds, prices = [channel.kind for channel in CHANNELS], [channel.price for channel in CHANNELS]
    return Columns(contracts.Channel, {"channel": names, "name": names, "channel_type": kinds, "unit_price": prices})


def _catalogue(plan: Plan) -> list[_Product]:
    """Id, name, category and price; drawn from the seed alone, as facts need it again."""
    random = Random(f"products {plan.seed}")  # noqa: S311
    products = []
    for number in range(plan.products):
        category, price = CATEGORIES[number % len(CATEGORIES)]
        name = f"{THINGS[number // len(CATEGORIES) % len(THINGS)]} {category} {number + 1}"
        cents = max(99, int(random.lognormvariate(0, 0.5) * price * 100))
        products.append((f"P{number + 1:04}", name, category, Decimal(cents).scaleb(-2)))
    return products


def _products(plan: Plan) -> Columns:
    ids, names, categories, prices = zip(*_catalogue(plan), strict=True)
    return Columns(contracts.Product, {"product_id": ids, "name": names, "category": categories, "price": prices})


def _discussions(random: Random, plan: Plan) -> Columns:
    names = [name for _, name, _, _ in _catalogue(plan)]
    last = plan.start + timedelta(days=plan.days - 1)
    months = [
        f"{number // 12}-{number % 12 + 1:02}"
        for number in range(plan.start.year * 12 + plan.start.month - 1, last.year * 12 + last.month)
    ]
    pairs = [(month, name) for month in months for name in sorted(random.sample(names, random.randrange(4)))]
    return Columns(
        contracts.ProductDiscussion, {"month": [month for month, _ in pairs], "product": [name for _, name in pairs]}
    )


def _customers(random: Random, plan: Plan) -> Iterator[Columns]:
    born, joined = date(1945, 1, 1), datetime.combine(plan.start, time(), UTC) - timedelta(days=700)
    for first in range(1, plan.customer_count + 1, _BATCH):
        count = min(_BATCH, plan.customer_count + 1 - first)
        ids = [str(number) for number in range(first, first + count)]
        names = random.choices(FIRST_NAMES, k=count), random.choices(LAST_NAMES, k=count)
        yield Columns(
            contracts.Customer,
            {
                "customer_id": ids,
                "first_name": names[0],
                "last_name": names[1],
                "email": [f"customer{number}@example.org" for number in ids],
                "date_of_birth": [born + timedelta(days=int(22_000 * random.random())) for _ in ids],
                "account_balance": [Decimal(int(random.gauss(250_000, 200_000))).scaleb(-2) for _ in ids],
                "occupation": random.choices(OCCUPATIONS, k=count),
                "customer_type": random.choices(TYPES, (4, 3, 2, 1), k=count),
                "segment": random.choices(SEGMENTS, (1, 3, 2, 6), k=count),
                "industry": random.choices(INDUSTRIES, k=count),
                "country": random.choices(COUNTRIES, (8, 4, 3, 1, 2, 2, 5), k=count),
                "account_id": [f"A{int(number) // 3:05}" for number in ids],
                "created_at": [joined + timedelta(minutes=int(1_000_000 * random.random())) for _ in ids],
            },
        )


def _facts(random: Random, plan: Plan) -> Iterator[Columns]:
    """Interactions and purchases, a day at a time: three to one."""
    weights = list(accumulate(_weight(plan, day) for day in range(plan.days)))
    shelves, done = _Shelves(random, _catalogue(plan)), 0
    for day, reached in enumerate(weights):
        count = round(plan.events * reached / weights[-1]) - done
        begin = datetime.combine(plan.start, time(), UTC) + timedelta(days=day)
        for start in range(0, count, _BATCH):
            size = min(_BATCH, count - start)
            talks = size - round(size / 4)
            if talks:
                yield _interactions(random, plan, begin, range(done + start, done + start + talks))
            if size > talks:
                yield _transactions(random, plan, begin, range(done + start + talks, done + start + size), shelves)
        done += count


def _weight(plan: Plan, day: int) -> float:
    when = plan.start + timedelta(days=day)
    return _MONTHS[when.month - 1] * _WEEKDAYS[when.weekday()] * (1 + day / 1000)


def _interactions(random: Random, plan: Plan, day: datetime, numbers: range) -> Columns:
    count = len(numbers)
    channels = random.choices(CHANNELS, [channel.share for channel in CHANNELS], k=count)
    times = random.choices((1, 2, 3, 10), (80, 12, 6, 2), k=count)
    return Columns(
        contracts.Interaction,
        {
            "event_id": [f"i{plan.seed}-{number}" for number in numbers],
            "customer_id": _who(random, plan, count),
            "channel": [channel.name for channel in channels],
            "occurred_at": _when(random, day, count),
            "count": times,
            "revenue": [channel.price * often for channel, often in zip(channels, times, strict=True)],
        },
    )


class _Shelves:
    """Products by category, and what each customer bought last."""

    def __init__(self, random: Random, catalogue: Sequence[_Product]) -> None:
        self._random = random
        self._catalogue = catalogue
        self._popularity = list(accumulate(1 / (place + 3) for place in range(len(catalogue))))
        self._by_category: dict[str, list[_Product]] = {}
        for product in catalogue:
            self._by_category.setdefault(product[2], []).append(product)
        self._last: dict[str, str] = {}

    def next_of(self, customer: str) -> _Product:
        """What this customer buys next."""
        led_to = self._by_category.get(LEADS_TO.get(self._last.get(customer, ""), ""))
        if led_to and self._random.random() < _LED:
            product = self._random.choice(led_to)
        else:
            product = self._random.choices(self._catalogue, cum_weights=self._popularity)[0]
        self._last[customer] = product[2]
        return product


def _transactions(random: Random, plan: Plan, day: datetime, numbers: range, shelves: "_Shelves") -> Columns:
    count = len(numbers)
    customers = _who(random, plan, count)
    products = [shelves.next_of(customer) for customer in customers]
    quantities = random.choices((1, 2, 3, 5), (75, 15, 7, 3), k=count)
    return Columns(
        contracts.Transaction,
        {
            "transaction_id": [f"t{plan.seed}-{number}" for number in numbers],
            "customer_id": customers,
            "occurred_at": _when(random, day, count),
            "product_id": [product for product, _, _, _ in products],
            "category": [category for _, _, category, _ in products],
            "quantity": quantities,
            "amount": [price * often for (_, _, _, price), often in zip(products, quantities, strict=True)],
            "currency": random.choices(("EUR", "USD"), (9, 1), k=count),
        },
    )


def _who(random: Random, plan: Plan, count: int) -> list[str]:
    """Customers: few of them are there often."""
    customers = plan.customer_count * (1000 + _STRANGERS) // 1000
    return [str(1 + int(customers * random.random() ** 2.5)) for _ in range(count)]


def _when(random: Random, begin: datetime, count: int) -> list[datetime]:
    """Moments of a day, in their order: mostly at noon."""
    seconds = sorted(int(43_200 * (random.random() + random.random())) for _ in range(count))
    return [begin + timedelta(seconds=second) for second in seconds]

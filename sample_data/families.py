"""The sources beside the workbooks: a shop's export, messaging traffic, a CRM, and transactions that name a contact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, TypeAlias

Rows: TypeAlias = list[Sequence[object]]

FIRST_NAMES: Final = (
    "Ada", "Aisha", "Björn", "Carla", "Chen", "Dmitri", "Elif", "Emeka", "Farah", "Grace", "Hugo", "Ines", "Jonas",
    "Kaito", "Lena", "Mateo", "Nadia", "Olga", "Priya", "Quentin", "Rosa", "Søren", "Tariq", "Uma", "Zoë",
)  # fmt: skip
LAST_NAMES: Final = (
    "Adler", "Brandt", "Castillo", "D'Angelo", "Eriksen", "Fournier", "García Márquez", "Haddad", "Ito", "Jansen",
    "Kowalski", "Lindqvist", "Müller", "Nakamura", "Okafor", "Petrov", "Quispe", "Rossi", "Sato", "van der Berg",
)  # fmt: skip
STREETS: Final = ("Mill Lane", "Harbour Road", "Station Street", "Oak Avenue", "Castle Hill", "River Walk")
CITIES: Final = ("Antwerp", "Bergen", "Coimbra", "Dublin", "Essen", "Freiburg", "Graz", "Haarlem")

#: Category to products and the price of each.
CATALOGUE: Final = {
    "Electronics": (("Headphones", "79.90"), ("Desk lamp", "34.50"), ("Power bank", "25.00")),
    "Home": (("Tea pot", "21.00"), ("Wool blanket", "59.00"), ("Cutting board", "18.75")),
    "Sports": (("Yoga mat", "29.90"), ("Running belt", "15.00"), ("Climbing rope", "119.00")),
    "Books": (("Atlas of Islands", "38.00"), ("Bread at Home", "24.00"), ("The Night Train", "12.90")),
}

CONTACT_CATEGORIES: Final = (
    "Apps & Games", "Beauty", "Books", "Clothing", "Food", "Health", "Home", "Music", "Sports", "Toys",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """How a program writes CSV."""

    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"


#: What a spreadsheet program in half of Europe writes.
SEMICOLONS: Final = Form(";", "cp1252", "\r\n")


def tables(random: Random) -> Iterator[tuple[str, Form, Rows]]:
    """File name, form and rows, the header first."""
    yield "shop_customers.csv", Form(), _shop_customers(random)
    yield "shop_products.csv", Form(), _shop_products()
    yield "shop_orders.csv", Form(), _shop_orders(random)
    yield "messaging_customers.csv", Form(), _messaging_customers(random)
    yield "messaging_channels.csv", SEMICOLONS, _messaging_channels()
    yield "messaging_traffic.csv", SEMICOLONS, _messaging_traffic(random)
    yield "contact_transactions.csv", Form("\t", "utf-8-sig"), _contact_transactions(random)


def crm_customers(random: Random) -> list[dict[str, object]]:
    """What the CRM's API answers: 25 customers."""
    return [_crm_customer(random, number) for number in range(1, 26)]


def _crm_customer(random: Random, number: int) -> dict[str, object]:
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    created = datetime(2023, 1, 1) + timedelta(minutes=random.randrange(2 * 365 * 24 * 60))
    return {
        "customer_id": f"CUST-{number:03}",
        "first_name": first,
        "last_name": last,
        "email": _email(first, last),
        "phone": f"+49 30 {random.randrange(10**6, 10**7)}",
        "address": f"{random.choice(STREETS)} {random.randrange(1, 200)}, {random.choice(CITIES)}",
        "date_of_birth": (date(1950, 1, 1) + timedelta(days=random.randrange(20_000))).isoformat(),
        "account_balance": random.randrange(-50_000, 1_500_000) / 100,
        "created_at": f"{created.isoformat()}Z",
    }


def _email(first: str, last: str) -> str:
    name = f"{first}.{last}".lower()
    return (
        "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter == ".")) + "@example.org"
    )


def _shop_customers(random: Random) -> Rows:
    rows: Rows = [("customer_id", "name", "email", "city", "country", "signup_date")]
    for number in range(1, 251):
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        signed_up = date(2023, 1, 1) + timedelta(days=random.randrange(600))
        email = _email(first, last) if random.random() > 0.05 else ""
        rows.append((f"S{number:04}", f"{first} {last}", email, random.choice(CITIES), "DE", signed_up))
    return rows


def _products() -> list[tuple[str, str, str, str]]:
    return [
        (f"P{number:03}", name, category, price)
        for number, (category, name, price) in enumerate(
            ((category, *product) for category, products in CATALOGUE.items() for product in products), start=1
        )
    ]


def _shop_products() -> Rows:
    return [
        ("product_id", "product_name", "category", "price"),
        *((number, name, category, f"${price}") for number, name, category, price in _products()),
    ]


def _shop_orders(random: Random) -> Rows:
    rows: Rows = [("order_id", "customer_id", "product_id", "quantity", "total_amount", "order_date", "status")]
    products = _products()
    for number in range(1, 801):
        product, _, _, price = random.choice(products)
        quantity = random.choices((1, 2, 3, 10), (70, 20, 8, 2))[0]
        ordered = datetime(2024, 1, 1, 8) + timedelta(minutes=random.randrange(365 * 24 * 60))
        amount = f"${float(price) * quantity:,.2f}"
        customer = f"S{1 + int(random.random() ** 2 * 260):04}"  # some bought as guests: no customer of the list
        row = (f"O{number:05}", customer, product, quantity, amount, ordered.isoformat(" "), "paid")
        rows.append(row if random.random() > 0.01 else (*row[:3], 0, *row[4:]))  # nobody buys nothing
    return rows


def _messaging_customers(random: Random) -> Rows:
    rows: Rows = [("customer_id", "customer_name", "account_id", "segment", "industry", "country")]
    for number in range(1, 121):
        rows.append(
            (
                number,
                f"{random.choice(LAST_NAMES)} {random.choice(('AG', 'Ltd', 'SARL', 'Oy'))}",
                f"A{1 + number // 3:03}",
                random.choice(("Enterprise", "SMB", "Startup", "")),
                random.choice(("Retail", "Banking", "Travel", "Health")),
                random.choice(("DE", "FR", "FI", "HR")),
            )
        )
    return rows


def _messaging_channels() -> Rows:
    return [
        ("channel_id", "channel_name", "channel_type", "unit_price_eur"),
        ("SMS", "SMS", "text", "0,075"),
        ("WA", "WhatsApp", "chat", "0,05"),
        ("VOICE", "Voice", "voice", "0,12"),
        ("MAIL", "Email", "text", "0,001"),
    ]


def _messaging_traffic(random: Random) -> Rows:
    rows: Rows = [("send_date", "account_id", "customer_id", "channel_id", "interactions_count", "revenue_eur")]
    prices = {"SMS": 0.075, "WA": 0.05, "VOICE": 0.12, "MAIL": 0.001}
    seen: dict[tuple[object, ...], int] = {}
    while len(seen) < 900:
        customer = random.randrange(1, 121)
        day = date(2024, 1, 1) + timedelta(days=random.randrange(366))
        key = (day.strftime("%d.%m.%Y"), f"A{1 + customer // 3:03}", customer, random.choice(list(prices)))
        if key not in seen:
            seen[key] = random.choices((12, 340, 5_600), (5, 3, 1))[0] + random.randrange(100)
            rows.append((*key, *_counted(seen[key], prices[str(key[3])])))
    # What was counted again later: these rows correct the first ones.
    rows += [(*key, *_counted(seen[key] + 7, prices[str(key[3])])) for key in random.sample(list(seen), 60)]
    rows.append(("31.04.2024", "A001", 2, "SMS", "10", "0,75"))
    rows.append(("01.05.2024", "A001", "", "SMS", "10", "0,75"))
    return rows


def _counted(count: int, price: float) -> tuple[str, str]:
    euros = f"{count * price:,.3f}".replace(",", " ").replace(".", ",").replace(" ", ".")
    return f"{count:,}".replace(",", "."), f"{euros} €"


def _contact_transactions(random: Random) -> Rows:
    rows: Rows = [("Transaction", "Contact", "Contact name", "Category", "Amount", "Currency", "Date")]
    contacts = {f"C{n:03}": f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}" for n in range(1, 81)}
    for number in range(1, 401):
        contact = random.choice(list(contacts))
        amount = random.randrange(99, 30_000) / 100
        bought = datetime(2024, 3, 1) + timedelta(minutes=random.randrange(200 * 24 * 60))
        refund = random.random() < 0.03
        rows.append(
            (
                f"T-{number:05}",
                contact,
                contacts[contact] if random.random() > 0.1 else "",
                random.choice(CONTACT_CATEGORIES) if random.random() > 0.02 else "",
                f"{'-' if refund else ''}{amount:.2f}",
                random.choices(("EUR", "eur", "USD"), (80, 10, 10))[0],
                bought.strftime("%m/%d/%Y %I:%M %p"),
            )
        )
    return rows

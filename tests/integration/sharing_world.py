"""Customers to share: enough of most kinds, too few of some; every personal value can be told from all others."""

import json
from datetime import date

import psycopg

KEY = "0123456789abcdef0123456789abcdef"

#: Of which region, type and segment there are how many.
GROUPS = {("DE", "Red", "Gold"): 12, ("DE", "Blue", "Gold"): 7, ("FR", "Red", "Iron"): 9, ("IS", "Red", "Gold"): 2,
          ("AT", "Red", "Gold"): 6, ("CH", "Red", "Gold"): 6, ("FR", "Blue", "Iron"): 3}  # fmt: skip


def personal_data(number: int) -> dict[str, str]:
    """What must never be shared of one customer; each value is nowhere else."""
    return {
        "customer_id": f"cust-{number:04}",
        "first_name": f"Firstname{number:04}",
        "last_name": f"Lastname{number:04}",
        "email": f"mail{number:04}@example.org",
        "phone": f"+49 555 {number:04}",
        "address": f"Road {number:04}, Town",
        "date_of_birth": str(date(1950 + number % 50, 1 + number % 12, 1 + number % 28)),
        "account_balance": f"{number:04}98.7654",
        "account_id": f"ACC-{number:04}",
    }


def fill(url: str) -> list[dict[str, str]]:
    """Put them into a database, with purchases and interactions. Returns: the personal data."""
    people: list[dict[str, str]] = []
    with psycopg.connect(url) as connection:
        for (region, customer_type, segment), count in GROUPS.items():
            for _ in range(count):
                person = personal_data(len(people))
                people.append(person)
                columns = {**person, "country": region, "customer_type": customer_type, "segment": segment}
                columns |= {"industry": "Glass" if len(people) % 3 else "Steel", "partition": "0"}
                connection.execute(
                    "INSERT INTO customers SELECT * FROM jsonb_populate_record(NULL::customers, %s::jsonb)",
                    [json.dumps(columns)],
                )
                _buy(connection, person["customer_id"], len(people))
        connection.execute(
            "INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, product)"
            " SELECT gen_random_uuid(), '2024-01-05Z', 1, 0, customer_id, 'Email', 'Sand' FROM customers"
        )
        for total in ("category_amounts", "channel_totals", "customer_purchases", "product_interest_parts"):
            connection.execute(f"INSERT INTO {total} SELECT * FROM {total}_from_facts".encode())  # noqa: S608 -- ours
    return people


def _buy(connection: psycopg.Connection, customer_id: str, number: int) -> None:
    """Everybody buys Books; fewer buy Toys, and two buy Boats."""
    bought = ["Books", *(["Toys"] if number % 2 else []), *(["Boats"] if number in {1, 2} else [])]
    bought += ["Games"] if number % 4 == 0 else []
    for category in bought:
        connection.execute(
            "INSERT INTO transactions (transaction_id, occurred_at, quantity, partition, customer_id, category, amount,"
            " currency) VALUES (gen_random_uuid(), '2024-01-05Z', 1, 0, %s, %s, %s, 'EUR')",
            [customer_id, category, number * 10],
        )

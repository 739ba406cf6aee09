"""`c360 evaluate`: how good the next best category is, on the purchases that are there."""

from pathlib import Path
from typing import Annotated, Final, LiteralString

import msgspec
import psycopg
from cyclopts import Parameter
from cyclopts.validators import Number
from psycopg import sql

from c360.database import Connection, connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from events.errors import UsageError
from settings import Settings
from sql import text
from sql.category_pairs import count_pairs

_MODELS: Final = ("category_popularity", "category_transitions")


class Guesser(msgspec.Struct, frozen=True, kw_only=True):
    """One way to guess, and the share of held-out purchases that were its first, or one of its first three, guesses."""

    name: str
    hit_rate_at_1: float
    hit_rate_at_3: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, on the same purchases."""

    purchases: int
    customers: int
    #: Customers whose last purchase was guessed.
    guessed: int
    guessers: list[Guesser]


def evaluate(
    *,
    customers: Annotated[int, Parameter(validator=Number(gte=1))] = 2000,
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """Hold out the last purchase of each customer, learn from the rest, and guess the category of what was held out.

    Compares the next best category, by the very SQL that the API asks, with always guessing the most popular
    categories, and with guessing what the customer bought most. Refunds, purchases of an unknown category and
    customers with a single purchase are left out. Nothing that others see is changed.

    Parameters
    ----------
    customers: int
        Guess for so many customers at most, drawn by a hash of their ids: the same ones each time.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        found = evaluation(connection, customers=customers)
        connection.rollback()
    if json:
        print_json(found)
    else:
        _print(found)


def evaluation(connection: Connection, *, customers: int) -> Evaluation:
    """Evaluate in one transaction, on temporary tables that stand before the real ones in this session.

    Raises: UsageError when no customer bought anything twice.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    definitions = {model: _definition(connection, model) for model in _MODELS}
    connection.execute(_text("evaluation_purchases"))
    count_pairs(connection)
    for model, definition in definitions.items():
        # The definition names `purchases`, which is now the table without what was held out.
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS {}").format(sql.Identifier(model), definition)
        )
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(model)))
    row = connection.execute(_text("evaluation"), {"most": customers}).fetchone()
    assert row
    purchases, all_customers, guessed, *hits = row
    if not guessed:
        raise UsageError("no customer bought anything twice: there is nothing to hold out")
    names = ("next best category", "most popular", "bought most by the customer")
    return Evaluation(
        purchases=purchases,
        customers=all_customers,
        guessed=guessed,
        guessers=[
            Guesser(
                name=name,
                hit_rate_at_1=round(hits[2 * i] / guessed, 4),
                hit_rate_at_3=round(hits[2 * i + 1] / guessed, 4),
            )
            for i, name in enumerate(names)
        ],
    )


def _definition(connection: Connection, model: str) -> sql.SQL:
    row = connection.execute("SELECT pg_get_viewdef(%s::regclass)", [model]).fetchone()
    assert row
    definition: LiteralString = row[0]
    return sql.SQL(definition.rstrip(";"))


def _text(name: str) -> bytes:
    return text(f"queries/{name}.sql").encode()


def _print(found: Evaluation) -> None:
    OUT.print(
        f"{found.purchases:,} purchases of {found.customers:,} customers; "
        f"the last one of {found.guessed:,} of them is guessed from all others"
    )
    numbers = ("hit rate at 1", "at 3")
    shown = table("guess", *numbers, numbers=numbers)
    for guesser in found.guessers:
        shown.add_row(guesser.name, f"{guesser.hit_rate_at_1:.1%}", f"{guesser.hit_rate_at_3:.1%}")
    OUT.print(shown)

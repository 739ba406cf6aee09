"""`category_amounts_wide`: what each customer bought per category, a column each, beside the tall `category_amounts`.

Columns are added when a category appears and never renamed, moved or taken away, so that whoever reads the view by
name or by place goes on reading; a category that nobody buys any more keeps its column, with zeros.
"""

import re
import unicodedata
from collections.abc import Collection
from itertools import chain, count
from typing import Any, Final

import psycopg
from psycopg import sql as query

from sql import text

WIDE_VIEW: Final = "category_amounts_wide"

_SUFFIX: Final = "_amount"
#: Postgres cuts longer names off.
_MOST_CHARACTERS: Final = 63
#: Postgres has room for 1,600 columns; so many categories are free text rather than categories.
MOST_CATEGORIES: Final = 1000

_COMMENT: Final = (
    "category_amounts with a column per category, live; columns are added at the end as categories appear, and stay."
)

Connection = psycopg.Connection[tuple[Any, ...]]


class TooManyCategories(Exception):
    """There are more categories than a view should have columns; those that have one keep it."""


def column_name(category: str, *, place: int, taken: Collection[str]) -> str:
    """A name for the category's column that needs no quotes in any database: `Apps & Games` -> `apps_and_games_amount`.

    Args:
        place: Names what has no letter or digit of the Latin alphabet.
        taken: Names that others have.
    """
    # The suffix keeps it apart from every reserved word.
    base = _latin(category) or f"category_{place}"
    if base[0].isdigit():
        base = f"category_{base}"
    for number in chain([""], (f"_{n}" for n in count(2))):
        ending = number + _SUFFIX
        name = base[: _MOST_CHARACTERS - len(ending)].rstrip("_") + ending
        if name not in taken:
            return name
    raise AssertionError("count() does not end")


def add_category_columns(connection: Connection) -> int:
    """Give a column to every category that has none yet; call in a transaction.

    Returns: How many columns there are.
    Raises: TooManyCategories; psycopg.Error, as when somebody reads the view for longer than the lock timeout.
    """
    known = connection.execute("SELECT category, column_name FROM category_columns ORDER BY place").fetchall()
    new = [category for (category,) in connection.execute(text("queries/known_categories.sql").encode()).fetchall()]
    if not new:
        return len(known)
    if len(known) + len(new) > MOST_CATEGORIES:
        raise TooManyCategories(
            f"{len(known) + len(new):,} categories are more than the {MOST_CATEGORIES:,} that {WIDE_VIEW} has room for"
        )
    taken = {name for _, name in known}
    for place, category in enumerate(new, start=len(known) + 1):
        name = column_name(category, place=place, taken=taken)
        taken.add(name)
        known.append((category, name))
        connection.execute("INSERT INTO category_columns VALUES (%s, %s, %s)", [category, name, place])
    _define(connection, known)
    return len(known)


def _latin(category: str) -> str:
    """What of it is left in small letters and digits of the Latin alphabet, with _ between words."""
    spelled = category.casefold().replace("&", " and ").replace("ø", "o").replace("ł", "l").replace("æ", "ae")
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only.replace("'", "")).strip("_")


def _define(connection: Connection, columns: list[tuple[Any, ...]]) -> None:
    """Replace the view, which Postgres allows while others read it as long as columns are only added at the end."""
    view = query.Identifier(WIDE_VIEW)
    sums = [
        query.SQL("coalesce(sum(amount) FILTER (WHERE category = {}), 0) AS {}").format(
            query.Literal(category), query.Identifier(name)
        )
        for category, name in columns
    ]
    select = query.SQL("SELECT customer_id, {} FROM category_amounts GROUP BY customer_id").format(
        query.SQL(", ").join(sums)
    )
    connection.execute(query.SQL("CREATE OR REPLACE VIEW {} AS {}").format(view, select))
    connection.execute(query.SQL("COMMENT ON VIEW {} IS {}").format(view, query.Literal(_COMMENT)))
    comments = [(name, f"Sum of the amounts in category {category}, as told; 0: none.") for category, name in columns]
    for name, comment in [("customer_id", "Id of the customer."), *comments]:
        column = query.SQL("{}.{}").format(view, query.Identifier(name))
        connection.execute(query.SQL("COMMENT ON COLUMN {} IS {}").format(column, query.Literal(comment)))

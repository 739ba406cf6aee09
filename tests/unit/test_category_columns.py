"""Names of columns: safe in any database, different, and saying what they are where they can."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql.category_columns import column_name


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("Apps & Games", "apps_and_games_amount"),
        ("Books", "books_amount"),
        ("  Men's Wear!", "mens_wear_amount"),
        ("Bücher und Straßen", "bucher_und_strassen_amount"),
        ("Smørrebrød", "smorrebrod_amount"),
        ("ÅNGSTRÖM", "angstrom_amount"),
        ("3D printing", "category_3d_printing_amount"),
        ("select", "select_amount"),
        ("customer_id", "customer_id_amount"),
        ("本", "category_7_amount"),
        ("---", "category_7_amount"),
        ("", "category_7_amount"),
        ("x" * 200, "x" * 56 + "_amount"),
        ('"; DROP TABLE customers; --', "drop_table_customers_amount"),
    ],
)
def test_a_name_says_what_it_can(category: str, name: str) -> None:
    assert column_name(category, place=7, taken=()) == name


def test_equal_names_are_numbered() -> None:
    taken: set[str] = set()
    for category in ("Books", "books", "BOOKS!", "Books 2", "x" * 200, "x" * 201):
        taken.add(column_name(category, place=1, taken=taken))
    assert taken == {
        "books_amount",
        "books_2_amount",
        "books_3_amount",
        "books_2_2_amount",
        "x" * 56 + "_amount",
        "x" * 54 + "_2_amount",
    }


@given(st.lists(st.text(max_size=80), max_size=30, unique=True))
def test_any_categories_get_safe_and_different_names(categories: list[str]) -> None:
    taken: set[str] = set()
    for place, category in enumerate(categories, start=1):
        name = column_name(category, place=place, taken=taken)
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name)
        assert name.endswith("_amount")
        assert name not in taken
        taken.add(name)

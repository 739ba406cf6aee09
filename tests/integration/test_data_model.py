"""docs/data-model.md is the schema's own description."""

from pathlib import Path

import psycopg

from sql.data_model import markdown

_DOCUMENT = Path(__file__).parents[2] / "docs" / "data-model.md"


def test_the_document_is_current(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert _DOCUMENT.read_text(encoding="utf-8") == markdown(connection), "run `make docs`"

"""The examples in docs/ are mappings that load."""

import re
from collections.abc import Callable
from pathlib import Path

from producers.mapping import Mapping

DOCS = Path(__file__).parents[3] / "docs"


def example(page: str) -> str:
    (text,) = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


def test_the_example_loads(mapping: Callable[[str], Mapping]) -> None:
    assert [stream.stream for stream in mapping(example("mappings.md")).streams] == ["customers", "interactions"]


def test_the_example_of_an_api_loads(mapping: Callable[[str], Mapping]) -> None:
    stream = '[[streams]]\nstream = "customers"\nfields = { customer_id = "id" }\n'
    loaded = mapping(f'source = "crm"\n{example("sources.md")}{stream}')
    assert loaded.http is not None
    assert loaded.http.token_env == "CRM_TOKEN"  # noqa: S105 (the name of a variable)

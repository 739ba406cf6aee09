"""The example in docs/mappings.md is a mapping that loads."""

import re
from collections.abc import Callable
from pathlib import Path

from producers.mapping import Mapping

PAGE = Path(__file__).parents[3] / "docs" / "mappings.md"


def test_the_example_loads(mapping: Callable[[str], Mapping]) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [stream.stream for stream in mapping(example).streams] == ["customers", "interactions"]

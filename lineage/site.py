"""The graph as pages for people: static files that need no server, and ask nobody for anything."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from lineage.graph import Edge, Graph, Thing
from lineage.layout import lay_out
from quality.checks import Check
from quality.runs import Run

#: Where the pages of things are.
_FOLDER: Final = "things"


def write_site(
    folder: Path,
    graph: Graph,
    *,
    checks: Mapping[str, Check],
    runs: Mapping[str, Run],
    asyncapi: Mapping[str, Any],
    now: datetime,
) -> list[Path]:
    """Write index.html, graph.html, checks.html, a page per thing, lineage.json and asyncapi.json, over what is there.

    Args:
        checks: By name.
        runs: The latest run of each check that was asked.
        asyncapi: The document of the topics.
        now: What the pages are dated with.
    Returns: The files.
    Raises: OSError.
    """
    environment = Environment(
        loader=PackageLoader("lineage"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"page_of": page_of, "graph": graph, "checks": checks, "runs": runs, "now": now}

    def render(template: str, root: str = "", **values: Any) -> bytes:
        return environment.get_template(template).render(root=root, **values).encode()

    pages = {
        "index.html": render("index.html"),
        "graph.html": render("graph.html", drawing=lay_out(graph)),
        "checks.html": render("checks.html"),
        "lineage.json": _json({"things": graph.things, "edges": graph.edges}),
        "asyncapi.json": _json(asyncapi),
    }
    pages |= {
        page_of(thing): render("thing.html", "../", thing=thing, readers=_readers_by_field(graph, thing))
        for thing in graph.things
    }
    (folder / _FOLDER).mkdir(parents=True, exist_ok=True)
    for name, content in pages.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in pages]


def page_of(thing: Thing) -> str:
    """The file of a thing, seen from the index."""
    return f"{_FOLDER}/{thing.id.replace(':', '-')}.html"


def _readers_by_field(graph: Graph, thing: Thing) -> Mapping[str, Sequence[Edge]]:
    edges = graph.readers_of(thing.id)
    return {field.name: [edge for edge in edges if field.name in edge.fields] for field in thing.fields}


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"

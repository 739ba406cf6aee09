"""Where each thing stands in the drawing: sources left of their readers, neighbours near each other.

The usual way for layered graphs: a column per distance from the sources, and within it an order by the mean place of
the neighbours, improved in a few sweeps there and back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lineage.graph import Graph, Kind, Thing

_COLUMN: Final = 290
_ROW: Final = 34
_BOX: Final = (220, 24)
_MARGIN: Final = 20
_SWEEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A thing in the drawing: its top left corner, and its size."""

    thing: Thing
    x: int
    y: int
    width: int = _BOX[0]
    height: int = _BOX[1]


@dataclass(frozen=True, slots=True)
class Curve:
    """From a source to its reader: an SVG path."""

    source: str
    reader: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, and how large it is."""

    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    width: int
    height: int


def lay_out(graph: Graph) -> Drawing:
    """Draw what is joined to anything; questions are left out, as their totals read the same."""
    shown = {thing.id for thing in graph.things if thing.kind is not Kind.QUESTION}
    edges = [(edge.source, edge.reader) for edge in graph.edges if {edge.source, edge.reader} <= shown]
    joined = {end for edge in edges for end in edge}
    columns = _ordered(_columns([thing for thing in graph.things if thing.id in joined], edges), edges)
    tallest = max(map(len, columns), default=0)
    boxes = {
        thing_id: Box(
            graph[thing_id],
            x=_MARGIN + number * _COLUMN,
            y=_MARGIN + round((place + (tallest - len(column)) / 2) * _ROW),
        )
        for number, column in enumerate(columns)
        for place, thing_id in enumerate(column)
    }
    return Drawing(
        tuple(boxes.values()),
        tuple(Curve(source, reader, _path(boxes[source], boxes[reader])) for source, reader in edges),
        width=2 * _MARGIN + max(len(columns) - 1, 0) * _COLUMN + _BOX[0],
        height=2 * _MARGIN + tallest * _ROW,
    )


def _columns(things: Iterable[Thing], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Ids by distance from the topics; endpoints together at the end. Things come after those that they read."""
    distance: dict[str, int] = {}
    sources: dict[str, list[str]] = {}
    for source, reader in edges:
        sources.setdefault(reader, []).append(source)
    endpoints = []
    for thing in things:
        if thing.kind is Kind.ENDPOINT:
            endpoints.append(thing.id)
        else:
            nearest = 0 if thing.kind is Kind.TOPIC else 1
            distance[thing.id] = max((distance[one] + 1 for one in sources.get(thing.id, ())), default=nearest)
    columns: list[list[str]] = [[] for _ in range(max(distance.values(), default=-1) + 1)]
    for thing_id, column in distance.items():
        columns[column].append(thing_id)
    return [*columns, endpoints] if endpoints else columns


def _ordered(columns: list[list[str]], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    neighbours: dict[str, list[str]] = {}
    for source, reader in edges:
        neighbours.setdefault(source, []).append(reader)
        neighbours.setdefault(reader, []).append(source)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            places = _places(columns)
            column.sort(key=lambda one: sum(places[other] for other in neighbours[one]) / len(neighbours[one]))
    return columns


def _places(columns: list[list[str]]) -> Mapping[str, float]:
    """How far down each thing is, between 0 and 1, whatever the length of its column."""
    return {one: (place + 0.5) / len(column) for column in columns for place, one in enumerate(column)}


def _path(source: Box, reader: Box) -> str:
    start, end = source.x + source.width, reader.x
    from_y, to_y = source.y + source.height // 2, reader.y + reader.height // 2
    middle = (start + end) // 2
    return f"M{start} {from_y}C{middle} {from_y} {middle} {to_y} {end} {to_y}"

"""The drawing: sources left of their readers, no two things in one place."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lineage.graph import Edge, Graph, Kind, Thing
from lineage.layout import lay_out


def thing(number: int, kind: Kind = Kind.TABLE) -> Thing:
    return Thing(id=f"t{number}", kind=kind, name=f"t{number}", meaning="m")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Things in order, each read by later ones alone; the last are endpoints."""
    count = draw(st.integers(0, 12))
    readers = draw(st.integers(0, count))
    things = [thing(n, Kind.ENDPOINT if n >= readers else Kind.VIEW) for n in range(count)]
    pairs = [(a, b) for a in range(min(count, readers)) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return Graph(tuple(things), tuple(Edge(f"t{a}", f"t{b}", ()) for a, b in chosen))


@given(graphs())
def test_sources_stand_left_of_their_readers_and_nothing_covers_another(graph: Graph) -> None:
    drawing = lay_out(graph)
    boxes = {box.thing.id: box for box in drawing.boxes}
    assert boxes.keys() == {end for edge in graph.edges for end in (edge.source, edge.reader)}
    for edge in graph.edges:
        assert boxes[edge.source].x + boxes[edge.source].width < boxes[edge.reader].x
    by_column: dict[int, list[int]] = {}
    for box in drawing.boxes:
        by_column.setdefault(box.x, []).append(box.y)
        assert box.x + box.width <= drawing.width
        assert 0 <= box.y <= drawing.height - box.height
    for places in by_column.values():
        places.sort()
        assert all(below - above >= 24 for above, below in pairwise(places))
    assert len(drawing.curves) == len(graph.edges)


def test_neighbours_stand_beside_each_other() -> None:
    """Three ways that need not cross do not."""
    things = (*(thing(n, Kind.TOPIC) for n in (0, 1, 2)), *(thing(n) for n in (3, 4, 5)))
    graph = Graph(things, (Edge("t0", "t5", ()), Edge("t1", "t4", ()), Edge("t2", "t3", ())))
    heights = {box.thing.id: box.y for box in lay_out(graph).boxes}
    assert (heights["t0"], heights["t1"], heights["t2"]) == (heights["t5"], heights["t4"], heights["t3"])


def test_questions_are_left_out() -> None:
    things = (thing(0), thing(1, Kind.QUESTION), thing(2, Kind.TOTAL))
    graph = Graph(things, (Edge("t0", "t1", ()), Edge("t0", "t2", ())))
    assert {box.thing.id for box in lay_out(graph).boxes} == {"t0", "t2"}

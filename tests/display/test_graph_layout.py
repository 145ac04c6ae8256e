"""Boxes do not overlap, arrows go forward and around boxes, and directions mirror each other."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.display.graph_layout import Layout, layout

SIZES = st.tuples(st.integers(10, 90), st.integers(10, 60))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Sizes of boxes, and edges from earlier to later ones."""
    sizes = draw(st.lists(SIZES, min_size=1, max_size=8))
    pairs = list(itertools.combinations(range(len(sizes)), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return sizes, edges


def boxes(sizes: list[tuple[int, int]], placed: Layout) -> list[tuple[float, float, float, float]]:
    pairs = zip(placed.corners, sizes, strict=True)
    return [(x, y, x + width, y + height) for (x, y), (width, height) in pairs]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_boxes_do_not_overlap_and_lie_within(graph) -> None:
    placed = layout(*graph)
    found = boxes(graph[0], placed)
    for a, b in itertools.combinations(found, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (a, b)
    for left, top, right, bottom in found:
        assert left >= -1e-6 and right <= placed.width + 1e-6
        assert top >= 0 and bottom <= placed.height + 1e-6


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_arrows_go_down_from_box_to_box_and_through_none(graph) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    found = boxes(sizes, placed)
    for (a, b), points in zip(edges, placed.arrows, strict=True):
        assert abs(points[0][0] - (found[a][0] + found[a][2]) / 2) < 1e-6
        assert points[0][1] == found[a][3]
        assert abs(points[-1][0] - (found[b][0] + found[b][2]) / 2) < 1e-6
        assert points[-1][1] == found[b][1]
        downs = [y for _, y in points]
        assert downs == sorted(downs)
        for x, y in points[1:-1]:
            inside = [box for box in found if box[0] < x < box[2] and box[1] < y < box[3]]
            assert inside == []


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_bent_arrows_run_along_the_axes_between_the_same_points(graph) -> None:
    straight, bent = (layout(*graph, "TB", way) for way in (False, True))
    for a, b in zip(straight.arrows, bent.arrows, strict=True):
        assert a[0] == b[0] and a[-1] == b[-1]
        assert all(p[0] == q[0] or p[1] == q[1] for p, q in itertools.pairwise(b))


def test_directions_mirror_and_turn_the_drawing() -> None:
    sizes, edges = [(40, 20), (30, 10), (50, 20)], [(0, 1), (1, 2), (0, 2)]
    down, up = (layout(sizes, edges, way) for way in ("TB", "BT"))
    assert [x for x, _ in down.corners] == [x for x, _ in up.corners]
    for (_, y), (_, mirrored), (_, height) in zip(down.corners, up.corners, sizes, strict=True):
        assert mirrored == down.height - y - height
    swapped = [(height, width) for width, height in sizes]
    right = layout(swapped, edges, "LR")
    assert right.corners == [(y, x) for x, y in down.corners]
    assert (right.width, right.height) == (down.height, down.width)


def test_what_nothing_leads_to_stands_before_what_needs_it() -> None:
    placed = layout([(10, 10)] * 4, [(0, 1), (1, 3), (2, 3)])
    assert placed.corners[2][1] == placed.corners[1][1]


def test_an_edge_back_is_drawn_and_moves_nothing() -> None:
    ahead, back = (layout([(10, 10)] * 2, edges) for edges in ([(0, 1)], [(0, 1), (1, 0)]))
    assert ahead.corners == back.corners and len(back.arrows) == 2

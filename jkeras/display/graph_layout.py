"""The layout of a graph: the positions of its boxes, and the points of its arrows.

A box stands one row behind the last box that it depends on. An arrow that crosses a row gets a
position in that row, so that it runs between boxes and never through one. Within rows, boxes move
towards the mean position of their neighbors, in a few forward and backward sweeps.

Laws: boxes do not overlap; the drawing begins at (0, 0); the same graph gives the same drawing.

Source: Sugiyama, Tagawa, Toda 1981, doi:10.1109/TSMC.1981.4308636.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

Point = tuple[float, float]

GAP, ROW_GAP, LANE = 24.0, 34.0, 8.0
"""Between boxes of a row, between rows, and the width of an arrow that passes a row."""
_SWEEPS = 6


@dataclasses.dataclass
class Spot:
    """A box, or the position of an arrow in a row that it crosses.

    Attributes:
      across, along: the sizes in the direction of a row, and in the direction of the arrows.
      at: the position of the center in its row.
      row: the number of the row.
    """

    across: float
    along: float
    at: float = 0.0
    row: int = 0


@dataclasses.dataclass(frozen=True)
class Layout:
    """The positions in a drawing.

    Attributes:
      corners: for each box the corner with the smallest coordinates.
      arrows: for each edge the points of its arrow.
      width, height: the size of the drawing.
    """

    corners: list[Point]
    arrows: list[list[Point]]
    width: float
    height: float


def layout(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    direction: str = "TB",
    bent: bool = False,
) -> Layout:
    """Computes the positions of boxes and arrows.

    Args:
      sizes: width and height of each box.
      edges: pairs of indices of boxes, (from, to).
      direction: "TB" for arrows from top to bottom, or "BT", "LR", "RL".
      bent: whether arrows run along the axes alone.

    Example:
      >>> placed = layout([(40, 20), (40, 20), (40, 20)], [(0, 1), (0, 2)])
      >>> placed.corners, (placed.width, placed.height)
      ([(32.0, 0.0), (0.0, 54.0), (64.0, 54.0)], (104.0, 74.0))
    """
    sideways = direction in ("LR", "RL")
    spots = [Spot(h, w) if sideways else Spot(w, h) for w, h in sizes]
    rows = _rows(len(sizes), edges)
    for spot, row in zip(spots, rows, strict=True):
        spot.row = row
    ways = []  # for each arrow the boxes at its ends, and spots in the rows that it crosses
    for source, target in edges:
        crossed = range(spots[source].row + 1, spots[target].row)
        ways.append([source, *range(len(spots), len(spots) + len(crossed)), target])
        spots += [Spot(LANE, 0.0, row=row) for row in crossed]
    _arrange(spots, ways)
    begins, depth = _row_begins(spots)
    least = min((spot.at - spot.across / 2 for spot in spots), default=0.0)
    breadth = max((spot.at + spot.across / 2 for spot in spots), default=0.0) - least

    def turned(at: float, down: float) -> Point:
        down = depth - down if direction in ("BT", "RL") else down
        return (down, at - least) if sideways else (at - least, down)

    corners = []
    for spot in spots[: len(sizes)]:
        ends = [
            turned(spot.at + sign * spot.across / 2, begins[spot.row] + (sign + 1) * spot.along / 2)
            for sign in (-1, 1)
        ]
        corners.append((min(x for x, _ in ends), min(y for _, y in ends)))
    arrows = [_points(spots, way, begins) for way in ways]
    if bent:
        arrows = _bent(arrows, [a for a, _ in edges])
    arrows = [[turned(at, down) for at, down in points] for points in arrows]
    size = (depth, breadth) if sideways else (breadth, depth)
    return Layout(corners, arrows, *size)


def _rows(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each box: one more than the last row it depends on. Back edges are ignored."""
    rows = [0] * count
    for box in range(count):
        rows[box] = max([rows[a] + 1 for a, b in edges if b == box and a < b], default=0)
    for box in reversed(range(count)):  # a box without arrows to it: just before the next box
        if not any(b == box for _, b in edges):
            rows[box] = min([rows[b] - 1 for a, b in edges if a == box and b > a], default=0)
    return rows


def _arrange(spots: list[Spot], ways: list[list[int]]) -> None:
    """Sets the position of every spot in its row: near the mean of its neighbors' positions."""
    neighbors: list[list[int]] = [[] for _ in spots]
    for way in ways:
        for a, b in itertools.pairwise(way):
            neighbors[a].append(b)
            neighbors[b].append(a)
    by_row: dict[int, list[int]] = {}
    for number, spot in enumerate(spots):
        by_row.setdefault(spot.row, []).append(number)
    for members in by_row.values():
        _pack(spots, members, [float(place) for place in range(len(members))])
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in sorted(by_row, reverse=not down):
            wished = {}  # a spot without neighbors in the rows before (behind) keeps its position
            for number in by_row[row]:
                places = [spots[n].at for n in neighbors[number] if (spots[n].row < row) == down]
                wished[number] = sum(places) / len(places) if places else spots[number].at
            by_row[row].sort(key=wished.__getitem__)
            _pack(spots, by_row[row], [wished[number] for number in by_row[row]])


def _pack(spots: list[Spot], members: list[int], wished: list[float]) -> None:
    """Sets the positions of the spots of a row, in order and without overlap, near `wished`."""
    edge = float("-inf")
    for number, wish in zip(members, wished, strict=True):
        spot = spots[number]
        spot.at = max(wish, edge + spot.across / 2)
        edge = spot.at + spot.across / 2 + GAP
    shift = sum(wish - spots[n].at for n, wish in zip(members, wished, strict=True)) / len(members)
    for number in members:
        spots[number].at += shift


def _row_begins(spots: list[Spot]) -> tuple[dict[int, float], float]:
    """The start of each row, and the end of the last row, in the direction of the arrows."""
    depths: dict[int, float] = {}
    for spot in spots:
        depths[spot.row] = max(depths.get(spot.row, 0.0), spot.along)
    begins, down = {}, 0.0
    for row in sorted(depths):
        begins[row] = down
        down += depths[row] + ROW_GAP
    return begins, max(down - ROW_GAP, 0.0)


def _points(spots: list[Spot], way: list[int], begins: dict[int, float]) -> list[Point]:
    """From the far side of the first spot, past the rows between, to the near side of the last."""
    first, last = spots[way[0]], spots[way[-1]]
    points = [(first.at, begins[first.row] + first.along)]
    for number in way[1:-1]:
        at, begin = spots[number].at, begins[spots[number].row]
        depth = max(s.along for s in spots if s.row == spots[number].row)
        points += [(at, begin), (at, begin + depth)]
    return [*points, (last.at, begins[last.row])]


def _bent(arrows: list[list[Point]], sources: list[int]) -> list[list[Point]]:
    """The points of arrows that run along the axes only.

    Arrows turn between two rows: arrows from the same box at the same height, arrows from different
    boxes at different heights, so that the source of each is visible.
    """
    lanes: dict[float, list[int]] = {}
    for points, source in zip(arrows, sources, strict=True):
        for (at, _), (then, down) in itertools.pairwise(points):
            if at != then and source not in lanes.setdefault(down, []):
                lanes[down].append(source)
    bent = []
    for points, source in zip(arrows, sources, strict=True):
        way = points[:1]
        for (at, _), (then, down) in itertools.pairwise(points):
            if at != then:
                lane = (lanes[down].index(source) + 1) / (len(lanes[down]) + 1)
                way += [(at, down - lane * ROW_GAP), (then, down - lane * ROW_GAP)]
            way.append((then, down))
        bent.append(way)
    return bent

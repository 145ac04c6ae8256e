"""`plot_model`: a picture of a model's layers and connections, without Graphviz.

    jkeras.utils.plot_model(model, "model.svg", show_shapes=True)

A graph becomes boxes with lines of text and arrows (`draw_graph`), with positions from
`graph_layout`; a drawing is written as SVG by this module, or as PNG or PDF by matplotlib.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import jax

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.folders import atomic_write
from jkeras.core.identity import identity_of
from jkeras.core.naming import kind_of
from jkeras.display.figures import new_figure
from jkeras.display.graph_layout import Point, layout

if TYPE_CHECKING:
    from jkeras.core.layer import Layer

DIRECTIONS = ("TB", "BT", "LR", "RL")
KINDS = (".svg", ".png", ".pdf")
_CHARACTER, _LINE, _PAD, _FONT = 6.7, 16.0, 8.0, 11
_TITLE, _FROZEN, _PAPER, _INK, _FRAME = "#dbe8f4", "#e4e4e4", "#ffffff", "#30363d", "#f6f8fa"


@dataclasses.dataclass(frozen=True)
class Show:
    """The options of a drawing: the text in a box besides the layer's class.

    Attributes:
      shapes, dtype, names, activations, trainable: a line, or a part of the title, for each.
      nested: whether models within the model are shown with their layers.
      direction, bent: see `layout`.
    """

    shapes: bool = False
    dtype: bool = False
    names: bool = False
    activations: bool = False
    trainable: bool = False
    nested: bool = False
    direction: str = "TB"
    bent: bool = False


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The elements of a drawing, in points, from the top left.

    Attributes:
      boxes: (x, y, width, height, color).
      texts: (x, y, text), the coordinates of the middle of the baseline.
      arrows: the points of each arrow.
      width, height: the size of the drawing.
    """

    boxes: list[tuple[float, float, float, float, str]]
    texts: list[tuple[float, float, str]]
    arrows: list[list[Point]]
    width: float
    height: float

    def moved(self, x: float, y: float) -> Drawing:
        """The drawing, moved to the right and down."""
        return Drawing(
            [(a + x, b + y, *size) for a, b, *size in self.boxes],  # type: ignore[misc]
            [(a + x, b + y, text) for a, b, text in self.texts],
            [[(a + x, b + y) for a, b in points] for points in self.arrows],
            self.width,
            self.height,
        )


def draw_graph(graph: Any, show: Show = Show()) -> Drawing:
    """The drawing of a graph.

    Args:
      graph: a `jkeras.models.Graph`.
      show: the options.
    """
    numbers = {identity_of(layer): i for i, layer in enumerate(graph.layers)}
    fronts = dict(zip(map(id, graph.input_symbols), graph.wiring.front, strict=True))
    edges: dict[tuple[int, int], None] = {}
    for i, nodes in enumerate(graph.nodes):
        for symbol in (symbol for node in nodes for symbol in node.inputs):
            source = fronts.get(id(symbol))
            source = numbers[identity_of(symbol.node.layer)] if source is None else source
            if source != i:
                edges[source, i] = None
    parts = [_box(*pair, show) for pair in zip(graph.layers, graph.nodes, strict=True)]
    return _joined(parts, list(edges), show)


def _joined(parts: Sequence[Drawing], edges: list[tuple[int, int]], show: Show) -> Drawing:
    """Several drawings as one, with arrows between them."""
    sizes = [(part.width, part.height) for part in parts]
    placed = layout(sizes, edges, show.direction, show.bent)
    joined = Drawing([], [], placed.arrows, placed.width, placed.height)
    for part, corner in zip(parts, placed.corners, strict=True):
        moved = part.moved(*corner)
        joined.boxes.extend(moved.boxes)
        joined.texts.extend(moved.texts)
        joined.arrows.extend(moved.arrows)
    return joined


def _box(layer: Layer, nodes: Sequence[Any], show: Show) -> Drawing:
    """The box of a layer: the title, a line for each option, and nested layers below."""
    title = f"{layer.name} ({kind_of(layer)})" if show.names else kind_of(layer)
    lines = [title, *_lines(layer, nodes, show)]
    inner = _inner(layer, nodes, show) if show.nested else None
    width = max(_CHARACTER * max(map(len, lines)), inner.width if inner else 0.0) + 2 * _PAD
    title_height = _LINE + _PAD / 2
    text_height = title_height + (_LINE * (len(lines) - 1) + _PAD / 2 if len(lines) > 1 else 0.0)
    height = text_height + (inner.height + 2 * _PAD if inner else 0.0)
    paper = _FRAME if inner else _PAPER
    color = _TITLE if getattr(layer, "trainable", True) else _FROZEN
    drops = [_LINE * (i + 1) + (_PAD / 2 if i else 0.0) for i in range(len(lines))]
    texts = [(width / 2, drop, line) for drop, line in zip(drops, lines, strict=True)]
    boxes = [(0.0, 0.0, width, height, paper), (0.0, 0.0, width, title_height, color)]
    if inner is None:
        return Drawing(boxes, texts, [], width, height)
    moved = inner.moved((width - inner.width) / 2, text_height + _PAD)
    return Drawing([*boxes, *moved.boxes], [*texts, *moved.texts], moved.arrows, width, height)


def _lines(layer: Layer, nodes: Sequence[Any], show: Show) -> list[str]:
    lines = []
    activation = getattr(layer, "activation", None)
    if show.activations and activation is not None:
        name = getattr(activation, "__name__", repr(activation).strip("'"))
        lines.append(f"activation: {name}")
    outputs = jax.tree.leaves(nodes[-1].outputs)
    if show.shapes:
        inputs = ", ".join(str(symbol.shape) for symbol in nodes[-1].inputs)
        lines += [f"in {inputs}"] if inputs else []
        lines.append("out " + ", ".join(str(symbol.shape) for symbol in outputs))
    if show.dtype:
        lines.append(", ".join(dict.fromkeys(str(symbol.dtype) for symbol in outputs)))
    if show.trainable:
        lines.append("trainable" if getattr(layer, "trainable", True) else "frozen")
    return lines


def _inner(layer: Layer, nodes: Sequence[Any], show: Show) -> Drawing | None:
    """The drawing of a layer that is a graph of layers; None for any other layer."""
    if hasattr(layer, "wiring"):
        return draw_graph(layer, show)
    if not layer.made_of_layers or not isinstance(layer.layers, tuple) or not layer.layers:
        return None  # the layers of a model with its own `call` are not shown, as in Keras
    values: Any = tuple(nodes[-1].inputs)
    parts = []
    for inner in layer.layers:
        outputs = inner(*values)
        values = tuple(outputs) if isinstance(outputs, list | tuple) else (outputs,)
        parts.append(_box(inner, identity_of(inner).nodes[-1:], show))
    return _joined(parts, [(i, i + 1) for i in range(len(parts) - 1)], show)


# -- files


def svg(drawing: Drawing) -> str:
    """A drawing as the text of an SVG file."""
    margin, width, height = _PAD, drawing.width + 2 * _PAD, drawing.height + 2 * _PAD
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-margin:g} {-margin:g} {width:.1f} {height:.1f}">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{_INK}"/></marker></defs>',
        f'<rect x="{-margin:g}" y="{-margin:g}" width="100%" height="100%" fill="{_PAPER}"/>',
        f'<g stroke="{_INK}" fill="none">',
    ]
    for x, y, w, h, color in drawing.boxes:
        lines.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{color}"/>'
        )
    for points in drawing.arrows:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline points="{path}" marker-end="url(#tip)"/>')
    lines.append(
        f'</g><g font-family="monospace" font-size="{_FONT}" text-anchor="middle" fill="{_INK}">'
    )
    for x, y, text in drawing.texts:
        lines.append(f'<text x="{x:.1f}" y="{y - 3:.1f}">{escape(text)}</text>')
    return "\n".join([*lines, "</g></svg>", ""])


def figure_of(drawing: Drawing, dpi: int) -> Any:
    """A drawing as a matplotlib figure.

    Raises:
      ImportError: matplotlib is not installed.
    """
    margin, width, height = _PAD, drawing.width + 2 * _PAD, drawing.height + 2 * _PAD
    figure = new_figure(width / 72, height / 72)
    from matplotlib.patches import FancyArrowPatch, Rectangle
    from matplotlib.path import Path as Line

    figure.set_layout_engine("none")
    figure.set_dpi(dpi)
    figure.set_size_inches(width / 72, height / 72)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(-margin, width - margin)
    axes.set_ylim(height - margin, -margin)
    for x, y, w, h, color in drawing.boxes:
        axes.add_patch(Rectangle((x, y), w, h, facecolor=color, edgecolor=_INK, linewidth=0.8))
    for points in drawing.arrows:
        tip: Any = {"arrowstyle": "-|>", "mutation_scale": 9, "color": _INK, "linewidth": 0.8}
        axes.add_patch(FancyArrowPatch(path=Line(points), shrinkA=0, shrinkB=0, **tip))
    for x, y, text in drawing.texts:
        axes.text(x, y - 3, text, ha="center", family="monospace", size=_FONT, color=_INK)
    return figure


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture in a file, which notebooks display.

    Attributes:
      path: the path of the file.
    """

    path: Path

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        del include, exclude
        if self.path.suffix == ".svg":
            return {"image/svg+xml": self.path.read_text(encoding="utf-8")}
        return {"image/png": self.path.read_bytes()} if self.path.suffix == ".png" else {}


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Picture:
    """Draws a model's layers and their connections into a file.

    Args:
      model: a `Model`, or a `Sequential` whose input shape is known.
      to_file: a file that ends in .svg, .png or .pdf; .png and .pdf need matplotlib.
      show_shapes: whether boxes show the input and output shapes.
      show_dtype: whether boxes show the output dtype.
      show_layer_names: whether boxes show the layers' names.
      rankdir: from top to bottom ("TB"), from left to right ("LR"), or back ("BT", "RL").
      expand_nested: whether models in the model are shown with their layers, except models with
        their own `call`.
      dpi: pixels per inch of a PNG.
      show_layer_activations: whether boxes show activation functions.
      show_trainable: whether boxes show which layers are frozen; frozen layers are always grey.
      splines: "ortho" for arrows with right angles, "line" for slanting ones.

    Returns:
      The picture, which a notebook displays.

    Raises:
      TypeError: `model` is not a model.
      ValueError: an unknown ending or direction; the model's input shape is not known.
      ImportError: matplotlib is not installed and the file is not an .svg.

    Example:
      >>> import jkeras, tempfile
      >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     plot_model(model, f"{folder}/model.svg", show_shapes=True).path.name
      'model.svg'

    Source: `keras.utils.plot_model`, which draws by Graphviz.
    """
    if not isinstance(to_file, str | os.PathLike):
        raise WrongTypeError(f"plot_model: `to_file`: expected a path, got {describe(to_file)}.")
    path = Path(to_file)
    if path.suffix.lower() not in KINDS:
        raise ValueError(
            f"plot_model: `to_file`: expected a file that ends in {', '.join(KINDS)}, got "
            f"{str(path)!r}.{nearest(path.suffix, KINDS)}"
        )
    path = path.with_suffix(path.suffix.lower())
    if not isinstance(dpi, int) or isinstance(dpi, bool) or dpi < 1:
        raise ValueError(f"plot_model: `dpi`: expected a positive integer, got {describe(dpi)}.")
    words = (("rankdir", rankdir, DIRECTIONS), ("splines", splines, ("ortho", "line")))
    for argument, word, allowed in words:
        if word not in allowed:
            listed = ", ".join(map(repr, allowed))
            raise ValueError(f"plot_model: `{argument}`: expected one of {listed}, got {word!r}.")
    show = Show(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable,
        expand_nested, rankdir, splines == "ortho",
    )  # fmt: skip
    drawing = draw_graph(_graph_of(model), show)
    if path.suffix == ".svg":
        atomic_write(path, lambda file: file.write(svg(drawing).encode()))
    else:
        figure, kind = figure_of(drawing, dpi), path.suffix[1:]
        atomic_write(path, lambda file: figure.savefig(file, format=kind, dpi=dpi))
    return Picture(path)


def _graph_of(model: Any) -> Any:
    """The graph of a model.

    Raises:
      TypeError: `model` is not a model, or has its own `call` instead of a graph.
    """
    graph = getattr(model, "graph", None)
    if isinstance(model, type) or not callable(graph):
        raise WrongTypeError(
            f"plot_model: expected a jkeras.Model or jkeras.Sequential, got {describe(model)}."
        )
    if not model.net.made_of_layers:
        raise WrongTypeError(
            f"plot_model: {type(model).__name__} {model.name!r} has its own `call`, which only "
            "running it could show. A picture needs Model(inputs, outputs) or Sequential."
        )
    return graph()

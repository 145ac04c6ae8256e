"""Pictures of models: what stands in the boxes, files of three kinds, and messages."""

from __future__ import annotations

import xml.etree.ElementTree as Tree
from pathlib import Path
from typing import Any

import pytest

import jkeras
from jkeras.display.graph_picture import Show, draw_graph, svg
from jkeras.layers import Add, Dense
from jkeras.utils import plot_model


def residual(**options: Any) -> jkeras.Model:
    inputs = jkeras.Input((4,), name="numbers")
    hidden = Dense(4, activation="relu", name="hidden", **options)(inputs)
    return jkeras.Model(inputs, Add(name="sum")([inputs, hidden]), name="block")


def nested() -> jkeras.Sequential:
    inner = jkeras.Sequential([Dense(3, name="a"), Dense(2, name="b")], name="inner")
    return jkeras.Sequential([jkeras.Input((4,)), inner, residual_like()], name="outer")


def residual_like() -> jkeras.Model:
    inputs = jkeras.Input((2,))
    return jkeras.Model(inputs, Dense(1, name="c")(inputs), name="graph")


def texts(model: Any, **options: Any) -> list[str]:
    return [text for _, _, text in draw_graph(model.graph(), Show(**options)).texts]


def test_a_box_tells_what_is_asked_for() -> None:
    assert texts(residual()) == ["InputLayer", "Dense", "Add"]
    everything = texts(
        residual(trainable=False),
        shapes=True, dtype=True, names=True, activations=True, trainable=True,
    )  # fmt: skip
    assert everything == [
        *["numbers (InputLayer)", "out (None, 4)", "float32", "trainable"],
        *["hidden (Dense)", "activation: relu", "in (None, 4)", "out (None, 4)", "float32"],
        *["frozen", "sum (Add)", "in (None, 4), (None, 4)", "out (None, 4)", "float32"],
        "trainable",
    ]


def test_arrows_are_the_edges_each_once() -> None:
    assert len(draw_graph(residual().graph()).arrows) == 3
    shared, inputs = Dense(4), jkeras.Input((4,))
    twice = jkeras.Model(inputs, shared(shared(inputs)))
    assert len(draw_graph(twice.graph()).arrows) == 1


def test_models_in_the_model_are_drawn_on_demand() -> None:
    assert texts(nested(), names=True)[1:] == ["inner (Sequential)", "graph (Functional)"]
    names = [text.split()[0] for text in texts(nested(), names=True, nested=True)]
    assert names[1:4] == ["inner", "a", "b"] and names[4] == "graph" and names[-1] == "c"
    outer = draw_graph(nested().graph(), Show(nested=True))
    assert len(outer.arrows) == 2 + 1 + 1


def test_an_svg_is_well_formed_and_holds_the_texts() -> None:
    tree = Tree.fromstring(svg(draw_graph(residual().graph(), Show(names=True))))
    found = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert found == ["numbers (InputLayer)", "hidden (Dense)", "sum (Add)"]
    x = jkeras.Input((2,))
    odd = jkeras.Model(x, jkeras.layers.Lambda(lambda v: v, name="a<b&c")(x))
    Tree.fromstring(svg(draw_graph(odd.graph(), Show(names=True))))


@pytest.mark.parametrize(
    ("ending", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG\r\n"), ("PDF", b"%PDF")]
)
def test_files_of_three_kinds(tmp_path: Path, ending: str, begins: bytes) -> None:
    picture = plot_model(residual(), tmp_path / "new" / f"model.{ending}", dpi=50)
    assert picture.path.read_bytes().startswith(begins)
    shown = picture._repr_mimebundle_()
    assert list(shown) == {"svg": ["image/svg+xml"], "png": ["image/png"]}.get(ending, [])


class Written(jkeras.Model):
    """A model with its own call."""

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (
            lambda: plot_model(residual(), "model.jpg"),
            ValueError,
            "plot_model: `to_file`: expected a file that ends in .svg, .png, .pdf, got "
            "'model.jpg'. Did you mean '.png'?",
        ),
        (
            lambda: plot_model(residual(), None),
            TypeError,
            "plot_model: `to_file`: expected a path, got None (NoneType).",
        ),
        (
            lambda: plot_model(residual(), rankdir="DOWN"),
            ValueError,
            "plot_model: `rankdir`: expected one of 'TB', 'BT', 'LR', 'RL', got 'DOWN'.",
        ),
        (
            lambda: plot_model(residual(), dpi=0),
            ValueError,
            "plot_model: `dpi`: expected a positive integer, got 0 (int).",
        ),
        (
            lambda: plot_model(Dense(2)),
            TypeError,
            "plot_model: expected a jkeras.Model or jkeras.Sequential, got Dense(units=2) (Dense).",
        ),
        (
            lambda: plot_model(jkeras.Sequential([Dense(2)], name="net")),
            ValueError,
            "Sequential 'net': it has no `inputs` and `outputs` yet, because the shape of its "
            "inputs is not known. Begin it with Input(shape), or call build((None, ...)).",
        ),
        (
            lambda: plot_model(Written()),
            TypeError,
            "plot_model: Written 'written' has its own `call`, which only running it could show. "
            "A picture needs Model(inputs, outputs) or Sequential.",
        ),
    ],
)
def test_a_message_says_what_to_do(wrong: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message

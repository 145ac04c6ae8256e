"""What a person types wrong with graphs, and the whole message that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential
from jkeras.layers import Add, Concatenate, Conv2D, Dense, Dropout, Flatten
from jkeras.models import Graph

ARRAY = np.zeros((2, 4), "float32")


def a() -> Any:
    """An input of four numbers."""
    return Input((4,), name="a")


def b() -> Any:
    """An input of three."""
    return Input((3,), name="b")


def pair(**options: Any) -> Model:
    """A model of two inputs."""
    inputs = [a(), b()]
    return Model(inputs, Concatenate()(inputs), **options)


CASES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "an input that is not given": (
        lambda: Model(a(), Dense(1)(Concatenate(name="join")([Input((4,)), b()])), name="m"),
        ValueError,
        "Model 'm': graph disconnected: Input (None, 4) goes into Concatenate 'join' and is not "
        "among `inputs` (Input 'a' (None, 4)). Add it: Model(inputs=[...], outputs=...).",
    ),
    "an output that is an input that is not given": (
        lambda: Model(a(), b()),
        ValueError,
        "Model: graph disconnected: Input 'b' (None, 3) is an output and is not among `inputs` "
        "(Input 'a' (None, 4)). Add it: Model(inputs=[...], outputs=...).",
    ),
    "arrays as inputs": (
        lambda: Model(ARRAY, a()),
        TypeError,
        "Model: `inputs`: expected what Input(shape) and layers called on it return, got an array "
        "of shape (2, 4) and dtype float32.",
    ),
    "a layer that was not called as output": (
        lambda: Model(a(), Dense(3)),
        TypeError,
        "Model: `outputs`: expected what Input(shape) and layers called on it return, got "
        "Dense(units=3) (Dense).",
    ),
    "no outputs": (
        lambda: Model(a()),
        TypeError,
        "Model: expected `inputs` and `outputs`, got no `outputs`. For example: "
        "x = jkeras.Input((4,)); jkeras.Model(x, jkeras.layers.Dense(1)(x)).",
    ),
    "an empty list of inputs": (
        lambda: Model([], a()),
        ValueError,
        "Model: `inputs`: expected at least one symbol, got [] (list).",
    ),
    "an input twice": (
        lambda: (lambda x: Model([x, x], Dense(1)(x)))(a()),
        ValueError,
        "Model: `inputs`: Input 'a' (None, 4) is given twice.",
    ),
    "one name for two layers": (
        lambda: (lambda x: Model(x, Dense(3, name="q")(Dense(3, name="q")(x))))(a()),
        ValueError,
        "Model: two layers are named 'q': names must be unique within a model. Rename one, or "
        "leave `name` out to have it chosen.",
    ),
    "a misspelt argument": (
        lambda: Model(input=a(), outputs=a()),
        TypeError,
        "Model: unexpected argument `input`. Did you mean 'inputs'? Arguments: inputs, outputs, "
        "name, seed, trainable, dtype.",
    ),
    "a layer called on another rank": (
        lambda: Conv2D(3, 3, name="conv")(Dense(2, name="before")(a())),
        ValueError,
        "Conv2D 'conv', called on the outputs of Dense 'before' (None, 2): expected `inputs` "
        "[batch, height, width, channels], got shape (None, 2). For data without channels add the "
        "axis: x[..., None].",
    ),
    "layers that do not go together": (
        lambda: Add()([a(), Flatten(name="flat")(b())]),
        ValueError,
        "Add, called on Input 'a' (None, 4), the outputs of Flatten 'flat' (None, 3): expected "
        "inputs of one shape (or 1 on an axis), got [(None, 4), (None, 3)].",
    ),
    "operators that do not go together": (
        lambda: a() + b(),
        ValueError,
        "Add of Input 'a' (None, 4) and Input 'b' (None, 3): expected equal sizes (or 1) axis by "
        "axis, counted from the last.",
    ),
    "an operator with a word": (
        lambda: a() * "2",
        TypeError,
        "Multiply of Input 'a' (None, 4): expected an array, a number or a symbol, got '2' (str).",
    ),
    "weights of unknown size": (
        lambda: Dense(3)(Input((None,), name="x")),
        ValueError,
        "Dense, called on Input 'x' (None, None): its weight kernel would have the shape (None, 3)"
        ", which depends on an axis of unknown size (None). Give that axis a size in Input.",
    ),
    "a misspelt argument of a call": (
        lambda: Dropout(0.5)(a(), trainig=True),
        TypeError,
        "Dropout: call: unexpected argument `trainig`. Did you mean 'training'? Arguments: "
        "training.",
    ),
    "a flag that is none": (
        lambda: Dropout(0.5)(a(), training="yes"),
        TypeError,
        "Dropout: `training`: expected True or False, got 'yes' (str).",
    ),
    "a symbol as a condition": (
        lambda: bool(a() > 0),
        TypeError,
        "<KerasTensor shape=(None, 4), dtype=bool, name=None> stands for a value that is not there "
        "yet, so it has no truth. Choose inside the model: jkeras.ops.where(condition, a, b).",
    ),
    "a walk over a symbol": (
        lambda: list(a()),
        TypeError,
        "<KerasTensor shape=(None, 4), dtype=float32, name=a> stands for a value that is not there "
        "yet, so it has no items to walk over. Index it, x[:, 0], or use jkeras.ops.unstack.",
    ),
    "a symbol as an array": (
        lambda: np.asarray(a()),
        TypeError,
        "<KerasTensor shape=(None, 4), dtype=float32, name=a> stands for a value that is not there "
        "yet, so it has no array. Use jkeras.ops, or a layer, in place of the NumPy function.",
    ),
    "the outputs of a layer that was not called": (
        lambda: Dense(2).output,
        AttributeError,
        "Dense: it has no `input` and no `output`, because it was not called on symbols yet. Take "
        "it out of a model with known inputs, model.get_layer(name), or call it: "
        "layer(jkeras.Input(shape)).",
    ),
    "the outputs of a model of unknown inputs": (
        lambda: Sequential([Dense(2)]).output,
        ValueError,
        "Sequential 'sequential': it has no `inputs` and `outputs` yet, because the shape of its "
        "inputs is not known. Begin it with Input(shape), or call build((None, ...)).",
    ),
    "a model called on too few": (
        lambda: pair(name="pair")(a()),
        ValueError,
        "Graph 'pair': expected 2 inputs (a, b), got 1.",
    ),
    "a model called on another name": (
        lambda: pair(name="pair")({"a": a(), "bb": b()}),
        ValueError,
        "Graph 'pair': expected inputs named a, b, got a, bb: 'bb' is no input. Did you mean 'b'?",
    ),
    "a model called on another shape": (
        lambda: pair(name="pair")([a(), a()]),
        ValueError,
        "Graph 'pair', called on Input 'a' (None, 4), Input 'a' (None, 4): InputLayer 'b': "
        "expected `inputs` of shape (None, 3), got (None, 4). None is an axis of any size; the "
        "first axis counts the examples.",
    ),
    "data of another shape": (
        lambda: pair().predict([ARRAY, ARRAY], verbose=0),
        ValueError,
        "InputLayer 'b': expected `inputs` of shape (None, 3), got (None, 4). None is an axis of "
        "any size; the first axis counts the examples.",
    ),
    "a module that is no layer, in a graph": (
        lambda: jkeras.Trainer(Foreign())(a()),
        TypeError,
        "Trainer 'foreign': expected a description that is a jkeras.Layer to make it a part of "
        "another model, got <a module> (Foreign).",
    ),
    "masks for other inputs": (
        lambda: Graph([x := a(), y := b()], [x, y]).apply({}, {}, ARRAY, ARRAY[:, :3], mask=[None]),
        ValueError,
        "Graph: expected a mask or None for each of 2 inputs, got [None] (list).",
    ),
    "a bound that is a symbol": (
        lambda: a()[:, : b()],
        TypeError,
        "a slice with a symbol as its bound has no shape. Slice by numbers.",
    ),
}


class Foreign:
    """Somebody's module."""

    def __repr__(self) -> str:
        return "<a module>"

    def init(self, key: Any, x: Any) -> Any:
        """No weights."""
        return {}, {}

    def apply(self, params: Any, state: Any, x: Any, **options: Any) -> Any:
        """The identity."""
        return x, state


@pytest.mark.parametrize("case", CASES)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = CASES[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message

"""Wrong uses of graphs, masks and several outputs, each with the whole message it gets.

What a person types wrong who knows Keras: shapes that do not meet, names that are none, lists where
one input is wanted, parts of two models mixed up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, ops
from jkeras import layers as L

A, B = np.ones((4, 4), "float32"), np.ones((4, 3), "float32")


def a(*shape: int) -> Any:
    return Input(shape or (4,), name="a")


def b(*shape: int) -> Any:
    return Input(shape or (3,), name="b")


def one() -> Model:
    x = a()
    return Model(x, L.Dense(2, name="d")(x), name="net")


def two() -> Model:
    inputs = [a(), b()]
    return Model(inputs, L.Concatenate(name="c")(inputs), name="two")


def heads() -> Model:
    x = a()
    return Model(x, {"p": L.Dense(1, name="p")(x), "q": L.Dense(2, name="q")(x)}, name="heads")


def compiled(model: Model, loss: Any = "mse", **options: Any) -> Model:
    model.compile("sgd", loss, **options)
    return model


def swapped() -> Model:
    x = a()
    return Model(L.Dense(2)(x), x)


def same_name_twice() -> Model:
    x = a()
    return Model(x, L.Dense(2, name="d")(L.Dense(2, name="d")(x)))


def text() -> Model:
    tokens = Input((None,), dtype="int32", name="tokens")
    read = L.LSTM(3)(L.Embedding(9, 4, mask_zero=True, name="words")(tokens))
    return Model(tokens, L.Dense(1)(read))


CASES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a size in place of a shape": (
        lambda: Input(4),
        TypeError,
        "InputLayer: `shape`: expected a tuple of sizes, got 4 (int). Write (4,).",
    ),
    "an input without a shape": (
        lambda: Input(),
        ValueError,
        "InputLayer: expected `shape`, the shape of one example, got none. For 28 by 28 images "
        "write Input((28, 28)), for single numbers Input(()).",
    ),
    "an input of negative size": (
        lambda: Input((-1,)),
        ValueError,
        "InputLayer: `shape`: expected a positive integer, got -1.",
    ),
    "a symbol among the arguments of a layer": (
        lambda: L.Dense(a()),
        TypeError,
        "Dense: `units`: expected a positive integer, got an array of shape (None, 4) and dtype "
        "float32.",
    ),
    "a list for a layer of one input": (
        lambda: L.Dense(2)([a(), b()]),
        ValueError,
        "Dense, called on Input 'a' (None, 4), Input 'b' (None, 3): expected one input, got a "
        "list of 2. Join them first, for example by Concatenate, or call the layer on each.",
    ),
    "a layer called on None": (
        lambda: L.Dense(2)(None),
        TypeError,
        "Dense: expected an input, got None. A function that shall give it may lack its `return`.",
    ),
    "a layer called on nothing": (
        lambda: L.Dense(2)(),
        TypeError,
        "Dense: expected an input, got none. Write layer(x).",
    ),
    "a misspelt flag": (
        lambda: L.Dense(2)(a(), trainin=True),
        TypeError,
        "Dense: call: unexpected argument `trainin`. Did you mean 'training'? Arguments: training.",
    ),
    "a flag that is a word": (
        lambda: L.Dropout(0.5)(a(), training="yes"),
        TypeError,
        "Dropout: `training`: expected True or False, got 'yes' (str).",
    ),
    "a sum of one": (
        lambda: L.Add()(a()),
        ValueError,
        "Add, called on Input 'a' (None, 4): expected two inputs or more, got 1. Give them in a "
        "list: layer([a, b]).",
    ),
    "a sum of different shapes": (
        lambda: a() + b(),
        ValueError,
        "Add of Input 'a' (None, 4) and Input 'b' (None, 3): expected equal sizes (or 1) axis by "
        "axis, counted from the last.",
    ),
    "joined along an axis that is none": (
        lambda: L.Concatenate(axis=3)([a(), b()]),
        ValueError,
        "Concatenate, called on Input 'a' (None, 4), Input 'b' (None, 3): expected `axis` to name "
        "an axis of the inputs, got 3 for inputs of shape (None, 4).",
    ),
    "products of vectors of different lengths": (
        lambda: L.Dot(axes=1)([a(), b()]),
        ValueError,
        "Dot, called on Input 'a' (None, 4), Input 'b' (None, 3): expected inputs of equal size "
        "on `axes` 1 and on the batch axis, got shapes [(None, 4), (None, 3)].",
    ),
    "a sequence without time": (
        lambda: L.LSTM(3)(a()),
        ValueError,
        "LSTM, called on Input 'a' (None, 4): expected `inputs` [batch, time, features], got "
        "shape (None, 4). Give each example a time axis: x[:, None, :].",
    ),
    "an image without channels": (
        lambda: L.Conv2D(3, 3)(a(8, 8)),
        ValueError,
        "Conv2D, called on Input 'a' (None, 8, 8): expected `inputs` [batch, height, width, "
        "channels], got shape (None, 8, 8). For data without channels add the axis: x[..., None].",
    ),
    "a window larger than the image": (
        lambda: L.Conv2D(3, 5)(a(4, 4, 1)),
        ValueError,
        "Conv2D, called on Input 'a' (None, 4, 4, 1): expected `kernel_size` to fit into the "
        "inputs' (4, 4), got a window of (5, 5). Make it smaller, or pad: padding='same'.",
    ),
    "a shape that entries do not fill": (
        lambda: L.Reshape((3, 5))(a()),
        ValueError,
        "Reshape, called on Input 'a' (None, 4): expected examples that fill `target_shape` "
        "(3, 5), got 4 entries each, from inputs of shape (None, 4).",
    ),
    "one state for an LSTM": (
        lambda: L.LSTM(3)(a(5, 2), initial_state=[b()]),
        ValueError,
        "LSTM, called on Input 'a' (None, 5, 2), Input 'b' (None, 3): expected initial states of "
        "shapes [(None, 3), (None, 3)], side by side behind the inputs, got [(None, 3)].",
    ),
    "a misspelt option of attention": (
        lambda: L.MultiHeadAttention(2, 4)(a(5, 4), a(5, 4), use_causal=True),
        TypeError,
        "MultiHeadAttention: call: unexpected argument `use_causal`. Did you mean "
        "'use_causal_mask'? Arguments: training, query_mask, value_mask, key_mask, "
        "attention_mask, return_attention_scores, use_causal_mask.",
    ),
    "a mask of another length": (
        lambda: L.GlobalAveragePooling1D()(a(5, 2), mask=Input((4,), dtype="bool", name="m")),
        ValueError,
        "GlobalAveragePooling1D, called on Input 'a' (None, 5, 2), Input 'm' (None, 4): expected "
        "`mask` of shape (None, 5), [batch, steps] as the inputs, got (None, 4).",
    ),
    "a word to be masked": (
        lambda: L.Masking("x"),
        TypeError,
        "Masking: `mask_value`: expected a number, got 'x' (str).",
    ),
    "ids outside of the table, behind a mask": (
        lambda: text().predict(np.full((4, 3), 9), verbose=0),
        ValueError,
        "predict: Embedding 'words': expected ids from 0 to 8 (`input_dim` is 9), got values from "
        "9 to 9.",
    ),
    "a layer that is not recurrent, both ways": (
        lambda: L.Bidirectional(L.Dense(2)),
        TypeError,
        "Bidirectional: `layer`: expected a recurrent layer, such as LSTM(32) or RNN(cell), got "
        "Dense(units=2) (Dense).",
    ),
    "a layer in place of its outputs": (
        lambda: Model(a(), L.Dense(2)),
        TypeError,
        "Model: `outputs`: expected what Input(shape) and layers called on it return, got "
        "Dense(units=2) (Dense).",
    ),
    "a shape in place of inputs": (
        lambda: Model((4,), L.Dense(2)(a())),
        TypeError,
        "Model: `inputs`: expected what Input(shape) and layers called on it return, got 4 (int).",
    ),
    "inputs and outputs swapped": (
        swapped,
        ValueError,
        "Model: graph disconnected: Input 'a' (None, 4) is an output and is not among `inputs` "
        "(the outputs of Dense (None, 2)). Add it: Model(inputs=[...], outputs=...).",
    ),
    "parts of two models of the same kind": (
        lambda: Model(one().inputs, one().output),
        ValueError,
        "Model: graph disconnected: Input 'a' (None, 4) goes into Dense 'd' and is not among "
        "`inputs` (Input 'a' (None, 4)). The two look alike and come from two calls: keep one, "
        "and use it in both places.",
    ),
    "two layers of one name": (
        same_name_twice,
        ValueError,
        "Model: two layers are named 'd': names must be unique within a model. Rename one, or "
        "leave `name` out to have it chosen.",
    ),
    "a layer that is not there": (
        lambda: one().get_layer("dd"),
        ValueError,
        "Model 'net': no layer named 'dd'. Did you mean 'd'? Layers: a, d.",
    ),
    "a number of no layer": (
        lambda: one().get_layer(index=9),
        ValueError,
        "Model 'net': get_layer: expected `index` below 2, got 9.",
    ),
    "data for one of two inputs": (
        lambda: compiled(two()).fit(A, np.ones((4, 7)), verbose=0),
        ValueError,
        "fit: `x`: Graph 'two': expected 2 inputs (a, b), got 1.",
    ),
    "data under another name": (
        lambda: two().predict({"a": A, "bb": B}, verbose=0),
        ValueError,
        "predict: `x`: Graph 'two': expected inputs named a, b, got a, bb: 'bb' is no input. "
        "Did you mean 'b'?",
    ),
    "inputs of different lengths": (
        lambda: compiled(two()).fit([A, B[:3]], np.ones((4, 7)), verbose=0),
        ValueError,
        "fit: expected the same number of examples everywhere, got: `x` has 3 and 4, `y` has 4.",
    ),
    "a loss for no output": (
        lambda: compiled(heads(), {"p": "mse", "r": "mse"}),
        ValueError,
        "compile: `loss`: no output is named 'r'. Outputs: p, q.",
    ),
    "a weight for no output": (
        lambda: compiled(heads(), loss_weights={"p": 1.0, "z": 2.0}),
        ValueError,
        "compile: `loss_weights`: no output is named 'z'. Outputs: p, q.",
    ),
    "a metric for no output": (
        lambda: compiled(heads(), metrics={"pp": ["mae"]}),
        ValueError,
        "compile: `metrics`: no output is named 'pp'. Did you mean 'p'? Outputs: p, q.",
    ),
    "targets of one of two outputs": (
        lambda: compiled(heads()).fit(A, [np.ones((4, 1))], verbose=0),
        ValueError,
        "fit: `y`: expected one entry for each of the 2 outputs (p, q), got a list of 1.",
    ),
    "a function that there is not": (
        lambda: ops.concat([a(), b()]),
        AttributeError,
        "jkeras.ops has no 'concat'. Did you mean 'concatenate'?",
    ),
    "a model of two inputs in a row": (
        lambda: Sequential([two(), L.Dense(1)]).predict(A, verbose=0),
        ValueError,
        "predict: `x`: expected 2 inputs, for which the model was built, got 1. A tuple or list of "
        "arrays means several inputs.",
    ),
    "too few arrays of weights": (
        lambda: one().set_weights([np.ones((4, 2))]),
        ValueError,
        "Model 'net': `weights`: expected 2 arrays, as get_weights() returns, got 1.",
    ),
    "a dict for a row of layers": (
        lambda: compiled(Sequential([L.Dense(1)])).fit({"a": A}, A[:, :1], verbose=0),
        ValueError,
        "Dense 'dense': expected one array, got a dict with 'a'. Give one of them; for several "
        "inputs make a Model of Inputs.",
    ),
    "a list of numbers for a layer": (
        lambda: L.Dense(1)([[1.0, 2.0]]),
        ValueError,
        "Dense: expected one array, got a list of 1. Join them first, for example by Concatenate, "
        "or make one array: np.asarray.",
    ),
    "a model called on nothing": (
        lambda: Sequential([L.Dense(1)], name="row")(),
        TypeError,
        "Sequential 'row': expected an input, got none. Write model(x).",
    ),
    "a model called on None": (
        lambda: one()(None),
        TypeError,
        "Model 'net': expected an input, got None. A function that shall give it may lack its "
        "`return`.",
    ),
    "a model called on a word": (
        lambda: one()("cat.png"),
        TypeError,
        "Model 'net': expected arrays of numbers, got 'cat.png' (str).",
    ),
    "a function of JAX's on a symbol": (
        lambda: jnp.tanh(a()),
        ValueError,
        "<KerasTensor shape=(None, 4), dtype=float32, name=a> stands for a value that is not there "
        "yet, so it has no array. Use jkeras.ops, or a layer, in place of the JAX function.",
    ),
    "a function that gives nothing": (
        lambda: L.Lambda(lambda x: None)(a()),
        ValueError,
        "Lambda, called on Input 'a' (None, 4): expected outputs, got None (NoneType). Its "
        "function may lack a `return`.",
    ),
    "a function in place of a layer": (
        lambda: Sequential([len], name="row"),
        TypeError,
        "Sequential 'row': `layers`: expected layers, got <built-in function len> "
        "(builtin_function_or_method) at position 0. A function goes in jkeras.layers.Lambda(len).",
    ),
    "two inputs for a row that was built for one": (
        lambda: compiled(Sequential([Input((4,)), L.Dense(1)])).predict([A, A], verbose=0),
        ValueError,
        "predict: `x`: expected one input, for which the model was built, got 2. A tuple or list "
        "of arrays means several inputs.",
    ),
    "batches in a list to validate on": (
        lambda: compiled(one()).fit(A, A[:, :2], validation_data=[(A, A[:, :2])], verbose=0),
        ValueError,
        "fit: `validation_data`: expected (x, y) or (x, y, sample_weight), got 1 parts. Join "
        "batches that lie in a list: np.concatenate.",
    ),
    "a layer to be cloned as a model": (
        lambda: jkeras.models.clone_model(L.Dense(2)),
        TypeError,
        "clone_model: `model`: expected a model, got Dense(units=2) (Dense).",
    ),
}


@pytest.mark.filterwarnings("ignore:.*before the model was built")
@pytest.mark.parametrize("case", CASES)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = CASES[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message

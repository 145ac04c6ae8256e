"""The advice of messages works: where a message holds code, that code is run, and what follows.

`ADVICE` has an entry for every wrong use of the tables whose message holds code: the code as the
message says it, what its names stand for, and what is done with its value. A message with code and
without an entry fails.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, ops
from jkeras import layers as L
from tests.test_wrong_use import ERRORS, IMG, WITH_NAN, X, Y, built, model, uncompiled
from tests.test_wrong_use_of_graphs import CASES, A, a, one, two

MESSAGES = {wrong.name: wrong.message for wrong in ERRORS} | {
    name: message for name, (_, _, message) in CASES.items()
}
CODE = re.compile(r"[\w\])][(\[=]\S|\w\[")
NO_CODE = re.compile(r"(Arguments|Known):.*|, got (.|\n)*?\)\.|as get_weights\(\)|\(.*?\)")


class Advice(NamedTuple):
    """What a message says to write.

    Attributes:
      code: an expression in the message; an empty string where `call` does what it says in words.
      call: what is done with its value.
      names: what the names in the code stand for, beside those of libraries.
    """

    code: str
    call: Callable[[Any], Any]
    names: Mapping[str, Any] = MappingProxyType({})


def fitted(x: Any, y: Any = Y, *, made: Any = None, **options: Any) -> Any:
    return (made or model()).fit(x, y, verbose=0, **options)


def categorical(y: Any) -> Any:
    return fitted(X, y, made=model("categorical_crossentropy"))


def compiled(net: Any, loss: str = "mse") -> Any:
    net.compile("sgd", loss)
    return net


def conv(x: Any) -> Any:
    return L.Conv2D(2, 3)(np.asarray(x, "float32") if isinstance(x, np.ndarray) else x)


NAMES = {
    **{"jkeras": jkeras, "np": np, "jax": jax, "ops": ops, "Input": Input, "Model": Model},
    **{name: getattr(L, name) for name in ("Dense", "LSTM", "RNN", "Add")},
    **{name: getattr(jkeras.callbacks, name) for name in ("EarlyStopping", "LambdaCallback")},
    **{name: getattr(jkeras.losses, name) for name in ("SparseCategoricalCrossentropy",)},
    **{name: getattr(jkeras.optimizers, name) for name in ("Adam",)},
}

ADVICE: dict[str, Advice] = {
    "set_field": Advice("x.replace(units=4)", lambda d: d.units == 4 or 1 / 0, {"x": L.Dense(3)}),
    "layer_in_model": Advice(
        "jkeras.layers.Activation('relu')", lambda layer: fitted(X, made=model(layers=[layer]))
    ),
    "class_in_model": Advice("", lambda _: jkeras.Sequential([L.Dense(3)])),
    "metrics_string": Advice("", lambda _: uncompiled().compile("sgd", "mse", metrics=["mae"])),
    "fit_uncompiled": Advice("", lambda _: fitted(X, X[:, :3], made=adam())),
    "evaluate_uncompiled": Advice("", lambda _: adam().evaluate(X, X[:, :3], verbose=0)),
    "lists": Advice(
        "keras.utils.pad_sequences(x)",
        lambda x: fitted(x, [0, 1]),
        {"keras": jkeras, "x": [[1, 2], [3]]},
    ),
    "objects": Advice("x.astype('float32')", fitted, {"x": X.astype(object)}),
    "strings": Advice(
        "np.unique(x, return_inverse=True)[1]",
        lambda x: fitted(x[:, None]),
        {"x": np.array(["a", "b"] * 4)},
    ),
    "nan": Advice("np.nan_to_num(x)", fitted, {"x": WITH_NAN}),
    "inf": Advice("np.clip(x, -1e6, 1e6)", fitted, {"x": np.where(X > 1, np.inf, X)}),
    "nan_y": Advice("np.nan_to_num(y)", lambda y: fitted(X, y), {"y": np.full(8, np.nan)}),
    "scalar_x": Advice("x[None]", lambda x: x.shape == (1,) or 1 / 0, {"x": np.float32(3)}),
    "rank1": Advice("x[:, None]", fitted, {"x": X[:, 0]}),
    "one_hot_sparse": Advice("y.argmax(-1)", lambda y: fitted(X, y), {"y": np.eye(3)[Y]}),
    "ids_categorical": Advice("jkeras.utils.to_categorical(y, 3)", categorical, {"y": Y}),
    "label_negative": Advice("", lambda _: ignoring(-1)),
    "label_fraction": Advice("", lambda _: fitted(X, Y / 2, made=model("mse", 1))),
    "string_labels": Advice(
        "np.unique(y, return_inverse=True)[1]", lambda y: fitted(X, y), {"y": np.array(["a"] * 8)}
    ),
    "binary_range": Advice(
        "(y + 1) / 2",
        lambda y: fitted(
            X, y, made=model(layers=[L.Dense(1, "sigmoid")], loss="binary_crossentropy")
        ),
        {"y": np.sign(X[:, 0])},
    ),
    "both_weights": Advice(
        "sample_weight * [class_weight.get(c, 1.0) for c in y]",
        lambda weight: fitted(X, sample_weight=weight),
        {"sample_weight": np.ones(8), "class_weight": {0: 2.0}, "y": Y},
    ),
    "generator_nan": Advice(
        "np.nan_to_num(x)", lambda x: fitted(iter([(X, Y), (x, Y)]), None), {"x": WITH_NAN}
    ),
    "callback_class": Advice("", lambda _: fitted(X, callbacks=[jkeras.callbacks.History()])),
    "callback_function": Advice(
        "LambdaCallback(on_epoch_end=function)",
        lambda callback: fitted(X, callbacks=[callback]),
        {"function": lambda epoch, logs: None},
    ),
    "weights_unbuilt": Advice(
        "", lambda _: [made.build((None, 4)) or made.get_weights() for made in [model()]]
    ),
    "single_example": Advice("x[None]", lambda x: built().predict(x, verbose=0), {"x": X[0]}),
    "conv_rank": Advice("x[..., None]", conv, {"x": IMG}),
    "dropout_key": Advice(
        "apply(params, state, inputs, key=jax.random.key(0), training=True)",
        lambda outputs: outputs[0].shape == X.shape or 1 / 0,
        {"apply": L.Dropout(0.5).apply, "params": {}, "state": {}, "inputs": X},
    ),
    "trainer_none": Advice("", lambda _: jkeras.Trainer(jkeras.Sequential([L.Dense(3)]).net)),
    "pair_as_x": Advice("fit(x, y)", lambda _: None, {"fit": fitted, "x": X, "y": Y}),
    "list_of_batches": Advice("iter(x)", lambda x: fitted(x, None), {"x": [(X, Y)]}),
    "complex_numbers": Advice("np.stack([x.real, x.imag], -1)", lambda x: dense3(x), {"x": X + 1j}),
    "policy_of_a_model_without_layers": Advice("", lambda _: L.Dense(3, dtype="mixed_bfloat16")),
    "loss_scale_around_a_name": Advice("Adam()", jkeras.optimizers.LossScaleOptimizer),
    "add_a_class": Advice("", lambda _: uncompiled().add(L.Dense(3))),
    "save_name": Advice("", lambda _: None),
    "an input without a shape": Advice("Input((28, 28))", L.Flatten()),
    "a layer called on nothing": Advice("layer(x)", lambda y: y, {"layer": L.Dense(2), "x": a()}),
    "a sum of one": Advice("layer([a, b])", lambda y: y, {"layer": L.Add(), "a": a(), "b": a()}),
    "a sequence without time": Advice("x[:, None, :]", L.LSTM(3), {"x": a()}),
    "an image without channels": Advice("x[..., None]", conv, {"x": a(8, 8)}),
    "a window larger than the image": Advice(
        "", lambda _: L.Conv2D(2, 5, padding="same")(a(4, 4, 1))
    ),
    "a layer that is not recurrent, both ways": Advice("LSTM(32)", L.Bidirectional),
    "a layer in place of its outputs": Advice("", lambda _: one()),
    "a shape in place of inputs": Advice("", lambda _: one()),
    "inputs and outputs swapped": Advice("", lambda _: two()),
    "a model called on nothing": Advice("model(x)", lambda y: y, {"model": one(), "x": A}),
    "a function in place of a layer": Advice(
        "jkeras.layers.Lambda(len)", lambda layer: Sequential([layer])
    ),
    "a layer to be cloned as a model": Advice("", lambda _: jkeras.models.clone_model(one())),
    "a function of JAX's on a symbol": Advice("", lambda _: ops.exp(a())),
    "two_clips": Advice("", lambda _: jkeras.optimizers.Adam(clipnorm=1.0)),
}


def adam() -> Any:
    made = uncompiled()
    made.compile(optimizer="adam", loss="mse")
    return made


def dense3(x: Any) -> Any:
    net = compiled(Sequential([L.Flatten(), L.Dense(1)]))
    return net.fit(x, X[:, 0], verbose=0)


def ignoring(label: int) -> Any:
    loss = jkeras.losses.SparseCategoricalCrossentropy(ignore_class=label)
    made = uncompiled([L.Dense(3, "softmax")])
    made.compile("sgd", loss)
    return made.fit(X, np.where(Y == 0, label, Y), verbose=0)


def test_every_message_with_code_has_its_advice_here() -> None:
    with_code = {name for name, text in MESSAGES.items() if CODE.search(NO_CODE.sub("", text))}
    assert with_code - set(ADVICE) == set()
    assert set(ADVICE) <= set(MESSAGES)


@pytest.mark.parametrize("name", ADVICE)
def test_the_advice_of_a_message_works(name: str) -> None:
    advice = ADVICE[name]
    assert advice.code in MESSAGES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of data that are made up
        advice.call(eval(advice.code, {**NAMES, **advice.names}) if advice.code else None)

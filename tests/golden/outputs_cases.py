"""Runs with several outputs that Keras and jkeras both make.

`CASES` holds them under their names. Each takes the library and `make(form)`, which returns a model
with heads over four features, "oa" with one unit, "ob" and "oc" with two; in the structure that
`form` says.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Library = types.ModuleType
Make = Callable[..., Any]
Record = dict[str, Any]

CASES: dict[str, Callable[[Library, Make], Record]] = {}

ROWS, BATCH = 20, 8
_RNG = np.random.RandomState(0)
X = _RNG.randn(ROWS, 4).astype("float32")
YA = (X[:, :1] - X[:, 1:2]).astype("float32")
YB = (X[:, 1:3] * X[:, 2:]).astype("float32")
WA, WB = np.linspace(0.0, 2.0, ROWS), np.linspace(1.5, 0.5, ROWS)
WEIGHTS = [
    (_RNG.uniform(-0.7, 0.7, (4, units)).astype("float32"), np.full(units, 0.1, "float32"))
    for units in (1, 2, 2)
]
NAMES = ("oa", "ob", "oc")


def outputs(form: str, a: Any, b: Any, c: Any) -> Any:
    """The heads in the structure that `form` says."""
    structures = {
        "one": lambda: a,
        "list": lambda: [a, b],
        "tuple": lambda: (a, b),
        "dict": lambda: {"zed": a, "b": b},
        "named dict": lambda: {"ob": b, "oa": a},
        "nested": lambda: {"p": [a, b], "q": c},
    }
    return structures[form]()


def functional(k: Library, form: str, **options: Any) -> Any:
    """The model as a graph, with the heads' weights; options go to the layer "oa"."""
    x = k.Input((4,))
    a = k.layers.Dense(1, name="oa", **options)(x)
    b, c = (k.layers.Dense(2, name=name)(x) for name in NAMES[1:])
    model = k.Model(x, outputs(form, a, b, c), name="model")
    given = dict(zip(NAMES, WEIGHTS, strict=True))
    heads = [layer.name for layer in model.layers if layer.name in given]
    model.set_weights([weight for name in heads for weight in given[name]])
    return model


def case(function: Callable[[Library, Make], Record]) -> Callable[[Library, Make], Record]:
    """Adds a run to `CASES` under its name."""
    CASES[function.__name__] = function
    return function


def trained(model: Any, x: Any, y: Any, weight: Any = None, **options: Any) -> Record:
    """Two epochs without shuffling, and the two forms of `evaluate`."""
    sizes = {"batch_size": BATCH, "verbose": 0}
    run = model.fit(x, y, epochs=2, shuffle=False, sample_weight=weight, **sizes, **options)
    found = model.evaluate(x, y, sample_weight=weight, **sizes)
    named = model.evaluate(x, y, sample_weight=weight, return_dict=True, **sizes)
    return {"history": run.history, "evaluate": found, "named": list(named.items())}


def compiled(k: Library, model: Any, **options: Any) -> Any:
    """The model, compiled for SGD."""
    model.compile(optimizer=k.optimizers.SGD(0.05), **options)
    return model


@case
def one_loss_for_all(k: Library, make: Make) -> Record:
    model = compiled(k, make("list"), loss="mse", metrics=[["mae"], ["mae", "mse"]])
    return trained(model, X, [YA, YB], validation_data=(X[:9], [YA[:9], YB[:9]]))


@case
def everything_by_name(k: Library, make: Make) -> Record:
    model = compiled(
        k,
        make("list"),
        loss={"oa": "mse", "ob": "mae"},
        loss_weights={"oa": 0.3, "ob": 2.0},
        metrics={"ob": ["mse"], "oa": "mae"},
        weighted_metrics={"ob": ["mse"]},
    )
    return trained(model, X, {"oa": YA, "ob": YB})


@case
def an_output_without_a_loss(k: Library, make: Make) -> Record:
    model = compiled(k, make("list"), loss=["mse", None], metrics={"ob": ["mse"]})
    return trained(model, X, [YA, YB])


@case
def weights_for_each(k: Library, make: Make) -> Record:
    options = {"loss_weights": [0.3, 2.0], "weighted_metrics": [["mae"], ["mse"]]}
    model = compiled(k, make("list"), loss=["mse", "mae"], **options)
    return trained(model, X, [YA, YB], [WA, WB])


@case
def weights_for_all(k: Library, make: Make) -> Record:
    rules = {"kernel_regularizer": k.regularizers.L2(0.1)}
    options = {"metrics": [[], ["mae"]], "weighted_metrics": [["mae"], ["mae"]]}
    model = compiled(k, make("list", **rules), loss=["mse", "mae"], **options)
    held_out = (X[:9], [YA[:9], YB[:9]], [WA[:9], WB[:9]])
    return trained(model, X, [YA, YB], WA, validation_data=held_out)


@case
def keys_of_a_dict(k: Library, make: Make) -> Record:
    model = compiled(
        k,
        make("dict"),
        loss={"zed": "mse", "b": k.losses.Huber()},
        metrics={"zed": "mae"},
        weighted_metrics={"zed": ["mae"], "b": "mae"},
    )
    return trained(model, X, {"zed": YA, "b": YB}, {"zed": WA, "b": WB})


@case
def some_keys_of_a_dict(k: Library, make: Make) -> Record:
    model = compiled(k, make("dict"), loss={"zed": "mse"}, metrics={"b": ["mae"]})
    return trained(model, X, {"zed": YA, "b": YB})


@case
def a_dict_with_a_list_of_targets(k: Library, make: Make) -> Record:
    return trained(compiled(k, make("dict"), loss="mse"), X, [YB, YA])


@case
def keys_that_are_names(k: Library, make: Make) -> Record:
    losses = {"ob": "mse", "oa": "mae"}
    model = compiled(k, make("named dict"), loss=losses, metrics={"ob": "mae", "oa": ["mse"]})
    return trained(model, X, {"oa": YA, "ob": YB})


@case
def nested_outputs(k: Library, make: Make) -> Record:
    metrics = {"p": ["mae", None], "q": ["mae", "mse"]}
    model = compiled(k, make("nested"), loss={"p": ["mse", "mae"], "q": "mse"}, metrics=metrics)
    return trained(model, X, {"p": [YA, YB], "q": YB})


@case
def names_of_nothing(k: Library, make: Make) -> Record:
    model = compiled(k, make("tuple", named=False), loss=["mse", "mae"], metrics=["mae", "mse"])
    return trained(model, X, (YA, YB))


@case
def one_output_by_name(k: Library, make: Make) -> Record:
    given = {"loss": {"oa": "mse"}, "loss_weights": {"oa": 0.5}, "metrics": {"oa": ["mae"]}}
    return trained(compiled(k, make("one"), **given), X, YA)


@case
def one_output_in_lists(k: Library, make: Make) -> Record:
    model = compiled(k, make("one"), loss=["mse"], loss_weights=[0.5], metrics=[["mae"], "mse"])
    return trained(model, X, [YA])


@case
def two_inputs(k: Library, make: Make) -> Record:
    left, right = k.Input((3,), name="left"), k.Input((1,), name="right")
    joined = k.layers.Concatenate()([left, right])
    model = k.Model([left, right], k.layers.Dense(2, name="ob")(joined))
    model.set_weights(WEIGHTS[1])
    compiled(k, model, loss="mse")
    named = {"right": X[:, 3:], "left": X[:, :3], "unused": X}
    found = trained(model, [X[:, :3], X[:, 3]], YB, validation_data=(named, YB))
    return found | {"predict": model.predict(named, verbose=0)[:3].tolist()}


def batches() -> Iterator[Any]:
    """Weighted batches of dicts, the last of them smaller."""
    for start in range(0, ROWS, BATCH):
        s = slice(start, start + BATCH)
        yield X[s], {"zed": YA[s], "b": YB[s]}, {"zed": WA[s], "b": WB[s]}


@case
def a_generator_of_dicts(k: Library, make: Make) -> Record:
    model = compiled(k, make("dict"), loss={"zed": "mse", "b": "mae"}, metrics={"b": ["mse"]})
    run = model.fit(batches(), validation_data=batches(), verbose=0)
    return {"history": run.history, "evaluate": model.evaluate(batches(), verbose=0)}


@case
def classes(k: Library, make: Make) -> Record:
    losses = [k.losses.BinaryCrossentropy(True), k.losses.SparseCategoricalCrossentropy(True)]
    model = compiled(k, make("list"), loss=losses, metrics=["accuracy", "accuracy"])
    return trained(model, X, [YA > 0, YB.argmax(1)])


@case
def single_batches(k: Library, make: Make) -> Record:
    model = compiled(k, make("list"), loss=["mse", "mae"], metrics=[["mae"], None])
    x, y, weight = X[:6], [YA[:6], YB[:6]], [WA[:6], WB[:6]]
    return {
        "train": model.train_on_batch(x, y),
        "train dict": list(model.train_on_batch(x, y, weight, return_dict=True).items()),
        "test": model.test_on_batch(x, y, weight),
        "test dict": list(model.test_on_batch(x, y, return_dict=True).items()),
        "predict": [part.tolist() for part in model.predict_on_batch(x)],
    }


@case
def predictions(k: Library, make: Make) -> Record:
    found = {form: make(form).predict(X[:11], batch_size=4, verbose=0) for form in ("list", "dict")}
    kinds = [type(value).__name__ for value in found.values()]
    return {"kinds": kinds, "list": [part.tolist() for part in found["list"]]} | {
        name: part.tolist() for name, part in found["dict"].items()
    }


@case
def short_lines(k: Library, make: Make) -> Record:
    model = compiled(k, make("list"), loss="mse", metrics={"ob": ["mae"]})
    model.fit(X, [YA, YB], batch_size=BATCH, shuffle=False, verbose=2)
    model.evaluate(X, [YA, YB], verbose=2)
    return {}

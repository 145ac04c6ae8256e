"""Training options, written once for Keras and for jkeras: what each run gives as numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

Case = Callable[[Any], dict[str, Any]]

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = np.tanh(X[:, :1] - X[:, 1:2]).astype("float32")


def fill(model: Any) -> Any:
    """The model with weights that follow from their shapes alone."""
    rng = np.random.default_rng(9)
    model.set_weights([rng.uniform(0.1, 0.9, w.shape).astype("float32") for w in model.weights])
    return model


def small(k: Any, **first: Any) -> Any:
    """Two dense layers with a normalization between them."""
    layers = k.layers
    model = k.Sequential(
        [
            k.Input((4,)),
            layers.Dense(3, activation="tanh", **first),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )
    return fill(model)


def fit(model: Any, epochs: int = 2, **options: Any) -> list[float]:
    """The losses of epochs in order, four examples a batch."""
    given = {"batch_size": 4, "shuffle": False, "verbose": 0, **options}
    return list(model.fit(X, Y, epochs=epochs, **given).history["loss"])


def values(model: Any) -> list[Any]:
    """All weights, as lists."""
    return [np.asarray(w, "float32").tolist() for w in model.get_weights()]


def listed(weights: Any) -> list[Any]:
    """The names and shapes of weights; of a path the last two words."""
    return [["/".join(w.path.split("/")[-2:]), list(w.shape)] for w in weights]


def frozen_layers(k: Any) -> dict[str, Any]:
    """A dense layer frozen by its argument, a normalization by its attribute."""
    model = small(k, trainable=False, kernel_regularizer="l2", kernel_constraint="non_neg")
    model.layers[1].trainable = False
    model.compile("adam", "mse")
    record = {"losses": fit(model), "weights": values(model)}
    return record | {
        "all": listed(model.weights if k.__name__ == "keras" else model.variables),
        "trainable": listed(model.trainable_weights),
        "non_trainable": listed(model.non_trainable_variables),
        "evaluated": float(model.evaluate(X, Y, verbose=0)),
    }


def transfer(k: Any) -> dict[str, Any]:
    """A new head on a frozen base, then all of it, slowly."""
    base = fill(
        k.Sequential(
            [
                k.Input((4,)),
                k.layers.Dense(3, activation="relu", kernel_regularizer="l2"),
                k.layers.BatchNormalization(),
            ],
            name="base",
        )
    )
    base.trainable = False
    inputs = k.Input((4,))
    model = k.Model(inputs, k.layers.Dense(1)(base(inputs, training=False)))
    fill(model)
    model.compile(k.optimizers.Adam(0.05), "mse")
    head = fit(model)
    counts = [len(model.trainable_weights), len(model.non_trainable_weights)]
    base.trainable = True
    for layer in base.layers[1:]:
        layer.trainable = False
    model.compile(k.optimizers.Adam(0.01), "mse")
    both = fit(model)
    counts += [len(model.trainable_weights), len(base.trainable_weights)]
    return {"head": head, "both": both, "counts": counts, "weights": values(model)}


def thawed_inside(k: Any) -> dict[str, Any]:
    """A frozen model inside another, its last layer thawed again."""
    base = k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.Dense(2)], name="base")
    model = fill(k.Sequential([base, k.layers.Dense(1)]))
    base.trainable = False
    base.layers[-1].trainable = True
    model.compile("sgd", "mse")
    return {"losses": fit(model), "weights": values(model)}


def frozen_whole(k: Any) -> dict[str, Any]:
    """A model frozen as a whole, which evaluates and does not learn."""
    model = small(k)
    model.trainable = False
    model.compile("sgd", "mse")
    return {"losses": fit(model), "weights": values(model)}


def gathered(k: Any) -> dict[str, Any]:
    """Gradients of two batches gathered, clipped together, the weights averaged."""
    model = small(k)
    optimizer = k.optimizers.SGD(
        0.1, gradient_accumulation_steps=2, global_clipnorm=0.5, use_ema=True, ema_momentum=0.8
    )
    model.compile(optimizer, "mse")
    swap = k.callbacks.SwapEMAWeights()
    history = model.fit(X, Y, 4, 3, 0, [swap], validation_data=(X, Y), shuffle=False).history
    return {"losses": list(history["loss"]), "val": list(history["val_loss"]), "w": values(model)}


def bfloat16(k: Any) -> dict[str, Any]:
    """Every layer in mixed_bfloat16."""
    return _narrow(k, "mixed_bfloat16")


def float16(k: Any) -> dict[str, Any]:
    """Every layer in mixed_float16, where the loss is scaled."""
    return _narrow(k, "mixed_float16")


def _narrow(k: Any, policy: str) -> dict[str, Any]:
    k.mixed_precision.set_global_policy(policy)
    try:
        model = small(k)
        inner = model.layers[0]
        said = [inner.compute_dtype, inner.variable_dtype, inner.dtype_policy.name]
    finally:
        k.mixed_precision.set_global_policy("float32")
    model.compile(k.optimizers.SGD(0.1), "mse")
    outputs = model.predict(X, verbose=0)
    record = {"said": [*said, str(outputs.dtype)], "outputs": outputs.astype("float32").tolist()}
    record |= {"losses": fit(model, 3), "weights": values(model)}
    scale = getattr(model.optimizer, "dynamic_scale", None)
    return record | {"scale": None if scale is None else float(np.asarray(scale))}


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        frozen_layers,
        transfer,
        thawed_inside,
        frozen_whole,
        gathered,
        bfloat16,
        float16,
    )
}

"""Several losses of one output, and one loss of several outputs; numbers of Keras 3.15.1.

The model is two Dense layers of ones; Keras's numbers come from `evaluate` of it.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.losses import MeanSquaredError
from jkeras.training.loss_terms import resolve_loss_terms
from jkeras.training.outline import outline

X = np.linspace(-1, 1, 18).reshape(6, 3).astype("float32")
A = np.linspace(0, 1, 6).reshape(6, 1).astype("float32")
B = (A > 0.4).astype("float32")
WEIGHTS = np.arange(1, 7, dtype="float32")
MAE_OF_A, WEIGHTED_MAE_OF_A = 1.3117647, 3.8529415  # which Keras logs for the two losses of "a"


def distance(y_true: Any, y_pred: Any) -> Any:
    """The squared error of all outputs together, one number an example."""
    pairs = zip(jax.tree.leaves(y_true), jax.tree.leaves(y_pred), strict=True)
    return sum(jnp.mean(jnp.square(a - b), -1) for a, b in pairs)


def model(kind: str) -> jkeras.Model:
    x = jkeras.Input((3,))
    a = layers.Dense(1, name="a", kernel_initializer="ones")(x)
    b = layers.Dense(1, name="b", kernel_initializer="ones", activation="sigmoid")(x)
    outputs: Any = {"list": [a, b], "dict": {"a": a, "b": b}, "tuple": (a, b)}
    outputs["nested"] = {"p": (a, b), "q": b}
    return jkeras.Model(x, outputs[kind])


Y: dict[str, Any] = {"list": [A, B], "dict": {"a": A, "b": B}, "tuple": (A, B)}
Y["nested"] = {"p": (A, B), "q": B}

CASES: list[tuple[str, Any, Any, dict[str, float], dict[str, float]]] = [
    (
        "list",
        ["mse", ["bce"]],
        None,
        {"loss": 2.6404097, "a_loss": 2.401269, "b_loss": 0.2391408},
        {"loss": 6.7365322, "a_loss": 5.8995395, "b_loss": 0.83699268},
    ),
    (
        "dict",
        {"a": ["mse", "mae"], "b": "bce"},
        None,
        {"loss": 3.9521744, "a_loss": 2.401269 + MAE_OF_A, "b_loss": 0.2391408},
        {"loss": 10.589474, "a_loss": 5.8995395 + WEIGHTED_MAE_OF_A, "b_loss": 0.83699268},
    ),
    (
        "dict",
        {"a": ["mse", "mae"], "b": "bce"},
        {"a": [2.0, 0.5], "b": 3.0},
        {"loss": 6.1758428, "a_loss": 2.401269 + MAE_OF_A, "b_loss": 0.2391408},
        {"loss": 16.236528, "a_loss": 5.8995395 + WEIGHTED_MAE_OF_A, "b_loss": 0.83699268},
    ),
    (
        "list",
        {"a": "mse", "b": ["bce", "mae"]},
        [0.1, 2.0, 3.0],
        {"loss": 1.3248653, "a_loss": 2.401269, "b_loss": 0.2391408 + 0.2021523},
        {"loss": 4.3865385, "a_loss": 5.8995395, "b_loss": 0.83699268 + 0.70753306},
    ),
    (
        "tuple",
        [distance, ("mse", None)],
        None,
        {"loss": 4.8593841, "a_b_loss": 2.4581149, "a_loss": 2.401269},
        {"loss": 11.99804, "a_b_loss": 6.0985007, "a_loss": 5.8995395},
    ),
    (
        "nested",
        {"p": [distance, (None, "mae")], "q": "bce"},
        None,
        {"loss": 2.8994081, "p_loss": 2.4581149, "p/b_loss": 0.2021523, "q_loss": 0.2391408},
        {"loss": 7.6430264, "p_loss": 6.0985007, "p/b_loss": 0.70753306, "q_loss": 0.83699268},
    ),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_losses_are_keras_s(case: int) -> None:
    kind, loss, loss_weights, plain, weighted = CASES[case]
    trained = model(kind)
    trained.compile("sgd", loss=loss, loss_weights=loss_weights)
    for weights, wanted in ((None, plain), (WEIGHTS, weighted)):
        for batch_size in (6, 4):  # in the second batch of four there are filler rows
            logs = trained.evaluate(X, Y[kind], batch_size, 0, weights, return_dict=True)
            assert logs == pytest.approx(wanted, rel=1e-5)
    history = trained.fit(X, Y[kind], 6, 1, 0, sample_weight=WEIGHTS).history
    assert {name: values[0] for name, values in history.items()} == pytest.approx(
        weighted, rel=1e-5
    )


def test_a_loss_of_several_outputs_of_one_number_sees_no_filler_rows() -> None:
    trained = model("dict")
    trained.compile("sgd", loss=[lambda y, p: jnp.max(distance(y, p)), {"a": "mse"}])
    logs = trained.evaluate(X, Y["dict"], 4, 0, return_dict=True)
    each = [
        float(jnp.max(distance(*jax.tree.map(lambda a, p=part: a[p], (Y["dict"], outputs)))))
        for outputs in [trained.predict(X, verbose=0)]
        for part in (slice(4), slice(4, 6))
    ]
    assert logs["a_b_loss"] == pytest.approx((4 * each[0] + 2 * each[1]) / 6, rel=1e-5)


def test_what_a_loss_of_several_outputs_needs_is_said() -> None:
    structure = outline({"p": (0, 0), "q": 0})
    with pytest.raises(ValueError, match="a function for outputs that it takes together") as caught:
        resolve_loss_terms({"p": MeanSquaredError()}, None, structure)
    assert str(caught.value) == (
        "`loss`: expected a function for outputs that it takes together, got MeanSquaredError() "
        "(MeanSquaredError), which takes one output."
    )
    trained = model("dict")
    trained.compile("sgd", loss=[distance, {"b": "mae"}])
    with pytest.raises(ValueError, match="expected one array for the outputs"):
        trained.evaluate(X, Y["dict"], sample_weight={"a": WEIGHTS, "b": WEIGHTS + 1}, verbose=0)

"""Masks reach the loss and the metrics: `evaluate` and `fit` give Keras's numbers.

Keras's are in `tests/golden/masks.npz`, written by `tests/golden/make_masks.py`.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.layers import Dense, Embedding, GlobalAveragePooling1D, Layer

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "masks.npz"))
CASES = json.loads(str(GOLDEN["evaluations"]))
HINT = "(if Keras changed: python tests/golden/make_masks.py)"


def numbers(case: str, what: str) -> list[np.ndarray]:
    """The arrays `evaluate_case|what|0`, and so on."""
    count = sum(name.startswith(f"evaluate_{case}|{what}|") for name in GOLDEN)
    return [GOLDEN[f"evaluate_{case}|{what}|{i}"] for i in range(count)]


@pytest.mark.parametrize("case", CASES)
def test_losses_and_metrics_leave_masked_steps_out(case: str) -> None:
    specs, loss, metrics, _, _ = CASES[case]
    model = jkeras.Sequential([getattr(layers, kind)(**told) for kind, told in specs], seed=0)
    x, y = numbers(case, "inputs")[0], numbers(case, "targets")[0]
    model.build((None, *x.shape[1:]))
    model.set_weights(numbers(case, "weights"))
    model.compile(jkeras.optimizers.SGD(0.1), loss, metrics=metrics, weighted_metrics=metrics)
    told: dict[str, Any] = {"batch_size": 4, "verbose": 0}
    told["sample_weight"] = next(iter(numbers(case, "sample_weight")), None)
    results = model.evaluate(x, y, return_dict=True, **told)
    assert sorted(results) == numbers(case, "names")[0].tolist()
    got = [results[name] for name in sorted(results)]
    np.testing.assert_allclose(got, numbers(case, "results")[0], rtol=2e-5, err_msg=HINT)
    history = model.fit(x, y, epochs=3, shuffle=False, **told)
    np.testing.assert_allclose(
        history.history["loss"], numbers(case, "fit")[0], rtol=2e-5, err_msg=HINT
    )


def test_an_example_of_padding_only_gives_finite_gradients() -> None:
    net = [Embedding(4, 2, mask_zero=True), GlobalAveragePooling1D(), Dense(1)]
    model = jkeras.Sequential(net, seed=0)
    model.compile("sgd", "mse")
    x = np.array([[1, 2, 0], [0, 0, 0], [2, 2, 2]])  # the second batch has a filler, too
    model.fit(x, np.ones((3, 1)), batch_size=2, verbose=0)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(model.params))


class Halves(Layer):
    """A mask of its own: the first half of the steps is real."""

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return jnp.broadcast_to(jnp.arange(inputs.shape[1]) < 2, inputs.shape[:2])

    def apply(
        self, params: dict, state: dict, inputs: Any, *, key: Any = None, training: bool = False
    ) -> tuple[Any, dict]:
        return inputs, state


def test_a_layer_of_ones_own_makes_a_mask_that_the_loss_obeys() -> None:
    x = np.arange(8, dtype="float32").reshape(2, 4, 1)
    for layer, expected in ((Halves(), (0 + 1 + 16 + 25) / 4), (layers.Identity(), x.var() * 0)):
        model = jkeras.Sequential([layer, Dense(1, kernel_initializer="ones")], seed=0)
        model.compile("sgd", "mse")
        y = np.zeros_like(x) if isinstance(layer, Halves) else x
        assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)

"""The layers that prepare data give Keras's numbers: statistics, outputs, gradients.

`tests/golden/preprocessing.npz` holds them; `tests/golden/make_preprocessing.py` says what is in it
and writes it again.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "preprocessing.npz"))
CASES: dict[str, dict] = json.loads(str(GOLDEN.pop("cases")))
HINT = "(if Keras changed: python tests/golden/make_preprocessing.py)"
ADAPTED = [case for case, row in CASES.items() if row["adapt"]]


def numbers(case: str, what: str) -> list[np.ndarray]:
    """The arrays `case|what|0`, `…|1`, and so on."""
    count = sum(name.startswith(f"{case}|{what}|") for name in GOLDEN)
    return [GOLDEN[f"{case}|{what}|{i}"] for i in range(count)]


def described(case: str) -> Any:
    """The layer of a case, adapted as in Keras."""
    row = CASES[case]
    layer = getattr(layers, row["layer"])(**row["arguments"])
    data = numbers(case, "data")
    return layer.adapt(data[0] if row["adapt"] == "array" else data) if data else layer


def assert_close(got: Any, expected: np.ndarray) -> None:
    """Equal shape and dtype; floats within 1e-5, and 1e-6 of the largest."""
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), HINT
    atol = 1e-6 * max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=atol, err_msg=HINT)


@pytest.mark.parametrize("case", ADAPTED)
def test_adapting_finds_the_weights_of_keras(case: str) -> None:
    layer = described(case)
    params, state = layer.init(None, *numbers(case, "inputs"))
    assert (params, list(state)) == ({}, CASES[case]["weights"])
    for mine, theirs in zip(state.values(), numbers(case, "weights"), strict=True):
        assert_close(mine, theirs)


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients(case: str) -> None:
    layer, inputs = described(case), [jnp.asarray(x) for x in numbers(case, "inputs")]
    params, state = layer.init(None, *inputs)

    def call(*inputs: jax.Array) -> jax.Array:
        return layer.apply(params, state, *inputs)[0]

    @jax.jit  # one program; outside one, each operation would be compiled by itself
    def both(*inputs: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        outputs, pull = jax.vjp(call, *inputs)
        return outputs, [pull(given)[0] for given in numbers(case, "cotangents")]

    outputs, slopes = both(*inputs)
    assert_close(outputs, *numbers(case, "outputs"))
    for mine, theirs in zip(slopes, numbers(case, "d_inputs"), strict=True):
        assert_close(mine, theirs)


def test_the_numbers_come_from_the_keras_we_follow() -> None:
    assert str(GOLDEN["keras"]) == "3.15.1"

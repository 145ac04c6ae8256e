"""Masks give Keras's numbers: through chains of layers, and where several inputs meet.

`tests/golden/masks.npz` holds them; `tests/golden/make_masks.py` says what is in it and writes it
again.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Chain
from jkeras.models.calls import call_layer
from jkeras.trainer.state.weight_order import places

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "masks.npz"))
CHAINS, CALLS = (json.loads(str(GOLDEN[name])) for name in ("chains", "calls"))
HINT = "(if Keras changed: python tests/golden/make_masks.py)"
LOSING = {"losing", "rms"}


def numbers(case: str, what: str) -> list[np.ndarray]:
    """The arrays `case|what|0`, `case|what|1`, and so on."""
    count = sum(name.startswith(f"{case}|{what}|") for name in GOLDEN)
    return [GOLDEN[f"{case}|{what}|{i}"] for i in range(count)]


def made(value: Any) -> Any:
    """Our layer for [class, arguments], and any other argument as it is."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):
        arguments = {name: made(item) for name, item in value[1].items()}
        return getattr(layers, value[0])(**arguments)
    return [made(item) for item in value] if isinstance(value, list) else value


def with_weights(layer: Any, inputs: list[Any], weights: list[np.ndarray]) -> list[dict]:
    """Params and state with Keras's weights."""
    trees = dict(zip(("params", "state"), layer.init(jax.random.key(0), *inputs), strict=True))
    leaves = {part: jax.tree.leaves(tree) for part, tree in trees.items()}
    for place, value in zip(places(layer, *inputs), weights, strict=True):
        assert leaves[place.part][place.leaf].shape == value.shape
        leaves[place.part][place.leaf] = jnp.asarray(value)
    return [jax.tree.unflatten(jax.tree.structure(tree), leaves[p]) for p, tree in trees.items()]


def in_order(layer: Any, inputs: list[Any], tree: dict, part: str) -> list[Any]:
    """The leaves of `params` or `state` (or of a gradient like it) in Keras's order."""
    order = [place.leaf for place in places(layer, *inputs) if place.part == part]
    return [jax.tree.leaves(tree)[i] for i in order]


def assert_close(got: list[Any], expected: list[np.ndarray]) -> None:
    """Equal shapes and dtypes; floats within 1e-5, and 1e-6 of the largest entry."""
    assert [(x.shape, x.dtype) for x in got] == [(x.shape, x.dtype) for x in expected], HINT
    for mine, theirs in zip(got, expected, strict=True):
        atol = 1e-6 * max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=atol, err_msg=HINT)


def assert_same_mask(got: Any, expected: list[np.ndarray]) -> None:
    """Both are no mask, or equal ones."""
    assert (got is None) == (not expected), HINT
    if expected:
        np.testing.assert_array_equal(got, expected[0], err_msg=HINT)


@pytest.mark.parametrize("case", CHAINS)
def test_chains(case: str) -> None:
    net = Chain([made(spec) for spec in CHAINS[case]])
    inputs = [jnp.asarray(x) for x in numbers(case, "inputs")]
    params, state = with_weights(net, inputs, numbers(case, "weights"))
    training = any(spec[0] == "BatchNormalization" for spec in CHAINS[case])
    (cotangents,) = numbers(case, "cotangents")

    def scalar(params: dict) -> tuple[jax.Array, Any]:
        made = net.apply_with_mask(params, state, *inputs, training=training)
        return jnp.sum(made[0] * cotangents), made

    lost = "does not support masking"
    with pytest.warns(UserWarning, match=lost) if case in LOSING else contextlib.nullcontext():
        d_params, (outputs, carried, mask) = jax.jit(jax.grad(scalar, has_aux=True))(params)
    assert net.makes_masks
    assert_close([outputs], numbers(case, "outputs"))
    assert_same_mask(mask, numbers(case, "mask"))
    assert_close(in_order(net, inputs, carried, "state"), numbers(case, "carried"))
    assert_close(in_order(net, inputs, d_params, "params"), numbers(case, "d_weights"))


@pytest.mark.parametrize("case", CALLS)
def test_calls(case: str) -> None:
    layer = made(CALLS[case]["layer"])
    inputs = [jnp.asarray(x) for x in numbers(case, "inputs")]
    given = zip(numbers(case, "masks"), CALLS[case]["masked"], strict=True)
    masks = tuple(jnp.asarray(mask) if has else None for mask, has in given)
    params, state = with_weights(layer, inputs, numbers(case, "weights"))

    @jax.jit
    def run(params: dict, inputs: list, masks: tuple) -> Any:
        told = {"key": None, "training": False}
        return call_layer(layer, params, state, tuple(inputs), masks, **told)

    outputs, _, made_masks = run(params, inputs, masks)
    assert_close(jax.tree.leaves(outputs), numbers(case, "outputs"))
    assert_same_mask(made_masks[0], numbers(case, "mask"))
    assert made_masks[1:] == (None,) * (len(outputs) - 1)

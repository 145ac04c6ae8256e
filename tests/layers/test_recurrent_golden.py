"""Every recurrent layer gives Keras's numbers: outputs, gradients, carried weights.

`tests/golden/recurrent.npz` holds them; `tests/golden/make_recurrent.py` says what is in it and
writes it again.
"""

import functools
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.trainer.state.weight_order import places
from tests.tolerances import near

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "recurrent.npz"))
CASES = json.loads(str(GOLDEN["cases"]))
HINT = "(if Keras changed: python tests/golden/make_recurrent.py)"
STATEFUL = [case for case in CASES if f"{case}|again|0" in GOLDEN]
OTHERS = [case for case in CASES if case not in STATEFUL]


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


def is_weight(path: tuple[str, ...]) -> bool:
    """Whether a leaf is a weight of Keras; what a stateful layer carries is none there."""
    return "rnn_state" not in path


@functools.cache
def ready(case: str) -> tuple[Any, dict, dict, list[jax.Array], dict[str, Any]]:
    """The layer, params and state with Keras's weights, the inputs, and the flags of a case."""
    layer = made(CASES[case]["layer"])
    inputs = [jnp.asarray(x) for x in numbers(case, "inputs")]
    params, state = layer.init(jax.random.key(0), *inputs)
    trees = {"params": params, "state": state}
    leaves = {part: jax.tree.leaves(tree) for part, tree in trees.items()}
    order = [place for place in places(layer, *inputs) if is_weight(place.names)]
    for place, value in zip(order, numbers(case, "weights"), strict=True):
        assert leaves[place.part][place.leaf].shape == value.shape
        leaves[place.part][place.leaf] = jnp.asarray(value)
    params, state = (jax.tree.unflatten(jax.tree.structure(t), leaves[p]) for p, t in trees.items())
    flags = {"training": CASES[case]["training"]}
    if mask := numbers(case, "mask"):
        flags["mask"] = jnp.asarray(mask[0])
    return layer, params, state, inputs, flags


def assert_close(got: Any, expected: list[np.ndarray]) -> None:
    """Equal shapes and dtypes; floats within 1e-5, and 1e-6 of the largest entry."""
    leaves = jax.tree.leaves(got)
    assert [(x.shape, x.dtype) for x in leaves] == [(x.shape, x.dtype) for x in expected], HINT
    for mine, theirs in zip(leaves, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, **near("sums", theirs), err_msg=HINT)


def weights_in_order(case: str, tree: dict, part: str) -> list[Any]:
    """The leaves of `params` or `state` (or of a gradient like it) in Keras's order."""
    layer, _, _, inputs, _ = ready(case)
    order = [place for place in places(layer, *inputs) if place.part == part]
    return [jax.tree.leaves(tree)[place.leaf] for place in order if is_weight(place.names)]


@pytest.mark.parametrize("case", CASES)
def test_weights_have_keras_names_and_order(case: str) -> None:
    layer, _, _, inputs, _ = ready(case)
    order = [place.names for place in places(layer, *inputs) if is_weight(place.names)]
    assert [names[-1] for names in order] == CASES[case]["weights"]


@pytest.mark.parametrize("case", OTHERS)
def test_outputs_gradients_and_carried_weights(case: str) -> None:
    layer, params, state, inputs, flags = ready(case)

    def scalar(params: dict, inputs: list[jax.Array]) -> tuple[jax.Array, Any]:
        outputs, carried = layer.apply(params, state, *inputs, **flags)
        pairs = zip(jax.tree.leaves(outputs), numbers(case, "cotangents"), strict=True)
        total = sum((jnp.sum(y * c) for y, c in pairs), start=jnp.zeros(()))
        return total, (outputs, carried)

    both = jax.jit(jax.grad(scalar, argnums=(0, 1), has_aux=True))
    (d_params, d_inputs), (outputs, carried) = both(params, inputs)
    assert_close(outputs, numbers(case, "outputs"))
    assert_close(weights_in_order(case, carried, "state"), numbers(case, "carried"))
    assert_close(weights_in_order(case, d_params, "params"), numbers(case, "d_weights"))
    assert_close(d_inputs, numbers(case, "d_inputs"))
    # The loss's own pass is another program than the one without gradients.
    alone = jax.jit(functools.partial(layer.apply, training=flags["training"]))
    masks = {name: flag for name, flag in flags.items() if name == "mask"}
    assert_close(alone(params, state, *inputs, **masks)[0], numbers(case, "outputs"))


@pytest.mark.parametrize("case", STATEFUL)
def test_a_stateful_layer_goes_on_where_it_ended(case: str) -> None:
    layer, params, state, inputs, _ = ready(case)
    outputs, carried = layer.apply(params, state, *inputs)
    assert_close(outputs, numbers(case, "outputs"))
    again, _ = layer.apply(params, carried, *[2 * x for x in inputs])
    assert_close(again, numbers(case, "again"))


def test_every_recurrent_layer_has_numbers() -> None:
    modules = {"cells", "recurrent", "recurrent_cells", "recurrent_wrappers"}
    modules |= {"convolutional_recurrent"}
    ours = {
        name
        for name in layers.__all__
        if getattr(layers, name).__module__.rpartition(".")[2] in modules
    }
    assert {row["layer"][0] for row in CASES.values()} == ours


def test_the_numbers_come_from_the_keras_we_follow() -> None:
    assert str(GOLDEN["keras"]) == "3.15.1"

"""Attention and normalization layers give Keras's numbers: outputs, gradients, carried weights.

`tests/golden/attention.npz` and `normalization.npz` hold them; `make_attention.py` beside them says
what is in them, and with `make_normalization.py` writes them again.
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
from jkeras.core.trees import spec_of
from tests.tolerances import near

FOLDER = Path(__file__).parents[1] / "golden"
FILES = {name: dict(np.load(FOLDER / f"{name}.npz")) for name in ("attention", "normalization")}
CASES = {(f, case): row for f in FILES for case, row in json.loads(str(FILES[f]["cases"])).items()}
HINT = "(if Keras changed: python tests/golden/make_attention.py, make_normalization.py)"

Case = tuple[str, str]
every_case = pytest.mark.parametrize("case", CASES, ids="-".join)


def numbers(case: Case, phase: str, what: str) -> list[np.ndarray]:
    """The arrays `case|phase|what|0`, `…|1`, and so on."""
    arrays, prefix = FILES[case[0]], f"{case[1]}|{phase}|{what}|"
    return [arrays[f"{prefix}{i}"] for i in range(sum(name.startswith(prefix) for name in arrays))]


def layer_of(case: Case) -> layers.Layer:
    """The layer of a case; one that a wrapper wraps is given by name and arguments."""
    arguments = dict(CASES[case]["arguments"])
    if "layer" in arguments:
        name, inner = arguments["layer"]
        arguments["layer"] = getattr(layers, name)(**inner)
    return getattr(layers, CASES[case]["layer"])(**arguments)


def call_of(case: Case) -> dict[str, Any]:
    """The options of the call, masks among them, as this library takes them."""
    options = dict(CASES[case]["options"])
    names = ("mask", "query_mask", "value_mask", "key_mask", "attention_mask")
    masks = {name: found[0] for name in names if (found := numbers(case, "given", name))}
    if CASES[case]["layer"] in ("Attention", "AdditiveAttention") and masks:
        masks = {"mask": (masks.get("query_mask"), masks.get("value_mask"))}
    return {**options, **masks}


def paths(tree: dict, prefix: str = "") -> list[str]:
    """The paths of the weights of a nested dict, in the order in which it was filled."""
    found = []
    for name, part in tree.items():
        found += paths(part, f"{prefix}{name}/") if isinstance(part, dict) else [prefix + name]
    return found


def filled(tree: dict, weights: dict[str, Any], prefix: str = "") -> dict:
    """The tree with the weights of these paths."""
    return {
        name: filled(part, weights, f"{prefix}{name}/")
        if isinstance(part, dict)
        else weights[prefix + name]
        for name, part in tree.items()
    }


def keras_paths(case: Case) -> list[str]:
    """The weights' paths in Keras's order; a wrapped layer is called `layer` here."""
    found = CASES[case]["weights"]
    if "layer" not in CASES[case]["arguments"]:
        return list(found)
    return [f"layer/{path.split('/')[1]}" if "/" in path else path for path in found]


@functools.cache
def described(case: Case) -> tuple[layers.Layer, dict, dict]:
    """The layer of a case, and the shapes and dtypes of its `params` and `state` in their order."""
    layer = layer_of(case)
    specs = [spec_of(x) for x in numbers(case, "given", "inputs")]
    trees: list[dict] = []

    def init(key: jax.Array) -> None:
        # What `eval_shape` returns has its names sorted; here they are still in order.
        trees.extend(specs_of(tree) for tree in layer.init(key, *specs))

    jax.eval_shape(init, jax.random.key(0))
    return layer, *trees


def specs_of(tree: dict) -> dict:
    """The nested dict with shapes and dtypes in place of arrays, in the order of its names."""
    return {
        name: specs_of(part) if isinstance(part, dict) else spec_of(part)
        for name, part in tree.items()
    }


def ready(case: Case) -> tuple[layers.Layer, dict, dict, list[jax.Array]]:
    """The layer of a case, with Keras's weights in its `params` and `state`, and the inputs."""
    layer, params, state = described(case)
    inputs = [jnp.asarray(x) for x in numbers(case, "given", "inputs")]
    values = map(jnp.asarray, numbers(case, "given", "weights"))
    weights = dict(zip(keras_paths(case), values, strict=True))
    return layer, filled(params, weights), filled(state, weights), inputs


def assert_close(got: Any, expected: list[np.ndarray]) -> None:
    """Equal structure, shapes and dtypes; floats within 1e-5, and 1e-6 of the largest entry of all.

    The second part is for sums that nearly cancel: their rounding error is relative to their terms,
    which gradients of one kernel take from those of the others.
    """
    leaves = jax.tree.leaves(got)
    assert [(x.shape, x.dtype) for x in leaves] == [(x.shape, x.dtype) for x in expected], HINT
    for mine, theirs in zip(leaves, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, **near("sums", expected), err_msg=HINT)


PHASES = [
    (case, phase)
    for case in CASES
    for phase in ("evaluation", "training")
    if numbers(case, phase, "outputs")
]
every_phase = pytest.mark.parametrize(
    ("case", "phase"), PHASES, ids=["-".join((*case, phase)) for case, phase in PHASES]
)


def shape_of(spec: jax.ShapeDtypeStruct) -> tuple[int, ...]:
    return spec.shape


@every_case
def test_weights_have_keras_names_shapes_and_order(case: Case) -> None:
    _, params, state = described(case)
    weights = dict(zip(keras_paths(case), numbers(case, "given", "weights"), strict=True))
    assert paths(params) + paths(state) == list(weights)
    shapes = {path: weight.shape for path, weight in weights.items()}
    assert jax.tree.map(shape_of, params) == filled(params, shapes)
    assert jax.tree.map(shape_of, state) == filled(state, shapes)


@every_phase
def test_outputs_and_carried_weights(case: Case, phase: str) -> None:
    layer, params, state, inputs = ready(case)
    apply = functools.partial(layer.apply, training=phase == "training", **call_of(case))
    outputs, carried = jax.jit(apply)(params, state, *inputs)
    assert_close(outputs, numbers(case, phase, "outputs"))
    assert_close([carried[name] for name in state], numbers(case, phase, "carried"))


@every_phase
def test_gradients(case: Case, phase: str) -> None:
    layer, params, state, inputs = ready(case)
    cotangents = numbers(case, "given", "cotangents")
    options = {"training": phase == "training", **call_of(case)}

    def scalar(params: dict, inputs: list[jax.Array]) -> jax.Array:
        outputs, _ = layer.apply(params, state, *inputs, **options)
        pairs = zip(jax.tree.leaves(outputs), cotangents, strict=True)
        return sum((jnp.sum(y * w) for y, w in pairs), start=jnp.zeros(()))

    d_params, d_inputs = jax.jit(jax.grad(scalar, argnums=(0, 1)))(params, inputs)
    trained = [path for path in keras_paths(case) if path in paths(params)]
    slopes = dict(zip(trained, numbers(case, phase, "d_weights"), strict=True))
    ordered = jax.tree.leaves(filled(d_params, slopes))
    assert_close(d_params, ordered)
    assert_close(d_inputs, numbers(case, phase, "d_inputs"))


def test_the_numbers_come_from_the_keras_we_follow() -> None:
    assert {str(arrays["keras"]) for arrays in FILES.values()} == {"3.15.1"}

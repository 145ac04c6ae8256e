"""Every activation against Keras's numbers and against the laws."""

import functools
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jkeras import Input, Model
from jkeras.core.description import Description, option
from jkeras.core.layer import Layer
from jkeras.ops import activations
from tests.tolerances import near

GOLDEN = dict(np.load(pathlib.Path(__file__).parents[1] / "golden" / "ops.npz"))
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_ops.py"
CASES = sorted({key.rpartition("|")[0] for key in GOLDEN if key.startswith("activations|")})
EXTRA = {"threshold": {"threshold": 0.5, "default_value": -2.0}}


def split(case: str):
    """The function and its arguments, from a golden name."""
    _, name, arguments = case.split("|")
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in json.loads(arguments).items()
    }
    return activations.get(name), arguments


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_keras(case):
    function, arguments = split(case)
    matrix, edges = jnp.asarray(GOLDEN["matrix"]), jnp.asarray(GOLDEN["edges"])

    def weighed(x):
        y = function(x, **arguments)
        return (GOLDEN["weights"][: y.shape[0], : y.shape[1]] * y).sum()

    got = {
        "y": function(matrix, **arguments),
        "dx": jax.jit(jax.grad(weighed))(matrix),
        "edges": function(edges, **arguments),
    }
    for what, value in got.items():
        want = GOLDEN[f"{case}|{what}"]
        np.testing.assert_allclose(
            value, want, **near("activations", want), err_msg=f"{what}. {AGAIN}"
        )


def test_every_name_has_golden_values():
    assert {case.split("|")[1] for case in CASES} == set(activations.TABLE) - {"sparsemax"}


@pytest.mark.parametrize("name", sorted(activations.TABLE))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_dtype_is_kept_and_jit_agrees(name, dtype):
    function, x = activations.get(name), jnp.asarray(GOLDEN["matrix"], dtype)
    arguments = EXTRA.get(name, {})
    eager = function(x, **arguments)
    jitted = jax.jit(lambda x: function(x, **arguments))(x)
    assert eager.dtype == jitted.dtype == x.dtype
    assert jax.eval_shape(lambda x: function(x, **arguments), x).shape == eager.shape
    tolerance = 1e-6 if dtype == "float32" else 0.02
    np.testing.assert_allclose(
        np.float32(eager), np.float32(jitted), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("name", sorted(activations.TABLE))
def test_gradients_at_smooth_points(name):
    function, arguments = activations.get(name), EXTRA.get(name, {})
    x = jnp.array([[-2.3, -0.7, 0.2, 0.8], [1.7, 0.3, -0.4, -1.6]])
    call = jax.jit(functools.partial(function, **arguments))
    check_grads(call, (x,), order=1, modes=["rev"], rtol=1e-2, atol=1e-2, eps=1e-2)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sparsemax_is_the_projection_on_the_simplex(axis):
    x = jnp.asarray(GOLDEN["matrix"]) * 0.2
    y = activations.sparsemax(x, axis)
    np.testing.assert_allclose(y.sum(axis), 1.0, rtol=1e-5)
    assert float(y.min()) == 0.0
    # At the nearest point no corner of the simplex lies on x's side: (x - y) · (corner - y) ≤ 0.
    inner = jnp.max(x - y, axis=axis) - jnp.sum((x - y) * y, axis=axis)
    assert float(inner.max()) < 1e-5
    assert bool(jnp.all(jnp.sum(y > 0, axis=axis) > 1)), "a case with several positive entries"


def test_softmax_of_one_distribution_and_of_size_one():
    np.testing.assert_allclose(
        activations.softmax(jnp.array([0.0, jnp.log(3.0)])), [0.25, 0.75], rtol=1e-6
    )
    with pytest.warns(UserWarning) as caught:
        assert activations.softmax(jnp.zeros((2, 1))).tolist() == [[1.0], [1.0]]
    assert str(caught[0].message) == (
        "softmax over axis -1 of shape (2, 1): that axis has size 1, so every result is 1. "
        "For one probability use activation='sigmoid'."
    )


def test_get_takes_names_functions_and_none():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get("hard_swish") is activations.hard_silu
    assert activations.get(jnp.sin) is jnp.sin


class Halve(Layer):
    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs * 0.5, state


def test_get_takes_a_layer_without_weights():
    function = activations.get(Halve())
    assert function(jnp.ones(2)).tolist() == [0.5, 0.5]
    assert function == activations.get(Halve()) and hash(function) == hash(activations.get(Halve()))


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(ValueError) as caught:
        activations.get("rleu")
    assert str(caught.value) == (
        "unknown activation 'rleu'. Did you mean 'relu'? "
        f"Known: {', '.join(sorted(activations.TABLE))}."
    )


@pytest.mark.parametrize(
    ("given", "shown"), [(3, "3 (int)"), (bytes, "<class 'bytes'> (type)")], ids=["number", "class"]
)
def test_other_kinds_are_refused(given, shown):
    with pytest.raises(TypeError) as caught:
        activations.get(given)
    assert str(caught.value) == (
        "expected an activation: a name such as 'relu', a function array -> array, or None, "
        f"got {shown}."
    )


def test_the_owner_is_named_once():
    class Owner(Description):
        activation: object = option(default=None, convert=activations.get)

    with pytest.raises(TypeError) as caught:
        Owner(activation=3)
    assert str(caught.value) == (
        "Owner: `activation`: expected an activation: a name such as 'relu', a function "
        "array -> array, or None, got 3 (int)."
    )


def test_every_activation_called_on_a_symbol_is_a_layer_of_the_graph():
    x = Input((4,))
    for name, function in activations.TABLE.items():
        symbol = function(x, **EXTRA.get(name, {}))
        assert symbol.dtype == jnp.float32 and symbol.shape[0] is None, name
    model = Model(x, activations.relu(activations.gelu(x), negative_slope=0.5, max_value=1.5))
    again = Model.from_config(model.get_config())
    assert [node.kind for node in again.net.layers[1:]] == ["Gelu", "ReLU"]
    values = jnp.asarray([[-2.0, -0.5, 1.0, 4.0]])
    wanted = activations.relu(activations.gelu(values), 0.5, 1.5)
    for net in (model.net, again.net):
        np.testing.assert_allclose(net.apply({}, {}, values)[0], wanted, rtol=1e-6)

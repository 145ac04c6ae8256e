"""A layer at several places of one model is one set of weights, as in Keras."""

from __future__ import annotations

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.core.parts import Own, at, leaves, lies_at, put
from jkeras.layers import BatchNormalization, Dense, SpectralNormalization, TimeDistributed
from jkeras.models import Chain
from jkeras.models.weight_tying import WeightTies, weight_ties_of
from jkeras.trainer.state import model_state as values
from tests.golden.sharing_cases import SHARED

GOLDEN = json.loads(pathlib.Path(__file__).parents[1].joinpath("golden/sharing.json").read_text())
SPEC = jax.ShapeDtypeStruct((2, 3, 4), jnp.float32)


@pytest.mark.filterwarnings("ignore:.*without trained weights")
@pytest.mark.parametrize("name", SHARED)
def test_a_case_is_as_in_keras(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tests.golden.make_sharing` wrote what Keras gives."""
    monkeypatch.setattr(values, "FEW_LAYERS", 0)  # weights one by one: a third of the compilation
    found = SHARED[name](jkeras)
    np.testing.assert_allclose(found, GOLDEN["cases"][name], rtol=1e-5, atol=1e-6)


def tied() -> tuple[Chain, Dense]:
    """A layer bare, in a wrapper, and in a chain; and the layer."""
    dense = Dense(4, activity_regularizer="l2")
    return Chain([dense, SpectralNormalization(dense), Chain([dense], name="rest")]), dense


def test_values_are_kept_at_the_first_place() -> None:
    net, _ = tied()
    params, state = jax.eval_shape(lambda key: net.init(key, SPEC), jax.random.key(0))
    assert jax.tree.map(lambda leaf: leaf.shape, params) == {
        "dense": {"kernel": (4, 4), "bias": (4,)}
    }
    # Activity losses are each place's own.
    assert set(state["dense"]) == {"activity_loss"} == set(state["rest"]["dense"])
    assert set(state["spectral_normalization"]) == {"activity_loss", "vector_u"}


def test_the_structure_of_the_state_stays_and_losses_of_all_places_add_up() -> None:
    net, dense = tied()
    params, state = net.init(jax.random.key(0), SPEC)
    x = jnp.ones(SPEC.shape)
    outputs, new = net.apply(params, state, x, training=False)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    by_hand = x
    for _ in range(3):  # in evaluation the kernel is not divided
        by_hand, _ = dense.apply(params["dense"], {}, by_hand)
    np.testing.assert_allclose(outputs, by_hand, rtol=1e-5)


def test_models_that_differ_in_their_weight_ties_alone_are_not_equal() -> None:
    norm = BatchNormalization()
    one = Chain([Chain([norm], name="a"), Chain([norm], name="b")])
    two = Chain([Chain([norm], name="a"), Chain([BatchNormalization()], name="b")])
    assert one != two and one == Chain(one.layers) and weight_ties_of(two) == WeightTies()


def test_inputs_of_two_sizes_are_refused() -> None:
    dense = Dense(3)
    net = Chain([TimeDistributed(dense), Chain([dense], name="rest")])
    with pytest.raises(ValueError) as caught:
        net.init(jax.random.key(0), SPEC)
    assert str(caught.value) == (
        "Chain: its layers 'time_distributed' and 'rest/dense' are the same layer, and take inputs "
        "of different sizes: kernel would have the shape (4, 3) and the shape (3, 3). Make a layer "
        "of its own for one of them."
    )


def test_leaves_come_once_and_weights_beside_layers_have_a_place() -> None:
    net, _ = tied()
    assert [path for _, path in leaves(net)] == [
        ("dense",),
        ("spectral_normalization", Own(["layer"])),
    ]
    assert lies_at(("a", "w"), ("a", Own(["layer"]))) and not lies_at(("b", "w"), ("a",))
    assert at(put({}, ("a", "b"), {"w": 1}), ("a",)) == {"b": {"w": 1}}


def test_a_summary_counts_a_layer_in_every_row_and_once_in_the_total() -> None:
    dense, x, lines = Dense(3), jkeras.Input((4,)), []
    nested = jkeras.Sequential([jkeras.Input((4,)), dense, Dense(2)], name="nested")
    jkeras.Model(x, [dense(x), nested(x)]).summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert text.count(" 15 │") == text.count(" 23 │") == 1 and "Total params: 23 " in text

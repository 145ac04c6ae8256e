"""Embedding with masks, and ReversibleEmbedding."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import Embedding, ReversibleEmbedding

KEY = jax.random.key(0)
IDS = jnp.array([[3, 1, 0]])


def test_the_mask_is_where_ids_are_not_zero() -> None:
    layer = Embedding(5, 2, mask_zero=True)
    assert layer.compute_mask(IDS).tolist() == [[True, True, False]]
    assert layer.compute_mask([[1.0, 0.0]]).tolist() == [[True, False]]
    assert Embedding(5, 2).compute_mask(IDS) is None


def test_padding_has_a_vector_like_any_id() -> None:
    table = np.arange(10.0).reshape(5, 2)
    layer = Embedding(5, 2, mask_zero=True, weights=table)
    params, state = layer.init(KEY, IDS)
    np.testing.assert_array_equal(layer.apply(params, state, IDS)[0][0], table[[3, 1, 0]])


@pytest.mark.parametrize("tied", [True, False])
def test_reverse_is_a_product_with_a_table(tied: bool) -> None:
    layer = ReversibleEmbedding(5, 2, tied, logit_soft_cap=0.5)
    params, state = layer.init(KEY, IDS)
    names = ["embeddings"] if tied else ["embeddings", "reverse_embeddings"]
    assert sorted(params) == names
    x = np.array([[[1.0, -2.0]]], np.float32)
    matrix = params["embeddings"].T if tied else params["reverse_embeddings"]
    expected = np.tanh(x @ np.asarray(matrix) / 0.5) * 0.5
    got, _ = layer.apply(params, state, x, reverse=True)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_reverse_dtype_is_that_of_the_logits() -> None:
    layer = ReversibleEmbedding(5, 2, reverse_dtype="bfloat16")
    params, state = layer.init(KEY, IDS)
    logits, _ = layer.apply(params, state, jnp.ones((1, 3, 2)), reverse=True)
    assert (logits.shape, logits.dtype) == ((1, 3, 5), jnp.bfloat16)


def test_positional_arguments_are_in_keras_order() -> None:
    layer = ReversibleEmbedding(5, 2, False, "zeros", None, None, True, "float32", 30.0)
    assert (layer.tie_weights, layer.mask_zero, layer.logit_soft_cap) == (False, True, 30.0)


def test_vectors_of_another_size_are_told() -> None:
    layer = ReversibleEmbedding(5, 2)
    params, state = layer.init(KEY, IDS)
    with pytest.raises(ValueError) as caught:
        layer.apply(params, state, jnp.ones((1, 3, 4)), reverse=True)
    assert str(caught.value) == (
        "ReversibleEmbedding: expected `inputs` [batch, ..., 2] with `reverse=True` (`output_dim` "
        "is 2), got shape (1, 3, 4)."
    )
    with pytest.raises(ValueError) as caught:
        ReversibleEmbedding(5, 2, logit_soft_cap=0)
    assert str(caught.value) == (
        "ReversibleEmbedding: `logit_soft_cap`: expected a number greater than 0, got 0."
    )


def test_a_reversible_embedding_is_an_embedding_with_keras_order_of_arguments() -> None:
    layer = ReversibleEmbedding(7, 4, False, "ones", None, None, True, "float32", 2.0)
    assert isinstance(layer, Embedding) and not layer.tie_weights and layer.mask_zero
    assert (layer.reverse_dtype, layer.logit_soft_cap) == ("float32", 2.0)
    assert list(inspect.signature(ReversibleEmbedding).parameters)[:3] == [
        "input_dim", "output_dim", "tie_weights",
    ]  # fmt: skip
    with pytest.raises(TypeError):
        ReversibleEmbedding(7, 4, True, "ones", None, None, True, None, None, np.ones((7, 4)))


def test_a_given_table_is_there_from_the_start() -> None:
    layer = Embedding(3, 2, weights=[np.arange(6.0).reshape(3, 2)])
    assert layer.embeddings.shape == (3, 2) and layer.built
    np.testing.assert_array_equal(layer.get_weights()[0], np.arange(6.0).reshape(3, 2))
    with pytest.raises(AttributeError, match="embeddings"):
        _ = Embedding(3, 2).embeddings

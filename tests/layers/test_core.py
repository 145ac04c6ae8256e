"""Dense and Embedding beyond the laws: initial tables, ids outside the table."""

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.layers import Dense, Embedding

TABLE = np.arange(8, dtype=np.float32).reshape(4, 2)


def test_embedding_starts_from_weights() -> None:
    for given in (TABLE, [TABLE], TABLE.tolist()):
        layer = Embedding(4, 2, weights=given)
        params, _ = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((3,), jnp.int32))
        np.testing.assert_array_equal(params["embeddings"], TABLE)
        assert params["embeddings"].dtype == jnp.float32


def test_embedding_with_weights_compares_by_their_content() -> None:
    same, other = Embedding(4, 2, weights=TABLE.copy()), Embedding(4, 2, weights=TABLE + 1)
    assert Embedding(4, 2, weights=TABLE) == same != other
    assert hash(Embedding(4, 2, weights=TABLE)) == hash(same)
    assert repr(same) == "Embedding(input_dim=4, output_dim=2, weights=array of shape (4, 2))"


def test_later_changes_of_the_users_array_do_not_reach_the_layer() -> None:
    given = TABLE.copy()
    layer = Embedding(4, 2, weights=given)
    given[:] = 0
    assert layer == Embedding(4, 2, weights=TABLE)


def test_ids_outside_the_table_give_nan_and_negative_ones_count_from_the_end() -> None:
    ids = jnp.array([0, 3, 4, -1, -5, 100])
    vectors, _ = Embedding(4, 2).apply({"embeddings": jnp.asarray(TABLE)}, {}, ids)
    nan = [np.nan, np.nan]
    # What keras.layers.Embedding 3.15.1 on JAX answers.
    np.testing.assert_array_equal(vectors, [[0, 1], [6, 7], nan, [6, 7], nan, nan])


def test_ids_of_other_dtypes_are_cut_to_integers() -> None:
    params = {"embeddings": jnp.asarray(TABLE)}
    for ids in (jnp.array([1.7, 0.2]), jnp.array([1, 0], jnp.uint8), jnp.array([True, False])):
        vectors, _ = Embedding(4, 2).apply(params, {}, ids)
        np.testing.assert_array_equal(vectors, TABLE[[1, 0]])


def test_dense_casts_raw_pixels_to_float32() -> None:
    layer, pixels = Dense(2), jnp.full((1, 3), 255, jnp.uint8)
    params, state = layer.init(jax.random.key(0), pixels)
    outputs, _ = layer.apply(params, state, pixels)
    assert outputs.dtype == jnp.float32
    np.testing.assert_allclose(outputs, 255 * params["kernel"].sum(0)[None], rtol=1e-5)


def test_which_layers_integers_are_normal_for() -> None:
    assert Embedding.takes_integers
    assert not Dense.takes_integers

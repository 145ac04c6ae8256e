"""One layer applied to values that carry masks."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core.keys import child
from jkeras.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    InputSpec,
    Lambda,
    Layer,
    Masking,
    MultiHeadAttention,
    ReversibleEmbedding,
    SpectralNormalization,
    TimeDistributed,
)
from jkeras.models import Chain
from jkeras.models.calls import call_layer

KEY = jax.random.key(0)
IDS = jnp.array([[1, 2, 0], [3, 0, 0]])
X = jnp.ones((2, 3, 4))
REAL = IDS != 0


def called(layer: Layer, *values: Any, masks: Any = None, **told: Any) -> tuple[Any, Any]:
    """The outputs and masks of a layer with fresh weights; one mask of all values by default."""
    params, state = layer.init(KEY, *values)
    masks = (REAL,) * len(values) if masks is None else masks
    told = {"key": KEY, "training": False} | told
    outputs, _, made = call_layer(layer, params, state, values, masks, **told)
    return outputs, made


def is_real(mask: Any) -> bool:
    """Whether a mask is that of the inputs."""
    return mask is not None and bool((mask == REAL).all())


def test_a_network_without_masks_computes_nothing_for_them() -> None:
    net = Chain([Dense(3, activation="relu"), BatchNormalization(), Dropout(0.5), Dense(2)])
    params, state = net.init(KEY, X)

    def by_hand(params: dict, state: dict, x: Any, key: Any) -> Any:
        new = {}
        for layer in net.layers:
            told = {"rows": None} if layer.padded_rows == "masked" else {}
            told |= {"key": child(key, str(layer.name)), "training": True}
            parts = params.get(layer.name, {}), state.get(layer.name, {})
            x, made = layer.apply(*parts, x, **told)
            new |= {layer.name: made} if made else {}
        return x, new

    def as_net(params: dict, state: dict, x: Any, key: Any) -> Any:
        return net.apply(params, state, x, key=key, training=True)

    programs = [str(jax.make_jaxpr(f)(params, state, X, KEY)) for f in (by_hand, as_net)]
    assert programs[0] == programs[1]
    assert not net.makes_masks


@pytest.mark.parametrize(
    ("layer", "makes"),
    [
        (Dense(2), False),
        (LSTM(2), False),
        (Embedding(4, 2), False),
        (Embedding(4, 2, mask_zero=True), True),
        (ReversibleEmbedding(4, 2, mask_zero=True), True),
        (Masking(), True),
        (Lambda(jnp.tanh), False),
        (Lambda(jnp.tanh, mask=lambda x, mask: mask), True),
        (SpectralNormalization(Embedding(4, 2, mask_zero=True)), True),
        (Chain([Dense(2), Masking()]), True),
        (Chain([Dense(2), Chain([Dense(2)])]), False),
    ],
)
def test_who_makes_masks(layer: Layer, makes: bool) -> None:
    assert layer.makes_masks is makes


# As in Keras 3.15.1, asked of one object of each class.
KEEPING = """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average
    BatchNormalization Bidirectional Concatenate ConvLSTM1D ConvLSTM2D ConvLSTM3D Dense Dot Dropout
    ELU GRU GaussianDropout GaussianNoise GlobalAveragePooling1D GroupNormalization
    GroupQueryAttention Identity LSTM LayerNormalization LeakyReLU Masking Maximum Minimum
    MultiHeadAttention Multiply Normalization PReLU RNN ReLU Rescaling SimpleRNN Softmax
    SpatialDropout1D SpatialDropout2D SpatialDropout3D Subtract TimeDistributed UnitNormalization
""".split()


def test_the_classes_that_support_masking_are_keras_own() -> None:
    classes = {getattr(layers, name) for name in layers.__all__}
    found = {c.__name__ for c in classes if getattr(c, "supports_masking", False) is True}
    assert found - {"InputLayer"} == set(KEEPING)


def test_a_class_with_its_own_rule_makes_masks_unless_it_says_otherwise() -> None:
    class Makes(Layer):
        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return mask

    class Passes(Layer):
        makes_masks = False

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return mask

    assert (Makes().makes_masks, Passes().makes_masks, Layer().makes_masks) == (True, False, False)


def test_a_mask_ends_with_a_warning_where_it_is_not_supported() -> None:
    params, state = Conv1D(2, 2, name="c").init(KEY, X)
    with pytest.warns(UserWarning) as caught:
        made = call_layer(
            Conv1D(2, 2, name="c"), params, state, (X,), (REAL,), key=None, training=False
        )
    assert made[2] == (None,)
    assert [str(warning.message) for warning in caught] == [
        "Conv1D 'c': its inputs carry a mask, and it does not support masking: padded steps count "
        "as real ones from here on, in the layers behind it and in the loss. Move it in front of "
        "the layer that makes the mask, or subclass it with `supports_masking = True` if the mask "
        "of its inputs is that of its outputs."
    ]


def test_a_subclass_that_supports_masking_keeps_the_mask_as_the_warning_says() -> None:
    class Flat(Flatten):
        supports_masking = True

    assert is_real(called(Flat(), X)[1][0])


def test_masks_of_several_outputs() -> None:
    _, made = called(LSTM(2, return_sequences=True, return_state=True), X)
    assert is_real(made[0]) and made[1:] == (None, None)
    _, made = called(LSTM(2, return_state=True), X)
    assert made == (None, None, None)
    both = Bidirectional(LSTM(2, return_sequences=True, return_state=True), merge_mode=None)
    _, made = called(both, X)
    assert is_real(made[0]) and is_real(made[1]) and made[2:] == (None,) * 4
    attention = MultiHeadAttention(1, 2, return_attention_scores=True)
    _, made = called(attention, X, X, masks=(REAL, None))
    assert is_real(made[0]) and made[1] is None
    assert called(Dot(axes=2), X, X)[1] == (None,)


def test_initial_states_hide_the_mask_from_a_recurrent_layer_as_in_keras() -> None:
    layer, h = LSTM(2, return_sequences=True), jnp.ones((2, 2))
    params, state = layer.init(KEY, X, h, h)
    told: dict[str, Any] = {"key": None, "training": False}
    masks = (REAL, None, None)
    hidden, _, made = call_layer(layer, params, state, (X, h, h), masks, **told)
    plain, _ = layer.apply(params, state, X, h, h)
    np.testing.assert_array_equal(hidden[0], plain)
    assert is_real(made[0])
    shown, _, _ = call_layer(layer, params, state, (X, h, h), masks, options={"mask": REAL}, **told)
    masked, _ = layer.apply(params, state, X, h, h, mask=REAL)
    np.testing.assert_array_equal(shown[0], masked)
    assert not np.array_equal(masked, plain)


def test_a_mask_given_by_hand_replaces_the_one_that_arrives() -> None:
    other = ~REAL
    _, made = called(LSTM(2, return_sequences=True), X, options={"mask": other})
    np.testing.assert_array_equal(made[0], other)
    _, made = called(LSTM(2, return_sequences=True), X, masks=(None,), options={"mask": other})
    np.testing.assert_array_equal(made[0], other)


def test_logits_of_a_reversible_embedding_have_no_mask() -> None:
    layer = ReversibleEmbedding(4, 4, mask_zero=True)
    assert is_real(called(layer, IDS, masks=(None,))[1][0])
    params, state = layer.init(KEY, IDS)
    told: dict[str, Any] = {"key": None, "training": False, "options": {"reverse": True}}
    outputs, _, made = call_layer(layer, params, state, (X,), (REAL,), **told)
    assert outputs[0].shape == (2, 3, 4) and made == (None,)


def test_a_chain_hands_masks_through_and_returns_the_last() -> None:
    net = Chain([Embedding(4, 2, mask_zero=True), Chain([LSTM(2, return_sequences=True)])])
    params, state = net.init(KEY, IDS)
    outputs, _, mask = net.apply_with_mask(params, state, IDS)
    assert is_real(mask)
    np.testing.assert_array_equal(net.apply(params, state, IDS)[0], outputs)
    inner = Chain([LSTM(2, return_sequences=True)])
    params, state = inner.init(KEY, X)
    masked = inner.apply(params, state, X, mask=REAL)[0]
    expected = inner.layers[0].apply(params["lstm"], {}, X, mask=REAL)[0]
    np.testing.assert_array_equal(masked, expected)
    assert inner.apply_with_mask(params, state, X)[2] is None


def test_a_chain_says_how_many_masks_it_takes() -> None:
    with pytest.raises(ValueError) as caught:
        Chain([Add()], name="net").apply_with_mask({}, {}, X, X, masks=REAL)
    assert str(caught.value) == (
        "Chain 'net': expected a mask or None for each of 2 inputs, got an array of shape "
        f"{REAL.shape} and dtype bool."
    )
    with pytest.raises(ValueError) as caught:
        Add().apply({}, {}, X, X, mask=REAL)
    assert str(caught.value).startswith(
        "Add: expected `mask` as a tuple, a mask or None for each of 2 inputs, got "
    )


def test_time_distributed_gives_its_layer_the_mask_of_each_step() -> None:
    layer = TimeDistributed(LSTM(2))
    x, mask = jnp.ones((2, 3, 5, 4)), jnp.arange(30).reshape(2, 3, 5) % 3 > 0
    outputs, made = called(layer, x, masks=(mask,))
    params, _ = layer.init(KEY, x)
    alone, _ = layer.layer.apply(params, {}, x[:, 1], mask=mask[:, 1])
    np.testing.assert_allclose(outputs[0][:, 1], alone, rtol=1e-6)
    np.testing.assert_array_equal(made[0], mask)


def test_an_input_spec_is_checked_before_the_layer_runs() -> None:
    class Flat(Layer):
        input_spec = InputSpec(ndim=2)

        def apply(self, params: dict, state: dict, inputs: Any, **told: Any) -> tuple[Any, dict]:
            raise AssertionError("it ran")

    expected = "Flat 'flat': expected an input of 2 axes, got shape (2, 3, 4)."
    for use in (
        lambda: Chain([Flat()]).init(KEY, X),
        lambda: Chain([Flat()]).apply({}, {}, X),
    ):
        with pytest.raises(ValueError) as caught:
            use()
        assert str(caught.value) == expected


def test_masks_travel_through_a_graph() -> None:
    table, attention = Embedding(4, 2, mask_zero=True), MultiHeadAttention(1, 2)
    ids = jkeras.Input((3,), dtype="int32")
    x = table(ids)
    pooled = GlobalAveragePooling1D()(Add()([x, attention(x, x)]))
    net = jkeras.Model(ids, pooled).net
    params, state = net.init(KEY, IDS)
    vectors, _ = table.apply(params["embedding"], {}, IDS)
    told = {"query_mask": REAL, "value_mask": REAL}
    attended, _ = attention.apply(params["multi_head_attention"], {}, vectors, vectors, **told)
    expected, _ = GlobalAveragePooling1D().apply({}, {}, vectors + attended, mask=REAL)
    outputs, _, mask = net.apply_with_mask(params, state, IDS)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    assert net.makes_masks and mask is None


def test_the_mask_of_a_symbol_can_be_passed_on_by_hand() -> None:
    table = Embedding(4, 2, mask_zero=True)
    ids = jkeras.Input((3,), dtype="int32")
    layer = LSTM(2)
    outputs = layer(table(ids), mask=table.compute_mask(ids))
    net = jkeras.Model(ids, outputs).net
    params, state = net.init(KEY, IDS)
    vectors, _ = table.apply(params["embedding"], {}, IDS)
    expected, _ = layer.apply(params["lstm"], {}, vectors, mask=REAL)
    np.testing.assert_allclose(net.apply(params, state, IDS)[0], expected, rtol=1e-5)

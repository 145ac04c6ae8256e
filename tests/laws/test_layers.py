"""The laws of every layer: one table of layers, crossed with what the contract promises."""

import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jkeras import layers
from jkeras.layers import Layer

Shape = tuple[int, ...]

SEQUENCE, IMAGE, VOLUME = (2, 5, 4), (2, 4, 5, 2), (2, 2, 3, 4, 2)
PIXELS = (5, 4, 6, 3)
BATCHES = 3

# Every layer once, with the shapes of its inputs; "ids" stands for integers from 0 to 4.
LAYERS: dict[str, tuple[Layer, list[Shape | str]]] = {
    "Activation": (layers.Activation("tanh"), [(3, 4)]),
    "ActivityRegularization": (layers.ActivityRegularization(0.1, 0.2), [(3, 4)]),
    "AdaptiveAveragePooling1D": (layers.AdaptiveAveragePooling1D(3), [SEQUENCE]),
    "AdaptiveAveragePooling2D": (layers.AdaptiveAveragePooling2D((2, 3)), [IMAGE]),
    "AdaptiveAveragePooling3D": (layers.AdaptiveAveragePooling3D(2), [VOLUME]),
    "AdaptiveMaxPooling1D": (layers.AdaptiveMaxPooling1D(3), [SEQUENCE]),
    "AdaptiveMaxPooling2D": (layers.AdaptiveMaxPooling2D((2, 3)), [IMAGE]),
    "AdaptiveMaxPooling3D": (layers.AdaptiveMaxPooling3D(2), [VOLUME]),
    "Add": (layers.Add(), [(2, 3), (2, 3), (2, 1)]),
    "AdditiveAttention": (
        layers.AdditiveAttention(dropout=0.5, return_attention_scores=True),
        [(2, 3, 4), (2, 5, 4)],
    ),
    "AlphaDropout": (layers.AlphaDropout(0.5), [(4, 5)]),
    "Attention": (
        layers.Attention(use_scale=True, score_mode="concat", dropout=0.5),
        [(2, 3, 4), (2, 5, 3), (2, 5, 4)],
    ),
    "AugMix": (layers.AugMix(num_chains=1, chain_depth=1, all_ops=False), [PIXELS]),
    "AutoContrast": (layers.AutoContrast((-2, 2)), [PIXELS]),
    "Average": (layers.Average(), [(2, 3), (2, 3)]),
    "AveragePooling1D": (layers.AveragePooling1D(2, padding="same"), [SEQUENCE]),
    "AveragePooling2D": (layers.AveragePooling2D(2, 1), [IMAGE]),
    "AveragePooling3D": (layers.AveragePooling3D(2), [VOLUME]),
    "BatchNormalization": (layers.BatchNormalization(), [(4, 3)]),
    "Bidirectional": (
        layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="mul"),
        [SEQUENCE],
    ),
    "CategoryEncoding": (layers.CategoryEncoding(5, output_mode="count"), ["ids"]),
    "CenterCrop": (layers.CenterCrop(2, 3), [IMAGE]),
    "Concatenate": (layers.Concatenate(), [(2, 3), (2, 1)]),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        layers.ContrastLimitedAdaptiveHistogramEqualization((-2, 2), tile_grid_size=(2, 2)),
        [PIXELS],
    ),
    "Conv1D": (layers.Conv1D(3, 2, padding="causal", activation="tanh"), [SEQUENCE]),
    "Conv1DTranspose": (layers.Conv1DTranspose(3, 2, strides=2, activation="tanh"), [SEQUENCE]),
    "Conv2D": (layers.Conv2D(4, 2, groups=2, padding="same"), [IMAGE]),
    "Conv2DTranspose": (layers.Conv2DTranspose(1, 3, strides=2, padding="same"), [IMAGE]),
    "Conv3D": (layers.Conv3D(2, 2, data_format="channels_first"), [VOLUME]),
    "Conv3DTranspose": (layers.Conv3DTranspose(2, 2, data_format="channels_first"), [VOLUME]),
    "ConvLSTM1D": (layers.ConvLSTM1D(2, 2, strides=2, dropout=0.5), [(2, 3, 5, 2)]),
    "ConvLSTM2D": (
        layers.ConvLSTM2D(2, 2, padding="same", recurrent_dropout=0.5),
        [(2, 3, 4, 3, 2)],
    ),
    "ConvLSTM3D": (
        layers.ConvLSTM3D(1, 2, data_format="channels_first", dropout=0.5),
        [(2, 2, 2, 3, 2, 3)],
    ),
    "Cropping1D": (layers.Cropping1D((2, 0)), [SEQUENCE]),
    "Cropping2D": (layers.Cropping2D(1), [IMAGE]),
    "Cropping3D": (layers.Cropping3D(((0, 1), 1, (2, 0))), [VOLUME]),
    "CutMix": (layers.CutMix(), [PIXELS]),
    "Dense": (layers.Dense(3, activation="tanh"), [(2, 4)]),
    "DepthwiseConv1D": (layers.DepthwiseConv1D(2, strides=2, activation="tanh"), [SEQUENCE]),
    "DepthwiseConv2D": (layers.DepthwiseConv2D(2, depth_multiplier=2, padding="same"), [IMAGE]),
    "Discretization": (
        layers.Discretization(num_bins=3, output_mode="one_hot").adapt(np.linspace(-2, 2, 7)),
        [(3, 2)],
    ),
    "Dot": (layers.Dot(axes=2, normalize=True), [(2, 3, 4), (2, 2, 4)]),
    "Dropout": (layers.Dropout(0.5), [(4, 5)]),
    "ELU": (layers.ELU(), [(3, 4)]),
    "EinsumDense": (layers.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="e"), [SEQUENCE]),
    "Embedding": (layers.Embedding(5, 3), ["ids"]),
    "Equalization": (layers.Equalization((-2, 2)), [PIXELS]),
    "Flatten": (layers.Flatten(data_format="channels_first"), [IMAGE]),
    "GRU": (layers.GRU(3, recurrent_dropout=0.5, return_sequences=True), [SEQUENCE, (2, 3)]),
    "GRUCell": (layers.GRUCell(3, reset_after=False, dropout=0.5), [(2, 4), (2, 3)]),
    "GaussianDropout": (layers.GaussianDropout(0.5), [(4, 5)]),
    "GaussianNoise": (layers.GaussianNoise(0.5), [(4, 5)]),
    "GlobalAveragePooling1D": (layers.GlobalAveragePooling1D(), [SEQUENCE]),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D(keepdims=True), [IMAGE]),
    "GlobalAveragePooling3D": (layers.GlobalAveragePooling3D(), [VOLUME]),
    "GlobalMaxPooling1D": (layers.GlobalMaxPooling1D(), [SEQUENCE]),
    "GlobalMaxPooling2D": (layers.GlobalMaxPooling2D(), [IMAGE]),
    "GlobalMaxPooling3D": (layers.GlobalMaxPooling3D(), [VOLUME]),
    "GroupNormalization": (layers.GroupNormalization(2), [(2, 3, 4)]),
    "GroupQueryAttention": (
        layers.GroupQueryAttention(3, 4, 2, dropout=0.5, use_gate=True),
        [(2, 3, 4), (2, 5, 4)],
    ),
    "Hashing": (layers.Hashing(7, output_mode="count"), ["ids"]),
    "Identity": (layers.Identity(), [(3, 4)]),
    "InputLayer": (layers.InputLayer((4,)), [(3, 4)]),
    "IntegerLookup": (layers.IntegerLookup(vocabulary=[3, 1], output_mode="count"), ["ids"]),
    "LSTM": (
        layers.LSTM(3, dropout=0.5, return_state=True),
        [SEQUENCE, (2, 3), (2, 3)],
    ),
    "LSTMCell": (layers.LSTMCell(3, recurrent_dropout=0.5), [(2, 4), (2, 3), (2, 3)]),
    "Lambda": (layers.Lambda(jnp.tanh), [(3, 4)]),
    "LayerNormalization": (layers.LayerNormalization((1, 2)), [SEQUENCE]),
    "LeakyReLU": (layers.LeakyReLU(), [(3, 4)]),
    "Masking": (layers.Masking(), [SEQUENCE]),
    "MaxNumBoundingBoxes": (layers.MaxNumBoundingBoxes(3), [PIXELS]),
    "MaxPooling1D": (layers.MaxPooling1D(padding="same"), [SEQUENCE]),
    "MaxPooling2D": (layers.MaxPooling2D(3, strides=1), [IMAGE]),
    "MaxPooling3D": (layers.MaxPooling3D(), [VOLUME]),
    "Maximum": (layers.Maximum(), [(2, 3), (2, 3)]),
    "MelSpectrogram": (
        layers.MelSpectrogram(8, 4, num_mel_bins=2, power_to_db=False),
        [(2, 16)],
    ),
    "Minimum": (layers.Minimum(), [(2, 3), (2, 3)]),
    "MixUp": (layers.MixUp(0.4), [PIXELS]),
    "MultiHeadAttention": (
        layers.MultiHeadAttention(2, 3, value_dim=2, dropout=0.5, use_causal_mask=True),
        [SEQUENCE],
    ),
    "Multiply": (layers.Multiply(), [(2, 3), (2, 3)]),
    "Normalization": (layers.Normalization(mean=[2.0, 4.0], variance=[1.0, 4.0]), [(3, 2)]),
    "PReLU": (layers.PReLU(alpha_initializer="ones", shared_axes=(1,)), [(2, 3, 4)]),
    "Permute": (layers.Permute((2, 1)), [SEQUENCE]),
    "Pipeline": (layers.Pipeline([layers.Rescaling(2.0), layers.Dropout(0.5)]), [PIXELS]),
    "RMSNormalization": (layers.RMSNormalization(), [SEQUENCE]),
    "RNN": (layers.RNN(layers.GRUCell(3), go_backwards=True, unroll=True), [SEQUENCE]),
    "RandAugment": (layers.RandAugment((-2, 2), num_ops=3), [PIXELS]),
    "RandomBrightness": (layers.RandomBrightness(0.5, (-2, 2)), [PIXELS]),
    "RandomColorDegeneration": (layers.RandomColorDegeneration(0.5, (-2, 2)), [PIXELS]),
    "RandomColorJitter": (
        layers.RandomColorJitter((-2, 2), brightness_factor=0.5, contrast_factor=0.5),
        [PIXELS],
    ),
    "RandomContrast": (layers.RandomContrast(0.5, (-2, 2)), [PIXELS]),
    "RandomCrop": (layers.RandomCrop(3, 2), [PIXELS]),
    "RandomElasticTransform": (layers.RandomElasticTransform(scale=(0.5, 1.0)), [PIXELS]),
    "RandomErasing": (layers.RandomErasing(), [PIXELS]),
    "RandomFlip": (layers.RandomFlip(), [PIXELS]),
    "RandomGaussianBlur": (layers.RandomGaussianBlur((1.0, 1.0)), [PIXELS]),
    "RandomGrayscale": (layers.RandomGrayscale(), [PIXELS]),
    "RandomHue": (layers.RandomHue(0.5, (-2, 2)), [PIXELS]),
    "RandomInvert": (layers.RandomInvert((0.5, 0.5)), [PIXELS]),
    "RandomPerspective": (layers.RandomPerspective((1.0, 1.0)), [PIXELS]),
    "RandomPosterization": (layers.RandomPosterization(8, (-2, 2)), [PIXELS]),
    "RandomRotation": (layers.RandomRotation(0.5), [PIXELS]),
    "RandomSaturation": (layers.RandomSaturation(0.5, (-2, 2)), [PIXELS]),
    "RandomSharpness": (layers.RandomSharpness(0.5, (-2, 2)), [PIXELS]),
    "RandomShear": (layers.RandomShear(0.5, 0.5), [PIXELS]),
    "RandomTranslation": (layers.RandomTranslation(0.5, 0.5), [PIXELS]),
    "RandomZoom": (layers.RandomZoom(0.5), [PIXELS]),
    "ReLU": (layers.ReLU(max_value=1.5, negative_slope=0.1), [(3, 4)]),
    "RepeatVector": (layers.RepeatVector(3), [(2, 4)]),
    "Rescaling": (layers.Rescaling([1.0, 2.0], offset=0.5), [(3, 2)]),
    "Reshape": (layers.Reshape((2, -1)), [(3, 4)]),
    "Resizing": (layers.Resizing(3, 2, pad_to_aspect_ratio=True), [IMAGE]),
    "ReversibleEmbedding": (
        layers.ReversibleEmbedding(5, 3, tie_weights=False, mask_zero=True),
        ["ids"],
    ),
    "STFTSpectrogram": (layers.STFTSpectrogram("magnitude", 4, 2), [(2, 9, 2)]),
    "SeparableConv1D": (layers.SeparableConv1D(3, 2, padding="same"), [SEQUENCE]),
    "SeparableConv2D": (layers.SeparableConv2D(3, 2, depth_multiplier=2), [IMAGE]),
    "SimpleRNN": (layers.SimpleRNN(3, dropout=0.5, return_state=True), [SEQUENCE]),
    "SimpleRNNCell": (layers.SimpleRNNCell(3, dropout=0.5), [(2, 4), (2, 3)]),
    "Softmax": (layers.Softmax((1, 2)), [SEQUENCE]),
    "Solarization": (layers.Solarization(0.5, 0.5, (-2, 2)), [PIXELS]),
    "SpatialDropout1D": (layers.SpatialDropout1D(0.5), [SEQUENCE]),
    "SpatialDropout2D": (layers.SpatialDropout2D(0.5), [IMAGE]),
    "SpatialDropout3D": (layers.SpatialDropout3D(0.5), [VOLUME]),
    "SpectralNormalization": (layers.SpectralNormalization(layers.Dense(3), 2), [(2, 4)]),
    "StackedRNNCells": (
        layers.StackedRNNCells([layers.LSTMCell(3), layers.SimpleRNNCell(2)]),
        [(2, 4), (2, 3), (2, 3), (2, 2)],
    ),
    "Subtract": (layers.Subtract(), [(2, 3), (2, 3)]),
    "TimeDistributed": (layers.TimeDistributed(layers.Dense(3)), [(2, 5, 3, 4)]),
    "UnitNormalization": (layers.UnitNormalization(), [SEQUENCE]),
    "UpSampling1D": (layers.UpSampling1D(3), [SEQUENCE]),
    "UpSampling2D": (layers.UpSampling2D((2, 3), interpolation="bicubic"), [IMAGE]),
    "UpSampling3D": (layers.UpSampling3D(data_format="channels_first"), [VOLUME]),
    "Wrapper": (layers.Wrapper(layers.Dense(3)), [(2, 4)]),
    "ZeroPadding1D": (layers.ZeroPadding1D((2, 0)), [SEQUENCE]),
    "ZeroPadding2D": (layers.ZeroPadding2D((1, 2), "channels_first"), [IMAGE]),
    "ZeroPadding3D": (layers.ZeroPadding3D(), [VOLUME]),
}

ATTENTION = {"AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"}
RECURRENT = {"ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "SimpleRNN"}
RECURRENT |= {"GRUCell", "LSTMCell", "SimpleRNNCell"}
OF_STRINGS = {"HashedCrossing", "StringLookup", "TextVectorization"}
OF_FUNCTIONS = {"FlaxLayer", "JaxLayer"}
"""Layers of other inputs than the table draws, and around functions of the user; `tests/layers` has
their laws."""

RANDOM = {name for name in LAYERS if "Dropout" in name} | ATTENTION | RECURRENT | {"GaussianNoise"}
RANDOM |= {name for name in LAYERS if name.startswith("Random")} | {"Solarization"}
RANDOM |= {"AugMix", "CutMix", "MixUp", "RandAugment"}
EQUALIZING = {name for name in LAYERS if "Equalization" in name} | {"AutoContrast"}
"""Layers whose outputs jump, or have kinks at the lowest and highest inputs."""
CARRYING = {"BatchNormalization", "SpectralNormalization"}
FLOATING = [name for name, (_, shapes) in LAYERS.items() if "ids" not in shapes]
SMOOTH = [name for name in FLOATING if name not in EQUALIZING]

every_layer = pytest.mark.parametrize("name", LAYERS)


def spread(shape: Shape | str, seed: int) -> jax.Array:
    """Numbers in [-2, 2] in random order, all different and none near 0: no kink and no tie."""
    rng = np.random.default_rng(seed)
    if isinstance(shape, str):
        return jnp.asarray(rng.integers(0, 5, (2, 3)), jnp.int32)
    count = int(np.prod(shape))
    values = (np.arange(count) - count // 2 + 0.4 + seed / 20) * 4 / count
    return jnp.asarray(rng.permutation(values).reshape(shape), jnp.float32)


@functools.cache
def example(name: str) -> tuple[Layer, dict, dict, tuple[jax.Array, ...]]:
    """A layer, its fresh params and state, and inputs."""
    layer, shapes = LAYERS[name]
    inputs = tuple(spread(shape, seed) for seed, shape in enumerate(shapes))
    return layer, *layer.init(jax.random.key(0), *inputs), inputs


def train(name: str, inputs: Any = None, key: int = 1) -> tuple[Any, dict]:
    """`apply` while training."""
    layer, params, state, own = example(name)
    inputs = own if inputs is None else inputs
    return layer.apply(params, state, *inputs, key=jax.random.key(key), training=True)


@functools.cache
def evaluate(name: str) -> tuple[Any, dict]:
    """`apply` in evaluation."""
    layer, params, state, inputs = example(name)
    return layer.apply(params, state, *inputs)


def told(layer: Layer, *arguments: Any, **options: Any) -> Any:
    """What tracing says of `apply`'s result, without computing it: shapes and dtypes."""
    return jax.eval_shape(functools.partial(layer.apply, **options), *arguments)


def assert_close(got: Any, expected: Any) -> None:
    """Equal trees of arrays, up to rounding."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def shapes_and_dtypes(tree: Any) -> Any:
    """The tree with (shape, dtype) in place of arrays."""
    return jax.tree.map(lambda x: (x.shape, x.dtype), tree)


def test_the_table_holds_every_exported_layer() -> None:
    # A name that differs from its class's own is another one for a class that stands here too.
    classes = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    own = {name for name in classes if getattr(layers, name).__name__ == name}
    assert set(LAYERS) | OF_STRINGS | OF_FUNCTIONS | {"InputSpec", "Layer"} == own
    assert {getattr(layers, name).__name__ for name in classes - own} < own
    assert all(type(layer).__name__ == name for name, (layer, _) in LAYERS.items())


@every_layer
def test_jit_agrees_with_eager(name: str) -> None:
    layer, params, state, inputs = example(name)
    compiled = jax.jit(functools.partial(layer.apply, training=True))
    assert_close(compiled(params, state, *inputs, key=jax.random.key(1)), train(name))


@every_layer
def test_eval_shape_agrees_with_the_result(name: str) -> None:
    layer, params, state, inputs = example(name)
    assert shapes_and_dtypes(told(layer, params, state, *inputs)) == shapes_and_dtypes(
        evaluate(name)
    )


@every_layer
def test_evaluation_changes_no_state_and_vmap_agrees_with_a_loop(name: str) -> None:
    layer, params, state, inputs = example(name)
    stacks = [jnp.stack([jnp.roll(x, i) for i in range(BATCHES)]) for x in inputs]
    outputs = jax.jit(jax.vmap(lambda *xs: layer.apply(params, state, *xs)[0]))(*stacks)
    alone = jax.jit(lambda *xs: layer.apply(params, state, *xs)[0])  # as one program: the loop is
    for i in range(BATCHES):  # not to be compiled operation by operation
        got = jax.tree.map(lambda y, i=i: y[i], outputs)
        assert_close(got, alone(*[stack[i] for stack in stacks]))
    assert evaluate(name)[1] is state


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_agree_with_differences(name: str) -> None:
    layer, params, state, inputs = example(name)

    def outputs(params: dict, *inputs: jax.Array) -> Any:
        return layer.apply(params, state, *inputs)[0]

    outputs = jax.jit(outputs)  # every call of a loop outside one would be compiled anew
    check_grads(outputs, (params, *inputs), order=1, modes=["rev"], atol=2e-2, rtol=2e-2, eps=1e-2)


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_outputs_have_the_dtype_of_the_inputs_or_of_the_layer(name: str, dtype: str) -> None:
    layer, params, state, inputs = example(name)
    options = {"key": jax.random.key(1), "training": True}
    if name in FLOATING:
        cast = [jax.ShapeDtypeStruct(x.shape, dtype) for x in inputs]
        outputs, _ = told(layer, params, state, *cast, **options)
        assert {y.dtype for y in jax.tree.leaves(outputs)} == {jnp.dtype(dtype)}
    outputs, _ = told(layer.replace(dtype=dtype), params, state, *inputs, **options)
    assert {y.dtype for y in jax.tree.leaves(outputs)} == {jnp.dtype(dtype)}


@every_layer
def test_training_keeps_the_structure_of_evaluation(name: str) -> None:
    layer, params, state, inputs = example(name)
    options = {"key": jax.random.key(1), "training": True}
    assert told(layer, params, state, *inputs, **options) == told(layer, params, state, *inputs)


@pytest.mark.parametrize(
    "name", sorted(set(LAYERS) - RANDOM - CARRYING - {"Equalization", "Pipeline"})
)
def test_training_means_nothing_else_to_the_rest(name: str) -> None:
    assert_close(train(name), evaluate(name))


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_the_key_decides(name: str) -> None:
    first, again, other = (jax.tree.leaves(train(name, key=key)[0])[0] for key in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_another_seed_draws_otherwise(name: str) -> None:
    layer, params, state, inputs = example(name)
    other = layer.replace(seed=7).apply(
        params, state, *inputs, key=jax.random.key(1), training=True
    )
    assert not np.array_equal(jax.tree.leaves(other)[0], jax.tree.leaves(train(name))[0])


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_training_without_a_key_says_how_to_pass_one(name: str) -> None:
    layer, params, state, inputs = example(name)
    with pytest.raises(ValueError) as caught:
        layer.apply(params, state, *inputs, training=True)
    assert str(caught.value) == (
        f"{name}: expected a random `key` while training, got None. "
        "Pass one: apply(params, state, inputs, key=jax.random.key(0), training=True)."
    )


@every_layer
def test_init_depends_on_the_key_alone(name: str) -> None:
    layer, params, state, inputs = example(name)
    specs = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs]
    again = layer.init(jax.random.key(0), *specs)
    jax.tree.map(np.testing.assert_array_equal, again, (params, state))


@every_layer
def test_equal_descriptions_compare_hash_and_print_alike(name: str) -> None:
    layer, _ = LAYERS[name]
    copy = layer.replace()
    assert (copy, hash(copy), repr(copy)) == (layer, hash(layer), repr(layer))
    assert layer.replace(name="other") != layer
    assert repr(layer).startswith(f"{name}(")


@every_layer
def test_configurations_come_back_through_json(name: str) -> None:
    layer, _ = LAYERS[name]
    own = {"tanh": jnp.tanh} if name == "Lambda" else {}
    read = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))), own)
    assert read.get_config() == layer.get_config()
    assert read == layer or layer.adapted  # what `adapt` found is a value, not an argument

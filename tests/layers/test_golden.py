"""Every layer gives Keras's numbers: outputs, gradients and carried weights, for Keras's arguments.

`tests/golden/layers.npz`, `convolution.npz` and `reshaping.npz` hold them;
`tests/golden/make_layers.py` and its like say what is in them and write them again.
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
GOLDEN: dict[str, np.ndarray] = {}
CASES: dict[str, dict] = {}
for stem in ("layers", "convolution", "reshaping"):
    found = dict(np.load(FOLDER / f"{stem}.npz"))
    CASES.update(json.loads(str(found.pop("cases"))))
    GOLDEN[f"keras of {stem}"] = found.pop("keras")
    GOLDEN.update(found)
HINT = "(if Keras changed: python tests/golden/make_layers.py, or the script of the case's prefix)"

# Layers without numbers of their own, and where they are tested.
ELSEWHERE = {
    "AdditiveAttention": "tests/layers/test_golden_attention.py",
    "AlphaDropout": "tests/layers/test_regularization.py",
    "Attention": "tests/layers/test_golden_attention.py",
    "AugMix": "tests/layers/augmentation/test_augmentation.py",
    "AutoContrast": "tests/layers/augmentation/test_golden.py",
    "Bidirectional": "tests/layers/test_recurrent_golden.py",
    "CategoryEncoding": "tests/layers/test_golden_preprocessing.py",
    "CenterCrop": "tests/layers/test_golden_preprocessing.py",
    "ContrastLimitedAdaptiveHistogramEqualization": "tests/layers/augmentation/test_golden.py",
    "ConvLSTM1D": "tests/layers/test_recurrent_golden.py",
    "ConvLSTM2D": "tests/layers/test_recurrent_golden.py",
    "ConvLSTM3D": "tests/layers/test_recurrent_golden.py",
    "CutMix": "tests/layers/augmentation/test_golden.py",
    "FlaxLayer": "tests/layers/test_flax_layer.py",
    "JaxLayer": "tests/layers/test_jax_layer.py",
    "Discretization": "tests/layers/test_golden_preprocessing.py",
    "EinsumDense": "tests/layers/test_golden_attention.py",
    "Equalization": "tests/layers/augmentation/test_golden.py",
    "GRU": "tests/layers/test_recurrent_golden.py",
    "GRUCell": "tests/layers/test_recurrent_golden.py",
    "GroupNormalization": "tests/layers/test_golden_attention.py",
    "GroupQueryAttention": "tests/layers/test_golden_attention.py",
    "HashedCrossing": "tests/layers/test_hashing.py",
    "Hashing": "tests/layers/test_hashing.py",
    "Identity": "tests/models/test_masks_golden.py",
    "Input": "tests/layers/test_input.py",
    "InputLayer": "tests/layers/test_input.py",
    "InputSpec": "tests/core/test_input_spec.py",
    "IntegerLookup": "tests/layers/test_lookups.py",
    "LSTM": "tests/layers/test_recurrent_golden.py",
    "LSTMCell": "tests/layers/test_recurrent_golden.py",
    "Lambda": "tests/layers/test_lambda_layer.py",
    "Layer": "tests/core",
    "LayerNormalization": "tests/layers/test_golden_attention.py",
    "Masking": "tests/models/test_masks_golden.py",
    "MaxNumBoundingBoxes": "tests/layers/augmentation/test_augmentation.py",
    "MixUp": "tests/layers/augmentation/test_golden.py",
    "MelSpectrogram": "tests/layers/test_spectrograms.py",
    "MultiHeadAttention": "tests/layers/test_golden_attention.py",
    "Normalization": "tests/layers/test_golden_preprocessing.py",
    "Pipeline": "tests/layers/augmentation/test_augmentation.py",
    "RMSNormalization": "tests/layers/test_golden_attention.py",
    "RNN": "tests/layers/test_recurrent_golden.py",
    "RandAugment": "tests/layers/augmentation/test_augmentation.py",
    "RandomBrightness": "tests/layers/augmentation/test_golden.py",
    "RandomColorDegeneration": "tests/layers/augmentation/test_golden.py",
    "RandomColorJitter": "tests/layers/augmentation/test_augmentation.py",
    "RandomContrast": "tests/layers/augmentation/test_golden.py",
    "RandomCrop": "tests/layers/augmentation/test_augmentation.py",
    "RandomElasticTransform": "tests/layers/augmentation/test_augmentation.py",
    "RandomErasing": "tests/layers/augmentation/test_golden.py",
    "RandomFlip": "tests/layers/augmentation/test_golden.py",
    "RandomGaussianBlur": "tests/layers/augmentation/test_golden.py",
    "RandomGrayscale": "tests/layers/augmentation/test_golden.py",
    "RandomHue": "tests/layers/augmentation/test_golden.py",
    "RandomInvert": "tests/layers/augmentation/test_golden.py",
    "RandomPerspective": "tests/layers/augmentation/test_golden.py",
    "RandomPosterization": "tests/layers/augmentation/test_golden.py",
    "RandomRotation": "tests/layers/augmentation/test_golden.py",
    "RandomSaturation": "tests/layers/augmentation/test_golden.py",
    "RandomSharpness": "tests/layers/augmentation/test_golden.py",
    "RandomShear": "tests/layers/augmentation/test_golden.py",
    "RandomTranslation": "tests/layers/augmentation/test_golden.py",
    "RandomZoom": "tests/layers/augmentation/test_golden.py",
    "Resizing": "tests/layers/test_golden_preprocessing.py",
    "STFTSpectrogram": "tests/layers/test_spectrograms.py",
    "StringLookup": "tests/layers/test_lookups.py",
    "TextVectorization": "tests/layers/test_text_vectorization.py",
    "ReversibleEmbedding": "tests/models/test_masks_golden.py",
    "SimpleRNNCell": "tests/layers/test_recurrent_golden.py",
    "Solarization": "tests/layers/augmentation/test_golden.py",
    "SpectralNormalization": "tests/layers/test_golden_attention.py",
    "StackedRNNCells": "tests/layers/test_recurrent_golden.py",
    "TimeDistributed": "tests/layers/test_recurrent_golden.py",
    "UnitNormalization": "tests/layers/test_golden_attention.py",
    "Wrapper": "tests/layers/test_recurrent_wrappers.py",
    "add": "tests/layers/test_merging.py",
    "average": "tests/layers/test_merging.py",
    "concatenate": "tests/layers/test_merging.py",
    "deserialize": "tests/core/test_serialization.py",
    "dot": "tests/layers/test_merging.py",
    "maximum": "tests/layers/test_merging.py",
    "minimum": "tests/layers/test_merging.py",
    "multiply": "tests/layers/test_merging.py",
    "serialize": "tests/core/test_serialization.py",
    "subtract": "tests/layers/test_merging.py",
}


def numbers(case: str, phase: str, what: str) -> list[np.ndarray]:
    """The arrays `case|phase|what|0`, `…|1`, and so on."""
    prefix = f"{case}|{phase}|{what}|"
    count = sum(name.startswith(prefix) for name in GOLDEN)
    return [GOLDEN[f"{prefix}{i}"] for i in range(count)]


@functools.cache
def described(case: str) -> tuple[layers.Layer, dict, dict]:
    """The layer of a case, and the shapes and dtypes of its `params` and `state` in their order."""
    row = CASES[case]
    layer = getattr(layers, row["layer"])(**row["arguments"])
    specs = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in numbers(case, "given", "inputs")]
    trees: list[dict] = []

    def init(key: jax.Array) -> None:
        # What `eval_shape` returns has its names sorted; here they are still in order.
        for tree in layer.init(key, *specs):
            trees.append({name: spec_of(weight) for name, weight in tree.items()})

    jax.eval_shape(init, jax.random.key(0))
    return layer, *trees


def ready(case: str) -> tuple[layers.Layer, dict, dict, list[jax.Array]]:
    """The layer of a case, with Keras's weights in its `params` and `state`, and the inputs."""
    layer, params, state = described(case)
    values = [jnp.asarray(w) for w in numbers(case, "given", "weights")]
    named = dict(zip(CASES[case]["weights"], values, strict=True))
    inputs = [jnp.asarray(x) for x in numbers(case, "given", "inputs")]
    return layer, {n: named[n] for n in params}, {n: named[n] for n in state}, inputs


def assert_close(got: Any, expected: list[np.ndarray]) -> None:
    """Equal structure, shapes and dtypes; floats within 1e-5, and 1e-6 of the largest entry.

    The second part is for sums that nearly cancel: their rounding error is relative to their terms.
    """
    leaves = jax.tree.leaves(got)
    assert [(x.shape, x.dtype) for x in leaves] == [(x.shape, x.dtype) for x in expected], HINT
    for mine, theirs in zip(leaves, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, **near("sums", theirs), err_msg=HINT)


def phases(case: str) -> list[tuple[str, str]]:
    """The phases for which the file holds outputs."""
    return [
        (case, phase) for phase in ("evaluation", "training") if numbers(case, phase, "outputs")
    ]


PHASES = [pair for case in CASES for pair in phases(case)]


@pytest.mark.parametrize("case", CASES)
def test_weights_have_keras_names_shapes_and_order(case: str) -> None:
    _, params, state = described(case)
    assert [*params, *state] == CASES[case]["weights"]
    expected = [(w.shape, w.dtype) for w in numbers(case, "given", "weights")]
    assert [(w.shape, w.dtype) for w in [*params.values(), *state.values()]] == expected


@pytest.mark.parametrize(("case", "phase"), PHASES)
def test_outputs_and_carried_weights(case: str, phase: str) -> None:
    layer, params, state, inputs = ready(case)
    outputs, carried = layer.apply(params, state, *inputs, training=phase == "training")
    expected = numbers(case, phase, "outputs")
    assert_close(outputs, expected)
    moved = [carried[name] for name in CASES[case]["weights"] if name in state]
    assert_close(moved, numbers(case, phase, "carried"))


@pytest.mark.parametrize(("case", "phase"), [p for p in PHASES if numbers(*p, "d_inputs")])
def test_gradients(case: str, phase: str) -> None:
    layer, params, state, inputs = ready(case)
    cotangents = numbers(case, "given", "cotangents")

    def scalar(params: dict, inputs: list[jax.Array]) -> jax.Array:
        outputs, _ = layer.apply(params, state, *inputs, training=phase == "training")
        pairs = zip(jax.tree.leaves(outputs), cotangents, strict=True)
        return sum((jnp.sum(y * w) for y, w in pairs), start=jnp.zeros(()))

    d_params, d_inputs = jax.jit(jax.grad(scalar, argnums=(0, 1)))(params, inputs)
    d_weights = [d_params[name] for name in CASES[case]["weights"] if name in params]
    assert_close(d_weights, numbers(case, phase, "d_weights"))
    assert_close(d_inputs, numbers(case, phase, "d_inputs"))


def test_every_layer_has_numbers() -> None:
    own = {name for name in layers.__all__ if getattr(layers, name).__name__ == name}
    assert {row["layer"] for row in CASES.values()} | set(ELSEWHERE) == own


def test_the_numbers_come_from_the_keras_we_follow() -> None:
    versions = {str(GOLDEN[name]) for name in GOLDEN if name.startswith("keras of ")}
    assert versions == {"3.15.1"}

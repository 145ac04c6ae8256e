"""Spectrograms give Keras's numbers in every mode.

`tests/golden/spectrograms.npz` holds them; `tests/golden/make_spectrograms.py` writes it again.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.layers import MelSpectrogram, STFTSpectrogram

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "spectrograms.npz"))
CASES: dict[str, dict] = json.loads(str(GOLDEN.pop("cases")))
HINT = "(if Keras changed: python tests/golden/make_spectrograms.py)"


@pytest.mark.parametrize("case", CASES)
def test_outputs(case: str) -> None:
    row, x = CASES[case], jnp.asarray(GOLDEN[f"{case}|inputs"])
    layer = getattr(layers, row["layer"])(**row["arguments"])
    params, state = layer.init(jax.random.key(0), x)
    outputs = layer.apply(params, state, x)[0]
    expected = GOLDEN[f"{case}|outputs"]
    assert (outputs.shape, outputs.dtype) == (expected.shape, expected.dtype), HINT
    largest = float(np.abs(expected).max())
    if row["arguments"].get("mode") == "angle":  # -pi and pi are one angle
        outputs, expected = jnp.cos(outputs), np.cos(expected)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=2e-6 * largest, err_msg=HINT)


def test_kernels_are_weights_of_keras_and_train() -> None:
    layer = STFTSpectrogram(frame_length=8, mode="real")
    params, _ = layer.init(jax.random.key(0), jnp.zeros((1, 20, 1)))
    assert {name: weight.shape for name, weight in params.items()} == {"real_kernel": (8, 1, 5)}
    params, _ = layer.replace(mode="log").init(jax.random.key(0), jnp.zeros((1, 20, 1)))
    assert list(params) == ["real_kernel", "imag_kernel"]


def test_configurations_come_back() -> None:
    for layer in (
        STFTSpectrogram(frame_length=8, window=np.ones(8)),
        MelSpectrogram(fft_length=16, sequence_length=8),
    ):
        config = json.loads(json.dumps(layer.get_config()))
        assert type(layer).from_config(config) == layer


WRONG = [
    (lambda: STFTSpectrogram(frame_length=4, frame_step=5), "at most `frame_length`, 4"),
    (lambda: STFTSpectrogram(frame_length=4, fft_length=2), "at least `frame_length`, 4"),
    (lambda: STFTSpectrogram(mode="power"), "got 'power'"),
    (lambda: STFTSpectrogram().init(None, jnp.zeros((1, 20))), "[batch, samples, channels]"),
    (
        lambda: STFTSpectrogram().init(None, jnp.zeros((1, 300, 1), jnp.int32)),
        "expected floating inputs, got int32",
    ),
    (lambda: MelSpectrogram(fft_length=8, sequence_length=9), "at most `fft_length`, 8"),
]


@pytest.mark.parametrize("make_fn, words", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(make_fn: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make_fn()
    assert words in str(caught.value)


def test_a_length_that_is_no_power_of_two_warns() -> None:
    with pytest.warns(UserWarning, match="recommended to be a power of two, got 24"):
        STFTSpectrogram(frame_length=12, fft_length=24)


NAN = float("nan")
IMPOSSIBLE: list[tuple[Any, dict[str, Any], str]] = [
    (MelSpectrogram, {"min_freq": 8000, "max_freq": 100}, "`min_freq`: expected less than `max_"),
    (MelSpectrogram, {"min_freq": 9000}, "`min_freq`: expected less than `max_freq`, 8000.0"),
    (MelSpectrogram, {"max_freq": NAN}, "`max_freq`: expected a finite number of at least 0"),
    (MelSpectrogram, {"top_db": -1}, "`top_db`: expected a number of at least 0, got -1"),
    (MelSpectrogram, {"mag_exp": 0}, "`mag_exp`: expected a finite number above 0, got 0"),
    (MelSpectrogram, {"ref_power": NAN}, "`ref_power`: expected a finite number, got nan"),
    (MelSpectrogram, {"fft_length": 1}, "`fft_length`: expected at least 2 samples, got 1"),
    (MelSpectrogram, {"window": [1.0] * 5}, "`window`: expected `sequence_length` = 2048 finite"),
    (STFTSpectrogram, {"window": [1.0] * 5}, "`window`: expected `frame_length` = 256 finite"),
    (STFTSpectrogram, {"window": [0.0] * 256}, "numbers that are not all 0, got NaN, infinity or"),
    (STFTSpectrogram, {"window": [NAN] * 256}, "numbers that are not all 0, got NaN, infinity or"),
    (STFTSpectrogram, {"frame_length": 1}, "`frame_length`: expected at least 2 samples in a"),
]


@pytest.mark.parametrize("kind, options, words", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_what_cannot_be_is_refused_when_the_layer_is_made(
    kind: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError) as caught:
        kind(**options)
    assert words in str(caught.value)


def test_bands_above_all_frequencies_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="`max_freq` is above half of `sampling_rate`, 4000.0"):
        MelSpectrogram(sampling_rate=8000, max_freq=8000)

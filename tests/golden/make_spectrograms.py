"""Writes `spectrograms.npz`: Keras's spectrograms of random sounds.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_spectrograms.py

`cases` is a JSON table: for each case the layer and its arguments. Arrays are named `case|inputs`
and `case|outputs`.
"""

import json
import pathlib
from typing import Any

import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("spectrograms.npz")
SMALL = {"frame_length": 16, "frame_step": 6, "fft_length": 32}

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    *[
        ("STFTSpectrogram", {"mode": mode, **SMALL}, (2, 50, 2))
        for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    ],
    ("STFTSpectrogram", {"frame_length": 12, "padding": "same", "scaling": None}, (2, 50, 1)),
    (
        "STFTSpectrogram",
        {"expand_dims": True, "window": "hamming", "periodic": True, **SMALL},
        (2, 50, 2),
    ),
    ("STFTSpectrogram", {"data_format": "channels_first", **SMALL}, (2, 2, 50)),
    (
        "STFTSpectrogram",
        {"data_format": "channels_first", "expand_dims": True, "scaling": "spectrum", **SMALL},
        (2, 2, 50),
    ),
    ("MelSpectrogram", {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 5}, (200,)),
    (
        "MelSpectrogram",
        {
            "fft_length": 128,
            "sequence_length": 64,
            "sequence_stride": 32,
            "num_mel_bins": 8,
            "window": "hamming",
            "sampling_rate": 8000,
            "min_freq": 100.0,
            "max_freq": 3000,
            "top_db": 20.0,
            "ref_power": 2.0,
        },
        (2, 300),
    ),
    (
        "MelSpectrogram",
        {
            "fft_length": 64,
            "sequence_stride": 16,
            "num_mel_bins": 5,
            "power_to_db": False,
            "mag_exp": 1.0,
            "window": None,
        },
        (2, 200),
    ),
]


def main() -> None:
    """Draws the sounds, computes the spectrograms, writes both."""
    rng = np.random.default_rng(0)
    arrays, rows = {}, {}
    for number, (kind, arguments, shape) in enumerate(CASES):
        case = f"{kind} {number}"
        x = rng.normal(size=shape).astype(np.float32)
        outputs = getattr(keras.layers, kind)(**arguments)(x)
        rows[case] = {"layer": kind, "arguments": arguments}
        arrays |= {f"{case}|inputs": x, f"{case}|outputs": np.asarray(outputs)}
    arrays["cases"] = np.array(json.dumps(rows))
    arrays["keras"] = np.array(keras.__version__)
    np.savez_compressed(TARGET, **arrays)


if __name__ == "__main__":
    main()

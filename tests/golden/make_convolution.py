"""Writes `convolution.npz`: Keras's convolutions of every kind on random inputs, with gradients.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_convolution.py

The file has the form of `layers.npz`, which `make_layers.py` beside this script explains; the names
of its cases begin with `convolution/`.
"""

import json
import pathlib
from typing import Any

import keras
import numpy as np
from make_layers import case

SEQUENCE, IMAGE, VOLUME = (2, 7, 4), (2, 6, 5, 4), (1, 3, 4, 3, 2)

Cases = list[tuple[str, Any, dict[str, Any]]]
"""A layer, the shape (and dtype) of its inputs, and its arguments."""

CASES: Cases = [
    ("Conv1D", SEQUENCE, {"filters": 4, "kernel_size": 3, "groups": 2, "dilation_rate": 2}),
    ("Conv1D", SEQUENCE, {"filters": 8, "kernel_size": 3, "groups": 4, "padding": "causal"}),
    ("Conv1D", SEQUENCE, {"filters": 2, "kernel_size": 9, "padding": "same", "strides": 3}),
    (
        "Conv1D",
        SEQUENCE,
        {"filters": 7, "kernel_size": 2, "groups": 7, "data_format": "channels_first"},
    ),
    ("Conv2D", IMAGE, {"filters": 4, "kernel_size": [3, 2], "groups": 4, "strides": [2, 3]}),
    (
        "Conv2D",
        IMAGE,
        {
            "filters": 6,
            "kernel_size": 2,
            "groups": 2,
            "padding": "same",
            "data_format": "channels_first",
        },
    ),
    (
        "Conv3D",
        VOLUME,
        {
            "filters": 4,
            "kernel_size": 2,
            "groups": 2,
            "padding": "same",
            "dilation_rate": [1, 2, 1],
        },
    ),
    # No uint8 images from here on: Keras refuses to multiply them with float32 kernels.
    ("Conv1DTranspose", SEQUENCE, {"filters": 3, "kernel_size": 3, "strides": 2}),
    ("Conv1DTranspose", SEQUENCE, {"filters": 2, "kernel_size": 2, "strides": 3}),
    (
        "Conv1DTranspose",
        SEQUENCE,
        {"filters": 3, "kernel_size": 4, "strides": 3, "padding": "same", "output_padding": 1},
    ),
    (
        "Conv1DTranspose",
        SEQUENCE,
        {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "activation": "tanh"},
    ),
    (
        "Conv1DTranspose",
        SEQUENCE,
        {"filters": 2, "kernel_size": 5, "padding": "same", "data_format": "channels_first"},
    ),
    (
        "Conv2DTranspose",
        IMAGE,
        {"filters": 3, "kernel_size": [3, 2], "strides": 2, "padding": "same"},
    ),
    ("Conv2DTranspose", IMAGE, {"filters": 1, "kernel_size": 4, "strides": 2, "padding": "same"}),
    ("Conv2DTranspose", IMAGE, {"filters": 3, "kernel_size": 1, "strides": 2}),
    (
        "Conv2DTranspose",
        IMAGE,
        {"filters": 2, "kernel_size": 3, "strides": [3, 2], "output_padding": [2, 1]},
    ),
    (
        "Conv2DTranspose",
        IMAGE,
        {
            "filters": 2,
            "kernel_size": 3,
            "dilation_rate": [2, 1],
            "padding": "same",
            "use_bias": False,
            "data_format": "channels_first",
        },
    ),
    ("Conv3DTranspose", VOLUME, {"filters": 2, "kernel_size": 2, "strides": [1, 2, 3]}),
    (
        "Conv3DTranspose",
        VOLUME,
        {"filters": 1, "kernel_size": [1, 3, 2], "strides": 2, "padding": "same"},
    ),
    ("DepthwiseConv1D", SEQUENCE, {"kernel_size": 3, "strides": 2, "activation": "relu"}),
    (
        "DepthwiseConv1D",
        SEQUENCE,
        {"kernel_size": 2, "depth_multiplier": 3, "padding": "same", "dilation_rate": 2},
    ),
    ("DepthwiseConv2D", IMAGE, {"kernel_size": 3}),
    (
        "DepthwiseConv2D",
        IMAGE,
        {"kernel_size": [2, 3], "strides": 2, "padding": "same", "depth_multiplier": 2},
    ),
    (
        "DepthwiseConv2D",
        IMAGE,
        {
            "kernel_size": 2,
            "padding": "same",
            "depth_multiplier": 2,
            "use_bias": False,
            "data_format": "channels_first",
        },
    ),
    ("DepthwiseConv2D", (1, 4, 4, 1), {"kernel_size": 3}),
    ("SeparableConv1D", SEQUENCE, {"filters": 3, "kernel_size": 3, "dilation_rate": 2}),
    (
        "SeparableConv1D",
        SEQUENCE,
        {"filters": 2, "kernel_size": 2, "strides": 2, "depth_multiplier": 2, "padding": "same"},
    ),
    ("SeparableConv2D", IMAGE, {"filters": 3, "kernel_size": 3, "activation": "tanh"}),
    (
        "SeparableConv2D",
        IMAGE,
        {
            "filters": 3,
            "kernel_size": 2,
            "strides": 2,
            "padding": "same",
            "depth_multiplier": 2,
            "use_bias": False,
            "data_format": "channels_first",
        },
    ),
]


def write(stem: str, cases: Cases) -> None:
    """Writes `<stem>.npz`: the numbers of every case, drawn by its position."""
    target = pathlib.Path(__file__).with_name(f"{stem}.npz")
    table: dict[str, dict] = {}
    flat: dict[str, np.ndarray] = {}
    for kind, spec, arguments in cases:
        name = f"{stem}/{kind}-{sum(row['layer'] == kind for row in table.values())}"
        table[name], arrays = case(kind, [spec], arguments, len(table))
        for what, values in arrays.items():
            flat.update({f"{name}|{what}|{i}": np.asarray(v) for i, v in enumerate(values)})
    np.savez_compressed(target, keras=keras.__version__, cases=json.dumps(table), **flat)
    print(f"{target.name}: {len(table)} cases, {target.stat().st_size} bytes")


if __name__ == "__main__":
    write("convolution", CASES)

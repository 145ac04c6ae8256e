"""Writes `normalization.npz`: Keras's normalization layers, and masks of BatchNormalization.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_normalization.py

The file is made and laid out as that of `make_attention.py`.
"""

import pathlib

from make_attention import write

TARGET = pathlib.Path(__file__).with_name("normalization.npz")

MATRIX, SEQUENCE, IMAGE = [(3, 6)], [(2, 4, 5)], [(2, 3, 4, 6)]

CASES = [
    ("LayerNormalization", MATRIX, {}, {}),
    ("LayerNormalization", SEQUENCE, {"epsilon": 0.1, "center": False}, {}),
    ("LayerNormalization", SEQUENCE, {"axis": 1, "scale": False}, {}),
    ("LayerNormalization", IMAGE, {"axis": [1, 2, 3]}, {}),
    ("LayerNormalization", IMAGE, {"axis": [3, 1]}, {}),
    ("LayerNormalization", IMAGE, {"axis": [-1, 1]}, {}),
    ("LayerNormalization", IMAGE, {"axis": [-1, -2], "center": False, "scale": False}, {}),
    ("LayerNormalization", MATRIX, {"rms_scaling": True, "scale": False}, {}),
    ("LayerNormalization", SEQUENCE, {"axis": [1, 2], "rms_scaling": True}, {}),
    ("GroupNormalization", MATRIX, {"groups": 2}, {}),
    ("GroupNormalization", IMAGE, {"groups": 3, "epsilon": 0.1}, {}),
    ("GroupNormalization", IMAGE, {"groups": -1, "scale": False}, {}),
    ("GroupNormalization", IMAGE, {"groups": 2, "axis": 2, "center": False}, {}),
    ("GroupNormalization", IMAGE, {"groups": 3, "axis": 1}, {}),
    ("GroupNormalization", IMAGE, {"groups": 1, "axis": -2}, {}),
    ("RMSNormalization", MATRIX, {}, {}),
    ("RMSNormalization", SEQUENCE, {"epsilon": 0.1}, {}),
    ("RMSNormalization", IMAGE, {"axis": [2, 3]}, {}),
    ("UnitNormalization", MATRIX, {}, {}),
    ("UnitNormalization", SEQUENCE, {"axis": 1}, {}),
    ("UnitNormalization", SEQUENCE, {"axis": [1, 2]}, {}),
    ("SpectralNormalization", MATRIX, {"layer": ["Dense", {"units": 3}]}, {}),
    (
        "SpectralNormalization",
        MATRIX,
        {"layer": ["Dense", {"units": 4, "use_bias": False}], "power_iterations": 3},
        {},
    ),
    (
        "SpectralNormalization",
        IMAGE,
        {"layer": ["Conv2D", {"filters": 2, "kernel_size": 2}], "power_iterations": 2},
        {},
    ),
    ("BatchNormalization", SEQUENCE, {}, {"mask": (2, 4)}),
    ("BatchNormalization", IMAGE, {"momentum": 0.5}, {"mask": (2, 3, 4)}),
]


if __name__ == "__main__":
    write(TARGET, CASES)

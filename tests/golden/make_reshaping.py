"""Writes `reshaping.npz`: Keras's pooling, cropping, padding, up-sampling on random inputs.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_reshaping.py

The file has the form of `layers.npz`, which `make_layers.py` beside this script explains; the names
of its cases begin with `reshaping/`. "ties" are inputs with many zeros: who takes the gradient?
"""

from make_convolution import Cases, write

SEQUENCE, IMAGE, VOLUME = (2, 7, 3), (2, 6, 5, 3), (1, 3, 4, 5, 2)
FIRST = {"data_format": "channels_first"}

CASES: Cases = [
    ("AdaptiveAveragePooling1D", SEQUENCE, {"output_size": 3}),
    ("AdaptiveAveragePooling1D", SEQUENCE, {"output_size": [5], **FIRST}),
    ("AdaptiveAveragePooling2D", IMAGE, {"output_size": [3, 2]}),
    ("AdaptiveAveragePooling2D", IMAGE, {"output_size": 4, **FIRST}),
    ("AdaptiveAveragePooling2D", IMAGE, {"output_size": 1}),
    ("AdaptiveAveragePooling3D", VOLUME, {"output_size": [2, 2, 3]}),
    ("AdaptiveMaxPooling1D", (*SEQUENCE, "ties"), {"output_size": 4}),
    ("AdaptiveMaxPooling1D", SEQUENCE, {"output_size": 9}),
    ("AdaptiveMaxPooling2D", (*IMAGE, "ties"), {"output_size": [4, 3]}),
    ("AdaptiveMaxPooling2D", (*IMAGE, "ties"), {"output_size": [2, 5]}),
    ("AdaptiveMaxPooling2D", IMAGE, {"output_size": 2, **FIRST}),
    ("AdaptiveMaxPooling3D", (*VOLUME, "ties"), {"output_size": 2}),
    ("AveragePooling1D", SEQUENCE, {"pool_size": 9, "strides": 2, "padding": "same"}),
    ("AveragePooling2D", IMAGE, {"pool_size": [3, 1], "strides": 2}),
    ("AveragePooling2D", IMAGE, {"pool_size": 4, "strides": 1, "padding": "same", **FIRST}),
    ("AveragePooling3D", VOLUME, {"pool_size": [1, 2, 3], "strides": 2, "padding": "same"}),
    ("Cropping1D", SEQUENCE, {}),
    ("Cropping1D", SEQUENCE, {"cropping": [0, 3]}),
    ("Cropping2D", IMAGE, {}),
    ("Cropping2D", IMAGE, {"cropping": [[1, 0], [0, 2]]}),
    ("Cropping2D", IMAGE, {"cropping": [0, 1], **FIRST}),
    ("Cropping2D", (1, 4, 4, 1, "uint8"), {"cropping": 1}),
    ("Cropping3D", VOLUME, {}),
    ("Cropping3D", VOLUME, {"cropping": [[1, 0], [0, 2], [1, 1]]}),
    ("MaxPooling1D", (*SEQUENCE, "ties"), {"pool_size": 3, "strides": 1, "padding": "same"}),
    ("MaxPooling1D", SEQUENCE, {"pool_size": 2, "strides": 3}),
    ("MaxPooling2D", (*IMAGE, "ties"), {"pool_size": 3, "strides": 2, "padding": "same"}),
    ("MaxPooling2D", (*IMAGE, "ties"), {"pool_size": [2, 3], "strides": [1, 2]}),
    ("MaxPooling2D", (*IMAGE, "ties"), {"pool_size": 3, "strides": 1, **FIRST}),
    ("MaxPooling3D", (*VOLUME, "ties"), {"pool_size": 2, "strides": 1, "padding": "same"}),
    ("UpSampling1D", SEQUENCE, {"size": 3}),
    ("UpSampling2D", IMAGE, {}),
    ("UpSampling2D", IMAGE, {"size": [1, 3], **FIRST}),
    ("UpSampling2D", (1, 2, 2, 1, "uint8"), {}),
    ("UpSampling2D", IMAGE, {"size": [3, 2], "interpolation": "bilinear"}),
    ("UpSampling2D", IMAGE, {"interpolation": "bicubic", **FIRST}),
    ("UpSampling2D", (1, 6, 7, 2), {"interpolation": "lanczos3"}),
    ("UpSampling2D", (1, 6, 7, 2), {"interpolation": "lanczos5"}),
    ("UpSampling3D", VOLUME, {"size": [2, 1, 3]}),
    ("UpSampling3D", VOLUME, {**FIRST}),
    ("ZeroPadding1D", SEQUENCE, {}),
    ("ZeroPadding1D", SEQUENCE, {"padding": [0, 2], **FIRST}),
    ("ZeroPadding2D", IMAGE, {}),
    ("ZeroPadding2D", IMAGE, {"padding": [[1, 0], [0, 2]], **FIRST}),
    ("ZeroPadding2D", (1, 2, 2, 1, "uint8"), {"padding": [0, 1]}),
    ("ZeroPadding3D", VOLUME, {}),
    ("ZeroPadding3D", VOLUME, {"padding": [[1, 0], [0, 2], [1, 1]]}),
]

if __name__ == "__main__":
    write("reshaping", CASES)

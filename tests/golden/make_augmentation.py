"""Writes `augmentation.npz`: Keras's image augmentation, for numbers that Keras drew.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_augmentation.py

`cases` is a JSON table: for each case the layer and its arguments. Arrays are named
`case|what|name`: `inputs|images`, and `inputs|labels`, `inputs|boxes` where a layer changes them;
`drawn|…`, the numbers that Keras drew; `outputs|…`, what it made of them with these numbers.
`draws` is a JSON table of layers whose numbers are compared as distributions: `case|draws|name` are
sorted numbers of 400 images.
"""

import json
import pathlib
from typing import Any

import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("augmentation.npz")
FIRST = {"data_format": "channels_first"}
SHARES = {"value_range": (0, 1)}
READS = [
    {"fill_mode": mode, "interpolation": interpolation, "fill_value": 7.0}
    for mode in ("reflect", "wrap", "constant", "nearest")
    for interpolation in ("bilinear", "nearest")
]

CASES: list[tuple[str, dict[str, Any]]] = [
    *[("RandomFlip", {"mode": m}) for m in ("horizontal", "vertical", "horizontal_and_vertical")],
    *[("RandomRotation", {"factor": 0.4, **read}) for read in READS],
    ("RandomRotation", {"factor": 0.2, **FIRST}),
    *[("RandomZoom", {"height_factor": 0.6, "width_factor": (0.1, 0.5), **r}) for r in READS[:4]],
    ("RandomZoom", {"height_factor": (-0.5, -0.1)}),
    *[
        ("RandomTranslation", {"height_factor": 0.4, "width_factor": (-0.3, 0.7), **read})
        for read in READS[:4]
    ],
    ("RandomShear", {"x_factor": (0.1, 0.5), "y_factor": (0.0, 0.4), "fill_mode": "nearest"}),
    ("RandomPerspective", {"scale": 0.6, "fill_value": 3.0}),
    ("RandomBrightness", {"factor": 0.6}),
    ("RandomBrightness", {"factor": (-0.2, 0.9), **SHARES}),
    ("RandomContrast", {"factor": 0.8}),
    ("RandomContrast", {"factor": (0.4, 0.7), **SHARES, **FIRST}),
    ("RandomHue", {"factor": 0.9}),
    ("RandomHue", {"factor": (0.2, 0.5), **SHARES, **FIRST}),
    ("RandomSaturation", {"factor": (0.1, 0.9)}),
    ("RandomSaturation", {"factor": 0.4, **SHARES, **FIRST}),
    ("RandomColorDegeneration", {"factor": 0.9}),
    ("RandomColorDegeneration", {"factor": 0.5, **SHARES}),
    ("RandomSharpness", {"factor": 1.0}),
    ("RandomSharpness", {"factor": 0.7, **SHARES, **FIRST}),
    ("RandomGrayscale", {"factor": 0.5}),
    ("RandomInvert", {"factor": 1.0}),
    ("RandomInvert", {"factor": (0.4, 0.6), **SHARES}),
    ("RandomPosterization", {"factor": 6}),
    ("RandomPosterization", {"factor": (3, 3), **SHARES}),
    ("Solarization", {"addition_factor": 0.4, "threshold_factor": 0.6}),
    ("Solarization", {"threshold_factor": 0.5, **SHARES}),
    ("RandomGaussianBlur", {"factor": 1.0, "kernel_size": (5, 3), "sigma": (0.4, 1.0)}),
    ("RandomErasing", {"fill_value": 9.0}),
    ("AutoContrast", {}),
    ("AutoContrast", SHARES),
    ("Equalization", {}),
    ("Equalization", {"bins": 64, **SHARES}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3)}),
    (
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"tile_grid_size": (3, 2), "clip_limit": 1.5, **SHARES},
    ),
    ("MixUp", {"alpha": 0.4}),
    ("CutMix", {"factor": 1.0}),
]

DRAWS: list[tuple[str, dict[str, Any]]] = [
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": (-0.1, 0.3)}),
    ("RandomZoom", {"height_factor": (-0.2, 0.6), "width_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": (0.1, 0.5)}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": (0.2, 0.6)}),
    ("RandomBrightness", {"factor": 0.3}),
    ("RandomContrast", {"factor": 0.6}),
    ("RandomContrast", {"factor": (0.5, 0.2)}),
    ("RandomHue", {"factor": 0.5}),
    ("RandomSaturation", {"factor": 0.4}),
    ("RandomColorDegeneration", {"factor": 0.5}),
    ("RandomSharpness", {"factor": 0.8}),
    ("RandomInvert", {"factor": (0.2, 0.6)}),
    ("RandomPosterization", {"factor": 6}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.7}),
    ("RandomErasing", {"fill_value": 0.0, "scale": (0.1, 0.8)}),
    ("RandomPerspective", {"factor": (0.3, 0.5), "scale": 0.5}),
    ("MixUp", {"alpha": 0.3}),
    ("CutMix", {"factor": (1.0, 1.0)}),
]
MOVING = ("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation")
"""The layers whose boxes Keras moves with the pixels, in the format "xyxy" and a wide image."""


def inputs_of(kind: str, arguments: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Images with values in their range, labels and boxes."""
    rng = np.random.default_rng(seed)
    count = 1 if kind == "Equalization" else 3  # Keras counts the values of a whole batch
    shape = (
        (count, 3, 6, 7)
        if arguments.get("data_format") == FIRST["data_format"]
        else (count, 6, 7, 3)
    )
    top = arguments.get("value_range", (0, 255))[1]
    corners = rng.integers(0, 4, (count, 2, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 3, (count, 2, 2))], axis=-1)
    return {
        "images": (rng.random(shape) * top).astype("float32"),
        "labels": rng.random((count, 4)).astype("float32"),
        "boxes": boxes.astype("float32"),
    }


def numbers_in(drawn: Any) -> dict[str, np.ndarray]:
    """The arrays that Keras drew, by name."""
    if drawn is None:
        return {}
    if not isinstance(drawn, dict):
        drawn = {"should_apply": drawn}
    return {
        name: np.asarray(value)
        for name, value in drawn.items()
        if hasattr(value, "shape") or isinstance(value, tuple)
    }


def run(kind: str, arguments: dict[str, Any], seed: int) -> dict[str, Any]:
    """The arrays of one case, by `what|name`."""
    inputs = inputs_of(kind, arguments, seed)
    layer = (
        getattr(keras.layers, kind)(seed=seed, **arguments, **box_format(kind))
        if random(kind)
        else getattr(keras.layers, kind)(**arguments)
    )
    images = keras.ops.convert_to_tensor(inputs["images"])
    drawn = layer.get_random_transformation(images)
    found = {f"drawn|{name}": value for name, value in numbers_in(drawn).items()}
    found["inputs|images"] = inputs["images"]
    found["outputs|images"] = np.asarray(layer.transform_images(images, drawn))
    if kind in ("MixUp", "CutMix"):
        found["inputs|labels"] = inputs["labels"]
        found["outputs|labels"] = np.asarray(layer.transform_labels(inputs["labels"], drawn))
    if kind in MOVING and "data_format" not in arguments:
        boxes = {"boxes": inputs["boxes"], "labels": np.arange(6).reshape(3, 2)}
        moved = layer.transform_bounding_boxes(boxes, drawn)
        found["inputs|boxes"] = inputs["boxes"]
        found["outputs|boxes"] = np.asarray(moved["boxes"])
        found["outputs|box_labels"] = np.asarray(moved["labels"])
    return found


def random(kind: str) -> bool:
    """Whether a layer takes a seed."""
    return "Equalization" not in kind and kind != "AutoContrast"


def box_format(kind: str) -> dict[str, str]:
    """The format of boxes, where a layer moves them."""
    return {"bounding_box_format": "xyxy"} if kind in MOVING else {}


def draws(kind: str, arguments: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Sorted numbers of 400 images, by name; of a mask the share of pixels in it."""
    layer = getattr(keras.layers, kind)(seed=seed, **arguments)
    drawn = numbers_in(layer.get_random_transformation(np.zeros((400, 20, 30, 3), "float32")))
    found = {}
    for name, value in drawn.items():
        if name in ("input_shape", "permutation_order", "start_points", "fill_value"):
            continue
        value = value.mean((1, 2, 3)) if name == "batch_masks" else value
        columns = value.reshape(400, -1).astype("float32")
        kept = columns[:, :2] if name != "end_points" else columns[:, 6:8]
        found |= {f"{name}.{i}": np.sort(kept[:, i]) for i in range(kept.shape[1])}
    return {name: value for name, value in found.items() if not name.startswith("rotation")}


def main() -> None:
    """Writes every case."""
    tables: dict[str, dict[str, Any]] = {"cases": {}, "draws": {}}
    flat: dict[str, np.ndarray] = {}
    for table, rows, function in (("cases", CASES, run), ("draws", DRAWS, draws)):
        for seed, (kind, arguments) in enumerate(rows):
            name = f"{kind}-{sum(row['layer'] == kind for row in tables[table].values())}"
            tables[table][name] = {"layer": kind, "arguments": arguments}
            prefix = f"{name}|" if table == "cases" else f"{name}|draws|"
            flat |= {prefix + key: value for key, value in function(kind, arguments, seed).items()}
    texts = {name: json.dumps(table) for name, table in tables.items()}
    np.savez_compressed(TARGET, keras=keras.__version__, **texts, **flat)
    print(f"{TARGET.name}: {len(CASES)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()

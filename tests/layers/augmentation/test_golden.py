"""Image augmentation gives Keras's numbers for Keras's draws, and draws from Keras's distributions.

`tests/golden/augmentation.npz` holds them; `tests/golden/make_augmentation.py` says what is in it
and writes it again.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers

GOLDEN = dict(np.load(Path(__file__).parents[2] / "golden" / "augmentation.npz"))
CASES: dict[str, dict] = json.loads(str(GOLDEN.pop("cases")))
DRAWS: dict[str, dict] = json.loads(str(GOLDEN.pop("draws")))
HINT = "(if Keras changed: python tests/golden/make_augmentation.py)"
MOVED = [case for case in CASES if f"{case}|outputs|boxes" in GOLDEN]
MIXED = [case for case in CASES if f"{case}|outputs|labels" in GOLDEN]


def arrays(case: str, what: str) -> dict[str, np.ndarray]:
    """The arrays `case|what|…`, by their last name."""
    start = f"{case}|{what}|"
    return {name[len(start) :]: value for name, value in GOLDEN.items() if name.startswith(start)}


def layer_of(row: dict[str, Any], **more: Any) -> Any:
    """The layer of a row of a table."""
    return getattr(layers, row["layer"])(**row["arguments"], **more)


def assert_close(got: Any, expected: np.ndarray, scale: float = 1.0) -> None:
    """Equal shapes; numbers within 1e-5 of themselves, and of the largest in the range."""
    assert got.shape == expected.shape, HINT
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * scale, err_msg=HINT)


@pytest.mark.parametrize("case", CASES)
def test_images_are_those_of_keras(case: str) -> None:
    layer, drawn = layer_of(CASES[case]), arrays(case, "drawn")
    images = arrays(case, "inputs")["images"]
    top = CASES[case]["arguments"].get("value_range", (0, 255))[1]
    got = jax.jit(layer.transform_images)(jnp.asarray(images), drawn)
    assert_close(got, arrays(case, "outputs")["images"], 2 * top)


@pytest.mark.parametrize("case", MIXED)
def test_labels_are_mixed_as_in_keras(case: str) -> None:
    labels = jnp.asarray(arrays(case, "inputs")["labels"])
    got = layer_of(CASES[case]).transform_labels(labels, arrays(case, "drawn"))
    assert_close(got, arrays(case, "outputs")["labels"])


@pytest.mark.parametrize("case", MOVED)
def test_boxes_move_as_in_keras(case: str) -> None:
    layer = layer_of(CASES[case], bounding_box_format="xyxy")
    boxes = {"boxes": arrays(case, "inputs")["boxes"], "labels": np.arange(6).reshape(3, 2)}
    drawn = {"input_shape": arrays(case, "inputs")["images"].shape} | arrays(case, "drawn")
    got = layer.transform_bounding_boxes(boxes, drawn)
    assert_close(got["boxes"], arrays(case, "outputs")["boxes"], 10)
    np.testing.assert_array_equal(got["labels"], arrays(case, "outputs")["box_labels"])


@pytest.mark.parametrize("case", DRAWS)
def test_numbers_have_the_distribution_of_keras(case: str) -> None:
    layer = layer_of(DRAWS[case])
    drawn = layer.draw(jax.random.key(5), (1200, 20, 30, 3))
    for name, theirs in arrays(case, "draws").items():
        key, _, column = name.rpartition(".")
        values = np.asarray(drawn[key], np.float32)
        values = values.mean((1, 2, 3)) if key == "batch_masks" else values
        columns = values.reshape(len(values), -1)
        column = int(column) + 6 * (key == "end_points")
        mine = np.sort(columns[:, column])
        places = np.concatenate([mine, theirs])
        shares = [np.searchsorted(x, places, side="right") / len(x) for x in (mine, theirs)]
        # Of two samples of one distribution the distance is below this in 999 of 1,000 cases.
        assert np.abs(shares[0] - shares[1]).max() < 1.95 * np.sqrt(1 / 1200 + 1 / 400), name


def test_the_numbers_come_from_the_keras_we_follow() -> None:
    assert str(GOLDEN["keras"]) == "3.15.1"

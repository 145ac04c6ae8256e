"""Layers go through an export with any number of steps, rows and columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import jkeras
from jkeras import layers as L
from jkeras import ops
from jkeras.export import stablehlo
from jkeras.trainer.files.exporting import inference_of

SEQUENCE, IMAGE, VOLUME = (None, 4), (None, None, 4), (None, None, None, 2)

# The layers, and the least sizes of open axes.
CASES: dict[str, tuple[Any, list[Any], set[int]]] = {
    "same_strided": (SEQUENCE, [L.Conv1D(3, 3, 2, "same"), L.Conv1D(3, 1, 2, "same")], set()),
    "same_kernel_below_stride": (SEQUENCE, [L.AveragePooling1D(2, 1, "same")], set()),
    "valid_then_recurrent": (SEQUENCE, [L.Conv1D(3, 3), L.LSTM(3, return_sequences=True)], {3}),
    "valid_then_time_distributed": (
        SEQUENCE,
        [L.Conv1D(3, 3, dilation_rate=2), L.TimeDistributed(L.Dense(2)), L.Bidirectional(L.GRU(2))],
        {5},
    ),
    "valid_then_einsum": (
        SEQUENCE,
        [L.MaxPooling1D(), L.Conv1D(3, 2), L.EinsumDense("abc,cd->abd", (None, 3))],
        {4},
    ),
    "cropped": (SEQUENCE, [L.Cropping1D(1), L.LayerNormalization(), L.Softmax(1)], {3}),
    "masked_and_backwards": (SEQUENCE, [L.Masking(), L.GRU(3, go_backwards=True)], set()),
    "classifier": (
        IMAGE,
        [
            *(L.Conv2D(4, 3, 2, "same"), L.BatchNormalization(), L.ReLU()),
            *(L.DepthwiseConv2D(3, 2, "same"), L.AveragePooling2D(3, 2, "same")),
            *(L.SeparableConv2D(3, 3, padding="same"), L.GlobalAveragePooling2D()),
        ],
        set(),
    ),
    "groups": (IMAGE, [L.Conv2D(4, 3, groups=2), L.GroupNormalization(2)], {3}),
    "transposed": (IMAGE, [L.Conv2DTranspose(3, 3, 2, "same"), L.UpSampling2D()], set()),
    "adaptive_average": (IMAGE, [L.AdaptiveAveragePooling2D((3, 2))], set()),
    "adaptive_maximum": (IMAGE, [L.AdaptiveMaxPooling2D((3, 2))], set()),
    "resized": (IMAGE, [L.Resizing(5, 6), L.Flatten(), L.Dense(2)], set()),
    "cropped_to_aspect": (IMAGE, [L.Resizing(5, 6, crop_to_aspect_ratio=True)], set()),
    "padded_to_aspect": (IMAGE, [L.Resizing(5, 6, pad_to_aspect_ratio=True)], set()),
    "volume": (VOLUME, [L.Conv3D(2, 3, 2, "same"), L.MaxPooling3D(), L.GlobalMaxPooling3D()], {3}),
}


@pytest.mark.parametrize("case", CASES)
def test_any_size_goes_through(case: str, tmp_path: Path) -> None:
    shape, parts, least = CASES[case]
    model = jkeras.Sequential([L.Input(shape), *parts], seed=0)
    model.build()
    inference = inference_of(model._trainer_parts.state)
    assert set(inference.least.values()) == least
    assert inference.open_axes == ("batch", *(f"input_axis_{i}" for i in range(1, len(shape))))
    stablehlo.write(inference, tmp_path / "model", platforms=["cpu", "cuda"])


class Positions(L.Layer):
    """Adds a row for each step, and reshapes by the sizes that it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.table = L.Embedding(64, 4)

    def call(self, x: Any) -> Any:
        batch, steps, features = ops.shape(x)
        x = x + self.table(ops.arange(steps))[None]
        return ops.reshape(ops.reshape(x, (batch, steps, 2, -1)), (batch, steps, features))


def test_own_layers_see_the_sizes(tmp_path: Path) -> None:
    x = L.Input(SEQUENCE)
    y = Positions()(x)
    model = jkeras.Model(x, L.MultiHeadAttention(2, 4)(y, x, use_causal_mask=True))
    model.export(tmp_path / "model", verbose=False)
    shape = jkeras.load_exported(tmp_path / "model").inputs[0].shape
    assert shape == ("batch", "input_layer_axis_1", 4)


def test_a_size_that_is_too_small_is_an_error_at_the_call(tmp_path: Path) -> None:
    model = jkeras.Sequential([L.Input((None, 2)), L.Conv1D(3, 3)])
    model.export(tmp_path / "model", verbose=False, platforms=["cpu"])
    exported = jkeras.load_exported(tmp_path / "model")
    assert exported([[[1, 2]] * 3]).shape == (1, 1, 3)
    with pytest.raises(ValueError) as error:
        exported([[[1, 2]] * 2])
    assert str(error.value) == (
        "ExportedModel 'model': `input`: expected an array of shape (batch, input_axis_1, 2), got "
        "(1, 2, 2). Here batch is 1, input_axis_1 is 2, input_axis_1 is at least 3."
    )


def test_multiples(tmp_path: Path) -> None:
    x = L.Input((None, 1))
    y = L.UpSampling1D(4)(L.MaxPooling1D(4)(x))
    jkeras.Model(x, L.Add()([x, y])).export(tmp_path / "model", verbose=False, platforms=["cpu"])
    exported = jkeras.load_exported(tmp_path / "model")
    assert exported([[[1.0]] * 8]).shape == (1, 8, 1)
    with pytest.raises(ValueError, match=r"expected an array of shape \(batch, 4\*input_layer_ax"):
        exported([[[1.0]] * 6])

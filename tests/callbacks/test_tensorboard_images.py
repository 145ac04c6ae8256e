"""Images in the files of TensorBoard, and the page that compares runs, read back."""

from __future__ import annotations

import importlib.util
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import Callback, TensorBoard, TensorBoardImages
from jkeras.callbacks.tensorboard_images import pixels_of
from tests.callbacks.conftest import RUN, X, Y

if importlib.util.find_spec("tensorboardX") is None:
    pytest.skip("tensorboardX, which is optional, is not installed", allow_module_level=True)


def values_in(folder: Path) -> list[tuple[int, Any]]:
    """The step and the value of everything in the files of events of a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [(event.step, value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def decoded(value: Any) -> np.ndarray:
    """The pixels of an image among the events."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)).convert("RGB"))


def test_given_images_are_written_once(model: jkeras.Sequential, tmp_path: Path) -> None:
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    model.fit(**RUN, epochs=2, callbacks=[TensorBoardImages(tmp_path, images, tag="digits")])
    ((step, value),) = values_in(tmp_path / "images")
    assert (step, value.tag) == (0, "digits")
    drawn = decoded(value)
    assert drawn[..., 0].max() == 31  # side by side, in a grid
    np.testing.assert_array_equal(drawn[..., 0], drawn[..., 1])


def test_what_a_function_makes_is_written_at_its_epochs(
    model: jkeras.Sequential, tmp_path: Path
) -> None:
    from matplotlib.figure import Figure

    def draw(seen: Any) -> dict[str, Any]:
        figure = Figure(figsize=(1, 1), dpi=20)
        figure.add_subplot().plot(seen.predict(X, verbose=0))
        return {"figure": figure, "made": np.random.default_rng(0).random((3, 5, 5, 3))}

    model.fit(**RUN, epochs=3, callbacks=[TensorBoardImages(tmp_path, draw, freq=2, most=1)])
    found = values_in(tmp_path / "images")
    assert [(step, value.tag) for step, value in found] == [
        (0, "figure"), (0, "made"), (2, "figure"), (2, "made"),
    ]  # fmt: skip
    assert decoded(found[0][1]).shape == (20, 20, 3) and decoded(found[1][1]).shape == (5, 5, 3)


def test_a_function_that_returns_something_else_is_refused(
    model: jkeras.Sequential, tmp_path: Path
) -> None:
    callback = TensorBoardImages(tmp_path, lambda model: np.zeros(3))
    with pytest.raises(ValueError, match=r"`images`: expected images \[n, height, width\]"):
        model.fit(**RUN, callbacks=[callback])


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_pixels_of_every_kind_have_three_channels(channels: tuple[int, ...]) -> None:
    for dtype in (np.uint8, np.float32, bool):
        pixels = pixels_of("x", np.ones((2, 3, 4, *channels), dtype))
        assert pixels.shape == (2, 3, 4, 3) and pixels.dtype == np.uint8


def test_pixels_that_are_not_finite_are_black_or_white() -> None:
    rows = np.float32([[np.nan, np.inf, -np.inf, 0.0, 1.0]])
    assert pixels_of("x", rows[None])[0, 0, :, 0].tolist() == [0, 255, 0, 0, 255]
    assert not pixels_of("x", np.full((1, 2, 2), np.nan)).any()


# -- the HParams page


def session(folder: Path) -> dict[str, Any]:
    """What the HParams page reads in a folder."""
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    found = {}
    for _, value in values_in(folder):
        plugin = value.metadata.plugin_data
        if plugin.plugin_name == "hparams":
            found[value.tag] = HParamsPluginData.FromString(plugin.content)
    return found


class Fails(Callback):
    """Raises after the second epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            raise RuntimeError("out of ideas")


def test_hyper_parameters_and_the_tags_that_measure_them(
    model: jkeras.Sequential, tmp_path: Path
) -> None:
    given = {"units": 32, "rate": 0.5, "activation": "relu", "wide": True, "of": {"depth": 2}}
    board = TensorBoard(tmp_path, hparams=given)
    model.fit(**RUN, epochs=2, validation_data=(X, Y), callbacks=[board])
    found = session(tmp_path)
    start = found["_hparams_/session_start_info"].session_start_info.hparams
    assert {name: start[name].number_value for name in ("units", "rate", "of/depth")} == {
        **{"units": 32.0, "rate": 0.5, "of/depth": 2.0}
    }
    assert start["activation"].string_value == "relu" and start["wide"].bool_value is True
    experiment = found["_hparams_/experiment"].experiment
    assert [info.name for info in experiment.hparam_infos] == [
        *("units", "rate", "activation", "wide", "of/depth")
    ]
    # Each is a tag that the same callback writes, in the folder of its part.
    for info in experiment.metric_infos:
        tags = {value.tag for _, value in values_in(tmp_path / info.name.group)}
        assert info.name.tag in tags
    assert {(info.name.group, info.name.tag) for info in experiment.metric_infos} == {
        ("train", "epoch_loss"), ("train", "epoch_learning_rate"), ("validation", "epoch_loss"),
    }  # fmt: skip
    assert found["_hparams_/session_end_info"].session_end_info.status == 1  # success


def test_hyper_parameters_of_the_run_itself_and_its_failure(
    model: jkeras.Sequential, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="out of ideas"):
        board = TensorBoard(tmp_path, hparams=True)
        model.fit(**RUN, epochs=2, callbacks=[board, Fails()])
    found = session(tmp_path)
    start = found["_hparams_/session_start_info"].session_start_info.hparams
    assert start["batch_size"].number_value == 2 and start["optimizer/name"].string_value == "SGD"
    assert found["_hparams_/session_end_info"].session_end_info.status == 2  # failure


def test_without_hyper_parameters_the_folder_holds_its_parts_alone(
    model: jkeras.Sequential, tmp_path: Path
) -> None:
    model.fit(**RUN, callbacks=[TensorBoard(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["train"]

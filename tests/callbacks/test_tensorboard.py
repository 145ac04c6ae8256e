"""What TensorBoard finds: Keras's tags and folders, read back from the event files."""

import importlib.util
import pathlib
import struct
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import CallbackList, TensorBoard
from tests.callbacks.conftest import RUN, X, Y

if importlib.util.find_spec("tensorboardX") is None:
    pytest.skip("tensorboardX, which is optional, is not installed", allow_module_level=True)


def events(folder: pathlib.Path) -> list[tuple[int, str, str]]:
    """(step, tag, kind) of everything in a folder of events; a record is its length in 8 bytes, 4
    of checksum, the event, and 4 of checksum.
    """
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            values = event.summary.value
            found += [(event.step, v.tag, v.WhichOneof("value")) for v in values]
            data = data[16 + length :]
    return found


def test_an_epoch_is_written_under_the_tags_of_keras(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    board = TensorBoard(tmp_path, histogram_freq=2, write_images=True, write_steps_per_second=True)
    assert not CallbackList([board]).watches_batches("train")
    model.fit(**RUN, epochs=2, validation_data=(X, Y), callbacks=[board])
    scalars = ["epoch_loss", "epoch_learning_rate", "epoch_steps_per_second"]
    weights = [
        (0, "sequential/dense/bias/histogram", "histo"),
        (0, "sequential/dense/kernel/histogram", "histo"),
        (0, "sequential/dense/kernel/image", "image"),
    ]
    assert events(tmp_path / "train") == [
        *((0, tag, "simple_value") for tag in scalars),
        *weights,
        *((1, tag, "simple_value") for tag in scalars),
    ]
    assert events(tmp_path / "validation") == [
        (3, "evaluation_loss_vs_iterations", "simple_value"),
        (0, "epoch_loss", "simple_value"),
        (6, "evaluation_loss_vs_iterations", "simple_value"),
        (1, "epoch_loss", "simple_value"),
    ]
    model.evaluate(**RUN, callbacks=[board])
    last = (6, "evaluation_loss_vs_iterations", "simple_value")
    assert events(tmp_path / "validation").count(last) == 2


def test_weights_that_are_not_finite_are_left_out(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    kernel, bias = model.get_weights()[:2]
    kernel[0, 0], bias[:] = np.nan, np.inf
    board = TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    board.set_model(model)
    model.set_weights([kernel, bias, *model.get_weights()[2:]])
    board.on_train_begin()
    board.on_epoch_end(0, {})
    board.on_train_end()
    tags = [tag for _, tag, kind in events(tmp_path / "train") if kind == "histo"]
    assert f"{model.name}/dense/kernel/histogram" in tags
    assert f"{model.name}/dense/bias/histogram" not in tags


@pytest.mark.parametrize(("update_freq", "steps"), [(2, [2, 4, 6]), ("batch", [1, 2, 3, 4, 5, 6])])
def test_batches_are_written_at_their_number_in_the_run(
    update_freq: Any, steps: list[int], model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    board = TensorBoard(tmp_path, update_freq=update_freq)
    assert CallbackList([board]).watches_batches("train")
    model.fit(**RUN, epochs=2, callbacks=[board])
    found = [step for step, tag, _ in events(tmp_path / "train") if tag == "batch_loss"]
    assert found == steps


def test_steps_are_profiled(model: jkeras.Sequential, tmp_path: pathlib.Path) -> None:
    model.fit(**RUN, callbacks=[TensorBoard(tmp_path, profile_batch="2,3")])
    assert len(list((tmp_path / "train").glob("plugins/profile/*/*.trace.json.gz"))) == 1


WRONG = [
    (
        {"profile_batch": (3, 1)},
        "TensorBoard: `profile_batch`: expected 0, the number of a step from 1, or the first and "
        "the last step, such as (10, 20), got (3, 1) (tuple).",
    ),
    (
        {"update_freq": "epochs"},
        "TensorBoard: `update_freq`: expected 'epoch' or a number of batches of at least 1, got "
        "'epochs'.",
    ),
    (
        {"embeddings_freq": 1},
        "TensorBoard: `embeddings_freq`: expected 0, because embeddings are not written for the "
        "projector, got 1.",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        TensorBoard("anywhere", **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("tensorboardX", "TensorBoard needs tensorboardX, which is not installed: "
         "pip install tensorboardX"),
        ("PIL", "TensorBoard with write_images=True needs Pillow, which is not installed: "
         "pip install Pillow"),
    ],
)  # fmt: skip
def test_a_missing_package_is_told_before_training(
    missing: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    with pytest.raises(ImportError) as caught:
        TensorBoard("anywhere", write_images=True)
    assert str(caught.value) == message

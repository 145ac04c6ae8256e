"""Live learning curves in a file; those of a notebook are in tests/display."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import jkeras
from jkeras.callbacks import LivePlot
from jkeras.callbacks.callback_list import CallbackList
from tests.callbacks.conftest import RUN, X, Y

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")


def curves(live: LivePlot) -> dict[str, list[int]]:
    """The places of the points of every curve."""
    return {name: pair[0] for name, pair in live.get_state()["curves"].items()}


def test_a_point_for_every_epoch(model: jkeras.Sequential, tmp_path: Path) -> None:
    live = LivePlot(path=tmp_path / "new" / "curves.png")
    run = RUN | {"callbacks": live, "validation_data": (X, Y), "validation_freq": 2}
    history = model.fit(**run, epochs=4, initial_epoch=1)
    assert curves(live) == {"loss": [2, 3, 4], "val_loss": [2, 4]}
    assert live.get_state()["curves"]["loss"][1] == history.history["loss"]
    files = [file.name for file in (tmp_path / "new").iterdir()]
    assert files == ["curves.png"]  # nothing half written stays behind
    assert (tmp_path / "new" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_point_for_every_so_many_steps(tmp_path: Path) -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", steps_per_execution=1)
    live = LivePlot("loss", every=2, path=tmp_path / "curves.png")
    history = model.fit(**RUN, epochs=2, callbacks=live, validation_data=(X, Y))
    assert curves(live) == {"loss": [2, 3, 5, 6], "val_loss": [3, 6]}
    assert live.get_state()["curves"]["loss"][1][1::2] == history.history["loss"]


def test_the_steps_of_a_dispatch_are_not_cut() -> None:
    """The callback never makes `fit` stop after each step."""
    live = CallbackList(LivePlot(every=1, path="curves.png"))
    assert not live.watches_batches("train") and live.all_boundaries == ()


def test_each_run_begins_anew(model: jkeras.Sequential, tmp_path: Path) -> None:
    live = LivePlot(path=tmp_path / "curves.png")
    model.fit(**RUN, epochs=3, callbacks=live)
    model.fit(**RUN, callbacks=live)
    assert curves(live) == {"loss": [1]}


def test_drawing_takes_a_small_share_and_the_end_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    drawn: list[int] = []

    def draw(shown: Any, path: str, **options: Any) -> None:
        drawn.append(shown["loss"][0][-1])
        now[0] += 0.125

    clock = SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr("jkeras.callbacks.live_plot.time", clock)
    monkeypatch.setattr("jkeras.callbacks.live_plot.curves_figure", draw)
    live = LivePlot(path=tmp_path / "curves.png")
    live.on_train_begin()
    for epoch in range(100):
        now[0] += 0.125
        live.on_epoch_end(epoch, {"loss": 1.0})
    live.on_train_end()
    assert drawn == [8, 16, 36, 56, 76, 96, 100]
    live.on_train_end()
    assert len(drawn) == 7  # nothing is new


def test_a_metric_that_is_no_log_is_told_once(model: jkeras.Sequential, tmp_path: Path) -> None:
    live = LivePlot(["lost", "val_loss"], path=tmp_path / "curves.png")
    with pytest.warns(UserWarning) as caught:
        model.fit(**RUN, epochs=2, callbacks=live)
    assert [str(warning.message) for warning in caught] == [
        "LivePlot: `metrics`: 'lost' is not among the logs: loss. Did you mean 'loss'?"
    ]
    assert (tmp_path / "curves.png").exists()


def test_a_run_that_goes_on_keeps_its_curves(model: jkeras.Sequential, tmp_path: Path) -> None:
    live = LivePlot(path=tmp_path / "curves.png")
    model.fit(**RUN, epochs=2, callbacks=live)
    again = LivePlot(path=tmp_path / "curves.png")
    again.on_train_begin()
    again.set_state(live.get_state())
    again.on_epoch_end(2, {"loss": 0.5})
    assert curves(again) == {"loss": [1, 2, 3]}


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {},
            ValueError,
            "LivePlot: `path`: expected the path of a PNG, because curves are only shown in a "
            "notebook, got None. Write LivePlot(path='curves.png').",
        ),
        (
            {"path": "curves.svg"},
            ValueError,
            "LivePlot: `path`: expected a file that ends in .png, got 'curves.svg'. "
            "Write path='curves.png'.",
        ),
        (
            {"path": 3},
            TypeError,
            "LivePlot: `path`: expected a path such as 'curves.png', got 3 (int).",
        ),
        (
            {"every": 0, "path": "a.png"},
            ValueError,
            "LivePlot: `every`: expected 'epoch' or a number of steps of at least 1, got 0 (int).",
        ),
        (
            {"every": "batch", "path": "a.png"},
            ValueError,
            "LivePlot: `every`: expected 'epoch' or a number of steps of at least 1, got 'batch' "
            "(str).",
        ),
        (
            {"metrics": [], "path": "a.png"},
            ValueError,
            "LivePlot: `metrics`: expected at least one name, got none.",
        ),
    ],
    ids=["terminal", "svg", "number", "zero", "word", "empty"],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        LivePlot(**arguments)
    assert str(caught.value) == text

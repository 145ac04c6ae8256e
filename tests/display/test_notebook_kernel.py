"""Cells that a real kernel runs, as programs run notebooks; what is stored in the notebook after.

One kernel runs all of them. A program says that nobody answers `input()`; the tests of a watched
cell say that somebody does, as the front ends of persons do.
"""

import base64
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.display.cells import seen

for _name in ("IPython", "ipykernel", "matplotlib", "nbclient"):
    pytest.importorskip(_name, reason="notebooks need the extras `docs` and `plots`")

from jupyter_client.kernelspec import KernelSpecManager  # noqa: E402  # these may be absent
from jupyter_client.manager import AsyncKernelManager  # noqa: E402
from nbclient import NotebookClient  # noqa: E402
from nbformat.v4 import new_code_cell, new_notebook  # noqa: E402

ROOT = Path(__file__).parents[2]
SPEC = f"""{{
  "argv": ["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"],
  "display_name": "this Python", "language": "python"
}}"""

SETUP = """
import signal, tempfile, time
import numpy as np
import jkeras
from jkeras.callbacks import Callback, LambdaCallback, LivePlot

x = np.linspace(0, 1, 24, dtype="float32")[:, None]
y = 2 * x
model = jkeras.Sequential([jkeras.layers.Dense(1, input_shape=(1,))], seed=0, name="line")
model.compile("sgd", "mse")
history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, validation_data=(x, y))

folder = tempfile.mkdtemp()

class Slow(Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.12)

class Interrupted(Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.12)
        if self.epoch == 1 and batch == 1:
            signal.raise_signal(signal.SIGINT)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
"""

Output = dict[str, Any]
Run = Callable[..., list[Output]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a cell, and returns its outputs as they are stored in the notebook."""
    home = tmp_path_factory.mktemp("jupyter")
    (home / "kernels" / "own").mkdir(parents=True)
    (home / "kernels" / "own" / "kernel.json").write_text(SPEC)
    specs = KernelSpecManager(kernel_dirs=[str(home / "kernels")], ensure_native_kernel=False)
    manager = AsyncKernelManager(kernel_name="own", kernel_spec_manager=specs)
    notebook = new_notebook()
    client = NotebookClient(notebook, km=manager, timeout=300, kernel_name="own")
    environment = os.environ | {"IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}

    def run_cell(source: str, *, watched: bool = False, merged: bool = False) -> list[Output]:
        client.kc.allow_stdin, client.coalesce_streams = watched, merged
        notebook.cells.append(new_code_cell(source))
        cell = client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
        return [dict(output) for output in cell.outputs]

    with client.setup_kernel(cleanup_kc=True, env=environment, cwd=str(ROOT)):
        assert run_cell(SETUP) == []
        yield run_cell


def text_of(outputs: list[Output]) -> str:
    """What was printed, of outputs that are all printed text."""
    assert {output["output_type"] for output in outputs} == {"stream"}, outputs
    assert {output["name"] for output in outputs} == {"stdout"}, outputs
    return "".join(output["text"] for output in outputs)


def without_numbers(text: str) -> str:
    """The text with N for every number but those of steps and epochs."""
    text = re.sub(r"\d+(s|ms|us)\b", "N\\1", text)
    return re.sub(r": \d+\.\d+(e-\d+)?", ": N", text)


BAR = "3/3 ━━━━━━━━━━━━━━━━━━━━ Ns Nms/step - loss: N"
EPOCHS = "".join(f"Epoch {epoch}/3\n{BAR} - val_loss: N\n" for epoch in (1, 2, 3))
FIT = "model.fit(x, y, batch_size=8, epochs=3, callbacks=Slow(), validation_data=(x, y));"


def test_a_fit_leaves_one_line_per_epoch(run: Run) -> None:
    outputs = run(FIT)
    assert without_numbers(text_of(outputs)) == EPOCHS
    assert len(outputs) <= 6  # a header and a line are sent alone, when an epoch takes long


@pytest.mark.parametrize("merged", [False, True], ids=["as sent", "merged"])
def test_a_watched_fit_moves_and_leaves_the_same_lines(run: Run, merged: bool) -> None:
    outputs = run(FIT, watched=True, merged=merged)
    text = text_of(outputs)
    assert not {"\b", "\x1b"} & set(text)
    if merged:  # what a front end does
        assert len(outputs) == 1 and "\r" not in text
        text = re.sub(" +\n", "\n", text)
    else:
        assert text.count("\r") >= 6 and "1/3 ━━━━━━" in text
        text = seen(text)
    assert without_numbers(text) == EPOCHS


def test_many_short_epochs_are_few_outputs(run: Run) -> None:
    outputs = run("model.fit(x, y, batch_size=8, epochs=150);")
    assert text_of(outputs).count("\n") == 300
    assert len(outputs) < 75


def test_several_runs_in_a_cell(run: Run) -> None:
    outputs = run(
        "model.fit(x, y, batch_size=8, epochs=2, verbose=2)\n"
        "model.fit(x, y, batch_size=8)\n"
        "model.evaluate(x, y, batch_size=8)\n"
        "model.predict(x, batch_size=8)\n"
        "model.fit(x, y, batch_size=8, verbose=0);"
    )
    lines = re.sub("(us|ms)/step", "ms/step", without_numbers(text_of(outputs))).splitlines()
    short = "3/3 - Ns - Nms/step - loss: N"
    assert lines == [
        "Epoch 1/2", short, "Epoch 2/2", short, BAR, BAR, BAR.removesuffix(" - loss: N"),
    ]  # fmt: skip


@pytest.mark.parametrize("watched", [False, True], ids=["program", "person"])
def test_what_callbacks_print_stands_between_the_lines(run: Run, watched: bool) -> None:
    outputs = run(
        "talks = LambdaCallback(on_epoch_begin=lambda epoch, logs: print('begins', epoch),\n"
        "                       on_epoch_end=lambda epoch, logs: print('ends', epoch))\n"
        "model.fit(x, y, batch_size=8, epochs=2, callbacks=[talks, Slow()]);",
        watched=watched,
    )
    assert without_numbers(seen(text_of(outputs))) == (
        f"begins 0\nEpoch 1/2\n{BAR}\nends 0\nbegins 1\nEpoch 2/2\n{BAR}\nends 1\n"
    )


def test_what_a_batch_prints_is_no_part_of_a_line(run: Run) -> None:
    outputs = run(
        "talks = LambdaCallback(on_train_batch_end=lambda batch, logs: print('batch', batch))\n"
        "model.fit(x, y, batch_size=8, callbacks=[talks, Slow()]);"
    )
    assert without_numbers(text_of(outputs)) == f"batch 0\nbatch 1\nbatch 2\n{BAR}\n"


@pytest.mark.parametrize("watched", [False, True], ids=["program", "person"])
def test_an_interrupted_fit_leaves_whole_lines(run: Run, watched: bool) -> None:
    outputs = run(
        "stopped = model.fit(x, y, batch_size=8, epochs=3, callbacks=Interrupted())\n"
        "print(stopped)",
        watched=watched,
    )
    lines = without_numbers(seen(text_of(outputs))).splitlines()
    assert lines[:3] == ["Epoch 1/3", BAR, "Epoch 2/3"]
    assert lines[-2].startswith("Interrupted: training stopped.")
    assert lines[-1].startswith("<History: 1 epoch, interrupted, loss 0.")


def test_captured_output_has_whole_lines(run: Run) -> None:
    outputs = run(
        "from IPython.utils.capture import capture_output\n"
        "with capture_output() as captured:\n"
        "    model.fit(x, y, batch_size=8, callbacks=Slow())\n"
        "print(captured.stdout, end='')",
        watched=True,
    )
    assert without_numbers(text_of(outputs)) == f"{BAR}\n"


@pytest.mark.parametrize(
    "source",
    [
        "history",
        "model",
        "model.layers[0]",
        "model.optimizer",
        "jkeras.display.results_table(model.evaluate(x, y, verbose=0, return_dict=True))",
    ],
    ids=["history", "model", "layer", "optimizer", "results"],
)
def test_a_value_is_shown_as_html_and_as_text(run: Run, source: str) -> None:
    (output,) = run(source)
    assert output["output_type"] == "execute_result"
    assert "text/html" in output["data"]
    assert " at 0x" not in output["data"]["text/plain"]


@pytest.mark.parametrize("pyplot", [False, True], ids=["alone", "pyplot"])
@pytest.mark.parametrize(
    "source",
    [
        "history.plot()",
        "jkeras.display.confusion_matrix_plot(([0, 1], [0, 1]))",
        "jkeras.display.prediction_grid(np.zeros((2, 4, 4)))",
        "jkeras.utils.plot_model(model, f'{folder}/model.png')",
    ],
    ids=["history", "confusion", "grid", "model"],
)
def test_a_figure_is_shown_once(run: Run, source: str, pyplot: bool) -> None:
    before = "import matplotlib.pyplot as plt\n" * pyplot
    (output,) = run(before + source)
    assert output["output_type"] == "execute_result"
    assert base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG")


def test_a_drawing_of_a_model_is_shown_once(run: Run) -> None:
    (output,) = run("jkeras.utils.plot_model(model, f'{folder}/model.svg')")
    assert output["data"]["image/svg+xml"].startswith("<svg")


def test_a_live_plot_is_one_picture_that_changes(run: Run) -> None:
    outputs = run(
        "live = LivePlot()\n"
        "model.fit(x, y, batch_size=8, epochs=9, verbose=0, callbacks=[live, Slow()]);"
    )
    (output,) = outputs
    assert output["output_type"] == "display_data"
    last = run(
        "import base64\n"
        "from jkeras.display.curves import curves_figure\n"
        "loss = live.get_state()['curves']['loss']\n"
        "figure = curves_figure({'loss': loss})\n"
        "picture = get_ipython().display_formatter.format(figure)[0]['image/png']\n"
        "picture = base64.b64encode(picture) if isinstance(picture, bytes) else picture.encode()\n"
        "print(loss[0][-1], picture.replace(b'\\n', b'').decode())"
    )
    epoch, picture = text_of(last).split()
    assert epoch == "9"
    assert output["data"]["image/png"].replace("\n", "") == picture


def test_each_run_has_a_live_plot_of_its_own(run: Run) -> None:
    outputs = run(
        "live = LivePlot()\n"
        "for _ in range(2):\n    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=live)"
    )
    assert [output["output_type"] for output in outputs] == ["display_data"] * 2

"""The commands of the shell: what they write, and that every error is one line and the code 2."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

import jkeras
from jkeras import layers
from jkeras.cli import main

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (5, 4, 4, 1)).astype("float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and data for it in every kind of file."""
    folder = tmp_path_factory.mktemp("shell")
    parts = [jkeras.Input((4, 4, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]
    model = jkeras.Sequential(parts, seed=0, name="digits")
    model.compile("adam", "mse")
    model.save(folder / "digits.keras")
    model.save_weights(folder / "digits.safetensors")
    model.export(folder / "digits.onnx", verify=False, verbose=False)
    np.save(folder / "expected.npy", model.predict(X, verbose=0))
    np.save(folder / "x.npy", X)
    np.savez(folder / "x.npz", anything=X)
    (folder / "x.json").write_text(json.dumps({"instances": X.tolist()}))
    for number, picture in enumerate(X[..., 0].astype("uint8")):
        Image.fromarray(picture).save(folder / f"{number}.png")
    Image.fromarray(np.zeros((5, 4), "uint8")).save(folder / "large.png")
    a, b = jkeras.Input((2,), name="a"), jkeras.Input((1,), name="b")
    two = jkeras.Model([a, b], [layers.Dense(1, name="p")(a), layers.Dense(2, name="q")(b)])
    two.save(folder / "two.keras")
    (folder / "a.csv").write_text("left,right\n1,2\n3,4\n")
    (folder / "b.csv").write_text("5\n6\n")
    return folder


@pytest.fixture
def run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in the folder: the exit code, stdout and stderr."""
    monkeypatch.chdir(folder)

    def run(command: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code: Any = main(command.split())
        except SystemExit as error:
            code = error.code
        return (int(code or 0), *capsys.readouterr())

    return run


@pytest.mark.parametrize("model", ["digits.keras", "digits.onnx"])
@pytest.mark.parametrize("data", ["x.npy", "x.npz", "x.json", "0.png 1.png 2.png 3.png 4.png"])
def test_data_of_every_kind_is_predicted(run: Any, folder: Path, model: str, data: str) -> None:
    code, out, err = run(f"predict {model} {data} --batch-size 2")
    assert (code, err) == (0, "")
    np.testing.assert_allclose(json.loads(out), np.load(folder / "expected.npy"), atol=1e-5)


def test_outputs_are_written_in_every_kind_of_file(run: Any, folder: Path) -> None:
    expected = np.load(folder / "expected.npy")
    read: dict[str, Callable[[Path], Any]] = {
        "out.npy": np.load,
        "out.npz": lambda path: next(iter(np.load(path).values())),
        "out.json": lambda path: json.loads(path.read_text()),
        "out.csv": lambda path: [
            [float(n) for n in row] for row in csv.reader(path.read_text().split())
        ],
    }
    for name, reader in read.items():
        code, out, err = run(f"predict digits.keras x.npy -o {name}")
        assert (code, out, err) == (0, "", f"{name}: 5 examples\n")
        np.testing.assert_allclose(reader(folder / name), expected, atol=1e-5)
    _, out, _ = run("predict digits.keras x.npy --classes")
    assert json.loads(out) == np.argmax(expected, -1).tolist()
    code, out, _ = run("predict two.keras a=a.csv b=b.csv")
    assert code == 0 and {k: np.shape(v) for k, v in json.loads(out).items()} == {
        "p": (2, 1), "q": (2, 2),
    }  # fmt: skip
    assert run("predict digits.keras large.png --resize")[0] == 0


def test_a_summary_shows_layers_or_what_a_file_takes(run: Any) -> None:
    assert "flatten (Flatten)" in run("summary digits.keras")[1]
    assert run("summary digits.onnx")[1].splitlines() == [
        "takes  input: float32 (batch, 4, 4, 1)",
        "gives  output: float32 (batch, 3)",
        "runs on cpu",
    ]


def test_models_and_weights_change_their_kind_of_file(run: Any, folder: Path) -> None:
    steps = [
        "convert digits.keras w.weights.h5",
        "convert w.weights.h5 w.msgpack --model digits.keras",
        "convert w.msgpack again.keras --model digits.keras",
        "convert digits.safetensors again.keras --model digits.keras --overwrite",
        "convert again.keras again.onnx",
        "export again.keras small.onnx --signature ?,4,4,1 --quantize float16 --no-verify",
    ]
    for step in steps:
        code, _, err = run(step)
        assert (code, err) == (0, ""), step
    for model in ("again.keras", "again.onnx"):
        found = json.loads(run(f"predict {model} x.npy")[1])
        np.testing.assert_allclose(found, np.load(folder / "expected.npy"), atol=1e-5)


ERRORS = {
    "": "the following arguments are required: COMMAND",
    "predikt": "invalid choice: 'predikt'",
    "predict none.keras x.npy": "none.keras",
    "predict digits.keras none.npy": "none.npy: No such file or directory.",
    "predict digits.keras x.txt": "x.txt: expected one of the endings .npy, .npz,",
    "predict digits.keras digits.keras": "digits.keras: expected one of the endings",
    "predict digits.keras a.csv": "expected numbers of shape (batch, 4, 4, 1), got shape (2, 2).",
    "predict digits.keras large.png": "large.png: expected 4 x 4 pixels, got 4 x 5. Give --resize.",
    "predict digits.keras x.npy -o out.txt": "out.txt: expected one of the endings .npy, .npz,",
    "predict digits.keras x.npy -o none/out.npy": "none/out.npy: there is no such folder.",
    "predict digits.keras x.npy --batch-size 0": "--batch-size: expected a positive number, got 0.",
    "predict two.keras a.csv": "expected the inputs 'a', 'b', got 'a'.",
    "predict two.keras a=a.csv c=b.csv": "b.csv: expected one of the inputs 'a', 'b', got 'c'.",
    "predict two.keras a=a.csv b=b.csv -o out.npy": "out.npy: expected one output, got 2.",
    "summary x.npy": "x.npy",
    "export digits.keras digits.onnx": "digits.onnx: the file exists. Give --overwrite",
    "export digits.keras new.onnx --signature 4;4": "--signature: expected sizes such as",
    "convert digits.keras new.xyz": "new.xyz: expected one of the endings .keras,",
    "convert digits.safetensors new.keras": "holds weights alone. Say whose: --model MODEL.keras.",
    "serve none.keras": "none.keras",
    "serve digits.keras digits.onnx": "expected another name, got a second 'digits'.",
    "serve digits.keras --max-queue 0": "`max_queue`: expected a number of at least 1, got 0.",
}


@pytest.mark.parametrize("command", ERRORS)
def test_an_error_is_one_line_and_the_code_2(run: Any, command: str) -> None:
    code, out, err = run(command)
    assert code == 2 and out == "" and err.count("\n") == 1, err
    assert err.startswith("jkeras") and ERRORS[command] in err, err


def test_every_command_explains_itself(run: Any) -> None:
    for command in ("", "predict", "summary", "export", "convert", "serve"):
        code, out, _ = run(f"{command} --help")
        assert code == 0 and "usage: jkeras" in out
    assert "requests that wait for a model; more get 503 (1024)" in " ".join(out.split())


def test_a_server_in_the_shell_ends_when_it_is_told_to(folder: Path) -> None:
    command = [sys.executable, "-m", "jkeras", "serve", "digits.keras", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Serving digits at http://127.0.0.1:")
            url = f"{line.split()[-1]}v1/models/digits:predict"
            response = httpx.post(url, json={"instances": X.tolist()}, timeout=60)
            np.testing.assert_allclose(
                response.json()["predictions"], np.load(folder / "expected.npy"), atol=1e-5
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (0, -signal.SIGTERM)
        finally:
            process.kill()

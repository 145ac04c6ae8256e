"""Two processes train as one: the same numbers, one writer, and the end of one is that of both."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.saving import runs
from tests.distribution import two_processes as script

ROOT = Path(__file__).parents[2]
SECONDS = 240
"""The most that a pair may take, on a machine with other work."""


def pair(folder: Path, *mode: str) -> list[subprocess.CompletedProcess[str]]:
    """Two processes of the script, to their end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.distribution.two_processes", str(port)]
    env = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    env.pop("JAX_NUM_CPU_DEVICES", None)
    started = [
        subprocess.Popen(
            [*command, str(number), str(folder), *mode],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    done = []
    try:
        for process in started:
            out, err = process.communicate(timeout=SECONDS)
            done.append(subprocess.CompletedProcess("", process.returncode, out, err))
    finally:
        for process in started:
            process.kill()
    return done


def compare(found: Any, expected: Any) -> None:
    """Numbers in any structure, to the rounding of sums in another order."""
    if isinstance(expected, dict):
        assert sorted(found) == sorted(expected)
        for name, value in expected.items():
            compare(found[name], value)
    elif isinstance(expected, list) and expected and isinstance(expected[0], np.ndarray):
        for one, other in zip(found, expected, strict=True):
            compare(one, other)
    else:
        array = np.asarray(expected)
        np.testing.assert_allclose(found, array, rtol=1e-5, atol=1e-5 * np.abs(array).max())


def equal(found: Any, expected: Any) -> None:
    """To the bit."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            equal(found[name], value)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            equal(one, other)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pair")


def alone(epochs: int, **options: Any) -> Any:
    """The run of `script.resumed` in one process."""
    model = script.compiled(script.dense(), None)
    return model.fit(*script.data_of(model), epochs=epochs, verbose=0, **options).history["loss"]


@pytest.fixture(scope="module")
def results(folder: Path) -> list[Any]:
    """What each of the two processes found."""
    backup = jkeras.callbacks.BackupAndRestore(folder / "alone", delete_checkpoint=False)
    alone(2, callbacks=[backup])
    done = pair(folder)
    for process in done:
        assert process.returncode == 0, process.stdout + process.stderr
    return [pickle.loads((folder / f"{number}.pickle").read_bytes()) for number in range(2)]


@pytest.mark.parametrize("case", script.CASES)
def test_numbers_are_those_of_one_process(results: list[Any], case: str) -> None:
    first, second = (found[case] for found in results)
    equal(second, first)
    compare(first, script.CASES[case](None))


def test_processes_have_one_seed_and_all_devices(results: list[Any]) -> None:
    first, second = results
    assert first["seed"] == second["seed"]
    assert first["devices"] == second["devices"] and len(first["devices"]) == 4
    for found in results:
        equal(found["array"], [np.arange(8.0, dtype="float32"), 2])


def test_each_process_reads_its_rows(results: list[Any]) -> None:
    assert [found["rows read"] for found in results] == [32, 32]


def test_an_interruption_of_one_process_is_that_of_both(results: list[Any]) -> None:
    first, second = (found["interrupted"] for found in results)
    equal(second, first)
    assert first["told"] and 5 <= first["step"] < 2000


def test_runs_go_on_with_as_many_processes_or_others(results: list[Any], folder: Path) -> None:
    first, second = (found["resumed"] for found in results)
    equal(second, first)
    equal(first["rest"][1], first["whole"][1])  # the same mesh: to the bit
    expected = alone(4)
    equal(first["whole"][0][-2:], first["rest"][0][-2:])
    for name in ("from one", "orbax"):
        compare(first[name], expected[-len(first[name]) :])
    backup = jkeras.callbacks.BackupAndRestore(folder / "pair", delete_checkpoint=False)
    rest = alone(6, callbacks=[backup])  # from two processes to one
    compare(rest, alone(6)[-len(rest) :])
    step = sorted(int(path.name) for path in (folder / "orbax").iterdir() if path.name.isdecimal())
    parts = {path.name for path in (folder / "orbax" / str(step[-1]) / "arrays").iterdir()}
    assert {"ocdbt.process_0", "ocdbt.process_1"} <= parts
    rest = alone(4, resume_from=folder / "orbax" / str(step[-1]))
    compare(rest, expected[-len(rest) :])


def test_the_first_process_alone_prints_and_writes(results: list[Any], folder: Path) -> None:
    first, second = (found["files"] for found in results)
    assert second["text"] == "" and second["called"] == []
    for word in ("Epoch 1/2", "best.keras", "Total params", "FullyShardedDataParallel over 4"):
        assert word in first["text"], word
    assert first["called"] == [0, 1]
    lines = (folder / "log.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["epoch", "0", "1"]
    assert not (folder / "other.csv").exists()
    assert first["is_cut"] and second["is_cut"]
    equal(second["kernel"], first["kernel"])
    assert "sent in a step" in second["explained"]
    x, _ = script.data_of(script.dense())
    model = jkeras.models.load_model(folder / "best.keras")
    compare(model.predict(x, verbose=0), first["predicted"])
    model = script.compiled(script.dense(seed=5), None)
    model.load_weights(folder / "trained.safetensors")
    compare(model.predict(x, verbose=0), first["predicted"])


def test_a_trial_of_ray_is_the_first_process_and_goes_on_in_all(results: list[Any]) -> None:
    first, second = (found["trial of Ray"] for found in results)
    assert first["told"] == second["told"] != "" and "got none. Call `fit` in a" in first["told"]
    assert second["reported"] == [] and second["rest"] == first["rest"]
    assert len(first["rest"]) == 4 and first["reported"] == first["rest"]
    assert first["first"] == first["rest"][:2]
    compare(first["rest"], alone(4))


WRONG = {
    "other values": r"ValueError: fit: expected the same `x` on all processes, got float32 "
    r"[150, 12] with the checksum",
    "other lengths": "got float32 [150, 12] with the checksum",
    "other batch sizes": "expected the same batch_size on all processes, got 32 on process 0 and "
    "64 on process 1.",
    "other seeds": "expected the same seed on all processes, got 0 on process 0 and 1 on process "
    "1. Pass `seed=`",
    "other targets in one batch": "train_on_batch: expected the same `y` on all processes",
    "a batch that does not divide": "expected a multiple of the 4 devices along 'batch', got 30",
    "other numbers of batches": "expected the same batches on all processes",
    "arrays of each process": "expected an iterable of batches, because with "
    "auto_shard_dataset=False each process gives its own part of a batch, got arrays",
    "a population": "compile: `distribution`: expected",
    "a second initialize": "this process is one of several already",
}


@pytest.mark.parametrize("use", WRONG)
def test_wrong_uses_are_named_on_both_processes(results: list[Any], use: str) -> None:
    first, second = (found["wrong uses"][use] for found in results)
    assert WRONG[use] in first
    assert first == second


ENDS = {
    "die": (1, "is gone, and the processes can only go on together"),
    "fail": (1, "failed: OSError: no such camera, and the processes can only go on together"),
    "first dies": (0, "which coordinates the others, is gone, and the processes can only go on"),
}


@pytest.mark.parametrize("mode", ENDS)
def test_the_end_of_one_process_is_that_of_the_other(tmp_path: Path, mode: str) -> None:
    done = pair(tmp_path, mode)
    assert all(process.returncode not in (0, None) for process in done)
    number, reason = ENDS[mode]
    said = done[not number].stderr
    assert f"process {number} (pid " in said and reason in said, said
    assert runs.read(tmp_path / "backup")["run"]["epoch"] == 2
    compare(alone(4, resume_from=tmp_path / "backup"), alone(4))

"""Checkpoints of one run in one folder: which stay, what an error costs, and who may write."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.locks import FolderInUse
from jkeras.saving import orbax_files, orbax_manager
from jkeras.saving.orbax_manager import Manager

NAN = float("nan")


def kept(folder: pathlib.Path, losses: list[float], **options: Any) -> tuple[list[int], Any]:
    """The steps that stay when checkpoints with these losses are saved, and which is the best."""
    with Manager(folder, background=False, **options) as manager:
        for step, loss in enumerate(losses):
            manager.save(step, {"step": step}, {"loss": loss})
        best = manager.restore("best")["step"] if "best" in options else None
        assert manager.restore()["step"] == manager.restore("latest")["step"] == manager.latest
        return manager.steps(), best


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ([4], None)),
        ({"max_to_keep": 2}, ([3, 4], None)),
        ({"max_to_keep": None}, ([0, 1, 2, 3, 4], None)),
        ({"max_to_keep": 2, "best": "loss"}, ([1, 3, 4], 3)),
        ({"max_to_keep": 1, "best": "loss", "mode": "max"}, ([0, 4], 0)),
        ({"max_to_keep": 3, "save_interval": 2}, ([0, 2, 4], None)),
    ],
)
def test_which_checkpoints_stay(tmp_path: pathlib.Path, options: Any, expected: Any) -> None:
    assert kept(tmp_path, [3.0, 1.0, NAN, 0.5, 2.0], **options) == expected


def test_values_of_every_kind(tmp_path: pathlib.Path) -> None:
    values = [np.arange(3), None, [], {}, "word", {"value": np.ones(2)}]
    with Manager(tmp_path, max_to_keep=None) as manager:
        for step, value in enumerate(values):
            manager.save(step, value)
        for step, value in enumerate(values):
            assert repr(manager.restore(step)) == repr(value)


def test_what_is_saved_are_the_values_of_that_moment(tmp_path: pathlib.Path) -> None:
    """Though the bytes are written later, and JAX's array is the memory that is trained in."""
    started, go = threading.Event(), threading.Event()
    with Manager(tmp_path) as manager:
        write = manager._write

        def slowly(*args: Any) -> None:
            started.set()
            assert go.wait(30)
            write(*args)

        manager._write = slowly  # type: ignore[method-assign]
        value = jnp.arange(8.0)
        assert manager.save(1, {"a": value})
        assert started.wait(30)
        overwrite(value)
        assert manager.steps() == [] and manager.latest == 1
        threading.Timer(0.1, go.set).start()
        assert orbax_files.restore_latest(tmp_path)["a"].tolist() == list(range(8))  # it waits


def overwrite(value: Any) -> None:
    """What donation does: other numbers in the same memory."""
    memory = np.asarray(value)
    kind = ctypes.c_float * memory.size
    np.ctypeslib.as_array(kind.from_address(memory.ctypes.data))[:] = -1


def test_an_error_of_the_writer_is_told_once_and_costs_that_checkpoint_alone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> Any:
        (tmp_path / "2.orbax-checkpoint-tmp").mkdir()
        raise ValueError("Failed to write: [os_error_code='28']")

    with Manager(tmp_path, max_to_keep=1) as manager:
        manager.save(1, {"a": 1})
        manager.wait()
        with monkeypatch.context() as patch:
            patch.setattr(orbax_files, "items_of", full)
            manager.save(2, {"a": 2})
            with pytest.raises(OSError) as caught:
                manager.wait()
        assert str(caught.value) == (
            f"Manager: expected to write the checkpoint of step 2 to {str(tmp_path)!r}, got: No "
            "space left on device. Earlier checkpoints are whole: 1."
        )
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "1"]
        assert manager.restore()["a"] == 1
        manager.save(2, {"a": 3})
        assert manager.restore()["a"] == 3
        assert manager.steps() == [2]


def test_closing_tells_the_error_and_lets_the_folder_go(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(tmp_path, who="Run")
    monkeypatch.setattr(manager._orbax, "save", lambda *args, **kwargs: 1 / 0)
    manager.save(0, {"a": 1})
    with pytest.raises(OSError) as caught:
        manager.close()
    assert str(caught.value) == (
        f"Run: expected to write the checkpoint of step 0 to {str(tmp_path)!r}, got: division by "
        "zero. Earlier checkpoints are whole: there are none."
    )
    manager.close()
    assert list(tmp_path.iterdir()) == []


def test_one_manager_at_a_time(tmp_path: pathlib.Path) -> None:
    with Manager(tmp_path, who="First"):
        with pytest.raises(FolderInUse) as caught:
            Manager(tmp_path, who="Second", timeout=0)
    assert str(caught.value) == (
        f"Second: expected the folder {str(tmp_path)!r} for itself, got one that process "
        f"{os.getpid()} on {socket.gethostname()} (First) holds (waited 0 s). Let that run end, or "
        "choose another folder."
    )
    forgotten = Manager(tmp_path, background=False)
    del forgotten
    Manager(tmp_path, timeout=0).close()


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "7.orbax-checkpoint-tmp" / "arrays").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    with Manager(tmp_path, background=False) as manager:
        manager.save(7, {"a": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7", "notes"]


def test_the_end_of_the_program_waits_for_the_writer(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, failing = Manager(tmp_path / "a"), Manager(tmp_path / "b")
    writing.save(1, {"a": np.zeros(10)})
    monkeypatch.setattr(failing._orbax, "save", lambda *args, **kwargs: 1 / 0)
    failing.save(1, {"a": 1})
    orbax_manager._close_all()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["1"]
    assert capsys.readouterr().err.endswith(
        "got: division by zero. Earlier checkpoints are whole: there are none.\n"
    )


def wrong_step(manager: Manager) -> None:
    manager.save(3, {})
    manager.save(3, {})


WRONG = [
    (
        lambda folder: Manager(folder, max_to_keep=0),
        ValueError,
        "Manager: `max_to_keep`: expected at least 1, got 0.",
    ),
    (
        lambda folder: Manager(folder, save_interval="2"),  # type: ignore[arg-type]
        TypeError,
        "Manager: `save_interval`: expected a whole number, got '2' (str).",
    ),
    (
        lambda folder: Manager(folder, mode="auto"),  # type: ignore[arg-type]
        ValueError,
        "Manager: `mode`: expected 'min' or 'max', got 'auto'.",
    ),
    (
        lambda folder: Manager(folder, best="val_loss").save(0, {}, {"loss": 1.0}),
        ValueError,
        "Manager: `metrics`: expected 'val_loss' among them, by which checkpoints are compared, "
        "got loss.",
    ),
    (
        lambda folder: wrong_step(Manager(folder)),
        ValueError,
        "Manager: `step`: expected one later than 3, the latest in '{folder}', got 3.",
    ),
    (
        lambda folder: Manager(folder).restore(7),
        ValueError,
        "Manager: `step`: expected one of [] in '{folder}', got 7.",
    ),
    (
        lambda folder: Manager(folder).restore("best"),
        ValueError,
        "Manager: `step`: expected a step or 'latest', because no metric was named, got 'best'. "
        "Name one: Manager(..., best='val_loss').",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses_are_refused(
    tmp_path: pathlib.Path, use: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        use(tmp_path)
    assert str(caught.value) == message.replace("{folder}", str(tmp_path))


CUT_OFF = """
import os, sys, time
import numpy as np
from jkeras.saving.orbax_manager import Manager
manager = Manager(sys.argv[1])
manager.save(0, {"a": np.arange(5.0)})
manager.wait()
for step in range(1, 1000):
    manager.save(step, {"a": np.full(200_000, step)})
    print(step, flush=True)
    if sys.argv[2] == "raises" and step == 3:
        raise SystemExit("the script fails while it writes")
"""


def run(folder: pathlib.Path, how: str) -> subprocess.Popen[str]:
    code = [sys.executable, "-c", CUT_OFF, str(folder), how]
    root = pathlib.Path(__file__).parents[2]
    pipe = subprocess.PIPE
    return subprocess.Popen(code, cwd=root, stdout=pipe, stderr=pipe, text=True)


def test_a_process_that_ends_finishes_and_one_that_is_killed_leaves_whole_ones(
    tmp_path: pathlib.Path,
) -> None:
    with run(tmp_path / "raises", "raises") as raising, run(tmp_path / "killed", "") as killed:
        assert killed.stdout is not None
        while killed.stdout.readline() != "6\n":
            assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)
        assert raising.communicate()[1] == "the script fails while it writes\n"
    assert orbax_files.steps_in(tmp_path / "raises") == [3]
    (step,) = orbax_files.steps_in(tmp_path / "killed")
    assert step >= 5
    assert orbax_files.restore_latest(tmp_path / "killed")["a"].tolist() == [step] * 200_000
    with Manager(tmp_path / "killed", timeout=0) as manager:  # neither its lock nor its files stay
        manager.save(step + 1, {"a": 1})
    assert [path.name for path in (tmp_path / "killed").iterdir()] == [str(step + 1)]


def test_a_folder_may_be_named_from_where_one_stands(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orbax wants absolute paths."""
    monkeypatch.chdir(tmp_path)
    with Manager("runs") as manager:
        manager.save(1, {"a": np.arange(3.0)})
    assert orbax_files.restore_latest("runs")["a"].tolist() == [0, 1, 2]
    assert orbax_files.read_step("runs/1")["a"].tolist() == [0, 1, 2]

"""A folder for one process at a time: within a process, between two, and after one was killed."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jkeras.core import locks
from jkeras.core.locks import FolderInUse, acquire, folder_lock, release

# The file by itself: a lock needs nothing else of the package, whose import takes seconds.
BARE = f"import sys; sys.path.append({str(pathlib.Path(locks.__file__).parent)!r})"
HOLDER = f"""
{BARE}
import time
from locks import acquire
lock = acquire(sys.argv[1], "the other run")
print("held", flush=True)
time.sleep(60)
"""
COUNTER = f"""
{BARE}
import pathlib
from locks import folder_lock
number = pathlib.Path(sys.argv[1]) / "number"
for _ in range(40):
    with folder_lock(sys.argv[1], "counter", timeout=60):
        number.write_text(str(int(number.read_text()) + 1))
"""


@contextlib.contextmanager
def running(code: str, folder: pathlib.Path):  # type: ignore[no-untyped-def]
    """Another process with this code."""
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_one_holder_within_a_process(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "new" / "runs"
    with folder_lock(folder, "BackupAndRestore"):
        with pytest.raises(FolderInUse) as caught:
            acquire(folder, "OrbaxCheckpoint", timeout=0.1)
    assert str(caught.value) == (
        f"OrbaxCheckpoint: expected the folder {str(folder)!r} for itself, got one that process "
        f"{os.getpid()} on {socket.gethostname()} (BackupAndRestore) holds (waited 0.1 s). Let "
        "that run end, or choose another folder."
    )
    assert list(folder.iterdir()) == []
    with folder_lock(folder, "the next", timeout=0):
        assert [path.name for path in folder.iterdir()] == [".lock"]


def test_released_twice_and_after_its_folder_is_gone(tmp_path: pathlib.Path) -> None:
    lock = acquire(tmp_path / "a", "first")
    os.unlink(tmp_path / "a" / ".lock")
    (tmp_path / "a").rmdir()
    release(lock)
    release(lock)
    assert not lock.is_locked
    with folder_lock(tmp_path / "a", "second", timeout=0):
        pass


def test_the_file_that_its_holder_removes_is_not_the_lock_of_the_next(
    tmp_path: pathlib.Path,
) -> None:
    """A waiting holder has opened the file that the release removes: it must lock a new one."""
    first = acquire(tmp_path, "first")
    with ThreadPoolExecutor(1) as waiting:
        second = waiting.submit(acquire, tmp_path, "second", timeout=30)
        time.sleep(0.2)
        removed = (tmp_path / ".lock").stat()
        with open(tmp_path / ".lock") as still_open:
            release(first)
            lock = second.result(30)
            assert not os.path.samestat(removed, (tmp_path / ".lock").stat()), still_open
    with pytest.raises(FolderInUse, match=r"\(second\) holds"):
        acquire(tmp_path, "third", timeout=0)
    release(lock)


def test_a_killed_process_holds_nothing(tmp_path: pathlib.Path) -> None:
    with running(HOLDER, tmp_path) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse) as caught:
            acquire(tmp_path, "mine", timeout=0)
        assert f"process {other.pid} on {socket.gethostname()} (the other run)" in str(caught.value)
        other.send_signal(signal.SIGKILL)
        begun = time.monotonic()
        with folder_lock(tmp_path, "mine", timeout=30):
            text = (tmp_path / ".lock").read_text()
            assert text == f"process {os.getpid()} on {socket.gethostname()} (mine)"
        assert time.monotonic() - begun < 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_does_not_keep_the_lock(tmp_path: pathlib.Path) -> None:
    """As the workers of a data loader, which may outlive the run that was killed."""
    code = HOLDER.replace(
        "time.sleep(60)", "import os\nif os.fork() == 0:\n    time.sleep(3)\nelse:\n    os.abort()"
    )
    with running(code, tmp_path) as other:
        other.wait(30)
        with folder_lock(tmp_path, "mine", timeout=1):
            pass


def test_processes_take_turns(tmp_path: pathlib.Path) -> None:
    (tmp_path / "number").write_text("0")
    with running(COUNTER, tmp_path) as first, running(COUNTER, tmp_path) as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
    assert (tmp_path / "number").read_text() == "80"


def test_without_locks_it_warns(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(file: object, kind: int) -> None:
        raise OSError(locks.UNSUPPORTED[0], "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning) as caught, folder_lock(tmp_path, "mine", timeout=0):
        pass
    assert [str(warning.message) for warning in caught] == [
        f"{tmp_path}: this file system has no locks. See to it that no other run uses the folder "
        "(No locks available)."
    ]

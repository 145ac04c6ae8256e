"""What every test stands on: the CPU, strict arrays, and a home folder that is thrown away.

Laws:
  - A test computes on the CPU unless `JAX_PLATFORMS` says otherwise.
  - Arrays of different dtypes or ranks do not mix by accident: promotion is an error.
  - No test reads or writes the user's folders: the cache and the prepared datasets are looked for
    in a new, empty folder in every session.
"""

import contextlib
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
# Most of the time here is compilation. Without LLVM's optimizations it takes a third less, and with
# XLA's older way to write out fused loops two fifths less again; XLA's own passes, which decide
# what is computed, stay on.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
)

import filelock
import jax
import pytest

from jkeras.core import tracebacks
from tests.quick import is_left_out

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
tracebacks.disable_traceback_filtering()  # a test that fails shows every line


def pytest_configure(config: pytest.Config) -> None:
    """Give the session its own home folder, and each worker of pytest-xdist a folder in it.

    JAX does not write compiled programs atomically: a worker that reads what another one has half
    written warns of it, and a warning is an error here.
    """
    keep_programs(config)
    if is_worker(config):
        os.environ["JKERAS_HOME"] += f"/{config.workerinput['workerid']}"
        return
    home = tempfile.mkdtemp(prefix="jkeras-tests-")
    os.environ.update(JKERAS_HOME=home, TFDS_DATA_DIR=f"{home}/datasets")
    os.environ.pop("JKERAS_DATA_DIR", None)


def keep_programs(config: pytest.Config) -> None:
    """Keep compiled programs in `.jax_cache` for the next run, except in continuous integration.

    The process takes the first folder there that no other process holds, and holds it to its end.
    An entry that JAX had written by half when it was killed is compiled anew.
    """
    is_controller = getattr(config.option, "numprocesses", None) and not is_worker(config)
    if os.environ.get("CI") == "true" or is_controller:
        return
    PROGRAMS.mkdir(exist_ok=True)
    for number in itertools.count():
        lock = filelock.FileLock(PROGRAMS / f"{number}.lock", timeout=0)
        with contextlib.suppress(filelock.Timeout):
            lock.acquire()
            break
    config.add_cleanup(lock.release)
    jax.config.update("jax_compilation_cache_dir", str(PROGRAMS / str(number)))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    half_written = "ignore:Error reading persistent compilation cache entry:UserWarning"
    config.addinivalue_line("filterwarnings", half_written)


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's home folder, once, when the last worker has stopped."""
    if not is_worker(config):
        shutil.rmtree(os.environ.pop("JKERAS_HOME"), ignore_errors=True)


PROGRAMS = Path(__file__).parents[1] / ".jax_cache"
"""Compiled programs, kept from one run of the tests to the next."""

ALONE = ("test_experiments.py", "test_package.py", "test_benchmarks.py", "test_families.py")
"""Files whose tests start processes of their own."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, which compiles its programs once.

    Tests that start a process of their own share nothing: each goes where there is room.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return nodeid if Path(file).name in ALONE else file

    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `tests/quick.py` names, in the quick form."""
    if os.environ.get("JKERAS_TESTS") == "quick":
        left_out = {item.nodeid for item in items if is_left_out(item.nodeid)}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
        items[:] = [item for item in items if item.nodeid not in left_out]


@pytest.fixture(autouse=True, scope="module")
def forget_programs() -> Iterator[None]:
    """Let go of compiled programs when they have added up to gigabytes (where Linux tells)."""
    yield
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text(encoding="ascii").split()[1]) if statm.exists() else 0
    if pages * 4096 > 3e9:
        jax.clear_caches()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with whole data sets that `JKERAS_TEST_DATA` names, or a skip."""
    folder = os.environ.get("JKERAS_TEST_DATA")
    if folder is None:
        pytest.skip("JKERAS_TEST_DATA is not set: it names a folder with the whole MNIST")
    return Path(folder)


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual, so that they meet."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)

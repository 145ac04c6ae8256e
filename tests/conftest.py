"""What every test stands on: the CPU, strict arrays, and a home folder that is thrown away.

Laws:
  - A test computes on the CPU unless `JAX_PLATFORMS` says otherwise.
  - Arrays of different dtypes or ranks do not mix by accident: promotion is an error.
  - No test reads or writes the user's folders: the cache and the prepared datasets are looked for
    in a new, empty folder in every session.
"""

import os
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
# Most of the time here is compilation. Without LLVM's optimizations it takes a third less, and with
# XLA's older way to write out fused loops two fifths less again; XLA's own passes, which decide
# what is computed, stay on.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
)

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session its own home folder, and each worker of pytest-xdist a folder in it.

    JAX does not write compiled programs atomically: a worker that reads what another one has half
    written warns of it, and a warning is an error here.
    """
    if hasattr(config, "workerinput"):
        os.environ["JKERAS_HOME"] += f"/{config.workerinput['workerid']}"
        return
    home = tempfile.mkdtemp(prefix="jkeras-tests-")
    os.environ.update(JKERAS_HOME=home, TFDS_DATA_DIR=f"{home}/datasets")
    os.environ.pop("JKERAS_DATA_DIR", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's home folder, once, when the last worker has stopped."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("JKERAS_HOME"), ignore_errors=True)


ALONE = ("test_experiments.py", "test_package.py", "test_benchmarks.py")
"""Files whose tests start processes of their own."""

MOST_ROWS = 12
"""Rows up to which a table runs whole. Of a longer one the short form, `make test`, runs every
third row, always the same ones; the long form, `make test ALL=1`, and pytest by itself run all."""

LONG = (
    "test_the_whole_of_mnist_equals_its_archives",
    "test_a_process_that_ends_finishes_and_one_that_is_killed_leaves_whole_ones",
    "test_every_file_of_keras_predicts_the_same",
    "test_every_file_written_here_has_keras_s_entries",
    "test_every_optimizer_is_written_as_keras_does",
    "test_training_goes_on_with_every_optimizer",
    "test_keras_reads_every_file_written_here",
    "test_keras_goes_on_with_every_optimizer",
)
"""What only the long form runs."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the short form leaves out, and keep the tests of a file on one worker.

    That worker then has their programs compiled already. Tests that start a process of their own
    share nothing: each goes where there is room.
    """
    if os.environ.get("JKERAS_TESTS") == "short":
        rows = Counter(table_of(item) for item in items)
        late = {item.nodeid for item in items if is_long(item, rows[table_of(item)])}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in late])
        items[:] = [item for item in items if item.nodeid not in late]
    for item in items:
        if item.path.name not in ALONE:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


def table_of(item: pytest.Item) -> str:
    """The test of which an item is a row."""
    return item.nodeid.partition("[")[0]


def is_long(item: pytest.Item, rows: int) -> bool:
    """Whether a test waits for the long form; `rows` are those of its table."""
    if item.name in LONG:
        return True
    thinned = rows > MOST_ROWS and item.path.name not in ALONE
    return thinned and zlib.crc32(item.name.encode()) % 3 != 0


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

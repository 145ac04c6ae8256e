"""Which of Keras's test files judge which family, and how to run one of them."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import functools
import io
import signal
import unittest
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax

from tests.keras_suite.alias import module_of
from tests.keras_suite.exclusions import LEFT_OUT

WITH_STANDINS: dict[str, tuple[str, ...]] = {
    "losses": ("losses/loss_test.py", "losses/losses_test.py"),
    "activations": ("activations/activations_test.py",),
    "constraints": ("constraints/constraints_test.py",),
    "regularizers": ("regularizers/regularizers_test.py",),
    "initializers": (
        "initializers/constant_initializers_test.py",
        "initializers/initializer_test.py",
        "initializers/random_initializers_test.py",
    ),
    "schedules": ("optimizers/schedules/learning_rate_schedule_test.py",),
    "metrics": (
        "metrics/accuracy_metrics_test.py",
        "metrics/confusion_metrics_test.py",
        "metrics/correlation_metrics_test.py",
        "metrics/f_score_metrics_test.py",
        "metrics/hinge_metrics_test.py",
        "metrics/iou_metrics_test.py",
        "metrics/metric_test.py",
        "metrics/probabilistic_metrics_test.py",
        "metrics/reduction_metrics_test.py",
        "metrics/regression_metrics_test.py",
    ),
    "optimizers": (
        "optimizers/adadelta_test.py",
        "optimizers/adafactor_test.py",
        "optimizers/adagrad_test.py",
        "optimizers/adam_test.py",
        "optimizers/adamax_test.py",
        "optimizers/adamw_test.py",
        "optimizers/ftrl_test.py",
        "optimizers/lamb_test.py",
        "optimizers/lion_test.py",
        "optimizers/muon_test.py",
        "optimizers/nadam_test.py",
        "optimizers/optimizer_test.py",
        "optimizers/rmsprop_test.py",
        "optimizers/schedule_free_adamw_test.py",
        "optimizers/sgd_test.py",
    ),
}
"""Families whose tests hold descriptions by stand-ins, and their test files in `keras/src`."""

FOLDERS: dict[str, tuple[str, ...]] = {
    "layers": (
        "layers/*_test.py",
        "layers/activations/*_test.py",
        "layers/attention/*_test.py",
        "layers/convolutional/*_test.py",
        "layers/core/*_test.py",
        "layers/merging/*_test.py",
        "layers/normalization/*_test.py",
        "layers/pooling/*_test.py",
        "layers/regularization/*_test.py",
        "layers/reshaping/*_test.py",
        "layers/rnn/*_test.py",
    ),
    "image_layers": (
        "layers/preprocessing/image_preprocessing/*_test.py",
        "layers/preprocessing/image_preprocessing/bounding_boxes/*_test.py",
    ),
    "preparing_layers": ("layers/preprocessing/*_test.py",),
    "models": ("models/*_test.py",),
    "trainers": ("trainers/*_test.py", "trainers/data_adapters/*_test.py"),
    "callbacks": ("callbacks/*_test.py",),
    "saving": ("saving/*_test.py",),
    "ops_numpy": ("ops/numpy_test.py",),
    "ops_nn": ("ops/nn_test.py",),
    "ops": ("ops/*_test.py",),
    "random": ("random/*_test.py",),
    "utils": ("utils/*_test.py",),
    "dtype_policies": ("dtype_policies/*_test.py",),
    "quantizers": ("quantizers/quantizers_test.py", "quantizers/quantization_config_test.py"),
    "tree": ("tree/*_test.py",),
    "applications": ("applications/*_test.py",),
}
"""The other families, by patterns of files in `keras/src`; a file belongs to its first family."""

FAMILIES = (*WITH_STANDINS, *FOLDERS)

SECONDS = 120
"""How long one test may take."""


def files_of(folder: Path, family: str) -> list[str]:
    """The test files of a family, as paths in `keras/src`; files that are left out are not there.

    Args:
      folder: `keras/src`.
      family: of `FAMILIES`.
    """
    if family in WITH_STANDINS:
        return list(WITH_STANDINS[family])
    files: dict[str, str] = {}
    for name, patterns in FOLDERS.items():
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                files.setdefault(str(path.relative_to(folder)), name)
    return [file for file, name in files.items() if name == family and file not in LEFT_OUT]


@dataclasses.dataclass
class Outcome:
    """What became of the tests of a family; a test is named `Class.test_name`."""

    passed: list[str] = dataclasses.field(default_factory=list)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def run(self) -> int:
        """How many tests ran."""
        return len(self.passed) + len(self.failed)


class _Result(unittest.TestResult):
    """Sorts tests into an `Outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome

    def addSuccess(self, test: Any) -> None:
        self.outcome.passed.append(_name(test))

    def addError(self, test: Any, err: Any) -> None:
        if err[0].__name__ == "Skipped":  # pytest.skip inside of a test
            self.addSkip(test, str(err[1]))
            return
        self.outcome.failed[_name(test)] = _last_words(err)

    addFailure = addError

    def addSkip(self, test: Any, reason: str) -> None:
        self.outcome.skipped[_name(test)] = reason


def _name(test: Any) -> str:
    """`Class.test_name`, with the number or name of a parameter set in it."""
    return f"{type(test).__name__}.{test._testMethodName}"


def _last_words(err: Any) -> str:
    words = " ".join(str(err[1]).split())
    return f"{err[0].__name__}: {words}"[:200]


ONE_IN = {
    "image_layers": 12,
    "preparing_layers": 5,
    "layers": 4,
    "ops": 4,
    "ops_nn": 2,
    "ops_numpy": 5,
}
"""Families of which one test in so many runs, unless the whole is asked for: they compile most."""

ONE_IN_OF = {"NumpyDtypeTest.*": 50, "ApplicationsTest.*": 40, "TestJaxLayer.test_flax_layer_*": 11}
"""The same for tests by their names: some 5,000 of pairs of dtypes, 480 of whole networks, and four
of them that are excluded."""


def outcome_of(
    folder: Path, family: str, part: str = "", tests: str = "*", *, whole: bool = False
) -> Outcome:
    """Runs the tests of a family.

    Args:
      folder: `keras/src`.
      family: of `FAMILIES`.
      part: letters that the path of a test file contains.
      tests: a pattern that the names of tests match.
      whole: whether all tests run, and not the part of `ONE_IN` that a checksum of names picks.
    """

    def is_run(name: str) -> bool:
        """Whether a test runs, by its name."""
        named = (n for pattern, n in ONE_IN_OF.items() if fnmatch.fnmatchcase(name, pattern))
        one_in = next(named, ONE_IN.get(family, 1))
        is_picked = whole or zlib.crc32(name.encode()) % one_in == 0
        return is_picked and fnmatch.fnmatchcase(name, tests)

    outcome = Outcome()
    for file in files_of(folder, family):
        if part in file:
            _run_file(folder, file, outcome, is_run)
    return outcome


def _run_file(folder: Path, file: str, outcome: Outcome, is_run: Callable[[str], bool]) -> None:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            module = module_of(folder, file)
        except Exception as error:
            outcome.failed[file] = f"{type(error).__name__}: {error}"
            return
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        for test in _flat(suite):
            if not is_run(_name(test)):
                continue
            _honor_marks(test)
            with _limited(SECONDS), _with_digits_for(file, _name(test)):
                test.run(_Result(outcome))


@contextlib.contextmanager
def _with_digits_for(file: str, name: str) -> Iterator[None]:
    """In 64-bit mode for tests of files with float64, which is an error here without it."""
    if file.startswith("saving/") and "float64" in name:
        with jax.enable_x64(True):
            yield
    else:
        yield


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raises TimeoutError inside after so many seconds."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _flat(suite: Any) -> list[Any]:
    if not isinstance(suite, unittest.TestSuite):
        return [suite]
    return [test for part in suite for test in _flat(part)]


def _honor_marks(test: Any) -> None:
    """`pytest.mark.skipif` means nothing to unittest: it becomes a skip here."""
    method = getattr(test, test._testMethodName, None)
    marks = [*getattr(method, "pytestmark", ()), *getattr(type(test), "pytestmark", ())]
    for mark in marks:
        if mark.name == "skipif" and mark.args[0]:
            reason = mark.kwargs.get("reason", "a mark says so")
            setattr(test, test._testMethodName, functools.partial(test.skipTest, reason))

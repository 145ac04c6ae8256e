"""What Keras's tests are written with, for the families whose tests run on jkeras as it is.

`TestCase` with Keras's comparisons and tolerances, its two long checks (`run_layer_test`,
`run_class_serialization_test`), and small functions of `keras.src.testing`. Judged otherwise than
in Keras, on purpose:

  - Messages are jkeras's own: where a test matches the words of an error, its kind is what counts.
  - Descriptions hold tuples where Keras's objects hold lists, and the two count as equal.
  - A round trip asks for equal configurations and equal objects, not for equal names of attributes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterable, Sized
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl.testing import parameterized

import jkeras
from jkeras.backend import is_float_dtype, standardize_dtype
from jkeras.ops import convert_to_numpy
from tests.keras_suite import layer_checks

__all__ = ["TestCase", "is_float_dtype", "named_product", "standardize_dtype"]


class TestCase(parameterized.TestCase):
    """Keras's `testing.TestCase`."""

    maxDiff = None

    def setUp(self) -> None:
        """Every test begins with fresh names and Keras's settings."""
        super().setUp()
        jkeras.backend.clear_session()

    def get_temp_dir(self) -> str:
        """A folder that is removed after the test."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def convert_to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        """An array, variable or list as a NumPy array."""
        return np.asarray(convert_to_numpy(x))

    def assertEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        """Equal, whether tuples or lists."""
        super().assertEqual(with_lists(first), with_lists(second), msg)

    def assertAllClose(
        self,
        actual: Any,
        desired: Any,
        atol: float = 1e-6,
        rtol: float = 1e-6,
        tpu_atol: float | None = None,
        tpu_rtol: float | None = None,
        msg: str | None = None,
    ) -> None:
        """Equal shapes, and elements that differ by atol + rtol·|desired| at most."""
        del tpu_atol, tpu_rtol
        np.testing.assert_allclose(
            self.convert_to_numpy(actual),
            self.convert_to_numpy(desired),
            atol=atol,
            rtol=rtol,
            err_msg=msg or "",
        )

    def assertNotAllClose(self, x1: Any, x2: Any, msg: str | None = None, **close: Any) -> None:
        """Some elements differ by more than `assertAllClose` allows."""
        with self.assertRaises(AssertionError, msg=msg):
            self.assertAllClose(x1, x2, **close)

    def assertAlmostEqual(  # type: ignore[override]  # Keras compares arrays by it
        self, actual: Any, desired: Any, decimal: int = 3, msg: str | None = None, **tpu: Any
    ) -> None:
        """Equal shapes, and elements that agree to so many decimals."""
        del tpu
        np.testing.assert_almost_equal(
            self.convert_to_numpy(actual), self.convert_to_numpy(desired), decimal, msg or ""
        )

    def assertAllEqual(self, actual: Any, desired: Any, msg: str | None = None) -> None:
        """Equal arrays."""
        self.assertEqual(len(actual), len(desired), msg)
        np.testing.assert_array_equal(
            self.convert_to_numpy(actual), self.convert_to_numpy(desired), msg or ""
        )

    def assertLen(self, iterable: Sized, expected_len: int, msg: str | None = None) -> None:
        """So many entries."""
        self.assertEqual(len(iterable), expected_len, msg)

    def assertDType(self, x: Any, dtype: Any, msg: str | None = None) -> None:
        """The dtype of an array."""
        self.assertEqual(standardize_dtype(x.dtype), standardize_dtype(dtype), msg)

    def assertFileExists(self, path: Any) -> None:
        """A file stands at the path."""
        self.assertTrue(Path(path).is_file(), f"File {path} does not exist")

    def assertSparse(self, x: Any, sparse: bool = True) -> None:
        """Every array here is dense."""
        self.assertFalse(sparse, f"{type(x).__name__} is dense")

    def assertRaisesRegex(
        self, expected_exception: Any, expected_regex: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """The kind of the error; the words are jkeras's own."""
        del expected_regex
        return self.assertRaises(expected_exception, *args, **kwargs)

    def assertWarnsRegex(
        self, expected_warning: Any, expected_regex: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """The kind of the warning, for the same reason."""
        del expected_regex
        return self.assertWarns(expected_warning, *args, **kwargs)

    def run_class_serialization_test(self, instance: Any, custom_objects: Any = None) -> Any:
        """`from_config(get_config())`, and the same through JSON, give an equal object."""
        config = instance.get_config()
        scope = (
            jkeras.saving.custom_object_scope(custom_objects)
            if custom_objects
            else contextlib.nullcontext()
        )
        with scope:
            revived = type(instance).from_config(config)
            self.assertEqual(_plain(config), _plain(revived.get_config()))
            written = json.loads(json.dumps(jkeras.saving.serialize_keras_object(instance)))
            revived = jkeras.saving.deserialize_keras_object(written)
        self.assertEqual(_plain(config), _plain(revived.get_config()))
        self.assertIs(type(revived), type(instance))
        return revived

    def run_layer_test(self, layer_cls: Any, init_kwargs: Any, **expected: Any) -> None:
        """Keras's long check of a layer: see `layer_checks`."""
        layer_checks.run(self, layer_cls, init_kwargs or {}, **expected)


def _plain(config: Any) -> Any:
    """A configuration as JSON holds it: objects in it are compared by their own configurations."""
    return json.loads(json.dumps(jkeras.saving.serialize_keras_object(config)))


def with_lists(value: Any) -> Any:
    """The value with lists for its tuples."""
    if isinstance(value, dict):
        return {key: with_lists(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [with_lists(item) for item in value]
    return value


def named_product(*args: Iterable[dict[str, Any]], **kwargs: Iterable[Any]) -> Any:
    """Every combination of arguments as a case with a name, for `named_parameters`.

    Args:
      *args: each a series of parts of cases, with their names as `testcase_name`.
      **kwargs: an argument's values; their words are the names.
    """
    named = (
        [{"testcase_name": _word(value), argument: value} for value in values]
        for argument, values in kwargs.items()
    )
    for parts in itertools.product(*args, *named):
        words = (part["testcase_name"] for part in parts)
        yield {**dict(itertools.chain(*map(dict.items, parts))), "testcase_name": "_".join(words)}


def _word(value: Any) -> str:
    """A value in the name of a test."""
    return str(getattr(value, "__name__", value)).lower()


def uses_gpu() -> bool:
    """Whether JAX computes on a GPU."""
    return jax.default_backend() == "gpu"


def uses_tpu() -> bool:
    """Whether JAX computes on a TPU."""
    return jax.default_backend() == "tpu"


jax_uses_gpu, jax_uses_tpu = uses_gpu, uses_tpu


def _never() -> bool:
    return False


tensorflow_uses_gpu = tensorflow_uses_tpu = torch_uses_gpu = _never

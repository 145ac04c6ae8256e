"""The `TestCase` that Keras's tests are classes of: its comparisons, with Keras's tolerances.

Three things are judged differently from Keras, on purpose:

  - Messages are jkeras's own. Where Keras's tests match the words of an error, what counts here is
    that the error is raised, and is of the same kind.
  - Descriptions hold tuples where Keras's objects hold lists, and the two count as equal.
  - `run_class_serialization_test` asks for equal configurations after a round trip, and for an
    equal object; Keras compares the names of attributes as well.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Sized
from typing import Any

import numpy as np
from absl.testing import parameterized

from tests.keras_suite import stateful
from tests.keras_suite.standins import convert_to_numpy, standardize_dtype


class TestCase(parameterized.TestCase):
    """Keras's `testing.TestCase`, as far as value-level tests use it."""

    def setUp(self) -> None:
        """Every test begins with fresh names."""
        super().setUp()
        stateful.forget_names()

    def get_temp_dir(self) -> str:
        """A folder that is removed after the test."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def assertEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        """Equal, whether tuples or lists."""
        super().assertEqual(_with_lists(first), _with_lists(second), msg)

    def assertAllClose(
        self,
        actual: Any,
        desired: Any,
        atol: float = 1e-6,
        rtol: float = 1e-6,
        msg: str | None = None,
        **tpu: Any,
    ) -> None:
        """Equal shapes, and elements that differ by atol + rtol·|desired| at most."""
        del tpu
        np.testing.assert_allclose(
            convert_to_numpy(actual),
            convert_to_numpy(desired),
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
            convert_to_numpy(actual), convert_to_numpy(desired), decimal, err_msg=msg or ""
        )

    def assertAllEqual(self, actual: Any, desired: Any, msg: str | None = None) -> None:
        """Equal arrays."""
        np.testing.assert_array_equal(
            convert_to_numpy(actual), convert_to_numpy(desired), err_msg=msg or ""
        )

    def assertLen(self, container: Sized, expected_len: int, msg: str | None = None) -> None:
        """So many entries."""
        self.assertEqual(len(container), expected_len, msg)

    def assertDType(self, x: Any, dtype: Any, msg: str | None = None) -> None:
        """The dtype of an array."""
        self.assertEqual(standardize_dtype(x.dtype), standardize_dtype(dtype), msg)

    def assertRaisesRegex(
        self, expected_exception: Any, expected_regex: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """The kind of the error; the words are jkeras's own."""
        del expected_regex
        return self.assertRaises(expected_exception, *args, **kwargs)

    def run_class_serialization_test(self, instance: Any, custom_objects: Any = None) -> Any:
        """`from_config(get_config())`, and the same through JSON, give an equal object."""
        from keras.src.saving import (
            custom_object_scope,
            deserialize_keras_object,
            serialize_keras_object,
        )

        instance = getattr(instance, "description", instance)  # of a stateful optimizer
        config = instance.get_config()
        scope = custom_object_scope(custom_objects) if custom_objects else contextlib.nullcontext()
        with scope:
            revived = type(instance).from_config(config)
            self.assertEqual(config, revived.get_config())
            written = json.loads(json.dumps(serialize_keras_object(instance)))
            revived = deserialize_keras_object(written)
        self.assertEqual(config, revived.get_config())
        self.assertIs(type(revived), type(instance))
        return revived


def _with_lists(value: Any) -> Any:
    """The value with lists for its tuples."""
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in value]
    return value

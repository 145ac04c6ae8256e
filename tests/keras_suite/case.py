"""The `TestCase` of the families whose tests hold descriptions by stand-ins.

It is that of `tools`, but for how values are read and objects named: variables and optimizers are
those of `standins` and `stateful`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.keras_suite import stateful, tools
from tests.keras_suite.standins import convert_to_numpy


class TestCase(tools.TestCase):
    """Keras's `testing.TestCase`, as far as value-level tests use it."""

    def setUp(self) -> None:
        """Every test begins with fresh names."""
        super().setUp()
        stateful.forget_names()

    def convert_to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        """An array, variable or list as a NumPy array."""
        return convert_to_numpy(x)

    def run_class_serialization_test(self, instance: Any, custom_objects: Any = None) -> Any:
        """As for every object; of a stateful optimizer its description."""
        instance = getattr(instance, "description", instance)
        return super().run_class_serialization_test(instance, custom_objects)

"""Whether a file gives what the model gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.core.errors import value_error
from jkeras.export.inference import Inference

SIZES = (2, 3)


def check(inference: Inference, run: Any, *, who: str, find_layer: Any) -> None:
    """Raises ValueError where a file's outputs are not the model's."""
    for size in SIZES:
        sizes = {name: size + 3 * n for n, name in enumerate(inference.open_axes)}
        arrays = inference.example(sizes, seed=size)
        for spec, got, wanted in zip(
            inference.outputs, run(arrays), inference(*arrays), strict=True
        ):
            wanted = np.asarray(wanted)
            scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
            if got.shape != wanted.shape or not np.allclose(
                got, wanted, rtol=1e-4, atol=1e-5 * scale, equal_nan=True
            ):
                raise value_error(
                    who=who,
                    expected=f"the model's {spec.name!r}",
                    got=f"another one: {got.shape} {wanted.shape} {np.abs(got - wanted).max() if got.shape == wanted.shape else ''}",
                )

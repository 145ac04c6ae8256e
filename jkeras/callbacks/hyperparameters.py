"""What a run of `fit` was told, as one flat dict, for services that compare runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.callbacks.base import Callback

Plain = bool | int | float | str


def hyperparameters(callback: Callback, facts: Mapping[str, Any]) -> dict[str, Plain]:
    """The name and the arguments of the optimizer, the sizes of the run and of the model.

    Args:
      callback: one that a run of a trainer has.
      facts: what its batches rest on, as `Callback.set_run` gets it.
    """
    model, params = callback.model, callback.params or {}
    found: dict[str, Any] = {
        "batch_size": facts.get("batch_size"),
        "epochs": params.get("epochs"),
        "steps_per_epoch": params.get("steps"),
        "parameters": model.count_params(),
        "model": model.name,
        "seed": model.seed,
    }
    optimizer = model.optimizer
    if optimizer is not None:
        try:
            arguments = dict(optimizer.get_config())
        except (AttributeError, TypeError, ValueError):  # optax's, or a schedule without a name
            arguments = {}
        kind = getattr(optimizer, "__class__", type(optimizer)).__name__
        found["optimizer"] = arguments | {"name": kind}
    return flat(found)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Plain]:
    """Nested dicts as one: names joined by `/`, None left out, other values than numbers and
    strings as text.

    Example:
      >>> flat({"optimizer": {"name": "SGD", "momentum": None}, "sizes": [1, 2]})
      {'optimizer/name': 'SGD', 'sizes': '[1, 2]'}
    """
    found: dict[str, Plain] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}/")
        elif value is not None:
            plain = value.item() if getattr(value, "shape", None) == () else value
            found[f"{prefix}{name}"] = plain if isinstance(plain, Plain) else str(plain)
    return found

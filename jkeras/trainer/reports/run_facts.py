"""The facts of a model and its last run as pairs of words, which a card and a report share.

Law: what is not known is said to be unknown, and nothing is guessed.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import jaxlib
import numpy as np

from jkeras.callbacks import History
from jkeras.core import trees
from jkeras.core.errors import WrongTypeError, describe
from jkeras.display import memory_text
from jkeras.trainer.loop.parts import TrainerParts

Facts = list[tuple[str, str]]


class Reported(Protocol):
    """What a card and a page read of a trainer beside its parts."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def seed(self) -> int:
        """The seed of its weights."""

    @property
    def layers(self) -> list[Any]:
        """Its layers."""


UNKNOWN = "not known"


def history_of(who: str, model: object, given: object = None) -> History | None:
    """The history of the model's last run; None where there is none.

    Args:
      who: the method that was called.
      model: the trainer.
      given: what the user passed in its place.

    Raises:
      TypeError: `given` is no `History`.
    """
    found = vars(model).get("history") if given is None else given
    if given is not None and not isinstance(given, History):
        raise WrongTypeError(
            f"{who}: `history`: expected what `fit` returned, a History, got {describe(given)}."
        )
    return found if isinstance(found, History) and found.history else None


def size_facts(parts: TrainerParts) -> Facts:
    """Parameters and their bytes."""
    values = parts.state.values
    if values is None:
        return [("parameters", f"{UNKNOWN}: the model is not built yet")]
    count = trees.count(values.params) + trees.count(values.state)
    size = trees.size_bytes((values.params, values.state))
    return [("parameters", f"{count:,}"), ("size of the weights", memory_text(size))]


def data_facts(history: History | None) -> Facts:
    """What `fit` was given."""
    record = {} if history is None else history.data
    if not record:
        return []
    examples = record["examples"]
    facts = [("examples", UNKNOWN if examples is None else f"{examples:,}")]
    facts += [(name, shape) for name, shape in record["arrays"].items()]
    held = record["validation_examples"]
    facts.append(("validation examples", UNKNOWN if held is None else f"{held:,}"))
    return facts


def class_counts(history: History | None) -> dict[int, int]:
    """How many examples of each class `fit` was given; empty where that is unknown."""
    return (None if history is None else history.data.get("classes")) or {}


def training_facts(parts: TrainerParts, history: History | None, seed: int) -> Facts:
    """How the model was trained, as far as it was."""
    compiled = parts.compilation
    facts = []
    if compiled is not None:
        spec = compiled.compile_spec
        facts.append(("optimizer", described(compiled.optimizer)))
        if spec.loss is not None:
            facts.append(("loss", described(spec.loss)))
        metrics = jax.tree.leaves((spec.metrics, spec.weighted_metrics))
        if metrics:
            facts.append(("metrics", ", ".join(metric.log_name for metric in metrics)))
    facts.append(("seed", str(seed)))
    if history is None:
        return facts
    planned = (history.params or {}).get("epochs")
    done = f"{len(history.epoch)}"
    facts.append(("epochs", done if planned is None else f"{done} of {planned} planned"))
    for name, key in (("batch size", "batch_size"), ("batches an epoch", "steps_per_epoch")):
        value = history.data.get(key)
        if value is not None:
            facts.append((name, f"{value:,}"))
    if "shuffle" in history.data:
        facts.append(("shuffled", "yes" if history.data["shuffle"] else "no"))
    return facts + time_facts(history)


def time_facts(history: History | None) -> Facts:
    """How long the epochs took that this process ran."""
    seconds = [] if history is None else history.seconds
    if not seconds:
        return []
    usual = statistics.median(seconds)
    facts = [("time", f"{sum(seconds):,.3g} s in {len(seconds)} epochs")]
    facts.append(("time of an epoch", f"{usual:,.3g} s (median, with validation)"))
    examples = None if history is None else history.data.get("examples")
    if examples and usual and history and not history.data.get("steps_per_epoch"):
        facts.append(("throughput", f"{examples / usual:,.0f} examples a second"))
    return facts


def machine_facts() -> Facts:
    """The machine that runs this, and the versions of what computes on it."""
    device, count = jax.devices()[0], jax.device_count()
    jkeras = sys.modules["jkeras"]
    return [
        ("device", f"{count} x {device.device_kind} ({device.platform})"),
        ("processors", f"{os.cpu_count()} ({platform.machine()})"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("jkeras", str(getattr(jkeras, "__version__", UNKNOWN))),
        ("jax", jax.__version__),
        ("jaxlib", jaxlib.__version__),
        ("numpy", np.__version__),
    ]


def result_facts(results: Mapping[str, Any]) -> Facts:
    """Logs as words."""
    return [(name, number_text(value)) for name, value in results.items()]


def number_text(value: object) -> str:
    """A number, or a list of them, with four digits.

    Example:
      >>> number_text(0.123456), number_text([1.0, 0.5])
      ('0.1235', '1, 0.5')
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(number_text, value))
    return f"{np.asarray(value).item():.4g}"


def described(value: object) -> str:
    """An optimizer, a loss or metrics in the words in which they are made, defaults included.

    Example:
      >>> from jkeras.optimizers import SGD
      >>> described(SGD(0.5)).startswith("SGD(learning_rate=0.5, momentum=0, nesterov=False")
      True
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {described(part)}" for name, part in value.items())
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return ", ".join(map(described, value))
    if hasattr(value, "_fields"):  # a transformation of optax, a pair of functions
        return f"{type(value).__name__} (optax)"
    config = _config_of(value)
    if config is None:
        return repr(value)
    given = {k: v for k, v in config.items() if k != "name" and v is not None}
    return f"{type(value).__name__}({', '.join(f'{k}={_short(v)}' for k, v in given.items())})"


def _config_of(value: object) -> dict[str, Any] | None:
    get_config: Callable[[], dict[str, Any]] | None = getattr(value, "get_config", None)
    try:
        return None if get_config is None else get_config()
    except (TypeError, ValueError, NotImplementedError):  # a user's class without a configuration
        return None


def _short(value: object) -> str:
    if isinstance(value, Mapping) and "class_name" in value:
        inner = value.get("config")
        if not isinstance(inner, Mapping):
            return str(inner)
        return f"{value['class_name']}({', '.join(f'{k}={_short(v)}' for k, v in inner.items())})"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)

"""Dtypes in configurations: names, and what Keras calls dtype policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def policy(dtype: np.dtype | None) -> Any:
    """A rule for the dtype of layers: Keras's policy of that name; None for None.

    Float32, Keras's default, would read as None in that form, so it is written as a string.
    """
    if dtype is None or dtype.name == "float32":
        return None if dtype is None else "float32"
    content = {"name": dtype.name}
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": content,
        "registered_name": None,
    }


def with_plain_dtypes(config: object) -> Any:
    """A configuration with the names of dtypes in place of Keras's dtype policies.

    Keras writes its policy into every layer. Where every policy is "float32", Keras's default, the
    configuration has None instead; a layer then computes in the dtype of its inputs. Mixed
    precision, float32 weights in narrow arithmetic, is what a narrow `dtype` means here.

    Example:
      >>> policy = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
      >>> with_plain_dtypes({"units": 3, "dtype": policy})
      {'units': 3, 'dtype': None}
    """
    names = set(_policies(config))
    return (
        _replaced(config, default=None if names <= {"float32"} else "float32") if names else config
    )


def _policies(config: object) -> Iterable[str]:
    if isinstance(config, list | tuple):
        parts: Iterable[Any] = config
    elif not isinstance(config, Mapping):
        return
    elif _is_policy(config):
        yield _source(config["config"])
        return
    else:
        parts = config.values()
    for part in parts:
        yield from _policies(part)


def _is_policy(config: Mapping[Any, Any]) -> bool:
    """Whether this is the configuration of a dtype policy; reading refuses a broken one."""
    content = config.get("config")
    if not isinstance(content, Mapping):
        return False
    kind = config.get("class_name")
    return (kind == "DTypePolicy" and "name" in content) or (
        kind in QUANTIZED and "mode" in content
    )


QUANTIZED = (
    "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy", "GPTQDTypePolicy",
    "AWQDTypePolicy",
)  # fmt: skip
"""Keras's policies of layers with whole numbers, which name the policy from before."""


def _source(content: Mapping[Any, Any]) -> str:
    """The name of a policy; of a quantized one that of its source."""
    return str(content.get("source_name") if "mode" in content else content["name"])


def _replaced(config: object, default: str | None) -> Any:
    if isinstance(config, list | tuple):
        return [_replaced(item, default) for item in config]
    if not isinstance(config, Mapping):
        return config
    if _is_policy(config):
        name = _source(config["config"]).removeprefix("mixed_")
        if "mode" in config["config"]:
            mode, length = (config["config"].get(n) for n in ("mode", "amax_history_length"))
            return f"{mode if length is None else f'{mode}/{length}'}_from_{name}"
        return default if name == "float32" else name
    return {key: _replaced(value, default) for key, value in config.items()}

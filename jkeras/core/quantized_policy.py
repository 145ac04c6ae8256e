"""Dtype policies of quantized layers: "int8_from_float32", and maps from layers to policies.

Source: `keras.dtype_policies`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from jkeras.core.dtype_policy import DTypePolicy, dtype_policy
from jkeras.core.errors import WrongTypeError, describe

MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a layer with quantized weights.

    Args:
      mode: "int8", "int4" or "float8".
      source_name: the policy before quantization; that for every new layer when left out.

    Raises:
      ValueError: another mode, or int8 over float16, whose range is too small.

    Example:
      >>> QuantizedDTypePolicy("int8", "mixed_bfloat16").name
      'int8_from_mixed_bfloat16'

    Source: `keras.dtype_policies.QuantizedDTypePolicy`.
    """

    is_mutable: ClassVar[bool] = False
    parts: ClassVar[str] = ""
    """What stands behind the mode: its sizes."""

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        source = dtype_policy() if source_name is None else DTypePolicy(source_name)
        base, sizes = _parsed(type(self).__name__, mode, self.parts)
        if base not in MODES:
            raise ValueError(
                f"{type(self).__name__}: `mode`: expected one of {MODES}, got {mode!r}."
            )
        if base == "int8" and source.compute_dtype == "float16":
            raise ValueError(
                f"{type(self).__name__}: int8 over float16 overflows. Use mixed_bfloat16."
            )
        values = {"mode": mode, "source_name": source.name, "name": f"{mode}_from_{source.name}"}
        for name, value in {**values, "quantization_mode": base, **sizes}.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic around whole numbers."""
        return DTypePolicy(self.source_name).compute_dtype  # type: ignore[attr-defined]

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights that are not quantized."""
        return DTypePolicy(self.source_name).variable_dtype  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        """`mode` and `source_name`."""
        return {"mode": vars(self)["mode"], "source_name": vars(self)["source_name"]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The policy with these arguments."""
        return cls(**config)


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that trains in float8.

    Args:
      mode, source_name: as of `QuantizedDTypePolicy`.
      amax_history_length: how many steps the largest absolute values are remembered; at least 1.

    Raises:
      TypeError, ValueError: `amax_history_length` is not such a number.

    Source: `keras.dtype_policies.QuantizedFloat8DTypePolicy`.
    """

    is_mutable: ClassVar[bool] = False
    default_amax_history_length: ClassVar[int] = 1024

    def __init__(
        self, mode: str, source_name: str | None = None, amax_history_length: int = 1024
    ) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise WrongTypeError(
                f"{type(self).__name__}: `amax_history_length`: expected an integer, got "
                f"{describe(amax_history_length)}."
            )
        if amax_history_length < 1:
            raise ValueError(
                f"{type(self).__name__}: `amax_history_length`: expected at least 1, got "
                f"{amax_history_length}."
            )
        object.__setattr__(self, "amax_history_length", amax_history_length)

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other) is True
        return same and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    __hash__ = QuantizedDTypePolicy.__hash__

    def get_config(self) -> dict[str, Any]:
        """`mode`, `source_name` and `amax_history_length`."""
        return {**super().get_config(), "amax_history_length": vars(self)["amax_history_length"]}


class Int4DTypePolicy(QuantizedDTypePolicy):
    """The policy "int4/128" of weights in 4 bits in blocks; -1 for no blocks.

    Source: `keras.dtype_policies.Int4DTypePolicy`.
    """

    is_mutable: ClassVar[bool] = False
    parts: ClassVar[str] = "int4/block_size"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """The policy "gptq/4/128". It can be read and written; layers refuse it.

    Source: `keras.dtype_policies.GPTQDTypePolicy`.
    """

    is_mutable: ClassVar[bool] = False
    parts: ClassVar[str] = "gptq/weight_bits/group_size"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)


class AWQDTypePolicy(QuantizedDTypePolicy):
    """The policy "awq/4/128". It can be read and written; layers refuse it.

    Source: `keras.dtype_policies.AWQDTypePolicy`.
    """

    is_mutable: ClassVar[bool] = False
    parts: ClassVar[str] = "awq/weight_bits/group_size"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)


_BITS = {"gptq": (2, 3, 4, 8), "awq": (4,)}


def _parsed(who: str, mode: Any, parts: str) -> tuple[str, dict[str, int]]:
    """The mode before its sizes, and these by name."""
    if not isinstance(mode, str):
        raise WrongTypeError(f"{who}: `mode`: expected a string, got {describe(mode)}.")
    base, *names = parts.split("/") if parts else [mode]
    given, *sizes = mode.split("/") if parts else [mode]
    form = "/".join([base, *(f"<{name}>" for name in names)])
    is_whole = all(re.fullmatch(r"-?\d+", size) for size in sizes)
    if given != base or len(sizes) != len(names) or not is_whole:
        raise ValueError(f"{who}: `mode`: expected {form!r}, got {mode!r}.")
    found = dict(zip(names, map(int, sizes), strict=True))
    for name, size in found.items():
        known = _BITS.get(base, ()) if name == "weight_bits" else ()
        if (known and size not in known) or (not known and (size < -1 or size == 0)):
            allowed = f"one of {known}" if known else "-1 or a positive integer"
            raise ValueError(f"{who}: `mode` {mode!r}: expected {allowed} for {name}, got {size}.")
    return base, found


def policy_of(value: Any) -> DTypePolicy | None:
    """The quantized policy that a name or an object stands for; None for anything else."""
    if isinstance(value, QuantizedDTypePolicy):
        return value
    if not isinstance(value, str) or "_from_" not in value:
        return None
    mode, _, source = value.partition("_from_")
    kinds: dict[str, type[QuantizedDTypePolicy]] = {
        "int4": Int4DTypePolicy, "gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy,
    }  # fmt: skip
    base, _, length = mode.partition("/")
    if base == "float8":
        kind = QuantizedFloat8DTypePolicy
        return kind(base, source, int(length)) if length.isdecimal() else kind(mode, source)
    return (kinds.get(base, QuantizedDTypePolicy) if "/" in mode else QuantizedDTypePolicy)(
        mode, source
    )


class DTypePolicyMap(dict[str, DTypePolicy]):
    """Policies by the paths of layers, or by patterns of paths, beside one for all others.

    Args:
      default_policy: the policy of layers that are not named; that for every new layer when left
        out.
      policy_map: paths or regular expressions, with policies.

    Raises:
      TypeError, ValueError: something else is given.

    Example:
      >>> policies = DTypePolicyMap(policy_map={"encoder/.*": DTypePolicy("mixed_bfloat16")})
      >>> policies["encoder/dense"].name, policies["head"].name
      ('mixed_bfloat16', 'float32')

    Source: `keras.dtype_policies.DTypePolicyMap`.
    """

    def __init__(self, default_policy: Any = None, policy_map: Any = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("DTypePolicyMap: `default_policy`: expected a policy, got a map.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise WrongTypeError(
                f"DTypePolicyMap: `policy_map`: expected a dict, got {describe(policy_map)}."
            )
        self._default = None if default_policy is None else _policy(default_policy)
        super().__init__()
        for path, policy in (policy_map or {}).items():
            self[path] = policy

    def __repr__(self) -> str:
        return f"<DTypePolicyMap with {len(self)} policies, else {self.default_policy!r}>"

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self:
            raise ValueError(f"DTypePolicyMap: {path!r} has a policy: {self[path]!r}. Delete it.")
        if not isinstance(policy, DTypePolicy):
            raise ValueError(f"DTypePolicyMap: expected a DTypePolicy, got {describe(policy)}.")
        super().__setitem__(path, policy)

    def __missing__(self, path: str) -> DTypePolicy:
        patterns = [pattern for pattern in self if re.fullmatch(pattern, path)]
        if len(patterns) > 1:
            raise ValueError(
                f"DTypePolicyMap: {path!r} fits several patterns: {', '.join(patterns)}."
            )
        return dict.__getitem__(self, patterns[0]) if patterns else self.default_policy

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that are not named."""
        return self._default or dtype_policy()

    @property
    def name(self) -> str:
        """`map_` and the name of the default."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """Of the default."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Of the default."""
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> Any:
        """Of the default."""
        return self.default_policy.quantization_mode

    def get_config(self) -> dict[str, Any]:
        """The default and the policies, as they are serialized."""
        default = None if self._default is None else written(self._default)
        policies = {path: written(policy) for path, policy in self.items()}
        return {"default_policy": default, "policy_map": policies}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DTypePolicyMap:
        """The map with this configuration."""
        default = config.get("default_policy")
        policies = {path: read(policy) for path, policy in config["policy_map"].items()}
        return cls(default if default is None else read(default), policies)


def _policy(value: Any) -> DTypePolicy:
    return policy_of(value) or (value if isinstance(value, DTypePolicy) else DTypePolicy(value))


_BY_NAME: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        AWQDTypePolicy,
        DTypePolicyMap,
        GPTQDTypePolicy,
        Int4DTypePolicy,
        QuantizedDTypePolicy,
        QuantizedFloat8DTypePolicy,
    )
}


def written(policy: DTypePolicy | DTypePolicyMap) -> dict[str, Any]:
    """The configuration of a policy, as Keras writes it."""
    kind = type(policy).__name__
    module = "keras.dtype_policies" if kind in _BY_NAME else "keras"
    return {
        "module": module,
        "class_name": kind,
        "config": policy.get_config(),
        "registered_name": None,
    }


def read(config: object) -> Any:
    """The policy for a configuration.

    Raises:
      TypeError: it is not the configuration of a policy.
    """
    content = config.get("config") if isinstance(config, Mapping) else None
    if isinstance(config, Mapping) and isinstance(content, Mapping):
        if config.get("class_name") in _BY_NAME:
            return _BY_NAME[config["class_name"]].from_config(content)
        if "name" in content:
            return DTypePolicy(content["name"])
    raise WrongTypeError(
        f"deserialize: expected a configuration as serialize gives it, got {describe(config)}."
    )

"""Frozen dataclasses that are pytrees: the one door to `flax.struct`."""

from __future__ import annotations

from flax.struct import dataclass as pytree_dataclass
from flax.struct import field as pytree_field

__all__ = ["pytree_dataclass", "pytree_field"]

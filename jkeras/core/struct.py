"""Frozen dataclasses that are pytrees: the one door to `flax.struct`."""

from __future__ import annotations

from flax.struct import PyTreeNode

__all__ = ["PyTreeNode"]

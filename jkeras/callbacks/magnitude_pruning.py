"""`MagnitudePruning`: the smallest weights become zero while the model trains, and stay zero."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.callbacks.base import Callback, Logs
from jkeras.core import freezing, trees
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

_DEFAULT = ("*kernel", "*embeddings")


class MagnitudePruning(Callback):
    """Sets the weights of the smallest absolute values to zero, more and more of them.

    From `begin_step` to `end_step` the sparsity, the share of zeros in each pruned weight, grows
    from `initial_sparsity` to `final_sparsity`, as s_f + (s_i - s_f) · (1 - t)^power with t from 0
    to 1. What is zero then is put back to zero after every update, so the model that remains is a
    usual one: nothing has to be stripped, and zeros compress in any file.

    Steps are counted across epochs and fits. Sparsity is read as `callback.sparsity`, the share of
    zeros in all pruned weights, and by weight as `callback.sparsities`; epochs log `sparsity`.

    Args:
      final_sparsity: the share at the end, from 0 to 1.
      initial_sparsity: the share at the start.
      begin_step, end_step: between which steps it grows; for `end_step` left out, the last step of
        the first fit.
      frequency: steps from one choice of weights to the next.
      power: 3 prunes most at the start, where most weights do not matter; 1 is linear; above 0.
      weights: patterns of paths of weights, "encoder/*/kernel"; kernels and embeddings when left
        out.

    Raises:
      TypeError, ValueError: a share out of range, steps in the wrong order, no weight of such a
        name, or no `end_step` for data whose number of batches is not known.

    Example:
      >>> from jkeras.callbacks import MagnitudePruning
      >>> pruning = MagnitudePruning(0.8, end_step=100)
      >>> [round(pruning.sparsity_at(step), 3) for step in (0, 50, 100, 200)]
      [0.0, 0.7, 0.8, 0.8]

    Source: Zhu and Gupta 2017, arXiv:1710.01878. Keras has no such callback.
    """

    boundaries = 1

    @named_arguments
    def __init__(
        self,
        final_sparsity: float = 0.5,
        *,
        initial_sparsity: float = 0.0,
        begin_step: int = 0,
        end_step: int | None = None,
        frequency: int = 10,
        power: float = 3.0,
        weights: str | Sequence[str] | None = None,
    ) -> None:
        shares = {"final_sparsity": final_sparsity, "initial_sparsity": initial_sparsity}
        for name, share in shares.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
                raise ValueError(
                    f"MagnitudePruning: `{name}`: expected a number from 0 to below 1, got "
                    f"{share!r}."
                )
        counts = {"begin_step": (begin_step, 0), "frequency": (frequency, 1)}
        if end_step is not None:
            counts["end_step"] = end_step, begin_step + 1
        for name, (count, least) in counts.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                raise ValueError(
                    f"MagnitudePruning: `{name}`: expected an integer of at least {least}, got "
                    f"{count!r}."
                )
        if isinstance(power, bool) or not isinstance(power, int | float) or not power > 0:
            raise ValueError(
                f"MagnitudePruning: `power`: expected a number above 0, got {power!r}."
            )
        patterns = _DEFAULT if weights is None else weights
        self.patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        if not all(isinstance(pattern, str) for pattern in self.patterns):
            raise WrongTypeError(
                f"MagnitudePruning: `weights`: expected patterns of paths, got {describe(weights)}."
            )
        self.final_sparsity, self.initial_sparsity = final_sparsity, initial_sparsity
        self.begin_step, self.end_step = begin_step, end_step
        self.frequency, self.power = frequency, power
        self.steps = 0
        self._masks: Any = None

    def sparsity_at(self, step: int) -> float:
        """The share of zeros that the schedule wants after a number of steps."""
        if step < self.begin_step:
            return 0.0
        end = self.end_step or self.begin_step + 1
        done = min((step - self.begin_step) / (end - self.begin_step), 1.0)
        start, final = self.initial_sparsity, self.final_sparsity
        return final + (start - final) * (1 - done) ** self.power

    @property
    def sparsities(self) -> dict[str, float]:
        """The share of zeros in each pruned weight, by its path."""
        leaves = trees.named_leaves(self.model.params)
        return {name: float(jnp.mean(leaves[name] == 0)) for name in self._names()}

    @property
    def sparsity(self) -> float:
        """The share of zeros in all pruned weights together."""
        leaves = trees.named_leaves(self.model.params)
        chosen = [leaves[name] for name in self._names()]
        return float(sum(int(jnp.sum(x == 0)) for x in chosen) / sum(x.size for x in chosen))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not self._names():
            known = self._trained()
            raise ValueError(
                f"MagnitudePruning: `weights`: no trained weight is named "
                f"{' or '.join(map(repr, self.patterns))}.{nearest(self.patterns[0], known)} "
                f"Trained weights: {', '.join(known) or 'none'}."
            )
        if self.end_step is None and not (self.params or {}).get("steps"):
            raise ValueError(
                "MagnitudePruning: expected `end_step`, because the number of batches of an epoch "
                "is not known, got None. Say after how many steps the model is as sparse as it "
                "shall be, or pass steps_per_epoch to fit."
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.end_step is not None:
            return
        params = self.params or {}
        last = self.steps + (params["epochs"] - epoch) * params["steps"]
        if last <= self.begin_step:
            raise ValueError(
                f"MagnitudePruning: `begin_step`: expected less than the {last} steps of the run, "
                f"got {self.begin_step}. For a longer schedule pass `end_step`."
            )
        self.end_step = last

    def on_boundary(self, batch: int, logs: Logs | None = None) -> None:
        self.steps += 1
        is_due = (self.steps - self.begin_step) % self.frequency == 0
        is_last = self.steps == self.end_step
        if self.steps >= self.begin_step and (is_due or is_last or self._masks is None):
            self._choose()
        if self._masks is not None:
            self.model.params = _masked(self.model.params, self._masks)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["sparsity"] = self.sparsity

    def _choose(self) -> None:
        names = set(self._names())
        share = jnp.float32(self.sparsity_at(self.steps))

        def mask(path: tuple[Any, ...], leaf: jax.Array) -> Any:
            return _mask(leaf, share) if "/".join(trees.path_names(path)) in names else None

        self._masks = jax.tree_util.tree_map_with_path(mask, self.model.params)

    def _names(self) -> list[str]:
        """The paths of the weights that are pruned: floating ones that are trained."""
        return [
            name
            for name in self._trained()
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)
        ]

    def _trained(self) -> list[str]:
        """The paths of floating weights that are trained."""
        params = self.model.params
        frozen = trees.named_leaves(freezing.frozen(self.model.net, params))
        return [
            name
            for name, leaf in trees.named_leaves(params).items()
            if jnp.issubdtype(leaf.dtype, jnp.floating) and not frozen[name]
        ]


@jax.jit
def _mask(weight: jax.Array, share: jax.Array) -> jax.Array:
    """True for the weights that stay: all but a share of the smallest."""
    order = jnp.argsort(jnp.argsort(jnp.abs(weight).reshape(-1)))
    return (order >= jnp.round(share * weight.size).astype(order.dtype)).reshape(weight.shape)


@jax.jit
def _masked(params: Tree, masks: Tree) -> Any:
    def kept(mask: jax.Array | None, param: jax.Array) -> Any:
        return param if mask is None else param * mask.astype(param.dtype)

    return jax.tree.map(kept, masks, params, is_leaf=lambda leaf: leaf is None)

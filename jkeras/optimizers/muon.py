"""Momentum made orthogonal, for the matrices inside a model; Adam for everything else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.core.errors import WrongTypeError, describe
from jkeras.optimizers import arguments
from jkeras.optimizers.adam import Adam
from jkeras.optimizers.arguments import Number, Schedule, keyword
from jkeras.optimizers.base import Array, Optimizer, Slots

if TYPE_CHECKING:
    import optax


def _patterns(value: object) -> tuple[str, ...]:
    """A list of regular expressions as a tuple; None for none."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise WrongTypeError(f"expected a list of strings, got {describe(value)}.")
    for pattern in value:
        arguments.check_regular_expression(pattern)
    return tuple(value)


def orthogonal(matrix: Array, *, steps: int, coefficients: tuple[Number, Number, Number]) -> Array:
    """A matrix with the singular vectors of `matrix` and singular values near 1.

    Scaled to the norm 1, X is repeatedly mapped to a·X + (b·XXᵀ + c·(XXᵀ)²)·X, which moves each
    singular value s to a·s + b·s³ + c·s⁵. Tiny singular values may still be far from 1.

    Args:
      matrix: `[rows, columns]` floating.
      steps: the number of iterations, at least 0.
      coefficients: a, b and c.

    Returns:
      `[rows, columns]`, dtype of `matrix`.

    Example:
      >>> x = orthogonal(jnp.diag(jnp.array([4.0, 2.0])), steps=5, coefficients=(2.0, -1.5, 0.5))
      >>> [round(float(value), 2) for value in jnp.diag(x)]
      [1.0, 1.0]

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (jnp.sqrt(jnp.sum(x * x)) + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon(Optimizer):
    """Descent along an orthogonalised momentum, for matrices; Adam for the rest.

    For a variable with two axes m ← μ·m + g, then u = `orthogonal`(m), or of g + μ·m with
    `nesterov`, and p ← p - η·u·rms_rate·√(the longer side). Every other variable takes `Adam`'s
    step with the rate η·`adam_lr_ratio`; so do embeddings, and what `exclude_layers` names. The
    last layer of a model should be named there.

    Args:
      adam_beta_1: decay of Adam's mean of gradients, in [0, 1).
      adam_beta_2: decay of Adam's mean of squared gradients, in [0, 1).
      adam_weight_decay: the decay of the variables that Adam updates; None or 0 for none.
      epsilon: keeps Adam's divisor away from zero.
      weight_decay: the decay of the variables that Muon updates; None or 0 for none.
      exclude_layers: regular expressions; a variable whose path ("dense_1/kernel") holds a match
        is Adam's.
      exclude_embeddings: leave variables with "embedding" in their path to Adam.
      muon_a, muon_b, muon_c: the coefficients of the iteration in `orthogonal`.
      adam_lr_ratio: Adam's rate as a multiple of η.
      momentum: μ, in [0, 1].
      ns_steps: the number of iterations.
      nesterov: look ahead along the momentum.
      rms_rate: scales an update to the size of Adam's; None for no scaling.

    The other arguments are `Optimizer`'s.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; Liu et
    al. 2025, arXiv:2502.16982, for `rms_rate`; `keras.optimizers.Muon`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    adam_beta_1: Number = option(default=0.9, convert=arguments.decay_rate)
    adam_beta_2: Number = option(default=0.999, convert=arguments.decay_rate)
    adam_weight_decay: Number | None = option(
        default=0.004, convert=arguments.optional(arguments.non_negative)
    )
    epsilon: Number = option(default=1e-7, convert=arguments.non_negative)
    weight_decay: Number | None = keyword(0.004, arguments.optional(arguments.non_negative))
    exclude_layers: tuple[str, ...] | None = keyword(None, _patterns)
    exclude_embeddings: bool = keyword(True, arguments.flag)
    muon_a: Number = keyword(3.4445, arguments.finite)
    muon_b: Number = keyword(-4.7750, arguments.finite)
    muon_c: Number = keyword(2.0315, arguments.finite)
    adam_lr_ratio: Number = keyword(1, arguments.non_negative)
    momentum: Number = keyword(0.95, arguments.fraction)
    ns_steps: int = keyword(5, arguments.integer(0))
    nesterov: bool = keyword(True, arguments.flag)
    rms_rate: Number | None = keyword(0.2, arguments.optional(arguments.non_negative))

    slot_fields: ClassVar[Mapping[str, str]] = {"momentum": "trace"}
    in_state: ClassVar[tuple[str, ...]] = (*Optimizer.in_state, "adam_weight_decay")

    def first_slots(self, path: str, variable: Array) -> Slots:
        embedded = self.exclude_embeddings and "embedding" in path.lower()
        named = any(re.search(pattern, path) for pattern in self.exclude_layers or ())
        adam = variable.ndim != 2 or embedded or named
        names = ("momentum", "velocity") if adam else ("momentum",)
        return {name: jnp.zeros_like(variable) for name in names}

    def decay_of(self, slots: Slots, now: dict[str, Array]) -> Array | None:
        """`adam_weight_decay` for what Adam updates, `weight_decay` for the matrices."""
        return now.get("adam_weight_decay" if "velocity" in slots else "weight_decay")

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        if "velocity" not in slots:
            return super().step(gradient, variable, slots, now)
        adam = Adam(1.0, self.adam_beta_1, self.adam_beta_2, self.epsilon)
        now = {**now, "learning_rate": self.adam_lr_ratio * now["learning_rate"]}
        return adam.step(gradient, variable, slots, adam.scalars(now))

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        """The rule for a matrix."""
        import optax

        # optax.contrib.scale_by_muon has a corrected mean of gradients in place of Keras's sum.
        momentum = optax.trace(now.get("momentum", 0.0), self.nesterov)
        rate = optax.scale_by_learning_rate(now["learning_rate"])
        return optax.chain(momentum, optax.stateless(self._orthogonal), rate)

    def _orthogonal(self, matrix: Array, params: object) -> Array:
        """`matrix` made orthogonal, of the size of an update of Adam."""
        del params
        coefficients = (self.muon_a, self.muon_b, self.muon_c)
        direction = orthogonal(matrix, steps=self.ns_steps, coefficients=coefficients)
        if self.rms_rate is None:
            return direction
        return direction * (math.sqrt(max(matrix.shape)) * self.rms_rate)

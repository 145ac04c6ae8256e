"""Loss scaling that finds its factor: what float16 needs, whose smallest number is 6e-8.

The loss is multiplied by a factor, and gradients, which grew with it, are divided by it. Where one
of them is not finite the factor was too large: the step is left out, and the factor halved. After
so many steps in a row without that it is doubled.

Laws:
  - A step that is left out changes neither weights nor the inner optimizer.
  - As long as no step is left out, weights move as under the inner optimizer, up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.description import Description, option
from jkeras.core.errors import describe
from jkeras.core.trees import Tree
from jkeras.optimizers import arguments, numerics
from jkeras.optimizers.arguments import Number
from jkeras.optimizers.base import Array, Optimizer
from jkeras.optimizers.multi import MultiOptimizer

if TYPE_CHECKING:
    import optax


class LossScaleState(NamedTuple):
    """What loss scaling carries.

    Attributes:
      inner: the state of the inner optimizer.
      dynamic_scale: float32 scalar, the factor of the next step's loss.
      step_counter: int32 scalar, steps since the factor changed last.
    """

    inner: Any
    dynamic_scale: Array
    step_counter: Array


def _inner(value: object) -> Any:
    if not isinstance(value, Optimizer | MultiOptimizer):
        raise TypeError(f"expected an optimizer such as Adam(), got {describe(value)}.")
    return value.replace(loss_scale_factor=None)


class LossScaleOptimizer(Description):
    """An optimizer around another, which scales the loss by a factor that it finds itself.

    `compile` puts it around the optimizer of a model that computes in float16.

    Args:
      inner_optimizer: the optimizer; a `loss_scale_factor` of its own is dropped.
      initial_scale: the first factor. Too large a one is soon halved, too small a one grows slowly.
      dynamic_growth_steps: after so many finite steps in a row the factor is doubled.
      name: only for error messages.

    Raises:
      TypeError: `inner_optimizer` is no optimizer of jkeras.

    Example:
      >>> from jkeras.optimizers import SGD
      >>> rule, params = LossScaleOptimizer(SGD(1.0), initial_scale=4.0), {"w": jnp.ones(1)}
      >>> updates, state = rule.update({"w": jnp.array([8.0])}, rule.init(params), params)
      >>> float(updates["w"][0]), float(state.dynamic_scale)
      (-2.0, 4.0)
      >>> updates, state = rule.update({"w": jnp.array([jnp.inf])}, state, params)
      >>> float(updates["w"][0]), float(state.dynamic_scale)
      (0.0, 2.0)

    Source: `keras.optimizers.LossScaleOptimizer`; Micikevicius et al. 2018, arXiv:1710.03740.
    """

    inner_optimizer: Any = option(convert=_inner)
    initial_scale: Number = option(default=2.0**15, convert=arguments.positive)
    dynamic_growth_steps: int = option(default=2000, convert=arguments.integer(1))
    name: str | None = None

    def transformation(self) -> optax.GradientTransformation:
        """The pair (init, update) as optax has it, for `optax.chain` and its like."""
        import optax

        return optax.GradientTransformation(self.init, self.update)

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @property
    def use_ema(self) -> bool:
        """Whether the inner optimizer averages the weights."""
        return bool(getattr(self.inner_optimizer, "use_ema", False))

    @property
    def dynamic_scale(self) -> Number:
        """The factor before the first step; a model's `optimizer` has that of the next one."""
        return self.initial_scale

    def init(self, params: Tree) -> LossScaleState:
        """The state before the first update."""
        scale, counter = jnp.float32(self.initial_scale), jnp.zeros((), jnp.int32)
        return LossScaleState(self.inner_optimizer.init(params), scale, counter)

    def update(
        self, grads: Tree, state: LossScaleState, params: Tree | None = None
    ) -> tuple[Tree, LossScaleState]:
        """One update, of nothing where a gradient is not finite.

        Args:
          grads: gradients of the scaled loss, a tree shaped like `params`.
          state: from `init` or the last `update`.
          params: the parameters.

        Returns:
          What to add to the parameters, in their dtypes, and the new state.
        """
        finite = [jnp.all(jnp.isfinite(gradient)) for gradient in jax.tree.leaves(grads)]

        def step() -> tuple[Tree, LossScaleState]:
            unscaled = jax.tree.map(lambda g: _divided(g, state.dynamic_scale), grads)
            updates, inner = self.inner_optimizer.update(unscaled, state.inner, params)
            count = numerics.incremented(state.step_counter)
            grown = count == self.dynamic_growth_steps
            scale = jnp.where(grown, state.dynamic_scale * 2, state.dynamic_scale)
            return updates, LossScaleState(inner, scale, jnp.where(grown, 0, count))

        def leave_out() -> tuple[Tree, LossScaleState]:
            nothing = jax.tree.map(jnp.zeros_like, params)
            halved = state.dynamic_scale * 0.5
            return nothing, LossScaleState(state.inner, halved, jnp.zeros((), jnp.int32))

        return jax.lax.cond(jnp.all(jnp.array(finite, bool)), step, leave_out)


def _divided(gradient: Array, scale: Array) -> Array:
    wide = numerics.widen(gradient)
    return wide / scale.astype(wide.dtype)

"""Adam and its family: moving means of the gradient and of its square.

In the formulas g is the clipped gradient, p the variable, η the learning rate and t the step, from
1; m ← m + (1 - β₁)(g - m) and v ← v + (1 - β₂)(g² - v). The rules differ in their use of m and v.

m is computed as it is written. In optax's (1 - β₁)·g + β₁·m a compiler fuses one of the products
with the sum, and which one depends on the last operation of g, so on the program around the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule
from jkeras.optimizers.base import Array, Optimizer, Slots
from jkeras.optimizers.numerics import toward

if TYPE_CHECKING:
    import optax


def _moments(
    gradient: Array, slots: Slots, beta_1: Number | Array, beta_2: Number | Array
) -> Slots:
    """The new means m ("momentum") of the gradient and v ("velocity") of its square."""
    from optax import tree_utils

    square = tree_utils.tree_update_moment(gradient, slots["velocity"], beta_2, 2)
    return {"momentum": toward(slots["momentum"], gradient, 1 - beta_1), "velocity": square}


class _TwoBetas(Optimizer):
    """The arguments of the family."""

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    beta_1: Number = option(default=0.9, convert=arguments.decay_rate)
    beta_2: Number = option(default=0.999, convert=arguments.decay_rate)
    epsilon: Number = option(default=1e-7, convert=arguments.non_negative)

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")


class Adam(_TwoBetas):
    """Adaptive moments, with Keras's epsilon.

    p ← p - α·m / (√v + ε) with α = η·√(1 - β₂ᵗ) / (1 - β₁ᵗ). With `amsgrad` v is its largest
    value so far.

    This is the paper's "epsilon hat" form: ε is compared with √v before the bias correction, so no
    constant `eps` makes `optax.adam` equal to it.

    Args:
      beta_1: decay of the mean of gradients, in [0, 1).
      beta_2: decay of the mean of squared gradients, in [0, 1).
      epsilon: keeps the divisor away from zero.
      amsgrad: use the largest v so far in the divisor.

    The other arguments are `Optimizer`'s.

    Example:
      >>> rule, params = Adam(0.1), {"kernel": jnp.ones(2)}
      >>> grads = {"kernel": jnp.array([4.0, -2.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> [f"{update:.4f}" for update in updates["kernel"]]
      ['-0.1000', '0.1000']

    Source: Kingma and Ba 2015, arXiv:1412.6980, section 2; Reddi et al. 2018, arXiv:1904.09237;
    `keras.optimizers.Adam`.
    """

    amsgrad: bool = option(default=False, convert=arguments.flag)

    def scalars(self, now: dict[str, Array]) -> dict[str, Array]:
        first, second = 1 - self.beta_1 ** now["step"], 1 - self.beta_2 ** now["step"]
        return {**now, "rate": now["learning_rate"] * jnp.sqrt(second) / first}

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity", *(("velocity_hat",) if self.amsgrad else ()))

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        # The betas stay Python numbers: 1 - β₂ from a float32 β₂ would be off by 5e-5.
        new = _moments(gradient, slots, self.beta_1, self.beta_2)
        square = new["velocity"]
        if self.amsgrad:
            new["velocity_hat"] = square = jnp.maximum(slots["velocity_hat"], square)
        return -now["rate"] * new["momentum"] / (jnp.sqrt(square) + self.epsilon), new


class AdamW(Adam):
    """`Adam` with decoupled weight decay: p ← p - η·λ·p before the step, for every variable.

    Args:
      weight_decay: λ, a number of at least 0.

    The other arguments are `Adam`'s.

    Source: Loshchilov and Hutter 2019, arXiv:1711.05101; `keras.optimizers.AdamW`.
    """

    weight_decay: Number | None = option(default=0.004, convert=arguments.non_negative)


class Adamax(_TwoBetas):
    """Adam with the decaying maximum of the gradients in place of the root of v.

    u ← max(β₂·u, |g|), p ← p - η·m / ((1 - β₁ᵗ)·(u + ε)).

    Args:
      beta_1: decay of the mean of gradients, in [0, 1).
      beta_2: decay of the largest gradient, in [0, 1).
      epsilon: keeps the divisor away from zero.

    The other arguments are `Optimizer`'s.

    Source: Kingma and Ba 2015, arXiv:1412.6980, section 7.1; `keras.optimizers.Adamax`.
    """

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "norm")

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        from optax import tree_utils

        mean = toward(slots["momentum"], gradient, 1 - self.beta_1)
        # optax.scale_by_adamax has ε inside of the maximum, so that ε decays with the norm.
        norm = tree_utils.tree_update_infinity_moment(gradient, slots["norm"], self.beta_2, 0)
        correction = 1 - self.beta_1 ** now["step"]
        update = -now["learning_rate"] * mean / (correction * (norm + self.epsilon))
        return update, {"momentum": mean, "norm": norm}


class Nadam(_TwoBetas):
    """Adam with Nesterov's momentum, whose decay warms up.

    With μᵢ = β₁·(1 - 0.96ⁱ / 2) and Πₜ = μ₁·…·μₜ:
    m̂ = μₜ₊₁·m / (1 - Πₜ₊₁) + (1 - μₜ)·g / (1 - Πₜ), p ← p - η·m̂ / (√(v / (1 - β₂ᵗ)) + ε).

    Args:
      beta_1: decay of the mean of gradients, in [0, 1).
      beta_2: decay of the mean of squared gradients, in [0, 1).
      epsilon: keeps the divisor away from zero.

    The other arguments are `Optimizer`'s.

    The product Π is kept beside each variable (Keras keeps one for all), so that the rule stays
    one for a single variable.

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam"; `keras.optimizers.Nadam`.
    """

    def first_slots(self, path: str, variable: Array) -> Slots:
        return {**super().first_slots(path, variable), "product": jnp.ones((), variable.dtype)}

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        # Arrays, as Keras has them here: 1 - β₂ must be rounded like 1 - β₂ᵗ.
        beta_1 = jnp.asarray(self.beta_1, gradient.dtype)
        beta_2 = jnp.asarray(self.beta_2, gradient.dtype)
        new = _moments(gradient, slots, beta_1, beta_2)
        # optax.scale_by_adam(nesterov=True) looks ahead with the constant β₁ of the mean.
        decay, next_decay = (beta_1 * (1 - 0.5 * 0.96 ** (now["step"] + i)) for i in (0, 1))
        new["product"] = slots["product"] * decay
        ahead = next_decay * new["momentum"] / (1 - new["product"] * next_decay)
        ahead = ahead + (1 - decay) * gradient / (1 - new["product"])
        root = jnp.sqrt(new["velocity"] / (1 - beta_2 ** now["step"]))
        return -now["learning_rate"] * ahead / (root + self.epsilon), new


class Lamb(_TwoBetas):
    """Adam whose update has the variable's own norm, for large batches.

    u = m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε), p ← p - η·u·‖p‖/‖u‖; the ratio of norms is 1 where
    one of them is 0.

    Args:
      beta_1: decay of the mean of gradients, in [0, 1).
      beta_2: decay of the mean of squared gradients, in [0, 1).
      epsilon: keeps the divisor away from zero.

    The other arguments are `Optimizer`'s.

    Source: You et al. 2020, arXiv:1904.00962; `keras.optimizers.Lamb`.
    """

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        import optax

        new = _moments(gradient, slots, self.beta_1, self.beta_2)
        mean = new["momentum"] / (1 - self.beta_1 ** now["step"])
        root = jnp.sqrt(new["velocity"] / (1 - self.beta_2 ** now["step"]))
        ratio, direction = optax.scale_by_trust_ratio(), mean / (root + self.epsilon)
        update, _ = ratio.update(direction, ratio.init(()), variable)
        return -now["learning_rate"] * update, new


class ScheduleFreeAdamW(Optimizer):
    """Adam that averages its path instead of letting the learning rate fall.

    Beside the variable y stands z ("momentum"), which takes the steps:
    z ← z - η·g / (√(v / (1 - β₂ᵗ)) + ε). The average x = (y - (1 - β₁)·z_old) / β₁ moves by 1/t
    towards z, and y ← (1 - β₁)·z + β₁·x. Like Keras, the model is left at y, where gradients are
    taken, and not at x.

    Args:
      beta_1: the share of the average in y, in (0, 1].
      beta_2: decay of the mean of squared gradients, in [0, 1).
      epsilon: keeps the divisor away from zero.
      warmup_steps: the steps over which η rises linearly from 0; 0 for no warm-up.

    The other arguments are `Optimizer`'s; there is no weight decay unless one is given.

    Source: Defazio et al. 2024, arXiv:2405.15682; `keras.optimizers.ScheduleFreeAdamW`.
    """

    learning_rate: Number | Schedule = option(default=0.0025, convert=arguments.learning_rate)
    beta_1: Number = option(default=0.9, convert=arguments.positive_fraction)
    beta_2: Number = option(default=0.999, convert=arguments.decay_rate)
    epsilon: Number = option(default=1e-8, convert=arguments.non_negative)
    warmup_steps: Number = option(default=0, convert=arguments.non_negative)

    slot_fields: ClassVar[Mapping[str, str]] = {
        "momentum": "z",
        "velocity": "nu",
        "steps": "weight_sum",
        "largest_rate": "max_lr",
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def first_slots(self, path: str, variable: Array) -> Slots:
        # A copy: donating params and state would otherwise donate one buffer twice.
        return {"momentum": jnp.copy(variable), "velocity": jnp.zeros_like(variable)}

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        weights = {"steps": now["step"] - 1, "largest_rate": jnp.ones_like(now["step"])}
        update, new = super().step(gradient, variable, slots | weights, now)
        return update, {name: new[name] for name in slots}

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax
        from optax import contrib

        # Arrays, as Keras has them here: 1 - β₂ must be rounded like 1 - β₂ᵗ.
        betas = [jnp.asarray(beta, now["step"].dtype) for beta in (self.beta_1, self.beta_2)]
        root = optax.scale_by_rms(betas[1], self.epsilon, eps_in_sqrt=False, bias_correction=True)
        rate = now["learning_rate"]
        if self.warmup_steps:
            rate = rate * jnp.minimum(now["step"] / self.warmup_steps, 1)
        steps = optax.chain(root, optax.scale_by_learning_rate(rate))
        # Keras weighs all steps alike, with a power of 0, also while the rate warms up.
        return contrib.schedule_free(steps, 1.0, betas[0], weight_lr_power=0.0)

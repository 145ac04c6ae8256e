"""Adam's family: what its members keep, where they start, and what they refuse."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import (
    Adam,
    Adamax,
    AdamW,
    Lamb,
    Nadam,
    ScheduleFreeAdamW,
    apply_updates,
)


def _first(rule: Any, gradient: Any, param: Any) -> tuple[np.ndarray, Any]:
    params = {"w": param}
    updates, state = rule.update({"w": gradient}, rule.init(params), params)
    return np.asarray(updates["w"]), state


def test_amsgrad_never_lets_the_divisor_fall() -> None:
    rule, params = Adam(beta_2=0.5, amsgrad=True), {"kernel": jnp.ones(())}
    state = rule.init(params)
    largest = []
    for gradient in (3.0, 0.0, 0.0):
        _, state = rule.update({"kernel": jnp.float32(gradient)}, state, params)
        largest.append(float(state.slots["velocity_hat"]["kernel"]))
    assert largest == [4.5, 4.5, 4.5]
    assert float(state.slots["velocity"]["kernel"]) == 1.125


@pytest.mark.parametrize("rule", [Adam(0.5), Adamax(0.5), ScheduleFreeAdamW(0.5)], ids=repr)
def test_the_first_step_has_the_length_of_the_rate(rule: Any) -> None:
    update, _ = _first(rule, jnp.array([8.0, -0.01]), jnp.zeros(2))
    np.testing.assert_allclose(update, [-0.5, 0.5], rtol=1e-3)


def test_an_update_of_lamb_has_the_norm_of_its_variable() -> None:
    update, _ = _first(Lamb(0.1), jnp.array([8.0, -0.01]), jnp.array([3.0, 4.0]))
    np.testing.assert_allclose(np.linalg.norm(update), 0.5, rtol=1e-5)


@pytest.mark.parametrize(("param", "gradient", "expected"), [(0.0, 2.0, -0.1), (3.0, 0.0, 0.0)])
def test_lamb_takes_no_ratio_where_a_norm_is_zero(
    param: float, gradient: float, expected: float
) -> None:
    update, _ = _first(Lamb(0.1), jnp.full(1, gradient), jnp.full(1, param))
    np.testing.assert_allclose(update, [expected], rtol=1e-5)


def test_nadam_multiplies_its_decays() -> None:
    rule, params = Nadam(), {"w": jnp.zeros(2)}
    state = rule.init(params)
    for _ in range(2):
        _, state = rule.update({"w": jnp.ones(2)}, state, params)
    expected = 0.9**2 * (1 - 0.5 * 0.96) * (1 - 0.5 * 0.96**2)
    np.testing.assert_allclose(state.slots["product"]["w"], expected, rtol=1e-6)


def test_the_schedule_free_variable_lies_between_the_steps_and_their_mean() -> None:
    rule, params = ScheduleFreeAdamW(0.5, beta_1=0.25), {"w": jnp.zeros(())}
    state, steps = rule.init(params), []
    for _ in range(3):
        updates, state = rule.update({"w": jnp.ones(())}, state, params)
        params = apply_updates(params, updates)
        steps.append(float(state.slots["momentum"]["w"]))
    np.testing.assert_allclose(steps, [-0.5, -1.0, -1.5], rtol=1e-5)
    np.testing.assert_allclose(params["w"], 0.75 * -1.5 + 0.25 * -1.0, rtol=1e-5)


def test_the_schedule_free_rate_warms_up() -> None:
    update, _ = _first(ScheduleFreeAdamW(0.5, warmup_steps=10), jnp.ones(1), jnp.zeros(1))
    np.testing.assert_allclose(update, [-0.05], rtol=1e-5)


def test_defaults_are_keras_ones() -> None:
    assert Adam() == Adam(0.001, 0.9, 0.999, 1e-7, False, weight_decay=None)
    assert AdamW() == AdamW(0.001, 0.004, 0.9, 0.999, 1e-7, False)
    assert Adamax() == Adamax(0.001, 0.9, 0.999, 1e-7)
    assert Nadam() == Nadam(0.001, 0.9, 0.999, 1e-7)
    assert Lamb() == Lamb(0.001, 0.9, 0.999, 1e-7)
    assert ScheduleFreeAdamW() == ScheduleFreeAdamW(0.0025, 0.9, 0.999, 1e-8, 0)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: Adam(beta_1=1),
            ValueError,
            "Adam: `beta_1`: expected a number in [0, 1), got 1 (int).",
        ),
        (
            lambda: Adam(beta_2=float("nan")),
            ValueError,
            "Adam: `beta_2`: expected a number in [0, 1), got nan (float).",
        ),
        (
            lambda: AdamW(weight_decay=None),
            TypeError,
            "AdamW: `weight_decay`: expected a number of at least 0, got None (NoneType).",
        ),
        (
            lambda: ScheduleFreeAdamW(beta_1=0),
            ValueError,
            "ScheduleFreeAdamW: `beta_1`: expected a number in (0, 1], got 0 (int).",
        ),
        (
            lambda: Adam(lr=0.1),
            TypeError,
            "Adam: unexpected argument `lr`. Did you mean 'learning_rate'? Arguments: "
            "learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, "
            "global_clipnorm, use_ema, ema_momentum, "
            "ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, "
            "no_weight_decay, name.",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message

"""Names, objects, classes and optax's transformations all become optimizers."""

from typing import Any

import jax.numpy as jnp
import optax
import pytest

from jkeras import optimizers
from jkeras.optimizers import (
    SGD,
    Adam,
    AdamW,
    MultiOptimizer,
    Optimizer,
    OptimizerMap,
    RMSprop,
    apply_updates,
    as_transformation,
    get,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adam", Adam()),
        ("Adam", Adam()),
        ("adamw", AdamW()),
        ("AdamW", AdamW()),
        ("sgd", SGD()),
        ("SGD", SGD()),
        ("rmsprop", RMSprop()),
        ("RMSprop", RMSprop()),
        (Adam, Adam()),
        (SGD(0.5), SGD(0.5)),
        ({"class_name": "adamw", "config": {"beta_1": 0.5}}, AdamW(beta_1=0.5)),
    ],
)
def test_what_stands_for_an_optimizer(name: Any, expected: Any) -> None:
    assert get(name) == expected


def test_optax_is_used_as_it_is() -> None:
    transformation = optax.lion(0.1)
    assert get(transformation) is transformation
    assert as_transformation(transformation) is transformation


@pytest.mark.parametrize("identifier", ["sgd", SGD, SGD(), optax.sgd(0.01)])
def test_every_form_gives_the_same_pure_functions(identifier: Any) -> None:
    transformation, params = as_transformation(identifier), {"kernel": jnp.ones(2)}
    assert callable(transformation.init) and callable(transformation.update)
    updates, _ = transformation.update(params, transformation.init(params), params)
    assert apply_updates(params, updates)["kernel"].tolist() == pytest.approx([0.99, 0.99])


def test_updates_are_added_in_the_dtype_of_the_parameters() -> None:
    params = {"kernel": jnp.ones(2, jnp.bfloat16)}
    added = apply_updates(params, {"kernel": jnp.full(2, 0.5)})
    assert added["kernel"].dtype == jnp.bfloat16 and added["kernel"].tolist() == [1.5, 1.5]


@pytest.mark.parametrize(
    ("identifier", "kind", "message"),
    [
        (
            "rmsprob",
            ValueError,
            "unknown optimizer 'rmsprob'. Did you mean 'rmsprop'? Known: adadelta, adafactor, "
            "adagrad, adam, adamax, adamw, ftrl, lamb, lion, muon, nadam, rmsprop, "
            "schedulefreeadamw, sgd.",
        ),
        (
            optax.adam,
            TypeError,
            "expected an optimizer: a name, an object of jkeras.optimizers, or an optax optimizer; "
            "got the function adam. Call it to make the optimizer: adam(0.001).",
        ),
        (
            None,
            TypeError,
            "expected an optimizer: a name, an object of jkeras.optimizers, or an optax optimizer; "
            "got None (NoneType). For example: 'adam'.",
        ),
        (
            0.1,
            TypeError,
            "expected an optimizer: a name, an object of jkeras.optimizers, or an optax optimizer; "
            "got 0.1 (float). For example: 'adam'.",
        ),
    ],
)
def test_what_does_not(identifier: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        get(identifier)
    assert str(caught.value) == message


def test_every_optimizer_has_its_name() -> None:
    classes = [getattr(optimizers, name) for name in optimizers.__all__]
    found = [c for c in classes if isinstance(c, type) and issubclass(c, Optimizer)]
    assert len(found) == 15
    for make in [make for make in found if make is not Optimizer]:
        assert get(make.__name__) == get(make.__name__.lower()) == get(make) == make()


def test_several_optimizers_are_one_transformation() -> None:
    rule, params = MultiOptimizer(OptimizerMap(SGD(0.5))), {"kernel": jnp.ones(2)}
    assert get(rule) is rule
    transformation = as_transformation(rule)
    updates, _ = transformation.update(params, transformation.init(params), params)
    assert updates["kernel"].tolist() == [-0.5, -0.5]


def test_the_door_is_sorted_and_complete() -> None:
    names = optimizers.__all__
    assert names == sorted(
        names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    assert len(set(names)) == len(names)
    assert all(hasattr(optimizers, name) for name in names)

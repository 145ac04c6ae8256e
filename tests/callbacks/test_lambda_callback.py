"""Functions as a callback: `LambdaCallback`."""

import pytest

from jkeras.callbacks import LambdaCallback
from jkeras.callbacks.base import HOOKS, Callback


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_can_be_a_function(hook: str) -> None:
    calls: list[tuple] = []
    callback = LambdaCallback(**{hook: lambda *args: calls.append(args)})
    getattr(callback, hook)(3, {"loss": 1.0})
    assert calls == [(3, {"loss": 1.0})]
    assert sum(getattr(callback, name).__func__ is getattr(Callback, name)
               for name in HOOKS if name != hook) == len(HOOKS) - 1  # fmt: skip


def test_none_leaves_a_hook_as_it_was() -> None:
    assert vars(LambdaCallback(on_epoch_end=None)) == {}


def test_something_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError) as caught:
        LambdaCallback(on_train_end=3)
    assert str(caught.value) == "LambdaCallback: `on_train_end`: expected a function, got 3 (int)."

"""Averaged weights for evaluation, and the others for training."""

import jax
import numpy as np
import pytest

import jkeras
from jkeras.callbacks import Callback, LambdaCallback, SwapEMAWeights
from tests.callbacks.conftest import HINT, RUN, X, Y
from tests.golden import callbacks_runs as runs


@pytest.mark.parametrize("name", ["swap", "swap_on_epoch"])
def test_a_training_is_that_of_keras(name: str, golden: dict) -> None:
    got, expected = runs.fitted(jkeras, name), golden["fitted"][name]
    assert list(got) == list(expected), HINT
    for key, values in expected.items():
        np.testing.assert_allclose(got[key], values, rtol=1e-5, err_msg=f"{key}; {HINT}")


class Seen(Callback):
    """Remembers the parameters it sees at the end of an epoch, and the averages."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.params_seen = self.model.params
        self.averages = self.model.optimizer.averaged_params()


@pytest.mark.parametrize("swap_on_epoch", [True, False])
def test_callbacks_after_it_see_averages_where_they_shall(
    swap_on_epoch: bool, model: jkeras.Sequential
) -> None:
    seen = Seen()
    swap = SwapEMAWeights(swap_on_epoch)
    model.fit(**RUN, epochs=2, callbacks=[swap, seen])
    is_equal = jax.tree.map(np.array_equal, seen.params_seen, seen.averages)
    assert all(jax.tree.leaves(is_equal)) is swap_on_epoch
    jax.tree.map(np.testing.assert_array_equal, model.params, seen.averages)


def test_evaluation_and_prediction_end_with_the_weights_they_began_with(
    model: jkeras.Sequential,
) -> None:
    model.fit(**RUN)
    averaged, loss = model.predict(X, batch_size=2, verbose=0), model.evaluate(**RUN)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    before = model.get_weights()
    swap = SwapEMAWeights()
    got = model.predict(X, batch_size=2, verbose=0, callbacks=[swap])
    np.testing.assert_array_equal(got, averaged)
    assert model.evaluate(X, Y, batch_size=2, verbose=0, callbacks=[swap]) == loss
    for new, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)


def test_a_run_that_is_stopped_ends_with_the_averages(model: jkeras.Sequential) -> None:
    """In Keras it ends with the weights that were not averaged."""

    def stop(epoch: int, logs: dict) -> None:
        model.stop_training = True

    seen = Seen()
    callbacks = [SwapEMAWeights(True), seen, LambdaCallback(on_epoch_end=stop)]
    model.fit(**RUN, epochs=5, callbacks=callbacks)
    jax.tree.map(np.testing.assert_array_equal, model.params, seen.averages)


def test_after_an_error_the_next_run_trains_on_with_the_weights(model: jkeras.Sequential) -> None:
    def fail(epoch: int, logs: dict) -> None:
        raise RuntimeError("mine")

    seen, swap = Seen(), SwapEMAWeights(True)
    with pytest.raises(RuntimeError, match=r"^mine"):
        model.fit(**RUN, callbacks=[seen, swap, LambdaCallback(on_epoch_end=fail)])
    begun = []
    look = LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(model.params))
    model.fit(**RUN, callbacks=[swap, look])
    jax.tree.map(np.testing.assert_array_equal, begun[0], seen.params_seen)


def test_an_optimizer_without_averages_is_refused_before_training() -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError) as caught:
        model.fit(**RUN, callbacks=[SwapEMAWeights()])
    assert str(caught.value) == (
        "SwapEMAWeights: expected a model whose optimizer keeps averages, got SGD(). Write "
        "compile(optimizer=Adam(use_ema=True), ...)."
    )

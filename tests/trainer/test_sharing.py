"""One layer in two models is one set of weights, as in Keras, whichever model trains."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential
from jkeras.layers import BatchNormalization, Dense
from jkeras.trainer.loop.parts import parts_of
from jkeras.trainer.state import sharing

X = np.random.RandomState(0).randn(8, 4).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def body(**options: Any) -> Sequential:
    """Two layers on four features, compiled."""
    model = Sequential([Input((4,)), Dense(3, name="first"), Dense(1, name="last")], **options)
    model.compile("sgd", "mse")
    return model


def extractor(model: Any) -> Model:
    """The outputs of a model's first layer."""
    return Model(model.inputs, model.get_layer("first").output)


def equal(a: Any, b: Any) -> bool:
    """Whether two lists of arrays are the same bits."""
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_an_extractor_sees_what_its_model_learns_and_the_model_what_it_is_given() -> None:
    model = body(seed=0)
    features = extractor(model)
    for _ in range(2):
        model.fit(X, Y, verbose=0)
        kernel, bias = model.get_weights()[:2]
        np.testing.assert_allclose(features.predict(X, verbose=0), X @ kernel + bias, rtol=1e-5)
    features.set_weights([np.ones((4, 3)), np.zeros(3)])
    assert equal(model.get_weights()[:2], [np.ones((4, 3)), np.zeros(3)])
    features.params = jax.tree.map(lambda x: x + 1, features.params)
    assert equal(model.get_weights()[:2], [np.full((4, 3), 2.0), np.ones(3)])


def test_a_callback_sees_the_weights_of_the_epoch_through_another_model() -> None:
    model = body(seed=0)
    features = extractor(model)
    seen: list[bool] = []

    def look(epoch: int, logs: Any) -> None:
        seen.append(equal(features.get_weights(), model.get_weights()[:2]))

    before = features.get_weights()
    model.fit(
        X, Y, epochs=3, verbose=0, callbacks=[jkeras.callbacks.LambdaCallback(on_epoch_end=look)]
    )
    assert seen == [True] * 3 and not equal(before, features.get_weights())


def test_arrays_that_two_models_hold_are_copied_before_one_of_them_is_trained() -> None:
    model = body(seed=0)
    features = extractor(model)
    model.fit(X, Y, verbose=0)
    held = features.params["first"]["kernel"]
    assert held is parts_of(model).state.stored.params["first"]["kernel"]  # nothing was copied
    numbers = np.array(held)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(held, numbers)  # and nothing donated


def test_weights_move_with_the_layers_of_a_list() -> None:
    old = body(seed=0)
    old.fit(X, Y, verbose=0)
    new = Sequential([*old.layers[:-1], Dense(2)], seed=1)
    new.build((None, 4))
    assert equal(new.get_weights()[:2], old.get_weights()[:2])
    new.compile("sgd", "mse")
    new.fit(X, np.hstack([Y, Y]), verbose=0)
    assert equal(new.get_weights()[:2], old.get_weights()[:2])


def test_layers_keep_what_they_learned_when_their_model_is_gone() -> None:
    old = body(seed=0)
    old.fit(X, Y, verbose=0)
    first, layers = old.get_weights()[:2], old.layers[:-1]
    del old
    gc.collect()
    new = Sequential([*layers, Dense(2)], seed=1)
    new.build((None, 4))
    assert equal(new.get_weights()[:2], first)


def test_an_autoencoder_is_its_encoder_and_its_decoder() -> None:
    encoder = Sequential([Dense(2)], name="encoder", seed=0)
    decoder = Sequential([Dense(4)], name="decoder", seed=1)
    inputs = Input((4,))
    both = Model(inputs, decoder(encoder(inputs)), seed=2)
    both.compile("sgd", "mse")
    assert equal(both.get_weights(), encoder.get_weights() + decoder.get_weights())
    both.fit(X, X, verbose=0)
    code = encoder.predict(X, verbose=0)
    np.testing.assert_allclose(
        decoder.predict(code, verbose=0), both.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_a_pair_of_players_trains_in_turns() -> None:
    generator = Sequential([Input((2,)), Dense(4)], name="generator", seed=0)
    judge = Sequential([Input((4,)), Dense(1, activation="sigmoid")], name="judge", seed=1)
    judge.compile("sgd", "binary_crossentropy")
    noise = Input((2,))
    game = Model(noise, judge(generator(noise)), seed=2)
    game.compile("sgd", "binary_crossentropy")
    for _ in range(3):
        before = judge.get_weights()
        judge.train_on_batch(X, np.ones((8, 1)))
        assert not equal(before, judge.get_weights())
        before = generator.get_weights()
        game.train_on_batch(X[:, :2], np.zeros((8, 1)))
        assert not equal(before, generator.get_weights())
        assert equal(game.get_weights(), generator.get_weights() + judge.get_weights())


def test_what_layers_carry_is_shared_with_their_weights() -> None:
    norm = BatchNormalization(name="norm")
    inputs = Input((4,))
    whole = Model(inputs, Dense(1)(norm(inputs)), seed=0)
    part = Model(inputs, norm(inputs), seed=1)
    whole.compile("sgd", "mse")
    whole.fit(X + 3, Y, verbose=0)
    assert equal(part.get_weights(), whole.get_weights()[:4])
    assert not np.array_equal(part.get_weights()[2], np.zeros(4))


def test_equal_layers_that_are_two_objects_share_nothing() -> None:
    a, b = body(seed=0), body(seed=0)
    a.fit(X, Y, verbose=0)
    assert not equal(a.get_weights(), b.get_weights())
    assert a.net == b.net and not any(parts_of(m).state.subscription.shared for m in (a, b))


def test_inputs_of_another_size_are_refused_with_both_models_named() -> None:
    shared = Dense(3, name="shared")
    four = Sequential([Input((4,)), shared], name="four", seed=0)
    four.build()
    eight = Sequential([Input((8,)), shared], name="eight", seed=0)
    with pytest.raises(ValueError) as caught:
        eight.build()
    assert str(caught.value) == (
        "Sequential 'eight': its layer 'shared' is that of Sequential 'four', where kernel has the "
        "shape (4, 3); here it would be (8, 3). Give both inputs of the same size, or make another "
        "layer."
    )
    with pytest.raises(ValueError, match="where kernel has the shape"):
        eight.get_weights()


def test_models_that_are_gone_leave_no_arrays() -> None:
    model = body(seed=0)
    features = extractor(model)
    model.fit(X, Y, verbose=0)
    features.predict(X, verbose=0)
    gone = [weakref.ref(model), weakref.ref(features), weakref.ref(model.params["first"]["kernel"])]
    boxes = len(sharing._shared_weights)
    del model, features
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    assert len(sharing._shared_weights) < boxes


def test_pure_functions_of_a_shared_layer_know_nothing_of_it() -> None:
    model = body(seed=0)
    net, spec = model.net, jax.ShapeDtypeStruct((2, 4), np.float32)
    many = jax.vmap(lambda key: net.init(key, spec)[0])(jax.random.split(jax.random.key(0), 3))
    assert many["first"]["kernel"].shape == (3, 4, 3)
    assert not np.array_equal(many["first"]["kernel"][0], many["first"]["kernel"][1])

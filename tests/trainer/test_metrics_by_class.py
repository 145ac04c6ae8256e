"""Metrics that keep sums for each class train, and give what they give by hand."""

from typing import Any

import numpy as np
import pytest

from jkeras import Sequential, layers, metrics

CLASSES = 3
X = np.random.default_rng(0).normal(size=(43, 4)).astype(np.float32)
Y = np.eye(CLASSES, dtype=np.float32)[np.random.default_rng(1).integers(0, CLASSES, len(X))]

KINDS = {
    "F1Score": lambda: metrics.F1Score(),
    "FBetaScore": lambda: metrics.FBetaScore(beta=2.0),
    "R2Score": lambda: metrics.R2Score(),
    "AUC": lambda: metrics.AUC(multi_label=True, num_thresholds=20),
}


@pytest.mark.parametrize("name", KINDS)
def test_fit_evaluate_and_by_hand_agree(name: str) -> None:
    model = Sequential([layers.Dense(CLASSES, activation="softmax")], seed=0)
    model.compile("adam", "categorical_crossentropy", metrics=[KINDS[name]()])
    history = model.fit(X, Y, batch_size=8, epochs=2, verbose=0, validation_data=(X, Y))
    found: dict[str, Any] = model.evaluate(X, Y, batch_size=16, verbose=0, return_dict=True)
    (log,) = set(found) - {"loss"}
    by_hand = KINDS[name]()
    by_hand.update_state(Y, model.predict(X, verbose=0))
    np.testing.assert_allclose(found[log], by_hand.result(), rtol=1e-5)
    np.testing.assert_allclose(history.history[f"val_{log}"][-1], found[log], rtol=1e-5)

"""Models as scikit-learn's estimators, under Keras's names.

    def build(X, y, units=32):
        model = jkeras.Sequential(
            [layers.Dense(units, "relu"), layers.Dense(y.shape[1], "softmax")]
        )
        model.compile("adam", "categorical_crossentropy")
        return model

    GridSearchCV(SKLearnClassifier(build), {"model__units": [16, 64]}).fit(X, y)

scikit-learn is imported when one of these names is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.absent import answering as _answering

if TYPE_CHECKING:
    from jkeras.wrappers.sklearn_wrappers import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

__getattr__ = _answering(__name__, "jkeras.wrappers.sklearn_wrappers")

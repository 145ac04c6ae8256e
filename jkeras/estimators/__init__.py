"""Premade estimators: from a table to predictions in one line.

    classifier = DNNClassifier().fit(frame, labels)
    classifier.predict(frame), classifier.predict_proba(frame), classifier.score(frame, labels)

A frame of pandas or polars is taken as it is, with numbers, categories, words, dates and gaps; an
array holds numbers. The names are those of TensorFlow's Estimators, the contract is
scikit-learn's, which is imported when one of these names is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.absent import answering as _answering

if TYPE_CHECKING:
    from jkeras.estimators.premade import (
        DNNClassifier,
        DNNLinearCombinedClassifier,
        DNNLinearCombinedRegressor,
        DNNRegressor,
        LinearClassifier,
        LinearRegressor,
    )

__all__ = [
    "DNNClassifier",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor",
    "DNNRegressor",
    "LinearClassifier",
    "LinearRegressor",
]

__getattr__ = _answering(__name__, "jkeras.estimators.premade")

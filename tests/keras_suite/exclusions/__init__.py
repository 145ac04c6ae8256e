"""Which of Keras's tests jkeras is not expected to pass, and why; a file for a group of families.

A name is `Class.test_name`, `*` stands for any characters, and a file stands for all of its tests.
A test that passes although it is listed here fails the suite, as one that fails and is not listed.
"""

from __future__ import annotations

import fnmatch

from tests.keras_suite.exclusions import (
    applications,
    images,
    layers,
    models,
    ops,
    quantized,
    texts,
    utils,
    values,
)

EXCLUDED: dict[str, dict[str, str]] = {
    **values.EXCLUDED,
    **applications.EXCLUDED,
    **layers.EXCLUDED,
    **images.EXCLUDED,
    **models.EXCLUDED,
    **ops.EXCLUDED,
    **texts.EXCLUDED,
    **utils.EXCLUDED,
}
for _family, _tests in quantized.EXCLUDED.items():
    EXCLUDED[_family] = {**_tests, **EXCLUDED.get(_family, {})}
"""By family, the tests that are not passed, each with its reason."""

LEFT_OUT: dict[str, str] = {
    **values.LEFT_OUT,
    **layers.LEFT_OUT,
    **models.LEFT_OUT,
    **ops.LEFT_OUT,
    **quantized.LEFT_OUT,
    **texts.LEFT_OUT,
    **utils.LEFT_OUT,
}
"""Test files in the folders of the families that are not run at all, each with its reason."""


def reason(family: str, test: str) -> str | None:
    """Why a test is not expected to pass; None if it is."""
    for pattern, words in EXCLUDED.get(family, {}).items():
        if fnmatch.fnmatchcase(test, pattern):
            return words
    return None


def unused(family: str, failed: list[str]) -> list[str]:
    """The entries of a family under which no failing test falls."""
    return [name for name in EXCLUDED[family] if not fnmatch.filter(failed, name)]

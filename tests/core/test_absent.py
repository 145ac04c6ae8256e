"""A name of Keras that is not here says why; a misspelt one what is like it."""

from __future__ import annotations

from types import ModuleType

import pytest

import jkeras

TOLD: list[tuple[ModuleType, str, str]] = [
    (
        jkeras.layers,
        "StringLookup",
        "module 'jkeras.layers' has no attribute 'StringLookup': text and string layers are out of "
        "scope; a dict makes ids of words (docs/recipes/text.md).",
    ),
    (
        jkeras.layers,
        "Dnese",
        "module 'jkeras.layers' has no attribute 'Dnese'. Did you mean 'Dense'?",
    ),
    (
        jkeras,
        "applications",
        "module 'jkeras' has no attribute 'applications': trained models of others are out of "
        "scope.",
    ),
    (
        jkeras.dtype_policies,
        "DTypePolicyMap",
        "module 'jkeras.dtype_policies' has no attribute 'DTypePolicyMap': each layer has its "
        "`dtype`, a model its `dtype_policy`.",
    ),
]


@pytest.mark.parametrize(("module", "name", "text"), TOLD)
def test_what_is_not_here_is_told(module: ModuleType, name: str, text: str) -> None:
    with pytest.raises(AttributeError) as told:
        getattr(module, name)
    assert str(told.value) == text
    assert not hasattr(module, name)

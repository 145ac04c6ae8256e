"""A name of Keras that is not here says why; a misspelt one what is like it."""

from __future__ import annotations

from types import ModuleType

import pytest

import jkeras

TOLD: list[tuple[ModuleType, str, str]] = [
    (
        jkeras.layers,
        "TFSMLayer",
        "module 'jkeras.layers' has no attribute 'TFSMLayer': wraps another framework's code.",
    ),
    (
        jkeras.layers,
        "Dnese",
        "module 'jkeras.layers' has no attribute 'Dnese'. Did you mean 'Dense'?",
    ),
    (
        jkeras,
        "legacy",
        "module 'jkeras' has no attribute 'legacy': what is older than Keras 3 is out of scope.",
    ),
    (
        jkeras.preprocessing,
        "text",
        "module 'jkeras.preprocessing' has no attribute 'text': `TextVectorization` does it "
        "(docs/recipes/text.md).",
    ),
]


@pytest.mark.parametrize(("module", "name", "text"), TOLD)
def test_what_is_not_here_is_told(module: ModuleType, name: str, text: str) -> None:
    with pytest.raises(AttributeError) as told:
        getattr(module, name)
    assert str(told.value) == text
    assert not hasattr(module, name)

"""Convolutions of members side by side are no convolutions in groups."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from tests.population.models import assert_same_weights

IMAGES = np.random.default_rng(0).normal(size=(16, 8, 8, 2)).astype("float32")
CLASSES = np.arange(16) % 3


def network(seed: int = 0) -> Any:
    model = jkeras.Sequential(
        [
            jkeras.Input((8, 8, 2)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=seed,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def members() -> jkeras.Population:
    made = jkeras.Population(network(), seeds=[1, 2], engine="vmap")
    made.fit(IMAGES, CLASSES, 8, 2, verbose=0)
    made.evaluate(IMAGES, CLASSES, 8, verbose=0)
    return made


def test_members_with_batch_statistics_are_single_runs(members: jkeras.Population) -> None:
    model = network(2)
    model.fit(IMAGES, CLASSES, 8, 2, verbose=0)
    assert_same_weights(members.member(1), model)


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_no_convolution_has_groups(members: jkeras.Population, platform: str) -> None:
    programs = [program for each in members.programs for program in each.made.values()]
    assert len(programs) == 2
    for program in programs:
        text = program.lowered(platform)
        assert text is not None and "dot_general" in text
        groups = re.findall(r"(?:feature|batch)_group_count = (\d+)", text)
        assert set(groups) <= {"1"}, program.name

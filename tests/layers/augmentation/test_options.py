"""Arguments of augmentation layers: what is refused when the layer is made, what Keras takes."""

from typing import Any

import numpy as np
import pytest

from jkeras import layers

NAN, INF = float("nan"), float("inf")
RANGED: dict[str, dict[str, Any]] = {
    "RandomBrightness": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomHue": {"factor": 0.2},
    "RandomSaturation": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.2},
    "RandomSharpness": {"factor": 0.2},
    "RandomPosterization": {"factor": 4},
    "RandomColorJitter": {"hue_factor": 0.2},
    "RandomInvert": {},
    "Solarization": {},
    "RandomGaussianBlur": {},
    "RandomErasing": {},
    "RandomElasticTransform": {},
    "RandAugment": {},
    "AugMix": {},
    "AutoContrast": {},
    "Equalization": {},
    "ContrastLimitedAdaptiveHistogramEqualization": {},
}
"""The layers with `value_range`, with their further arguments."""


def test_the_table_has_every_layer_with_a_range() -> None:
    kinds = {name: getattr(layers, name) for name in layers.__all__}
    ranged = {
        name
        for name, kind in kinds.items()
        if "value_range" in getattr(kind, "__annotations__", {})
    }
    assert ranged == set(RANGED)


@pytest.mark.parametrize("name", RANGED)
@pytest.mark.parametrize("given", [(1, 0), (255, 0), (3, 3), (NAN, 1), (0, NAN), (0, INF)])
def test_a_range_that_is_none_is_refused(name: str, given: Any) -> None:
    with pytest.raises(ValueError) as caught:
        getattr(layers, name)(value_range=given, **RANGED[name])
    expected = "a pair of two numbers (low, high)"
    ending = "" if any(x != x or x == INF for x in given) else " with low < high"
    told = f"{name}: `value_range`: expected {expected}{ending}, got {given!r}."
    assert str(caught.value) == told


NEEDED: dict[str, Any] = {
    "RandomTranslation": {"width_factor": 0.1},
    "RandomRotation": {"factor": 0.1},
}

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("RandomSaturation", {"factor": (0.1, 2.0)}),
    ("RandomSaturation", {"factor": (-2.0, 0.5)}),
    ("RandomInvert", {"factor": (-2.0, 0.5)}),
    ("RandomPosterization", {"factor": (0, 4)}),
    ("RandomGaussianBlur", {"sigma": (-1.0, 0.5)}),
    ("RandomGaussianBlur", {"kernel_size": 3.5}),
    ("RandomGaussianBlur", {"kernel_size": NAN}),
    ("RandomErasing", {"scale": (-0.5, 0.5)}),
    ("RandomErasing", {"fill_value": NAN}),
    ("RandomErasing", {"fill_value": (0, NAN, 0)}),
    ("RandomElasticTransform", {"scale": (-0.5, 0.5)}),
    ("RandomPerspective", {"factor": (0.5, 1.5)}),
    ("CutMix", {"factor": (-1.0, 0.5)}),
    ("RandAugment", {"factor": (0.1, 2.0)}),
    ("AugMix", {"factor": (-2.0, 0.5)}),
    ("MixUp", {"alpha": -0.1}),
    ("MixUp", {"alpha": INF}),
    ("AugMix", {"alpha": 0}),
    ("AugMix", {"alpha": INF}),
    ("Solarization", {"addition_factor": NAN}),
    ("RandomZoom", {"height_factor": NAN}),
    ("RandomZoom", {"height_factor": (0.1, NAN)}),
    ("RandomTranslation", {"height_factor": (NAN, 0.1)}),
    ("RandomShear", {"x_factor": NAN}),
    ("RandomRotation", {"factor": (0.1, NAN)}),
    ("RandomRotation", {"fill_value": NAN}),
    ("RandomHue", {"factor": (0.1, INF)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": -1}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": NAN}),
    ("RandomColorJitter", {"hue_factor": (2.0, 3.0)}),
    ("RandomColorJitter", {"brightness_factor": "0.1"}),
]


@pytest.mark.parametrize("name, options", WRONG, ids=[f"{n}-{o}" for n, o in WRONG])
def test_a_number_that_makes_no_sense_is_refused(name: str, options: dict[str, Any]) -> None:
    (argument,) = options
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(layers, name)(**{**NEEDED.get(name, {}), **options})
    assert str(caught.value).startswith(f"{name}: `{argument}`: expected ")


def test_a_pair_with_the_larger_number_first_is_sorted_as_in_keras() -> None:
    """Tutorials write RandomZoom(height_factor=(-0.05, -0.15)); Keras draws from the interval."""
    assert layers.RandomRotation((0.3, 0.1)).factor == (0.1, 0.3)
    zoom = layers.RandomZoom((-0.05, -0.15))
    drawn = zoom.get_random_transformation(np.zeros((64, 2, 2, 1)), seed=0)
    assert drawn is not None
    assert 0.85 <= drawn["height_zoom"].min() < drawn["height_zoom"].max() <= 0.95


@pytest.mark.parametrize("factor", [(0.5, 1.5), (0.1, 2.0)])
def test_changes_that_are_defined_beyond_the_range_are_taken_as_in_keras(factor: Any) -> None:
    assert layers.RandomContrast(factor).factor == factor
    assert layers.RandomBrightness(factor).factor == factor


def test_the_shares_of_mixup_come_near_the_half_for_a_large_alpha() -> None:
    drawn = layers.MixUp(8.0).get_random_transformation(np.zeros((512, 2, 2, 1)), seed=0)
    assert drawn is not None
    assert abs(np.std(drawn["mix_weight"]) - 0.5 / np.sqrt(17)) < 0.01  # of Beta(8, 8)

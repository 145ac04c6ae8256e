"""The figure of a search for a learning rate."""

import numpy as np
import pytest

from jkeras.display.rate_curve import rate_curve

RATES = np.geomspace(1e-4, 1.0, 9)


def test_marks_lie_on_the_average() -> None:
    smoothed = np.linspace(2.0, 1.0, 9)
    marks = {"suggestion": float(RATES[3]), "valley": None}
    (axes,) = rate_curve(RATES, smoothed + 0.5, smoothed, marks).axes
    raw, average, mark = axes.get_lines()
    assert raw.get_label() == "loss of the batch" and average.get_label() == "moving average"
    assert mark.get_label() == "suggestion 0.00316"
    assert mark.get_xydata().tolist() == [[RATES[3], smoothed[3]]]
    low, high = axes.get_ylim()
    assert low < 1.0 and high > 2.0


def test_a_flat_curve_has_room() -> None:
    (axes,) = rate_curve(RATES, np.ones(9), np.ones(9), {}).axes
    low, high = axes.get_ylim()
    assert low < 1 < high


def test_no_step_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^rate_curve: expected at least one step, got none\.$"):
        rate_curve(RATES[:0], RATES[:0], RATES[:0], {})

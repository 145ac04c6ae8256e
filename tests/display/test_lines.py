"""Pure text: each format at its borders."""

import pytest

from jkeras.display.lines import (
    bar_line,
    epoch_header,
    format_eta,
    format_number,
    format_rate,
    without_colors,
)


def test_epoch_header() -> None:
    assert epoch_header(3, 12) == "Epoch 3/12"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000e+00"),
        (1e-3, "1.0000e-03"),
        (1.1e-3, "0.0011"),
        (-2.0, "-2.0000"),
        (-1e-4, "-1.0000e-04"),
        (123456.0, "123456.0000"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_format_number(value: float, text: str) -> None:
    assert format_number(value) == text


def test_only_signed_numbers_make_negatives_scientific() -> None:
    assert format_number(-2.0, signed=True) == "-2.0000e+00"
    assert format_number(2.0, signed=True) == "2.0000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s/step"),
        (1.0, "1s/step"),
        (0.9994, "999ms/step"),
        (1e-3, "1ms/step"),
        (9.99e-4, "999us/step"),
        (4e-7, "0us/step"),
    ],
)
def test_format_rate(seconds: float, text: str) -> None:
    assert format_rate(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (60.0, "60s"),
        (60.5, "1:00"),
        (3600.0, "60:00"),
        (3600.5, "1:00:00"),
        (90061.0, "25:01:01"),
    ],
)
def test_format_eta(seconds: float, text: str) -> None:
    assert format_eta(seconds) == text


@pytest.mark.parametrize("current", [0, 1, 3, 7, 10])
def test_the_bar_keeps_its_width(current: int) -> None:
    line = bar_line(current, 10, {}, elapsed=1.0, seconds_per_unit=0.1, finalize=False, width=13)
    assert line.count("━") == 13
    assert "\x1b" in line
    assert "\x1b" not in without_colors(line)

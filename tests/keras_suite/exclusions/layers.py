"""The tests of layers that are not passed."""

EXCLUDED: dict[str, dict[str, str]] = {}

LEFT_OUT: dict[str, str] = {}

"""The page on several devices: its text is that of its script, its figures follow from formulas."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT
from tests.modules import module_at

SCRIPT = module_at(ROOT / "docs" / "make_scale.py")


def test_the_tables_have_a_row_for_each_case() -> None:
    of_bytes, of_times = SCRIPT.known()
    assert len(of_bytes) == len(SCRIPT.SMALL) * len(SCRIPT.STRATEGIES) + 1
    assert len(of_times) == len(SCRIPT.LARGE) * 2 * len(SCRIPT.ACCELERATORS)
    assert SCRIPT.page([of_bytes, of_times]) == SCRIPT.PAGE.read_text("utf-8")


def test_time_of_rings() -> None:
    """Two rounds of an all-reduce within 4 devices, then between 2 groups with a quarter each."""
    where = SCRIPT.Accelerator("one", peak=1.0, inner=100.0, group=4, outer=10.0)
    assert SCRIPT.seconds({"all-gather": 400.0}, 4, where) == pytest.approx(3.0)
    assert SCRIPT.seconds({"all-reduce": 400.0}, 4, where) == pytest.approx(6.0)
    assert SCRIPT.seconds({"all-reduce": 400.0}, 8, where) == pytest.approx(
        6.0 + 2 * 0.5 * 100 / 10
    )


def test_the_times_of_the_page_follow_from_its_other_columns() -> None:
    _, rows = SCRIPT.known()
    places = {where.name: where for where in SCRIPT.ACCELERATORS}
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        work = float(cells[3]) * 1e12 / (places[cells[2]].peak * SCRIPT.REACHED) * 1e3
        assert float(cells[5]) == pytest.approx(work, rel=0.02, abs=0.1)
        for network, step in (cells[6:8], cells[8:10]):
            least, most = map(float, step.split(" to "))
            assert least == max(float(cells[5]), float(network))
            assert most == pytest.approx(float(cells[5]) + float(network), abs=0.11)

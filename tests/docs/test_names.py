"""The page of names is what its script makes of the package today."""

from pathlib import Path
from types import ModuleType

from tests.modules import module_at

DOCS = Path(__file__).parents[2] / "docs"


def script() -> ModuleType:
    return module_at(DOCS / "make_names.py")


def test_the_page_of_names_is_up_to_date() -> None:
    page = (DOCS / "names.md").read_text(encoding="utf-8")
    assert script().page() == page, "Run: python docs/make_names.py"


def test_a_name_or_an_argument_that_differs_needs_a_reason() -> None:
    made = script()
    for ask in (
        lambda: made.reason_of_absence("layers", "Dense2"),
        lambda: made.reason_of_difference("layers", "Dense", "units"),
    ):
        try:
            ask()
        except SystemExit as told:
            assert "add the reason to" in str(told)
        else:
            raise AssertionError("a difference without a reason went through")


def test_an_argument_that_is_missing_or_has_another_default_is_found() -> None:
    def mine(a: int, b: int = 2) -> None: ...

    keras = [["a", None], ["b", "3"], ["c", "None"]]
    assert script().differences(keras, mine) == {
        "b": "`b=2`, in Keras `3`",
        "c": "no `c`",
    }

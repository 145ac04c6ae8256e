"""Docstrings as reStructuredText: every sign of the text, nothing that only looks like markup."""

from __future__ import annotations

import textwrap

import docutils.core
import docutils.nodes
import pytest

from tests.docs.pages import ROOT
from tests.modules import module_at

SCRIPT = module_at(ROOT / "docs" / "docstrings.py")


def rst(text: str) -> str:
    return "\n".join(SCRIPT.rst(textwrap.dedent(text).strip("\n").splitlines()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mean of |a - b| and a*b.", "Mean of |a - b| and a*b."),
        ("`x`s and (`y`), `z_`.", "xs and (y), z_."),
        ("Takes *args and **kwargs, columns_ too.", "Takes *args and **kwargs, columns_ too."),
        ("A span `of\ntwo lines` here.", "A span of two lines here."),
        (r"A path C:\x.", r"A path C:\x."),
    ],
)
def test_text_stays_what_it_is(text: str, shown: str) -> None:
    document = docutils.core.publish_doctree(rst(text), settings_overrides={"report_level": 1})
    assert not list(document.findall(docutils.nodes.system_message))
    assert document.astext() == shown


def test_a_whole_docstring() -> None:
    assert rst(
        """
        Sums `x`.

            y = sums(x)

        Args:
          x, *others: arrays, such as
            `[1, 2]`.
          columns_: names.

        Raises:
          TypeError, ValueError: wrong.

        Example:
          >>> sums([1])
          1

        Laws:
          - one
            line
          - two

        The end.
        """
    ).split("\n") == [
        "",
        "Sums ``x``.",
        "",
        ".. code-block:: python",
        "",
        "   y = sums(x)",
        "",
        ".. rubric:: Args",
        "",
        r"- **x, \*others**: arrays, such as ``[1, 2]``.",
        r"- **columns\_**: names.",
        "",
        ".. rubric:: Raises",
        "",
        "- **TypeError, ValueError**: wrong.",
        "",
        ".. rubric:: Example",
        "",
        "",
        ".. code-block:: pycon",
        "",
        "   >>> sums([1])",
        "   1",
        "",
        "",
        ".. rubric:: Laws",
        "",
        "",
        "- one line",
        "- two",
        "",
        "",
        "The end.",
        "",
    ]

"""The frame of a page: its head, its style, its sections one below the other.

Law: the page needs no other file; it looks right in light and dark, and on paper.
"""

from __future__ import annotations

import datetime
import html
from collections.abc import Sequence
from typing import NamedTuple


class Section(NamedTuple):
    """A part of the page: its title, and its HTML."""

    title: str
    body: str


def note_html(text: str) -> str:
    """A paragraph.

    Example:
      >>> note_html("a < b")
      '<p>a &lt; b</p>'
    """
    return f"<p>{html.escape(text)}</p>"


def page_html(title: str, notes: str, sections: Sequence[Section]) -> str:
    """The whole page.

    Args:
      title: of the page, as text.
      notes: sentences below it, as text; none where empty.
      sections: the parts, whose bodies are HTML.
    """
    words = html.escape(title)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    links = "".join(
        f'<a href="#s{i}">{html.escape(section.title)}</a> ' for i, section in enumerate(sections)
    )
    body = "".join(
        f'<section id="s{i}"><h2>{html.escape(section.title)}</h2>{section.body}</section>\n'
        for i, section in enumerate(sections)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{words}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>{_STYLE}</style></head>\n"
        f'<body><h1>{words}</h1><p class="quiet">{now}</p>{note_html(notes) if notes else ""}'
        f"<nav>{links}</nav>\n{body}</body></html>\n"
    )


_STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --paper: #fff; --quiet: #5b6570; --rule: #d7dce1;
  --link: #005a9c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --paper: #16191d; --quiet: #9aa5b1; --rule: #363d45; --link: #7cb8f2; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 68rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; padding-bottom: 0.2rem;
  border-bottom: 1px solid var(--rule); }
.quiet { color: var(--quiet); margin: 0.2rem 0 1rem; }
nav { font-size: 0.9rem; } nav a { margin-right: 0.9rem; } a { color: var(--link); }
table { font-variant-numeric: tabular-nums; } table + div { margin-top: 1.2rem; }
img { max-height: 40rem; background: #fff; border-radius: 6px; }
summary { cursor: pointer; color: var(--quiet); margin: 0.5rem 0; } .wide { overflow-x: auto; }
@media print {
  :root { --ink: #000; --paper: #fff; --quiet: #444; --rule: #bbb; }
  body { margin: 0; max-width: none; font-size: 11px; } nav { display: none; }
  h2 { break-after: avoid; } img, tr { break-inside: avoid; }
  details::details-content { content-visibility: visible; display: block; }
}
"""

"""Sphinx's settings; `docs/build_site.py` calls it."""

import re

from mimica import __version__

project, author, release = "Mimica", "The Mimica authors", __version__
copyright = "the Mimica authors, Apache License 2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/site/index"
html_theme = "furo"
html_title = "Mimica"
html_show_sourcelink = False
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]


def as_they_stand(app, what, name, obj, options, lines):
    """Our docstrings are set for reading in the source: paragraphs, and lists of names and what they are, in two columns."""
    made = []
    for block in re.split(r"\n\s*\n", "\n".join(lines)):
        rows = block.splitlines()
        if not any(row.startswith(" ") or re.match(_COLUMNS, row) for row in rows):
            made += [*map(_plain, rows), ""]
        elif entries := _entries(rows):
            made += [line for name, text in entries for line in (f"``{name}``", f"    {_plain(text)}", "")]
        else:
            made += ["::", "", *("    " + row for row in rows), ""]
    lines[:] = made


_COLUMNS = r"(\S[^`]{0,30}?) {2,}(\S.*)"


def _entries(rows):
    """(name, what it is) for each row of two columns, with the rows that go on below it; nothing where a row is otherwise."""
    found = []
    for row in rows:
        if match := re.fullmatch(_COLUMNS, row):
            found.append((match[1], match[2]))
        elif row.startswith(" ") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {row.strip()}")
        else:
            return []
    return found


def _plain(row):
    """Characters that reStructuredText takes for markup, outside of backticks."""
    parts = re.split(r"(`[^`]*`)", row)
    return "".join(part if part.startswith("`") and len(part) > 1 else re.sub(r"([*|_`])", r"\\\1", part) for part in parts)


def setup(app):
    app.connect("autodoc-process-docstring", as_they_stand)

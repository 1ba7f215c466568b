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
    """Our docstrings are set for reading in the source: paragraphs, and lists whose columns are aligned by blanks, which are shown
    as they stand."""
    text, made = "\n".join(lines), []
    for block in re.split(r"\n\s*\n", text):
        rows = block.splitlines()
        aligned = any(re.search(r"\S {2,}\S", row) or row.startswith(" ") for row in rows)
        if aligned:
            made += ["::", "", *("    " + row for row in rows), ""]
        else:
            made += [*(_plain(row) for row in rows), ""]
    lines[:] = made


def _plain(row):
    """Characters that reStructuredText takes for markup, outside of backticks."""
    parts = re.split(r"(`[^`]*`)", row)
    return "".join(part if part.startswith("`") and len(part) > 1 else re.sub(r"([*|_`])", r"\\\1", part) for part in parts)


def setup(app):
    app.connect("autodoc-process-docstring", as_they_stand)

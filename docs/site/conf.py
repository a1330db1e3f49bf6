"""How Sphinx makes the site: Markdown by MyST, the theme Furo, nothing from the network; every warning is an error."""

from rainbow import __version__

project = "Rainbow"
author = "the Rainbow authors"
copyright = "the Rainbow authors, Apache-2.0"
version = release = __version__
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
nitpicky = True
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
smartquotes = False  # the text says what it says, above all in commands

html_theme = "furo"
html_title = "Rainbow"
html_copy_source = False
html_show_sourcelink = False
html_static_path: list[str] = []
html_last_updated_fmt = None

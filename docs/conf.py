"""How Sphinx makes the site of these pages (`make docs`): settings only, nothing that a page says.

Why Sphinx with MyST: docs/decisions/0016-site.md. tests/docs/test_site.py holds the site to it.
"""

project = "Qianzhi 前置"
language = "en"
extensions = ["myst_parser"]
exclude_patterns: list[str] = []

# Anchors of headings are those that a forge makes too, so that one link is good in both.
myst_heading_anchors = 4
# A quotation mark or two hyphens in a page are meant as they stand: most of them are in commands.
smartquotes = False

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sourcelink = False
# A page that says when it was made is another page each time.
html_last_updated_fmt = None

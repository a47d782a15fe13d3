"""How Sphinx makes the site of these pages (`make docs`): settings only, nothing that a page says.

Why Sphinx with MyST: docs/decisions/0016-site.md; how it comes in two languages: 0035-pages-in-chinese.md
there. tests/docs/test_site.py holds the site to it.
"""

project = "Qianzhi 前置"
# The Chinese site is made by `-D language=zh_CN`, with the compiled catalogues' folder in `-D locale_dirs`.
language = "en"
locale_dirs: list[str] = []
gettext_auto_build = False
# One catalogue for one page, the decisions' too.
gettext_compact = False
gettext_location = False
extensions = ["myst_parser", "tests.docs.chinese_search"]
exclude_patterns: list[str] = []
templates_path = ["_templates"]

# Anchors of headings are those that a forge makes too, so that one link is good in both.
myst_heading_anchors = 4
# A quotation mark or two hyphens in a page are meant as they stand: most of them are in commands.
smartquotes = False

# On both sites: the English pages have Chinese terms.
html_search_language = "zh"

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
# Where furo shows a page's source otherwise, _templates has the page in the other language.
html_theme_options = {"top_of_page_buttons": ["view"]}
# A page that says when it was made is another page each time.
html_last_updated_fmt = None

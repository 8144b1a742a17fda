# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx builds the site; `make docs` calls it."""

from __future__ import annotations

import os

project = "changeops.backup"
copyright = "changeops.backup contributors"  # Sphinx wants this name.
title = html_short_title = html_title = project

extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
# States and kinds are linked by their headings, as on GitHub.
myst_heading_anchors = 3

# The names of Ansible's own pages, from a file that build.py writes: the build needs no network.
intersphinx_mapping = {
    "ansible_devel": ("https://docs.ansible.com/projects/ansible/devel/", os.environ["ANSIBLE_INVENTORY_OF_LABELS"])
}

default_role = "any"
nitpicky = True

pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_use_index = False
html_copy_source = False
html_theme_options = {"documentation_home_url": "index.html", "topbar_links": {}}

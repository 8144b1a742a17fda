# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page of the site leads to every page; `make docs` itself builds it, and fails at any warning."""

from __future__ import annotations

import re
import runpy
import zlib

from pages import GUIDES, ROOT

BUILD = runpy.run_path(str(ROOT / "scripts" / "docsite" / "build.py"))


def test_the_first_page_leads_to_every_guide_and_page_once() -> None:
    listed = re.findall(r"^   (?:.* <)?([\w/]+)>?$", BUILD["index"](), re.MULTILINE)
    pages = [page.stem for page in (ROOT / "docs").glob("*.md")]
    assert sorted(listed) == sorted(["collection", *(f"docsite/{page.stem}" for page in GUIDES), *pages])


def test_the_names_of_ansibles_pages_are_an_inventory_that_sphinx_reads() -> None:
    *head, packed = BUILD["labels"]().split(b"\n", 4)
    assert head[0] == b"# Sphinx inventory version 2"
    assert b"zlib" in head[3]
    for line in zlib.decompress(packed).decode().splitlines():
        name, kind, priority, place, title = line.split(" ", 4)
        assert (kind, priority) == ("std:label", "-1")
        assert re.fullmatch(r"\w+", name)
        assert re.fullmatch(r"[\w/]+\.html#[\w-]+", place)
        assert title

# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every link to something of ours leads somewhere: to a file, a page of the site, and the heading that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages import PAGES, README, ROOT, RST, page_name

REPOSITORY = "https://github.com/changeops/ansible-collection-backup"
SITE = "https://changeops.github.io/ansible-collection-backup/"
READ = [*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "docsite").glob("*.yml"))]
# What GitHub itself has an answer for.
GITHUB = {"", "/issues", "/issues/new"}
_MD_LINK = re.compile(r"\]\(([^)\s]+)\)")
_URL = re.compile(r"https://changeops\.github\.io/[^\s)>`'\"]*|https://github\.com/changeops/[^\s)>`'\"]*")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_MD_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_RST_HEADING = re.compile(r"^(.+)\n[=\-^~]{3,}$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub and the site make them."""
    text = page.read_text(encoding="utf-8")
    found = (_RST_HEADING if page.suffix == ".rst" else _MD_HEADING).findall(text)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in found}


def source_of(page: str) -> Path | None:
    """Give the file that a page of the site is made from; None where antsibull-docs or build.py makes it."""
    if page in ("", "index.html", "collection.html"):
        return None
    if page.startswith("docsite/"):
        return RST / f"{page.removeprefix('docsite/').removesuffix('.html')}.rst"
    return ROOT / "docs" / f"{page.removesuffix('.html')}.md"


def target_of(url: str) -> Path | None:
    """Give the file of this repository that a full address leads to; None where there need not be one."""
    if url.startswith(SITE):
        return source_of(url.removeprefix(SITE))
    rest = url.removeprefix(REPOSITORY).removesuffix(".git")
    if rest in GITHUB or re.fullmatch(r"/issues/\d+", rest):
        return None
    kind, found, path = re.sub(r"^/(blob|tree)/main/", r"\1 ", rest).partition(" ")
    assert found, f"{url} is neither a file nor a folder of the branch main"
    assert (ROOT / path).is_dir() == (kind == "tree"), url
    return ROOT / path


def check(page: Path, target: Path, anchor: str) -> None:
    """A link has to lead to a file that is there, and to a heading that it has."""
    assert target.exists(), f"{page_name(page)}: there is no {page_of(target)}"
    if anchor:
        assert anchor in anchors(target), f"{page_name(page)}: {page_of(target)} has no heading #{anchor}"


def page_of(target: Path) -> str:
    return str(target.relative_to(ROOT))


@pytest.mark.parametrize("page", READ, ids=page_name)
def test_every_full_address_of_ours_leads_to_something_that_is_there(page: Path) -> None:
    for address in _URL.findall(page.read_text(encoding="utf-8")):
        url, _hash, anchor = address.rstrip(".,;").partition("#")
        target = target_of(url.partition(",")[0])
        if target is not None:
            check(page, target, anchor)


@pytest.mark.parametrize("page", [page for page in READ if page.suffix == ".md"], ids=page_name)
def test_every_relative_link_leads_to_something_that_is_there(page: Path) -> None:
    for link in _MD_LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        if not link.startswith(("http:", "https:")):
            path, _hash, anchor = link.partition("#")
            check(page, (page.parent / path).resolve() if path else page, anchor)


@pytest.mark.parametrize("page", [README, *sorted((ROOT / "roles").glob("*/README.md"))], ids=page_name)
def test_what_is_installed_links_to_nothing_that_is_not(page: Path) -> None:
    """On Galaxy and in an installed copy a relative link has nothing to lead to."""
    links = _MD_LINK.findall(page.read_text(encoding="utf-8"))
    assert not [link for link in links if not link.startswith(("https://", "#"))]


def test_the_readme_links_to_every_kind_of_help() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(_MD_LINK.findall(text)) > 10
    for wanted in (SITE, f"{REPOSITORY}/issues", "guide_tutorial", "guide_change_window", "guide_faq", "CONTRIBUTING"):
        assert wanted in text, wanted

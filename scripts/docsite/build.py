# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the site of the documentation, without a network and without a warning; `make docs` calls it.

The guides and the pages of modules, roles and filters come from antsibull-docs; the pages in docs/*.md are taken as
they are. So each text exists once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".cache" / "docs"
SITE = WORK / "html"
SOURCE = WORK / "rst"
PAGES = sorted((ROOT / "docs").glob("*.md"))
BIN = Path(sys.executable).parent
# Labels of Ansible's documentation that the pages of antsibull-docs refer to.
LABELS = {
    "action_plugins": "plugins/action.html#action-plugins Action plugins",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings Configuration",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values Return values",
}
HEAD = """\
changeops.backup
================

Before a change, somebody has to know: is a backup still running, and did the last one succeed recently enough to go
back to? This Ansible collection asks the backup systems and answers in one vocabulary. It waits until they are quiet,
stops a job only where you allow it, runs your change, and leaves evidence. Where an answer is not known, it says so.

New here? Begin with the :ref:`tutorial <ansible_collections.changeops.backup.docsite.guide_tutorial>`. A change
tonight? :ref:`Your first change window <ansible_collections.changeops.backup.docsite.guide_change_window>`.
"""


def main() -> None:
    """Build it."""
    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    # antsibull-docs writes only where nobody else can.
    SOURCE.mkdir(mode=0o700, parents=True)
    collection = ["collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir"]
    run("antsibull-docs", *collection, str(SOURCE), "changeops.backup")
    (SOURCE / "index.rst").rename(SOURCE / "collection.rst")
    for page in PAGES:
        shutil.copy(page, SOURCE)
    shutil.copytree(ROOT / "docs" / "docsite" / "images", SOURCE / "images")
    (SOURCE / "index.rst").write_text(index(), encoding="utf-8")
    inventory = WORK / "ansible.inv"
    inventory.write_bytes(labels())
    os.environ["ANSIBLE_INVENTORY_OF_LABELS"] = str(inventory)
    run(
        "sphinx-build",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        str(HERE),
        "-d",
        str(WORK / "doctrees"),
        str(SOURCE),
        str(SITE),
    )
    print(f"The site is in {SITE.relative_to(ROOT)}: open index.html there.")


def index() -> str:
    """Give the first page: the guides in the order of extra-docs.yml, then what is looked up."""
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    parts = [HEAD]
    parts += [toctree(part["title"], [f"docsite/{name}" for name in part["toctree"]]) for part in sections]
    parts.append(toctree("Look up", ["Modules, roles, filters <collection>", *(page.stem for page in PAGES)]))
    return "\n".join(parts)


def toctree(caption: str, pages: list[str]) -> str:
    """Give a list of pages."""
    lines = [".. toctree::", "   :maxdepth: 1", f"   :caption: {caption}", "", *(f"   {p}" for p in pages)]
    return "\n".join(lines) + "\n"


def labels() -> bytes:
    """Give an inventory as Sphinx reads it."""
    body = "".join(f"{name} std:label -1 {place}\n" for name, place in LABELS.items())
    head = (
        "# Sphinx inventory version 2\n# Project: Ansible\n# Version: devel\n# The remainder of this file is compressed"
    )
    return f"{head} using zlib.\n".encode() + zlib.compress(body.encode())


def run(tool: str, *arguments: str) -> None:
    """Run a tool that has to succeed."""
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([BIN / tool, *arguments], env=environ, check=False)
    if done.returncode:
        sys.exit(f"{tool} failed")


if __name__ == "__main__":
    main()

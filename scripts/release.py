# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what stands in the way of a release, before it is made and after. `make release-check` runs it.

Everything is done in a copy of what git would hold: the changelog is released there if it is not yet, and the tarball
is built there. The checkout stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t
from pathlib import Path, PurePosixPath

import yaml
from matrix import CORES

ROOT = Path(__file__).resolve().parent.parent
# What users install. Whatever else turns up in the tarball has to be meant.
SHIPPED = {
    "CHANGELOG.rst",
    "COPYING",
    "FILES.json",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "REUSE.toml",
    "SECURITY.md",
    "changelogs",
    "docs",
    "examples",
    "extensions",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}
NEEDED = SHIPPED - {"extensions"}
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
VERSION_ADDED = re.compile(r"^\s*version_added: *[\"']?([\w.]+)", re.MULTILINE)


def main() -> int:
    """Check everything; tell all that is wrong, not the first thing only."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_checkout(Path(folder) / "ansible_collections" / "changeops" / "backup")
        version = str(yaml.safe_load((copy / "galaxy.yml").read_text())["version"])
        wrong = [
            *of_version(copy, version),
            *of_changelog(copy, version),
            *of_pages(copy, version),
            *of_documentation(copy),
            *of_tarball(copy, version),
        ]
        notes = copy / "CHANGELOG.rst"
        if notes.exists():
            print(notes.read_text())
    for line in wrong:
        print(f"release-check: {line}", file=sys.stderr)
    print(
        "release-check: " + (f"{len(wrong)} things stand in the way of {version}." if wrong else f"{version} is ready.")
    )
    return 1 if wrong else 0


def copy_of_checkout(target: Path) -> Path:
    """Copy what git holds, or would hold."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(command, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def of_version(copy: Path, version: str) -> t.Iterator[str]:
    """A full version, and nothing that claims to be of a later one, or of one that never was."""
    if not re.fullmatch(r"[1-9]\d*\.\d+\.\d+", version):
        yield f"galaxy.yml: {version!r} is no version of a release"
    released = {version, *releases(copy)}
    for path in sorted([*(copy / "plugins").rglob("*.*"), *(copy / "roles").rglob("*.yml")]):
        for added in VERSION_ADDED.findall(path.read_text(encoding="utf-8")):
            if added not in released:
                yield f"{path.relative_to(copy)}: version_added is {added}, and there is no such release"


def releases(copy: Path) -> list[str]:
    """Give the versions that the changelog knows."""
    return list(yaml.safe_load((copy / "changelogs" / "changelog.yaml").read_text())["releases"])


def of_changelog(copy: Path, version: str) -> t.Iterator[str]:
    """It can be released, and says something a user can read."""
    earlier = releases(copy)
    if version not in earlier:
        yield from failing(copy, "antsibull-changelog", "release", "--version", version)
    yield from failing(copy, "antsibull-changelog", "lint")
    yield from failing(copy, "antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml")
    known = yaml.safe_load((copy / "changelogs" / "changelog.yaml").read_text())["releases"]
    changes = known.get(version, {}).get("changes", {})
    if not changes.get("release_summary"):
        yield f"the changelog has no release_summary for {version}"
    if len(known) == 1 and {"bugfixes", "security_fixes"} & {*changes}:
        yield "the first release mends what nobody had: the fragments hold bugfixes or security_fixes"
    if not (copy / "CHANGELOG.rst").exists() or f"\nv{version}\n" not in (copy / "CHANGELOG.rst").read_text():
        yield f"CHANGELOG.rst does not hold v{version}"


def of_pages(copy: Path, version: str) -> t.Iterator[str]:
    """What names a version names this one, and the table of tested versions holds every core."""
    tarball = f"changeops-backup-{version}.tar.gz"
    if tarball not in (copy / "execution-environment.yml").read_text():
        yield f"execution-environment.yml does not name {tarball}"
    tested = copy / "docs" / "tested_versions.md"
    text = tested.read_text() if tested.exists() else ""
    yield from (f"docs/tested_versions.md lacks core {core}: make matrix" for core in CORES if f"| {core}." not in text)
    if "| failed |" in text:
        yield "docs/tested_versions.md holds a gate that failed"


def of_documentation(copy: Path) -> t.Iterator[str]:
    """What the plugins and roles say of themselves can be made into pages."""
    yield from failing(
        copy, "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "."
    )


def of_tarball(copy: Path, version: str) -> t.Iterator[str]:
    """It holds all that belongs into it, nothing else, and all that its own pages link."""
    place = copy.parents[2]
    yield from failing(copy, "ansible-galaxy", "collection", "build", "--output-path", str(place))
    path = place / f"changeops-backup-{version}.tar.gz"
    if not path.exists():
        return
    with tarfile.open(path) as tarball:
        names = {name for name in tarball.getnames() if name != "."}
        tops = {name.partition("/")[0] for name in names}
        yield from (f"the tarball holds {name}, which users do not need" for name in sorted(tops - SHIPPED))
        yield from (f"the tarball lacks {name}" for name in sorted(NEEDED - tops))
        yield from (f"the tarball holds {name}" for name in sorted(names) if re.search(r"(^|/)\.|__pycache__", name))
        for name in sorted(name for name in names if name.endswith(".md")):
            member = tarball.extractfile(name)
            assert member is not None
            for link in LINK.findall(member.read().decode()):
                if os.path.normpath(PurePosixPath(name).parent / link) not in names:
                    yield f"{name} links {link}, which the tarball lacks"


def failing(copy: Path, *command: str) -> t.Iterator[str]:
    """Run a tool in the copy; what it prints is told where it fails."""
    environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2])}
    ran = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    if ran.returncode:
        yield f"{' '.join(command)}: {(ran.stdout + ran.stderr).strip()}"


if __name__ == "__main__":
    sys.exit(main())

# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take one collection out of the package ``ansible``: take_collection.py FOLDER NAMESPACE.NAME

A test needs it, and Galaxy is not everywhere where tests run. `make` calls it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# The last one with awx.awx. A newer Python than ours may be needed to run all of it, not to take a part out.
PACKAGE = ("ansible~=13.0", "--no-deps", "--only-binary=:all:", "--python-version=3.12")


def main() -> None:
    """Fetch the package, and keep the collection."""
    target, name = Path(sys.argv[1]), sys.argv[2]
    inside = f"ansible_collections/{name.replace('.', '/')}/"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-qq", "-d", folder, *PACKAGE], check=True)
        (wheel,) = Path(folder).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(target, [one for one in packed.namelist() if one.startswith(inside)])


if __name__ == "__main__":
    main()

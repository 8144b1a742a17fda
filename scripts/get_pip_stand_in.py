# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for get-pip.py: unpack the pip that ensurepip carries.

ansible-test downloads get-pip.py from a host that many build machines cannot reach, unless a file of that name lies
in its cache. scripts/ansible_test.sh puts this one there.
"""

from __future__ import annotations

import ensurepip
import sysconfig
import zipfile
from pathlib import Path

# Debian keeps the wheels apart and names their folder in the build configuration.
folders = [
    Path(ensurepip.__file__).parent / "_bundled",
    Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "."),
    Path("/usr/share/python-wheels"),
]
wheels = [wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))]
if not wheels:
    raise SystemExit("This Python carries no pip; install its venv or ensurepip package.")
zipfile.ZipFile(wheels[0]).extractall(sysconfig.get_path("purelib"))

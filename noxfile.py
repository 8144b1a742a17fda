# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of antsibull-nox.toml. `make gates` runs them."""

from __future__ import annotations

import sys

import antsibull_nox
import nox

nox.options.envdir = ".cache/nox"
nox.options.default_venv_backend = "uv"
antsibull_nox.load_antsibull_nox_toml()

if __name__ == "__main__":
    sys.exit(nox.main())

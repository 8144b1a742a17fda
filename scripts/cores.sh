#!/usr/bin/env bash
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run tests with several versions of ansible-core, each in an environment of its own below .cache. Call it by `make cores`.
#   CORES="2.16 2.21"   instead of the oldest, one in the middle, and the newest
#   ARGS=...            instead of the tests of the two doors
set -euo pipefail
cd "$(dirname "$0")/.."

# Each with the Pythons that it runs on, the best first.
declare -A pythons=([2.16]="3.11 3.12 3.10" [2.17]="3.12 3.11 3.10" [2.18]="3.12 3.11 3.13" [2.19]="3.11 3.12 3.13"
    [2.20]="3.13 3.12" [2.21]="3.13 3.12")
tests=${ARGS:-tests/playbooks/test_doors.py tests/playbooks/test_progress.py tests/modules/test_doors.py tests/playbooks/test_change_window.py}
base=$PATH

# An interpreter that really runs: the shims of pyenv are on PATH for versions that are not chosen as well.
find_python() {
    local version candidate
    for version in $1; do
        for candidate in "python$version" "$(command -v pyenv >/dev/null && pyenv root)"/versions/"$version".*/bin/python; do
            if "$candidate" -c 'import venv' 2>/dev/null; then
                echo "$candidate"
                return
            fi
        done
    done
    return 1
}

for core in ${CORES:-2.16 2.19 2.21}; do
    if ! python=$(find_python "${pythons[$core]}"); then
        echo "cores: no Python of ${pythons[$core]} for ansible-core $core" >&2
        exit 1
    fi
    folder=$PWD/.cache/cores/$core
    if [[ ! -e $folder/.made || requirements/test.txt -nt $folder/.made ]]; then
        rm -rf "$folder"
        "$python" -m venv "$folder"
        "$folder/bin/python" -m pip install -qq "ansible-core==$core.*" -r requirements/test.txt
        touch "$folder/.made"
    fi
    export PATH=$folder/bin:$base
    echo "== $(ansible --version | sed -n 1p), $("$folder/bin/python" --version)"
    # shellcheck disable=SC2086  # several arguments
    pytest $tests
done

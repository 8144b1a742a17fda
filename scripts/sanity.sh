#!/usr/bin/env bash
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run every sanity test of ansible-test on a copy of this checkout. Call it by `make sanity`.
#   SANITY_PYTHONS=all   also with every other supported Python that is really on PATH
#   SANITY_ARGS=...      instead of all tests, e.g. "--test validate-modules"
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD

# ansible-test keeps its virtual environments, and looks for get-pip.py, below HOME. A private one leaves the user's
# alone; only pip's own settings are carried over, because ansible-test drops all PIP_* variables.
home=$repo/.cache/home
mkdir -p "$home/.ansible/test/cache" "$home/.config"
for version in 24_2 25_2; do  # ansible-core 2.19; 2.20 and 2.21
    cp scripts/get_pip_stand_in.py "$home/.ansible/test/cache/get_pip_$version.py"
done
for settings in .pip .config/pip; do
    if [[ -e $HOME/$settings && ! -e $home/$settings ]]; then
        ln -s "$HOME/$settings" "$home/$settings"
    fi
done
export HOME=$home

# It wants a real ansible_collections/NAMESPACE/NAME folder: a symlink is resolved, and a copy in a git-ignored folder
# passes without one test being run.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
copy=$stage/ansible_collections/changeops/backup
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do
        [[ ! -e $file ]] || printf '%s\0' "$file"  # deleted, but not yet in git
    done | tar --null -T - -cf - | tar -xf - -C "$copy"
cd "$copy"

python=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
only=(--python "$python")
[[ ${SANITY_PYTHONS:-} != all ]] || only=()
read -r -a tests <<<"${SANITY_ARGS:-}"

sanity=(ansible-test sanity --local --color no "${only[@]}" "${tests[@]}")
# First what the tests need, told only if it fails: pip is talkative.
"${sanity[@]}" --prime-venvs >"$stage/log" 2>&1 || { cat "$stage/log" && exit 1; }
"${sanity[@]}" 2>&1 | tee "$stage/log"

# It also ends with success when it skipped everything.
if grep -q 'All targets skipped' "$stage/log"; then
    echo 'sanity: nothing was tested' >&2
    exit 1
fi
if ((${#tests[@]} == 0)); then
    missing=$(comm -23 \
        <(ansible-test sanity --list-tests 2>/dev/null | grep -v '^pslint$' | sort) \
        <(sed -nE 's/^Running sanity test "([^"]+)".*/\1/p' "$stage/log" | sort -u))
    if [[ -n $missing ]]; then
        echo "sanity: did not run: ${missing//$'\n'/ }" >&2
        exit 1
    fi
fi

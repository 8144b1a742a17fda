#!/usr/bin/env bash
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run ansible-test on a copy of this checkout, with the ansible-core and the Python that come first on PATH:
#   scripts/ansible_test.sh sanity [--test validate-modules]
#   scripts/ansible_test.sh units [tests/unit/plugins/...]
#   scripts/ansible_test.sh integration [TARGET...]
# PYTHONS=all   sanity also with every other supported Python that is really on PATH
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD
command=${1:?sanity, units or integration}
shift

# ansible-test keeps its virtual environments, and looks for get-pip.py, below HOME. A private one leaves the user's
# alone; only pip's own settings are carried over, because ansible-test drops all PIP_* variables.
home=$repo/.cache/home
mkdir -p "$home/.ansible/test/cache" "$home/.config"
for version in 23_1_2 24_2 25_2; do  # ansible-core 2.16 and 2.17; 2.18 and 2.19; 2.20 and 2.21
    cp scripts/get_pip_stand_in.py "$home/.ansible/test/cache/get_pip_$version.py"
done
for settings in .pip .config/pip; do
    if [[ -e $HOME/$settings && ! -e $home/$settings ]]; then
        ln -s "$HOME/$settings" "$home/$settings"
    fi
done
export HOME=$home
# What makes the checkout importable for our own test runner would hide the copy.
unset PYTHONPATH ANSIBLE_COLLECTIONS_PATH

# Each run is a process group of its own, so that nothing of it is left when this script is ended.
stage=$(mktemp -d)
group=
trap 'rm -rf "$stage"' EXIT
trap '[[ -z $group ]] || kill -TERM -- "-$group" 2>/dev/null; exit 130' INT TERM HUP
run() {
    set -m
    ansible-test "$@" </dev/null &
    group=$!
    set +m
    local status=0
    wait "$group" || status=$?
    group=
    return "$status"
}

# It wants a real ansible_collections/NAMESPACE/NAME folder: a symlink is resolved, and a copy in a git-ignored folder
# passes without one test being run.
copy=$stage/ansible_collections/changeops/backup
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do
        [[ ! -e $file ]] || printf '%s\0' "$file"  # deleted, but not yet in git
    done | tar --null -T - -cf - | tar -xf - -C "$copy"
cd "$copy"

python=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
only=(--color no --python "$python")
case $command in
sanity)
    [[ ${PYTHONS:-} != all ]] || only=(--color no)
    # First what the tests need, told only if it fails: pip is talkative.
    run sanity --local "${only[@]}" "$@" --prime-venvs >"$stage/log" 2>&1 || { cat "$stage/log" && exit 1; }
    run sanity --local "${only[@]}" "$@" > >(tee "$stage/log") 2>&1
    ;;
*) run "$command" --venv "${only[@]}" "$@" > >(tee "$stage/log") 2>&1 ;;
esac

# It also ends with success when it skipped everything.
if grep -q 'All targets skipped' "$stage/log"; then
    echo "$command: nothing was tested" >&2
    exit 1
fi
if [[ $command == sanity && $# == 0 ]]; then
    missing=$(comm -23 \
        <(ansible-test sanity --list-tests 2>/dev/null | grep -v '^pslint$' | sort) \
        <(sed -nE 's/^Running sanity test "([^"]+)".*/\1/p' "$stage/log" | sort -u))
    if [[ -n $missing ]]; then
        echo "sanity: did not run: ${missing//$'\n'/ }" >&2
        exit 1
    fi
fi

#!/usr/bin/env bash
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install the tarball, see that ansible-builder finds what it needs, and make the context of an image. `make gates`
# runs it. The image itself is not built: that takes a container engine.
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

ansible-galaxy collection build --output-path "$stage/dist" >/dev/null
ANSIBLE_COLLECTIONS_PATH=$stage/installed ansible-galaxy collection install --offline -p "$stage/installed" "$stage"/dist/*.tar.gz >/dev/null
cp execution-environment.yml "$stage"
cd "$stage"

ansible-builder introspect installed >found
while read -r requirement; do
    grep -qF -- "'$requirement " found || { echo "introspect does not find $requirement:" >&2 && cat found >&2 && exit 1; }
done <"$repo/requirements.txt"

ansible-builder create --context context >log || { cat log >&2 && exit 1; }
tarball=$(sed -nE 's/^ *- name: (configs.*)/\1/p' execution-environment.yml)
[[ -e context/_build/$tarball ]] || { echo "the context lacks $tarball, which its requirements.yml names" >&2 && exit 1; }
echo "execution environment: the context is complete, and holds what the collection needs"

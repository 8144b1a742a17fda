#!/usr/bin/env bash
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
exec python "$ANSIBLE_COLLECTIONS_PATH/ansible_collections/changeops/backup/tests/against.py" will_not_end test.yml "$@"

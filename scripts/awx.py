# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write extensions/awx/credential_types.yml from the tables of the systems; with --check only say whether it is right.

`make awx` runs it with all that it needs.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "extensions" / "awx" / "credential_types.yml"
COMMAND = "make awx"

HEAD = f"""\
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A credential type for each system. Written by scripts/awx.py from the tables of the systems: {COMMAND}
#
# AWX hands on a field that was left out as an empty text, and a boolean as false whatever its default is. So every
# field is a text, and an empty one counts as left out.
---
"""
# Beside what a system's logins need. What tunes a single task stands in the playbook.
GENERAL = ("url", "region", "validate_certs", "ca_path")
NOT_FOR_CREDENTIALS = ("collect",)
# AWX keeps the content, and writes it into a file of the job.
CONTENT = ("client_certificate", "client_private_key", "ca_path")
SECRET_CONTENT = ("client_private_key",)
LABELS = {"url": "URL", "token_url": "Token URL", "redirect_uri": "Redirect URI", "ca_path": "CA certificates"}
HELP = {
    "url": "Address of the system, without the path of its API. Left empty: region, or what the inventory says",
    "region": "One of {regions}. Not together with the address",
    "token_url": "Address of the token endpoint, where it does not follow from region or address",
    "access_token": "A ready token or API key. It ends, and nothing renews it",
    "client_certificate": "PEM. Instead of the secret of the client",
    "client_private_key": "PEM, without a passphrase. Of the certificate of the client",
    "refresh_token": "A system that replaces it at each login needs the file below",
    "refresh_token_file": "A path that outlives the container of a job, such as a mounted folder: new tokens go there",
    "connection_id": "A number",
    "validate_certs": "Whether to check TLS certificates. Left empty: they are checked",
    "ca_path": "PEM. The authorities to trust, where they are not those of the execution environment",
}


class Folded(yaml.SafeDumper):
    """Indents lists, as the linter wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent, whatever is in it."""
        return super().increase_indent(flow, False)


def main() -> int:
    """Write or check the file."""
    text = HEAD + yaml.dump(types(), Dumper=Folded, sort_keys=False, width=100, allow_unicode=True)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is not what the code says. Run: {COMMAND}", file=sys.stderr)
    return 1


def types() -> list[dict[str, t.Any]]:
    """Give a credential type for each system."""
    # Before the imports, so that the script also runs without `make`.
    sys.path.insert(0, str(ROOT / ".cache" / "tree"))
    from ansible_collections.changeops.backup.plugins.module_utils._edge.connection import usable
    from ansible_collections.changeops.backup.plugins.module_utils._edge.options import CONNECTION
    from ansible_collections.changeops.backup.plugins.module_utils._systems.registry import SYSTEMS

    made = []
    for name in sorted(SYSTEMS):
        system = SYSTEMS[name]
        wanted = ({*usable(system), *GENERAL} - {*NOT_FOR_CREDENTIALS}) - (set() if system.REGIONS else {"region"})
        options = [option for option in CONNECTION if option in wanted]
        content = [option for option in options if option in CONTENT]
        injectors: dict[str, t.Any] = {
            "env": {f"BACKUP_{name.upper()}_{option.upper()}": injected(option) for option in options}
        }
        injectors["file"] = {f"template.{option}": f"{{{{ {option} }}}}" for option in content}
        made.append(
            {
                "name": f"Backup system: {system.TITLE}",
                "description": f"The login of a system for changeops.backup (system: {name})",
                "kind": "cloud",
                "inputs": {"fields": [field(option, CONNECTION[option], system.REGIONS) for option in options]},
                "injectors": injectors,
            }
        )
    return made


def injected(option: str) -> str:
    """Give the template of a variable. An empty field makes an empty file, and its path must not be told."""
    if option in CONTENT:
        return f"{{% if {option} %}}{{{{ tower.filename.{option} }}}}{{% endif %}}"
    return f"{{{{ {option} }}}}"


def field(option: str, spec: t.Mapping[str, t.Any], regions: t.Iterable[str]) -> dict[str, t.Any]:
    """Give the field of an option."""
    label = LABELS.get(option, option.replace("_", " ").capitalize())
    made: dict[str, t.Any] = {"id": option, "label": label, "type": "string"}
    if spec.get("no_log") or option in SECRET_CONTENT:
        made["secret"] = True
    if option in CONTENT:
        made["multiline"] = True
    if spec["type"] == "bool":
        made["choices"] = ["true", "false"]
    if option == "region":
        made["choices"] = list(regions)
    if option in HELP:
        made["help_text"] = HELP[option].format(regions=", ".join(regions))
    return made


if __name__ == "__main__":
    sys.exit(main())

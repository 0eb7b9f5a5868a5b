#!/usr/bin/env bash
# Lit, the console's one third-party file (one ES module, BSD-3-Clause), from Debian's package node-lit, pinned by its hash.
# It depends on nothing, so the package of a later Debian goes onto every Debian and Ubuntu.
#   install.sh         installs it, unless it is there; the file is /usr/share/nodejs/lit/lit-all.min.js
#   install.sh --into  unpacks it under a folder instead, as the image's build does
# It comes from the archive that apt uses here; DEBIAN_MIRROR names another one that holds Debian's pool.
set -euo pipefail

package=node-lit_3.3.3-4_all.deb
sha256=79c12969d5f36a8131d33396614bb31ff0dac269272634cef7e79225e975adb5
installed=/usr/share/nodejs/lit/lit-all.min.js
# Of the file itself: what is served is what was reviewed, whoever installed it.
file_sha256=e14e8c5cece98af1f21c737187763f51fa4efba87be1641916d9bf475472bcb9

is_right() { [[ -f $1 ]] && echo "$file_sha256  $1" | sha256sum --check --status; }

[[ ${1:-} == --into ]] || ! is_right "$installed" || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archives=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u)}
for archive in $archives; do
    if /usr/lib/apt/apt-helper download-file "${archive%/}/pool/main/n/node-lit/$package" "$work/$package" "SHA256:$sha256" >"$work/log" 2>&1; then
        found=yes
        break
    fi
done
if [[ -z ${found:-} ]]; then
    tail -n 3 "$work/log" >&2
    echo "$package is not in the archives that apt knows; DEBIAN_MIRROR can name one that has it" >&2
    exit 1
fi
if [[ ${1:-} == --into ]]; then
    dpkg-deb -x "$work/$package" "$2"
else
    dpkg -i "$work/$package" >"$work/log" || { cat "$work/log" >&2; exit 1; }
    is_right "$installed" || { echo "$installed is not the file that was expected" >&2; exit 1; }
fi

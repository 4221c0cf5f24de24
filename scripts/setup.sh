#!/bin/bash
# Makes a machine that has the Rust toolchain ready to build: rustc links with `cc`, and some
# crates compile C.  Installs nothing that is there already.
set -eu
# shellcheck source=scripts/needs.sh
. "$(dirname "$(readlink -f "$0")")/needs.sh"
# libc6-dev is only recommended by gcc, and nothing links without it.
need cc=gcc cc=libc6-dev
command -v cargo >/dev/null || {
    echo "needed and not installed: the Rust toolchain (https://rustup.rs)" >&2
    exit 1
}

# shellcheck shell=bash
# Sourced by the scripts that build and test: installs what they need, by apt, from the
# package sources this machine is configured with.  Nothing is installed that is there already.

# need PROGRAM=PACKAGE...: installs each PACKAGE whose PROGRAM is not on PATH.
need() {
    local pair missing=()
    for pair; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "needed and not installed: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
        return 1
    fi
    echo "installing ${missing[*]}" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "${missing[@]}"; } >/dev/null || {
        echo "apt-get could not install ${missing[*]}" >&2
        return 1
    }
}

# Under sudo, the toolchain is the caller's (rustup installs into a home) and not on root's PATH.
if ! command -v cargo >/dev/null && [ -n "${SUDO_USER:-}" ]; then
    _home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    if [ -x "$_home/.cargo/bin/cargo" ]; then
        export PATH="$_home/.cargo/bin:$PATH" RUSTUP_HOME="${RUSTUP_HOME:-$_home/.rustup}"
    fi
    unset _home
fi

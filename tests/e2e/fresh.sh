#!/bin/bash
# By hand: the README's first command on a fresh Debian 12 that has the Rust toolchain and
# nothing else.  Makes a root file system from nothing, puts a clone of this project into it,
# shares this machine's toolchain and downloaded crates, and runs the command there.
#   fresh.sh [COMMAND]     default: scripts/setup.sh && cargo run --release -- run --no-save
# The second command is tested likewise: fresh.sh tests/run.sh
set -u
# shellcheck source=tests/e2e/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/lib/common.sh"
# shellcheck source=tests/e2e/lib/tools.sh
. "$E2E/lib/tools.sh"
COMMAND=${1:-scripts/setup.sh && cargo run --release -- run --no-save}

inside() {
    local root=$CACHE/fresh
    bootstrap bookworm "$root" --variant=minbase --include=ca-certificates
    # A mount point, so that mount namespaces can be made inside: the tests do.
    mount --bind "$root" "$root" || die "cannot mount the root"
    mkdir -p "$root/root/.cargo" "$root/root/.rustup" "$root/src"
    git -C "$E2E/../.." archive HEAD | tar -x -C "$root/src" || die "cannot copy the project"
    mount --rbind "${RUSTUP_HOME:-$HOME/.rustup}" "$root/root/.rustup" || die "no toolchain"
    # A layer of its own over the crates, so that nothing this machine has is changed.
    mount -t tmpfs tmpfs "$root/mnt" || die "cannot mount a tmpfs"
    mkdir "$root/mnt/upper" "$root/mnt/work"
    mount -t overlay overlay -o "lowerdir=${CARGO_HOME:-$HOME/.cargo},upperdir=$root/mnt/upper,workdir=$root/mnt/work" \
        "$root/root/.cargo" || die "no cargo"
    mount -t proc proc "$root/proc" || die "cannot mount /proc"
    mount --rbind /sys "$root/sys" || die "cannot mount /sys"
    mount --rbind /dev "$root/dev" || die "cannot mount /dev"
    cat /etc/resolv.conf >"$root/etc/resolv.conf"
    # The system's proxies and certificates, if it is told of any, and nothing else of its environment.
    mapfile -t -d '' vars < <(env -0 | grep -zE '^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)=')
    env -i "${vars[@]}" HOME=/root PATH=/root/.cargo/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        chroot "$root" bash -c "cd /src && $COMMAND"
}

if [ "${FRESH_INSIDE:-}" = 1 ]; then inside; exit; fi
[ "$(id -u)" = 0 ] || die "needs root"
need mmdebstrap=mmdebstrap git=git || die "cannot build the root file system"
FRESH_INSIDE=1 unshare --mount --propagation private bash "$0" "$@"
status=$?
rm -rf --one-file-system "$CACHE/fresh"
echo "the command ended with $status"
exit $status

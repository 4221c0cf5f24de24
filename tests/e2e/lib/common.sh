# shellcheck shell=bash
# Sourced by every script of this harness: where things are, and how to give up.

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sysdiag-analyzer-e2e}
# bookworm: Debian 12, systemd 252.  trixie: Debian 13, systemd 257.
# shellcheck disable=SC2034 # used by the lanes
SUITE=${E2E_SUITE:-bookworm}
# plain; servers: with nginx, PostgreSQL and Redis; logins: with OpenSSH.
# shellcheck disable=SC2034 # used by the lanes
VARIANT=${E2E_IMAGE:-plain}
# shellcheck source=scripts/needs.sh
. "$E2E/../../scripts/needs.sh"

# 125 is the harness's own failure, as in timeout(1) and git-bisect(1).
die() { echo "e2e: $*" >&2; exit 125; }

# key FILE...: a short name for the contents of the recipes, so that what was built by
# another recipe is never used.
key() { cat "$@" | sha256sum | cut -c1-12; }

# prune KEEP GLOB...: removes what earlier recipes left in the cache.
prune() {
    local keep=$1 old
    shift
    for old; do
        [ "$old" = "$keep" ] || [ ! -e "$old" ] || rm -rf --one-file-system "$old"
    done
}

# locked COMMAND...: one build at a time; whoever waited finds the work done.
locked() {
    local rc
    mkdir -p "$CACHE" || die "cannot create $CACHE"
    exec 9>"$CACHE/lock"
    flock 9
    "$@"
    rc=$?
    exec 9>&-
    return $rc
}

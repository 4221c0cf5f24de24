# shellcheck shell=bash
# QEMU, systemd-nspawn, a kernel and what else boots a guest, unpacked into the cache and run
# from there.  They are never installed: on a machine in use, installing qemu-system-x86 or
# systemd-container may remove or replace other packages.  Shared by all suites.

TOOLS_PACKAGES=qemu-system-x86,qemu-utils,seabios,systemd-container,linux-image-cloud-amd64
TOOLS_PACKAGES+=,busybox-static,cpio,zstd,prometheus-node-exporter
TOOLS=$CACHE/tools-$(key "$E2E/lib/tools.sh")

# debian_sources SUITE: the Debian mirrors this machine is configured with, as sources.list
# lines for SUITE.  Other repositories of this machine are left out.
debian_sources() {
    local uri release
    # Origin is known only once the lists have been fetched.
    [ -n "$(apt-get indextargets 'Origin: Debian' 2>/dev/null)" ] || apt-get update -qq >&2
    # The variables are apt's, not the shell's.
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' |
        sort -u | while read -r uri release; do
        case $release in
        *-security) release=$1-security ;;
        *-updates) release=$1-updates ;;
        *-*) continue ;;          # backports and the like
        *) release=$1 ;;
        esac
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release main"
    done | sort -u
}

# bootstrap SUITE TARGET MMDEBSTRAP_ARGS...: mmdebstrap mounts /proc and /sys in what it
# builds, so it gets a mount namespace of its own.
bootstrap() {
    local suite=$1 target=$2
    shift 2
    rm -rf --one-file-system "$target"
    mkdir -p "${target%/*}"
    debian_sources "$suite" >"$CACHE/$suite.list"
    [ -s "$CACHE/$suite.list" ] || die "apt knows no Debian mirror (see /etc/apt/sources.list)"
    unshare --mount --propagation private mmdebstrap --quiet --mode=root --format=directory "$@" \
        "$suite" "$target" "$CACHE/$suite.list" || die "mmdebstrap failed for $suite"
}

build_tools() {
    [ ! -d "$TOOLS" ] || return 0
    [ "$(uname -m)" = x86_64 ] || die "the guests are x86-64 only"
    # This kernel is used for every suite: it is what Debian 12 ships.
    bootstrap bookworm "$TOOLS.tmp" --variant=extract --include="$TOOLS_PACKAGES"
    rm -rf "$TOOLS.tmp"/usr/share/{doc,man,locale} "$TOOLS.tmp/lib/systemd/system"
    mv "$TOOLS.tmp" "$TOOLS"
    prune "$TOOLS" "$CACHE"/tools-*
}

# tool PROGRAM ARGS...: runs an unpacked program with the unpacked libraries.
tool() {
    local lib=lib/x86_64-linux-gnu dir program=
    for dir in usr/sbin usr/bin sbin bin; do
        [ ! -x "$TOOLS/$dir/$1" ] || program=$TOOLS/$dir/$1
    done
    [ -n "$program" ] || die "no $1 in $TOOLS"
    shift
    QEMU_MODULE_DIR=$TOOLS/usr/$lib/qemu "$TOOLS/$lib/ld-linux-x86-64.so.2" --library-path \
        "$TOOLS/usr/$lib:$TOOLS/$lib:$TOOLS/usr/$lib/systemd:$TOOLS/$lib/systemd" "$program" "$@"
}

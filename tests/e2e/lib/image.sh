# shellcheck shell=bash
# The guest's root file system: Debian as its users have it, plus one service that runs a test.

# shellcheck source=tests/e2e/lib/tools.sh
. "$E2E/lib/tools.sh"

# perl-base comes with minbase.  time(1) is for the benchmark's peak memory.
IMAGE_PACKAGES=systemd,systemd-sysv,dbus,udev,procps,kmod,systemd-coredump,bsdutils,time,e2fsprogs
# What else is in the image, and left out of it: PostgreSQL's compiler is as large as all the
# rest and used by long queries only.
# shellcheck disable=SC2153 # from common.sh
case $VARIANT in
plain) MORE=() ;;
servers)
    IMAGE_PACKAGES+=,nginx,postgresql,redis-server
    MORE=(--dpkgopt='path-exclude=*/libLLVM*' --dpkgopt='path-exclude=*/llvmjit*'
        --dpkgopt='path-exclude=*/bitcode/*' --dpkgopt='path-exclude=*/libz3.so*')
    ;;
logins) IMAGE_PACKAGES+=,openssh-server,openssh-client,passwd MORE=() ;;
*) die "unknown image $VARIANT (plain, servers, logins)" ;;
esac
# shellcheck disable=SC2153 # from common.sh
IMAGE=$CACHE/$SUITE-$VARIANT-$(key "$E2E/lib/image.sh" "$E2E/guest/runner")
# shellcheck disable=SC2034 # used by the lanes
ROOTFS=$IMAGE/rootfs

# Background jobs and logins that no test needs and that would only add noise.
MASKED="e2scrub_reap.service e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer
    dpkg-db-backup.timer fstrim.timer serial-getty@ttyS0.service getty@tty1.service"

build_image() {
    [ "$(id -u)" = 0 ] || die "needs root: it boots systemd"
    case $SUITE in bookworm | trixie) ;; *) die "unknown suite $SUITE (bookworm, trixie)" ;; esac
    need mmdebstrap=mmdebstrap zstd=zstd mkfs.ext4=e2fsprogs || die "cannot build the guests"
    locked build_locked
}

build_locked() {
    build_tools
    [ ! -d "$IMAGE" ] || return 0
    bootstrap "$SUITE" "$IMAGE.tmp/rootfs" --variant=minbase --include="$IMAGE_PACKAGES" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "${MORE[@]}"
    configure "$IMAGE.tmp/rootfs"
    mv "$IMAGE.tmp" "$IMAGE"
    prune "$IMAGE" "$CACHE/$SUITE-$VARIANT"-*
}

configure() {
    local root=$1 unit wants=$1/etc/systemd/system/multi-user.target.wants
    echo e2e >"$root/etc/hostname"
    printf '127.0.0.1\tlocalhost e2e\n' >"$root/etc/hosts"
    : >"$root/etc/machine-id"               # a fresh id at each boot
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
    mkdir -p "$root/e2e" "$root/var/log/journal" "$wants"
    for unit in $MASKED; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
    # Type=exec, so that the boot is over without waiting for the test.
    cat >"$root/etc/systemd/system/e2e.service" <<'UNIT'
[Unit]
Description=End-to-end test runner

[Service]
Type=exec
ExecStart=/usr/local/sbin/e2e-runner
UNIT
    ln -sf ../e2e.service "$wants/"
    install -m 755 "$E2E/guest/runner" "$root/usr/local/sbin/e2e-runner"
}

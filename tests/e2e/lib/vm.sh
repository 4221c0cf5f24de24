#!/bin/bash
# The full lane: a throw-away QEMU machine with real systemd as PID 1, Debian's own kernel,
# every cgroup v2 controller, the kernel log, real OOM kills.  Calls and exit status are those
# of container.sh:
#   vm.sh build            make the image of $E2E_SUITE (once; cached)
#   vm.sh run DIR RESULTS  as container.sh run; DIR and the results are 64 MiB each at most
# Without DIR/overlay a machine is resumed that was saved just after its boot: seconds instead
# of half a minute.  E2E_COLD=1 boots all the same.
# Environment: E2E_SUITE, E2E_CACHE, E2E_TIMEOUT (seconds), E2E_ACCEL (kvm or tcg; default:
# what works here, tried once), E2E_BOOTS (as container.sh).  Emulated, it is ten to thirty times slower: nothing that
# runs in it may assert a duration.
set -u
# shellcheck source=tests/e2e/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/common.sh"
# shellcheck source=tests/e2e/lib/image.sh
. "$E2E/lib/image.sh"
VM=$IMAGE/vm-$(key "$E2E/lib/vm.sh" "$E2E/lib/tools.sh")
DISK=64M
MODULES="virtio/virtio_ring virtio/virtio virtio/virtio_pci_legacy_dev
    virtio/virtio_pci_modern_dev virtio/virtio_pci block/virtio_blk
    block/loop ../fs/autofs/autofs4"
# For speed only: an emulated CPU has nothing to mitigate.
QUIET="quiet panic=-1 mitigations=off nokaslr init_on_alloc=0 audit=0 apparmor=0 cryptomgr.notests"

# The cloud kernel has ext4 built in and virtio as modules: an initrd of 2 MiB loads them.
build_initrd() {
    local dir drivers module
    dir=$(mktemp -d)
    drivers=$(echo "$TOOLS"/lib/modules/*/kernel/drivers)
    mkdir -p "$dir"/{bin,dev,root,modules}
    cp "$TOOLS/bin/busybox" "$dir/bin/"
    for module in $MODULES; do
        cp "$drivers/$module.ko" "$dir/modules/" || die "the kernel has no module $module"
    done
    cat >"$dir/init" <<INIT
#!/bin/busybox sh
busybox mount -t devtmpfs dev /dev
for m in $(for module in $MODULES; do printf '%s ' "${module##*/}"; done); do
    busybox insmod /modules/\$m.ko
done
[ -n "\$e2e_probe" ] && exec busybox poweroff -f
if [ -n "\$e2e_calibrate" ]; then
    until busybox dmesg | busybox grep -q -e 'Refined TSC' -e 'to clocksource tsc\$'; do busybox sleep 0.1; done
    busybox dmesg | busybox grep 'Refined TSC' >/dev/ttyS0
    exec busybox poweroff -f
fi
busybox mount -t ext4 -o rw /dev/vda /root || exec busybox poweroff -f
busybox tar xf /dev/vdb -C /root/e2e
[ -d /root/e2e/overlay ] && busybox cp -a /root/e2e/overlay/. /root/
exec busybox switch_root /root /sbin/init
INIT
    chmod +x "$dir/init"
    (cd "$dir" && find . | tool cpio -o -H newc --quiet) >"$1" || die "cannot make the initrd"
    rm -rf "$dir"
}

# qemu ACCEL CONSOLE APPEND QEMU_ARGS...
qemu() {
    local accel=$1 console=$2 append=$3 cpu=Nehalem
    shift 3
    case $accel in
    kvm) cpu=host ;;
    tcg) accel=tcg,thread=multi,tb-size=512 append="tsc=reliable ${KHZ:+tsc_early_khz=$KHZ }$append" ;;
    esac
    tool qemu-system-x86_64 -L "$TOOLS/usr/share/qemu" -L "$TOOLS/usr/share/seabios" \
        -accel "$accel" -cpu "$cpu" -M q35 -smp 2 -m 1024 \
        -nodefaults -no-user-config -no-reboot -display none -serial "file:$console" \
        -kernel "$(echo "$TOOLS"/boot/vmlinuz-*)" -initrd "$VM/initrd" \
        -append "console=ttyS0 $QUIET $append" "$@"
}

# boot ACCEL CONSOLE APPEND ROOT QEMU_ARGS...: the disks are, in this order, vda (root), vdb
# (in: a tar archive as a disk) and vdc (out: likewise).
boot() {
    local accel=$1 console=$2 append=$3 root=$4 drive disks=()
    shift 4
    for drive in "root,$root" "in,format=raw,readonly=on,file=$WORK/in.tar" \
        "out,format=raw,cache=unsafe,file=$WORK/out.img"; do
        disks+=(-drive "if=none,id=$drive" -device "virtio-blk-pci,drive=${drive%%,*}")
    done
    export -f qemu tool die
    export TOOLS VM QUIET KHZ
    # Snapshots of disks go to TMPDIR; timeout(1) wants a program, not a function.
    TMPDIR=$WORK timeout -k 20 "${E2E_TIMEOUT:-900}" bash -c 'qemu "$@"' qemu \
        "$accel" "$console" "$append" "${disks[@]}" "$@"
}

# On a busy host an emulated clock is calibrated wrongly, and then runs several times too fast for good. Prints
# what was found by two ways that agree, in kHz.
calibrate() {
    local console=$VM/calibration tries=0 found=''
    export -f qemu tool die
    export TOOLS VM QUIET
    until [ -n "$found" ]; do
        [ $((tries += 1)) -le 20 ] || die "the emulated clock cannot be calibrated"
        timeout 60 bash -c 'qemu "$@"' qemu tcg "$console" e2e_calibrate=1 >/dev/null 2>&1
        found=$(sed -n 's/.*Refined TSC clocksource calibration: \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2/p' "$console")
    done
    echo "$found"
}

build_machine() {
    [ ! -d "$VM" ] || return 0
    local target=$VM
    VM=$VM.tmp
    rm -rf "$VM"
    mkdir -p "$VM"
    build_initrd "$VM/initrd"
    mkfs.ext4 -q -F -L e2e-root -E root_owner=0:0 -O ^has_journal -d "$ROOTFS" "$VM/root.img" 1G \
        >/dev/null || die "mkfs.ext4 failed"
    # KVM may be offered and still be unable to run an ordinary kernel (nested machines): try it.
    echo tcg >"$VM/accel"
    if [ -w /dev/kvm ]; then
        export -f qemu tool die
        export TOOLS VM QUIET
        ! timeout 20 bash -c 'qemu "$@"' qemu kvm /dev/null e2e_probe=1 >/dev/null 2>&1 ||
            echo kvm >"$VM/accel"
    fi
    : >"$VM/khz"
    [ "$(cat "$VM/accel")" = kvm ] || calibrate >"$VM/khz" || exit
    mv "$VM" "$target"
    VM=$target
    prune "$VM" "$IMAGE"/vm-*
}

# Boots once, stops the machine, saves its memory and disk.  It is stopped first: memory saved
# while it runs is torn.  Without global state, so that the resumed machine runs at once.
build_saved() {
    local tries=0
    [ ! -s "$VM/saved" ] || return 0
    truncate -s $DISK "$WORK/in.tar" "$WORK/out.img"
    rm -f "$VM/saved.qcow2"
    (cd "$VM" && tool qemu-img create -q -f qcow2 -F raw -b root.img saved.qcow2) || die "qemu-img failed"
    : >"$WORK/ready"
    {
        until grep -q E2E-READY "$WORK/ready" || [ $((tries += 1)) -gt 1200 ]; do sleep 0.5; done
        echo stop
        echo "migrate_set_parameter max-bandwidth 4G"
        echo "migrate \"exec:zstd -q -f -o $VM/saved.tmp\""
        echo quit
    } | boot "$(cat "$VM/accel")" "$WORK/console" e2e_warm "format=qcow2,file=$VM/saved.qcow2" \
        -global migration.store-global-state=off -serial "file:$WORK/ready" -monitor stdio \
        >/dev/null || die "the machine could not be saved; its console: $(tail -n5 "$WORK/console")"
    grep -q E2E-READY "$WORK/ready" || die "the machine did not finish its boot"
    mv "$VM/saved.tmp" "$VM/saved"
}

run() {
    local dir=$1 results=$2 root append='' rc boots more=()
    build_image
    locked build_machine
    KHZ=$(cat "$VM/khz")
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    root="format=raw,snapshot=on,file=$VM/root.img"
    if [ "${E2E_BOOTS:-1}" -gt 1 ]; then
        # The disk that the next boot finds.
        (cd "$WORK" && tool qemu-img create -q -f qcow2 -F raw -b "$VM/root.img" root.qcow2) ||
            die "qemu-img failed"
        root="format=qcow2,file=$WORK/root.qcow2"
    elif [ ! -d "$dir/overlay" ] && [ -z "${E2E_COLD:-}" ]; then
        locked build_saved
        root="format=qcow2,snapshot=on,file=$VM/saved.qcow2" append=e2e_warm
        more=(-incoming "exec:zstd -qdc $VM/saved")
    fi
    mkdir -p "$dir/results" "$results"
    date +%s >"$dir/now"
    tar -C "$dir" --owner=0 --group=0 -cf "$WORK/in.tar" . || die "tar failed"
    [ "$(stat -c %s "$WORK/in.tar")" -le $((64 << 20)) ] || die "more than $DISK to stage"
    truncate -s $DISK "$WORK/in.tar" "$WORK/out.img"    # the sizes are part of what was saved
    for ((boots = 0; boots < ${E2E_BOOTS:-1}; boots++)); do
        boot "${E2E_ACCEL:-$(cat "$VM/accel")}" "$results/console" "$append" "$root" \
            -serial null -monitor none "${more[@]}" </dev/null
        rc=$?
        # Written when main has returned.
        tar -tf "$WORK/out.img" results/exit-status >/dev/null 2>&1 && break
    done
    [ $rc = 0 ] || { echo "e2e: QEMU ended with $rc; see $results/console" >&2; return $rc; }
    tar -C "$results" --strip-components=1 -xf "$WORK/out.img" 2>/dev/null
    [ -s "$results/exit-status" ] || die "the guest left no result; see $results/console"
    return "$(cat "$results/exit-status")"
}

case "${1:-}:$#" in
build:1) build_image && locked build_machine ;;
run:3) run "$(readlink -f "$2")" "$3" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 125 ;;
esac

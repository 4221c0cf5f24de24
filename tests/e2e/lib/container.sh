#!/bin/bash
# The fast lane: real systemd as PID 1 in a container (systemd-nspawn, this host's kernel),
# ready in about a second.
#   container.sh build            make the image of $E2E_SUITE (once; cached)
#   container.sh run DIR RESULTS  boot with DIR as /e2e, run /e2e/main as root, copy
#                                 /e2e/results to RESULTS, return main's exit status
# DIR/overlay, if there, is laid over / before systemd starts.
# Environment: E2E_SUITE, E2E_CACHE, E2E_TIMEOUT (seconds), E2E_BOOTS (boots at most, until main
# leaves its exit status; 1).
# 125: the harness failed; 124: the time ran out; else main's own status.
# Where the host has its controllers on cgroup v1, the guest's cgroup v2 tree has only
# cpu.stat and *.pressure, and limits such as MemoryMax= do nothing: the VM has them all.
# Everything mounted is in a mount namespace of its own, and the cgroups are removed.
set -u
# shellcheck source=tests/e2e/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/common.sh"
# shellcheck source=tests/e2e/lib/image.sh
. "$E2E/lib/image.sh"

run() {
    local dir=$1 results=$2 rc
    build_image
    mkdir -p "$dir/results" "$results"
    timeout -k 20 "${E2E_TIMEOUT:-300}" unshare --mount --propagation private \
        bash "$0" inside "$dir" </dev/null >"$results/console" 2>&1
    rc=$?
    cp -a "$dir/results/." "$results/"
    [ $rc = 0 ] || { cat "$results/console" >&2; return $rc; }
    [ -s "$results/exit-status" ] || die "the guest left no result; see $results/console"
    return "$(cat "$results/exit-status")"
}

# In the private mount namespace.
inside() {
    local dir=$1 lower=$ROOTFS name=e2e-$$ cgroup2 rc root boot
    [ ! -d "$dir/overlay" ] || lower=$dir/overlay:$ROOTFS
    mount -t tmpfs tmpfs /run || die "cannot mount a private /run"   # nspawn keeps state there
    root=/run/e2e
    mkdir -p /run/systemd $root/upper $root/work $root/merged
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$root/upper,workdir=$root/work" \
        $root/merged || die "cannot mount the overlay"
    cgroup2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    [ -n "$cgroup2" ] || die "this host has no cgroup v2"
    { mkdir "$cgroup2/$name" && echo $$ >"$cgroup2/$name/cgroup.procs"; } || die "cannot make a cgroup"
    for ((boot = 0; boot < ${E2E_BOOTS:-1}; boot++)); do
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 tool systemd-nspawn --quiet --directory=$root/merged --boot \
            --register=no --keep-unit --link-journal=no --console=pipe --machine="$name" --private-network \
            --capability=all --system-call-filter='bpf perf_event_open syslog' --bind="$dir:/e2e"
        rc=$?
        [ ! -s "$dir/results/exit-status" ] || break
    done
    leave "$cgroup2" "$name"
    return $rc
}

# leave CGROUP2 NAME: the cgroups of this run, in both hierarchies, were made by this run alone.
leave() {
    local top
    for top in "$1" /sys/fs/cgroup/systemd; do
        [ -d "$top/$2" ] || continue
        echo $$ >"$top/cgroup.procs"
        find "$top/$2" -depth -type d -exec rmdir {} + 2>/dev/null
    done
}

case "${1:-}:$#" in
build:1) build_image ;;
run:3) run "$(readlink -f "$2")" "$3" ;;
inside:2) inside "$2" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 125 ;;
esac

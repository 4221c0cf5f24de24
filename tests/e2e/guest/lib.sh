# shellcheck shell=bash
# For the guest() half of a case: runs things and saves what came of them in $RESULTS.  It
# judges nothing: that is the work of check(), on the host.

# An ordinary user without any privilege; a prefix to a command.
# shellcheck disable=SC2034 # used by the cases
AS_NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)

# Where the CPU is emulated, on a busy host, sources miss the deadline that suits real machines.
patience() {
    mkdir -p /etc/sysdiag-analyzer
    printf '[collect]\ndeadline_seconds = 60\n' >/etc/sysdiag-analyzer/config.toml
}

# save NAME SUFFIX COMMAND...: standard output to NAME.SUFFIX, standard error to NAME.err, exit
# status to NAME.rc.  A command that hangs is killed (status 124), so that it cannot pass.
save() {
    local name=$1 suffix=$2
    shift 2
    timeout -k 5 "${PATIENCE:-$([ "$LANE" = vm ] && echo 120 || echo 30)}" "$@" \
        >"$RESULTS/$name.$suffix" 2>"$RESULTS/$name.err" </dev/null
    echo $? >"$RESULTS/$name.rc"
}

# text NAME COMMAND...: saves NAME.txt.
text() { save "$1" txt "${@:2}"; }

# report NAME ARGS...: saves NAME.json, a report; the runner validates every one of them.
report() { save "$1" json sysdiag-analyzer -o json "${@:2}"; }

# capture NAME [PREFIX...]: saves NAME.cap, a host for `cargo xtask record` to keep.
capture() { text "capture-$1" "${@:2}" sysdiag-analyzer capture "$RESULTS/$1.cap"; }

# A prefix to a command: `save NAME json "${ELSEWHERE[@]}" SETUP COMMAND...` runs it in a mount
# namespace of its own, after SETUP (mounts, as shell text) was carried out there.
# shellcheck disable=SC2034 # used by the cases
ELSEWHERE=(unshare --mount --propagation private bash -ec 'eval "$0"; exec "$@"')

# props NAME UNIT: what systemd itself says, times in microseconds UTC.
props() { systemctl show --timestamp=us+utc "$2" >"$RESULTS/$1.props"; }

# until_true SECONDS COMMAND...: polls; on the deadline says so and fails.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            echo "waited in vain for: $*"
            return 1
        fi
        sleep 0.1
    done
}

# has PROPERTY VALUE UNIT: a unit's property has this value.
has() { [ "$(systemctl show -P "$1" "$3")" = "$2" ]; }

# at_least NUMBER COMMAND...: the command prints a number, at least that high.
at_least() {
    local found
    found=$("${@:2}" 2>/dev/null)
    [[ $found =~ ^[0-9]+$ ]] && [ "$found" -ge "$1" ]
}

controller() { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }

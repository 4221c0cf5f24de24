# shellcheck shell=bash
# For the check() half of a case: judges what guest() saved.  Runs on the host, in the folder
# of the results.  Every claim that does not hold prints a line and is counted.

FAILED=0
fail() {
    FAILED=$((FAILED + 1))
    printf '      %s\n' "$*"
}

# exits NAME STATUS: how a saved command ended.
exits() {
    local rc
    rc=$(cat "$1.rc" 2>/dev/null) || rc="not run"
    [ "$rc" = "$2" ] || fail "$1: exit status $rc, expected $2${rc:+: $(tail -n1 "$1.err" 2>/dev/null)}"
}

# holds NAME CLAIM FILTER [JQ_ARGS...]: the jq filter gives true for NAME.json, at least once and
# nothing else.  Filters may use what lib/check.jq defines.
holds() {
    local name=$1 claim=$2 filter=$3
    shift 3
    jq -L "$E2E/lib" -n -e "$@" "include \"check\"; input | [$filter] | length > 0 and all" \
        "$name.json" >/dev/null 2>.jq ||
        fail "$name: not so: $claim$(sed -n '1s/^/ (/;1s/$/)/p' .jq)"
}

# says FILE REGEX / silent FILE REGEX: a line of the file matches / none does.
says() { grep -Eq -e "$2" "$1" || fail "$1 does not say /$2/"; }
silent() { ! grep -Eq -e "$2" "$1" || fail "$1 says /$2/: $(grep -E -m1 -e "$2" "$1" | cut -c1-120 | cat -v)"; }

# prop NAME PROPERTY: from NAME.props.
prop() { sed -n "s/^$2=//p" "$1.props"; }

# instant NAME PROPERTY: a time of systemctl show in the form of a report.
instant() {
    local when
    when=$(prop "$1" "$2")
    date -u -d "${when#* }" +%Y-%m-%dT%H:%M:%S.%6NZ
}

# controller NAME: the guest had this cgroup controller.
controller() { grep -qw "$1" controllers; }

# Claims that every run of every case must fulfil.
always() {
    local file
    for file in *.rc; do
        [ -e "$file" ] || { fail "nothing was run"; break; }
        case $(cat "$file") in
        0 | 1 | 2 | 3 | 4) ;;
        *) fail "${file%.rc}: exit status $(cat "$file"): $(tail -n1 "${file%.rc}.err")" ;;
        esac
    done
    for file in *.err; do silent "$file" "panicked at|RUST_BACKTRACE"; done
    # No terminal was there, so nothing but text and line ends may be in a report; nor may
    # colours and logs be on standard output.
    for file in *.txt; do
        [ ! -e "$file" ] || [ "${file%.colour.txt}" != "$file" ] ||
            ! LC_ALL=C grep -q '[[:cntrl:]]' "$file" || fail "$file has control characters"
    done
    reports_valid
    [ ! -s output ] || fail "the guest's script said: $(head -n3 output)"
}

# Each NAME.json is one document that keeps to the schema.
reports_valid() {
    local file files=()
    for file in *.json; do
        [ -e "$file" ] || continue
        if [ "$(jq -s length "$file" 2>/dev/null)" = 1 ]; then
            files+=("$file")
        else
            fail "$file is not one JSON document"
        fi
    done
    [ ${#files[@]} = 0 ] || "$XTASK" validate-report "${files[@]}" >.validate 2>&1 ||
        fail "the schema is not kept: $(tail -n3 .validate)"
}

# finds NAME TABLE: the findings of NAME.json are those of the table, each below its cause, and
# nothing else is found (lib/findings_agree.py).
finds() {
    local line
    while IFS= read -r line; do fail "$1: $line"; done < <(
        # shellcheck disable=SC2046 # one word each
        python3 "$E2E/lib/findings_agree.py" "$1.json" "$LANE" "$SUITE" $(cat controllers) <<<"$2" 2>&1
    )
}

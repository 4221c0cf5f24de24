# shellcheck shell=bash
# Rings of ordering are each found once, with the file that adds each edge, and systemd-analyze
# verify agrees; a chain is none.
# lanes: container vm

UNITS=/etc/systemd/system

# service NAME LINES: a unit that does nothing, with these lines in [Unit].
service() {
    printf '[Unit]\n%s\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' "$2" >"$UNITS/$1.service"
}

# target NAME UNITS...: wants them all, so that they come into one transaction.
target() { printf '[Unit]\nWants=%s\n' "${*:2}" >"$UNITS/$1.target"; }

guest() {
    local number all=()
    patience
    report healthy run --no-save --analyze-full-graph
    service e2e-two-a After=e2e-two-b.service
    service e2e-two-b After=e2e-two-a.service
    target e2e-two e2e-two-{a,b}.service
    service e2e-three-a After=e2e-three-b.service
    service e2e-three-b After=e2e-three-c.service
    service e2e-three-c After=e2e-three-a.service
    target e2e-three e2e-three-{a,b,c}.service
    for number in {100..149}; do
        service "e2e-fifty-$number" "After=e2e-fifty-$((number == 149 ? 100 : number + 1)).service"
        all+=("e2e-fifty-$number.service")
    done
    target e2e-fifty "${all[@]}"
    # Two rings through m.
    service e2e-share-m $'After=e2e-share-a.service\nAfter=e2e-share-c.service'
    service e2e-share-a After=e2e-share-b.service
    service e2e-share-b After=e2e-share-m.service
    service e2e-share-c After=e2e-share-d.service
    service e2e-share-d After=e2e-share-m.service
    target e2e-share e2e-share-{a,b,c,d,m}.service
    # Closed by a drop-in, with Before= at the other end.
    service e2e-drop-a Description=first
    service e2e-drop-b After=e2e-drop-a.service
    mkdir -p $UNITS/e2e-drop-b.service.d
    printf '[Unit]\n\nBefore=e2e-drop-a.service\n' >$UNITS/e2e-drop-b.service.d/50-order.conf
    target e2e-drop e2e-drop-{a,b}.service
    # A socket is before its service by itself.
    printf '[Unit]\nDefaultDependencies=no\nAfter=e2e-own.service\n[Socket]\nListenStream=/run/e2e-own\n' >$UNITS/e2e-own.socket
    printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep infinity\n' >$UNITS/e2e-own.service
    target e2e-own e2e-own.socket e2e-own.service
    # No ring: a chain; and one of requirements, which is legal.
    service e2e-chain-a After=e2e-chain-b.service
    service e2e-chain-b Requires=e2e-chain-a.service
    service e2e-legal-a Wants=e2e-legal-b.service
    service e2e-legal-b Wants=e2e-legal-a.service
    target e2e-legal e2e-{legal,chain}-{a,b}.service
    systemctl daemon-reload
    for number in two three fifty share drop own legal; do
        systemctl start e2e-$number.target
        text verify-$number systemd-analyze verify e2e-$number.target
    done
    journalctl --sync
    report graph run --no-save --analyze-full-graph
    report plain run --no-save
    for number in a b c; do report page-$number analyze-unit e2e-three-$number.service; done
    text graph sysdiag-analyzer run --no-save --analyze-full-graph
    text capture sysdiag-analyzer capture /tmp/host.sysdiag
    report again --from /tmp/host.sysdiag run --analyze-full-graph
}

# ring NAME UNIT...: there is one ring with exactly these units.
ring() {
    holds graph "the ring $1, once" '[.full_dependency_analysis.cycles[] |
        select((.units | sort) == ($ring | sort))] | length == 1' --argjson ring "$(jq -nc '$ARGS.positional' --args "${@:2}")"
}

check() {
    local name all=()
    exits healthy 0
    holds healthy "no cycle" '.full_dependency_analysis | .cycles == [] and .edges > 200'
    for name in graph plain again; do exits $name 1; done
    for name in page-{a,b,c}; do
        holds "$name" "its page shows the ring, whichever unit was dropped" \
            '[.findings[].key] | index("ordering-cycle-broken:e2e-three-a.service") != null'
    done
    ring two e2e-two-{a,b}.service
    ring three e2e-three-{a,b,c}.service
    for name in {100..149}; do all+=("e2e-fifty-$name.service"); done
    ring fifty "${all[@]}"
    ring share-1 e2e-share-{a,b,m}.service
    ring share-2 e2e-share-{c,d,m}.service
    ring drop e2e-drop-{a,b}.service
    ring own e2e-own.socket e2e-own.service
    holds graph "and no other" '.full_dependency_analysis.cycles | length == 7'
    holds graph "a ring goes on from each unit to the next" 'all(.full_dependency_analysis.cycles[];
        [.edges[].from] == .units and [.edges[].to] == .units[1:] + .units[:1] and .units[0] == (.units | min))'
    holds graph "the line of the drop-in" '[.full_dependency_analysis.cycles[].edges[] |
        select(.source_file == "/etc/systemd/system/e2e-drop-b.service.d/50-order.conf")] |
        length == 1 and .[0].source_line == 3 and .[0].from == "e2e-drop-a.service"'
    holds graph "the line of each edge of three" '[.full_dependency_analysis.cycles[] |
        select(.units[0] == "e2e-three-a.service").edges[] | "\(.source_file):\(.source_line)"] ==
        (["a", "b", "c"] | map("/etc/systemd/system/e2e-three-\(.).service:2"))'
    holds graph "the implicit edge is said to be so" '[.full_dependency_analysis.cycles[].edges[] |
        select(.from == "e2e-own.service")] | length == 1 and .[0].origin == "implicit" and
        (.[0] | has("source_file") | not) and (.[0].reason | contains("systemd.socket(5)"))'
    holds graph "one finding at the top for each ring" '[.findings[] | select(.rule == "ordering-cycle" and
        (has("cause") | not)).subject] | sort == ["e2e-drop-a.service", "e2e-fifty-100.service",
        "e2e-own.service", "e2e-share-a.service", "e2e-share-c.service", "e2e-three-a.service", "e2e-two-a.service"]'
    holds graph "what was dropped hangs below its ring" '[.findings[] | select(.rule == "ordering-cycle-broken")] |
        length > 4 and all(.[]; .cause | startswith("ordering-cycle:"))'
    holds plain "dropped jobs are told without the graph" '(has("full_dependency_analysis") | not) and
        ([.findings[] | select(.rule == "ordering-cycle-broken").subject] | index("e2e-three-a.service") != null)'
    jq -S .full_dependency_analysis.cycles graph.json >cycles-live
    jq -S .full_dependency_analysis.cycles again.json >cycles-again
    cmp -s cycles-live cycles-again || fail "the capture gives other cycles"
    says graph.txt '^Ordering +7 cycles among'
    for name in two three fifty share drop own; do says verify-$name.err 'ordering cycle'; done
    silent verify-legal.err 'ordering cycle'
}

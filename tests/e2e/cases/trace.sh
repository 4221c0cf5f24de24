# shellcheck shell=bash
# While processes are traced, units do what has to be told of them: one spawns without end, one has children
# that fail, one is killed from another, one runs what anybody may change, one does not find its program.
# lanes: vm

# attached: the programs of the one of us that runs are in the kernel.
attached() { grep -qs '^link_type:' /proc/"$(pidof -s sysdiag-analyzer)"/fdinfo/*; }

plant() {
    service e2e-spawner.service <<<"ExecStart=/bin/sh -c 'while :; do /bin/true; done'"
    service e2e-children.service <<<"ExecStart=/bin/sh -c 'while sleep 0.1; do e2e-fails; done'"
    service e2e-victim.service <<<'ExecStart=/bin/sleep infinity'
    cat >/usr/local/bin/e2e-murderer <<'SCRIPT'
#!/bin/sh
kill -KILL "$(systemctl show -P MainPID e2e-victim.service)"
exec sleep infinity
SCRIPT
    cp /bin/true /srv/e2e-anybody
    # By the name of false a status of 1 would be an answer.
    cp /bin/false /usr/local/bin/e2e-fails
    chmod 755 /usr/local/bin/e2e-murderer
    chmod 777 /srv/e2e-anybody
    service e2e-murderer.service <<<'ExecStart=/usr/local/bin/e2e-murderer'
    service e2e-open.service <<<$'Type=oneshot\nExecStart=/srv/e2e-anybody'
    service e2e-lost.service <<<"ExecStart=/bin/sh -c e2e-no-such-program"
    service e2e-secret.service <<<$'Type=oneshot\nExecStart=/bin/true --password=canary-4711'
    systemctl daemon-reload
    systemctl start e2e-{victim,spawner,children}.service
}

guest() {
    patience
    # An emulated CPU does not get far in a second.
    printf '[analysis]\nshort_lived_per_second = 2.0\n' >>/etc/sysdiag-analyzer/config.toml
    plant
    report run run --no-save --enable-ebpf --ebpf-duration 15 &
    until_true 60 attached
    systemctl start --no-block e2e-{murderer,open,lost,secret}.service
    failed signal e2e-victim.service
    failed exit-code e2e-lost.service
    wait $!
    text run-text sysdiag-analyzer run --no-save --enable-ebpf --ebpf-duration 2
    save unit jsonl sysdiag-analyzer -o json trace --duration 3 --unit e2e-children
    text comm sysdiag-analyzer trace --duration 3 --comm true
    # A signal ends it as the time does.
    text asked sysdiag-analyzer trace &
    until_true 60 grep -q exec "$RESULTS/asked.txt"
    pkill -INT -x sysdiag-analyze
    wait $!
    save nobody txt "${AS_NOBODY[@]}" sysdiag-analyzer trace --duration 1
    systemctl stop e2e-{spawner,children,murderer}.service
}

# lines FILTER: of every line of unit.jsonl.
lines() { jq -es "$2" unit.jsonl >/dev/null || fail "unit: not so: $1"; }

check() {
    local key
    exits run 1
    holds run "nothing was lost" '.ebpf_analysis.lost == 0'
    holds run "traced for as long as was asked for" '.ebpf_analysis.duration_usec >= 15000000'
    holds run "the spawner is the busiest" '.ebpf_analysis.per_unit[0] | .unit == "e2e-spawner.service" and .execs > 50 and .short_lived > 50 and .programs[0].file == "/bin/true"'
    holds run "children that failed" '[.ebpf_analysis.per_unit[] | select(.unit == "e2e-children.service") | .endings[] | select(.command == "e2e-fails") | .exit_status == 1 and .count > 10] == [true]'
    holds run "who killed whom" '[.ebpf_analysis.exit_events[] | select(.unit == "e2e-victim.service") | [.signal, .sent.unit, .sent.command, .sent.by_kernel, .exit_status]] == [["SIGKILL", "e2e-murderer.service", "e2e-murderer", false, null]]'
    holds run "a script with its interpreter" '[.ebpf_analysis.exec_events[] | select(.file == "/usr/local/bin/e2e-murderer") | .interpreter] == ["/bin/sh"] or .ebpf_analysis.omitted.execs > 0'
    holds run "a program that anybody may change" '[.ebpf_analysis.exec_events[] | select(.file == "/srv/e2e-anybody") | .writable_by_all] == [true]'
    silent run.json canary
    for key in unit-short-lived-processes:e2e-spawner.service unit-children-fail:e2e-children.service killed-by-other-unit:e2e-victim.service unsafe-program-run:e2e-open.service; do
        holds run "$key" '[.findings[].key] | index($key) != null' --arg key "$key"
    done
    holds run "the victim failed because of the murderer" '[.findings[] | select(.key == "unit-failed:e2e-victim.service") | .cause] == ["killed-by-other-unit:e2e-victim.service"]'
    holds run "what could not be run" '[.findings[] | select(.key == "unit-failed:e2e-lost.service") | .title | test("127.*e2e-no-such-program")] == [true]'
    exits run-text 1
    says run-text.txt '^Trace +[0-9 ]+ execs and [0-9 ]+ exits in'
    says run-text.txt '^ +e2e-spawner\.se.* +[0-9]+ +[0-9]+ .* true [0-9]+'

    exits unit 0
    lines "of this unit only" 'map(select(.event != "end")) | length > 10 and all(.unit == "e2e-children.service")'
    lines "starts and ends" '[.[].event] | (map(select(. == "exec")) | length) > 5 and (map(select(. == "exit")) | length) > 5'
    lines "the end counts all" '.[-1] | .event == "end" and .execs > 10 and (.lost | add) == 0'
    exits comm 0
    says comm.txt 'e2e-spawner\.service +exec  /bin/true'
    says comm.txt 'e2e-spawner\.service +exit  true: status 0 after'
    silent comm.txt 'e2e-fails'
    exits asked 0
    says asked.txt '^[0-9.]+ m?s of the host: [0-9]+ execs, [0-9]+ exits.*; no event was lost$'
    exits nobody 3
    says nobody.err 'run it as root, or with the capabilities CAP_BPF and CAP_PERFMON'
}

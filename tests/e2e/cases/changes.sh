# shellcheck shell=bash
# What changed since earlier reports: new, going on, coming and going, gone; what the
# configuration ignores or expects; what grew.
# lanes: container vm

GROWS=/run/grows.state

# grow: the hog takes 16 MiB more, and has them when this returns.
grow() {
    local before
    before=$(cat $GROWS 2>/dev/null || echo 0)
    systemctl kill --signal=USR1 e2e-hog.service
    until_true 60 at_least $((before + 1)) cat $GROWS
}

bad() { until_true 30 has ActiveState failed e2e-bad.service; }

guest() {
    local i
    mkdir -p /etc/sysdiag-analyzer /run/systemd/system /mnt/small
    [ "$LANE" != vm ] || patience
    printf '[analysis]\nmemory_leak_seconds = 1\nfile_system_warning_percent = 50.0\n' >>/etc/sysdiag-analyzer/config.toml
    # shellcheck disable=SC2016 # for perl
    printf '%s\n' '$|=1; my ($x, $n) = ("x", 0); $SIG{USR1} = sub { $x .= "x" x (16 << 20); $n++;
        open my $f, ">", "'$GROWS'.new"; print $f $n; close $f; rename "'$GROWS'.new", "'$GROWS'" };
        sleep 1000 while 1' >/run/grows.pl
    printf '[Service]\nExecStart=perl /run/grows.pl\n' >/run/systemd/system/e2e-hog.service
    printf '[Service]\nExecStart=sh -c "exit $((40 + 2))"\n' >/run/systemd/system/e2e-bad.service
    mount -t tmpfs -o size=20M tmpfs /mnt/small
    systemctl daemon-reload
    systemctl start e2e-hog.service
    report clean run

    systemctl start e2e-bad.service
    bad
    grow
    report new run
    head -c 12M /dev/zero >/mnt/small/data
    for i in 3 4; do grow; report again-$i run; done
    text again sysdiag-analyzer run --no-save
    systemctl reset-failed e2e-bad.service
    report gone run
    text gone sysdiag-analyzer show-history --open 1
    for i in 1 2; do
        systemctl start e2e-bad.service
        bad
        grow
        report there-$i run
        systemctl reset-failed e2e-bad.service
        grow
        report away-$i run
    done
    systemctl start e2e-bad.service
    bad
    report flaps run
    text flaps sysdiag-analyzer run --no-save

    cp /etc/sysdiag-analyzer/config.toml /run/ignore.toml
    printf '[[ignore]]\nunit = "e2e-b*"\nrule = "unit-failed"\nreason = "known since May"\n' >>/run/ignore.toml
    report ignored -c /run/ignore.toml run --no-save
    text ignored sysdiag-analyzer -c /run/ignore.toml run --no-save
    text ignored-v sysdiag-analyzer -v -c /run/ignore.toml run --no-save
    cp /etc/sysdiag-analyzer/config.toml /run/expect.toml
    printf '[[expect]]\nunit = "e2e-hog.service"\nstate = "inactive"\n[[expect]]\nunit = "e2e-bad.service"\nstate = "failed"\n' >>/run/expect.toml
    report expected -c /run/expect.toml run --no-save
    report open-first show-history --open 9
}

BAD='.findings[] | select(.key == "unit-failed:e2e-bad.service")'

check() {
    local name
    for name in clean gone open-first away-1 away-2; do exits "$name" 0; done
    for name in new again-3 again-4 there-1 there-2 flaps; do exits "$name" 1; done
    holds clean "a first report has no statuses" '[.findings[].status] | all(. == null)'
    holds new "a failure since the last report is new" "$BAD | .status == \"new\" and .reports_in_a_row == 1"
    holds again-4 "it goes on" "$BAD | .status == \"continuing\" and .reports_in_a_row == 3"
    holds again-4 "since the report that had it first" "($BAD | .first_seen) == \$t" --arg t "$(jq -r .timestamp new.json)"
    says again.txt 'e2e-bad\.service.*42'
    says again.txt 'seen +in 4 reports'
    holds gone "it is resolved" '[.resolved_findings[].key] | index("unit-failed:e2e-bad.service") != null'
    holds gone "and no finding any more" "[$BAD] == []"
    says gone.txt '^RESOLVED +e2e-bad\.service'
    holds flaps "it comes and goes" "$BAD | .comes_and_goes >= 3"
    says flaps.txt 'seen .*comes and goes'
    exits ignored 0
    holds ignored "it is among the ignored" '.ignored_findings | length == 1 and .[0].ignored_because == "known since May"'
    says ignored.txt '1 finding is ignored'
    silent ignored.txt 'ERROR|known since May'
    says ignored-v.txt '^IGNORED +e2e-bad\.service'
    says ignored-v.txt 'known since May'
    exits expected 0
    holds expected "a unit that should not run" '[.findings[].key] | index("unit-not-as-expected:e2e-hog.service") != null'
    holds open-first "an older report is opened" '.timestamp == $t' --arg t "$(jq -r .timestamp new.json)"
    holds expected "a failure that is expected" "[$BAD] == []"
    holds again-3 "a file system says how it grew" '[.findings[] | select(.key == "file-system-full:/mnt/small") |
        .evidence[] | select(.what | startswith("growth in ")) | .value == 12582912]'
    if grep -qw memory controllers; then
        holds there-2 "memory that grows and is not given back" '[.findings[] | select(.key == "unit-memory-leak:e2e-hog.service")] | length == 1'
        holds new "no leak after one step" '[.findings[] | select(.rule == "unit-memory-leak")] == []'
    fi
}

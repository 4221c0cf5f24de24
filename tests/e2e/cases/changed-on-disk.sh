# shellcheck shell=bash
# Files of running units that changed since systemd read them are found and named; a reload ends it.
# lanes: container vm

AT=/etc/systemd/system

# look NAME: a report now, and one after the reload that mends what it found.
look() {
    report "$1" analyze-health
    systemctl daemon-reload
    report "$1-mended" analyze-health
}

guest() {
    report fresh analyze-health
    printf '[Service]\nExecStart=sleep 1000\n' >$AT/e2e-run.service
    printf '[Unit]\nDescription=below\n[Service]\nExecStart=sleep 1000\n' >/usr/lib/systemd/system/e2e-low.service
    mkdir -p /srv/e2e
    printf 'tmpfs /srv/e2e tmpfs defaults 0 0\n' >>/etc/fstab
    systemctl daemon-reload
    systemctl start e2e-run e2e-low srv-e2e.mount
    report loaded analyze-health
    # As a package does: the new file has an old time.
    printf '[Service]\nExecStart=sleep 2000\n' >/tmp/new
    echo '# more' >>$AT/e2e-run.service
    look edited
    mkdir $AT/e2e-run.service.d
    printf '[Unit]\nDescription=new\n' >$AT/e2e-run.service.d/x.conf
    look drop-in-added
    rm $AT/e2e-run.service.d/x.conf
    look drop-in-removed
    cp /tmp/new $AT/e2e-low.service
    touch -d 2020-01-01 $AT/e2e-low.service
    look hidden
    rm $AT/e2e-low.service
    look uncovered
    mkdir $AT/service.d
    printf '[Unit]\nDocumentation=man:true(1)\n' >$AT/service.d/all.conf
    look of-all
    echo '# more' >>/etc/fstab
    look source
    echo '# more' >>$AT/e2e-run.service
    systemctl daemon-reexec
    report reexec analyze-health
    # Links alone are no change of a file, although systemd 257 says so of every unit.
    printf '[Install]\nWantedBy=multi-user.target\n' >>$AT/e2e-run.service
    systemctl daemon-reload
    systemctl --quiet --no-reload enable e2e-run.service
    look links
    rm $AT/e2e-run.service
    report removed analyze-health
}

# changed NAME SUBJECT SEVERITY FILE: the only such finding.
changed() {
    # shellcheck disable=SC2016 # variables of jq
    holds "$1" "$4 of $2 is found, and nothing else" '[.findings[] | select(.rule == "unit-changed-on-disk")] |
        length == 1 and (.[0] | .subject == $subject and .severity == $severity and
        any(.evidence[]; .value == $file) and .next == "systemctl daemon-reload")' \
        --arg subject "$2" --arg severity "$3" --arg file "$4"
}

check() {
    local name
    changed edited e2e-run.service info $AT/e2e-run.service
    changed drop-in-added e2e-run.service info $AT/e2e-run.service.d/x.conf
    changed drop-in-removed e2e-run.service info $AT/e2e-run.service.d/x.conf
    changed hidden e2e-low.service info $AT/e2e-low.service
    changed uncovered e2e-low.service info $AT/e2e-low.service
    changed of-all $AT/service.d/all.conf info $AT/service.d/all.conf
    changed source srv-e2e.mount info /etc/fstab
    changed removed e2e-run.service warning $AT/e2e-run.service
    holds edited "since when" '(.findings[0].since | fromdateiso8601? // (.[:19] + "Z" | fromdateiso8601)) > 0'
    for name in fresh loaded reexec links *-mended.json; do
        holds "${name%.json}" "nothing" '[.findings[] | select(.rule == "unit-changed-on-disk")] == []'
    done
}

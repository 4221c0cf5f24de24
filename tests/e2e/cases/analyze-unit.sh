# shellcheck shell=bash
# The page of any unit there is, loaded or not, agrees with systemctl, and PID 1 loads nothing for it.
# lanes: container vm

AT=/etc/systemd/system

unit() { mkdir -p "$(dirname "$AT/$1")" && cat >"$AT/$1"; }

plant() {
    unit e2e-tmpl@.service <<-'U'
		[Unit]
		Description=Instance %i
		[Service]
		ExecStart=sleep 1000
		[Install]
		DefaultInstance=one
		WantedBy=multi-user.target
	U
    unit e2e-idle.service <<-'U'
		[Unit]
		Description=Runs when asked
		Wants=dbus.service e2e-nowhere.service
		After=dbus.service
		[Service]
		Type=oneshot
		ExecStart=echo the earlier \
		  # a comment between
		  run
		[Install]
		WantedBy=multi-user.target
		Alias=e2e-alias.service
	U
    unit e2e-idle.service.d/10-first.conf <<<$'[Service]\nUser=nobody'
    unit e2e-.service.d/20-prefix.conf <<<$'[Unit]\nDocumentation=man:true(1)'
    ln -s e2e-idle.service $AT/e2e-alias.service
    ln -s /dev/null $AT/e2e-masked.service
    mkdir -p /opt
    printf '[Service]\nExecStart=true\n' >/opt/e2e-linked.service
    ln -s /opt/e2e-linked.service $AT/e2e-linked.service
    unit e2e-other.service <<<$'[Service]\nExecStart=true'
    unit e2e-often.timer <<<$'[Timer]\nOnActiveSec=1h\nUnit=e2e-other.service'
    unit e2e-listen.socket <<<$'[Socket]\nListenStream=/run/e2e-listen\nService=e2e-other.service'
    systemctl daemon-reload
    systemctl start e2e-tmpl@one e2e-tmpl@two e2e-idle e2e-often.timer
}

names() { systemctl list-units --all --plain --no-legend | awk '{print $1}' | sort; }

# Units that are on disk and not loaded, evenly over all of them.
sample() {
    local every
    systemctl list-unit-files --plain --no-legend | awk '$2 != "alias" && $1 !~ /@\.|\\/ {print $1}' | sort |
        comm -23 - "$RESULTS/before" >/tmp/idle
    every=$(($(wc -l </tmp/idle) / ${1:?} + 1))
    awk -v every="$every" 'NR % every == 0' /tmp/idle
}

guest() {
    local unit index=0
    plant
    until_true 60 eval '! names | grep -qx e2e-idle.service'
    names >"$RESULTS/before"
    sample "$([ "$LANE" = vm ] && echo 4 || echo 24)" >"$RESULTS/sample"
    for unit in tmpl@.service tmpl@one tmpl@three idle alias masked linked often.timer listen.socket; do
        report "${unit%%.*}" analyze-unit "e2e-$unit"
    done
    save nobody json "${AS_NOBODY[@]}" sysdiag-analyzer -o json analyze-unit e2e-idle
    report logind analyze-unit dbus-org.freedesktop.login1
    text idle80 env COLUMNS=80 sysdiag-analyzer analyze-unit e2e-idle
    text idle160 env COLUMNS=160 sysdiag-analyzer analyze-unit e2e-idle -v
    text near sysdiag-analyzer analyze-unit e2e-idel
    text kinds sysdiag-analyzer analyze-unit systemd-tmpfiles-claen
    while read -r unit; do
        index=$((index + 1))
        report "sample-$index" analyze-unit "$unit"
    done <"$RESULTS/sample"
    names >"$RESULTS/after"
    text capture sysdiag-analyzer capture "$RESULTS/host"
    report replay-alias analyze-unit --from "$RESULTS/host" dbus-org.freedesktop.login1
    text replay-idle sysdiag-analyzer analyze-unit --from "$RESULTS/host" e2e-idle
    # From here on systemctl has PID 1 load them.
    index=0
    while read -r unit; do
        index=$((index + 1))
        props "sample-$index" "$unit"
        systemctl is-enabled "$unit" >"$RESULTS/sample-$index.enabled" 2>/dev/null || true
    done <"$RESULTS/sample"
    props idle e2e-idle.service
    props linked e2e-linked.service
    systemctl cat e2e-idle.service | sed -n 's/^# \//\//p' >"$RESULTS/idle.cat"
    for unit in 'tmpl@' tmpl@three idle masked linked; do
        # Its exit status says the same as its word.
        systemctl is-enabled "e2e-$unit.service" >"$RESULTS/$unit.enabled" 2>/dev/null || true
    done
}

# agrees NAME: a page from disk with what systemctl show said once the unit was loaded.
agrees() {
    local name=$1
    # shellcheck disable=SC2016 # variables of jq
    holds "$name" "files, names and description are those of systemctl" '.unit_analysis |
        (.fragment_path // "") == $fragment and (.drop_in_paths // []) == ($drop_ins | split(" ")) and
        ([.name] + (.aliases // []) | sort) == ($names | split(" ") | sort) and
        (.description // .name) == $description and .load_state != "loaded"' \
        --arg fragment "$(prop "$name" FragmentPath)" --arg drop_ins "$(prop "$name" DropInPaths)" \
        --arg names "$(prop "$name" Names)" --arg description "$(prop "$name" Description)"
}

# state NAME: enabled as systemctl is-enabled says.
state() {
    # shellcheck disable=SC2016 # variables of jq
    holds "$1" "the state is $(cat "$1.enabled")" '.unit_analysis.unit_file_state == $state' \
        --arg state "$(cat "$1.enabled")"
}

check() {
    local file idle='.unit_analysis | .name == "e2e-idle.service" and .load_state == "not-loaded"'
    [ "$(wc -l <sample)" -ge 3 ] || fail "only $(wc -l <sample) units to compare"
    diff before after >.loaded
    ! grep -q '^> e2e-' .loaded || fail "PID 1 loaded units: $(sed -n 's/^> //p' .loaded)"
    while read -r unit; do
        ! grep -Fqx -- "$unit" after || fail "$unit was loaded"
    done <sample
    for file in sample-*.rc; do
        exits "${file%.rc}" 0
        # systemd takes no file for a masked one's, and gives it its own name as description.
        [ "$(prop "${file%.rc}" LoadState)" = masked ] || agrees "${file%.rc}"
        state "${file%.rc}"
    done
    agrees idle
    agrees linked
    holds linked "where the link leads" '.unit_analysis.fragment_target == "/opt/e2e-linked.service"'
    for file in 'tmpl@' tmpl@three idle masked linked; do state "$file"; done
    [ "$(jq -r '.unit_analysis | .fragment_path, .drop_in_paths[]' idle.json)" = "$(cat idle.cat)" ] ||
        fail "idle: other files than systemctl cat has"
    holds idle "it is the unit, and not loaded" "$idle"
    holds idle "what it does" '.unit_analysis.properties |
        .User == "nobody" and (.ExecStart | startswith("echo the earlier") and endswith("run"))'
    holds idle "its dependencies have states" '.unit_analysis.dependencies |
        any(.name == "dbus.service" and .type == "After" and .active_state == "active") and
        any(.name == "e2e-nowhere.service" and .load_state == "not-found")'
    holds idle "the log has the earlier run" 'any(.unit_analysis.recent_logs[]; .message == "the earlier run" or (.message | test("the earlier +run")))'
    exits nobody 0
    holds nobody "anybody may read it" "$idle"
    holds alias "an alias leads to it" "$idle and .asked_as == \"e2e-alias.service\""
    holds masked "the mask is said" '.unit_analysis | .load_state == "masked" and .fragment_target == "/dev/null"'
    holds 'tmpl@' "a template has its instances" '.unit_analysis |
        [.instances[].name] == ["e2e-tmpl@one.service", "e2e-tmpl@two.service"]'
    holds tmpl@one "an instance is loaded" '.unit_analysis | .load_state == "loaded" and .active_state == "active"'
    holds tmpl@three "an instance that is not has the template" '.unit_analysis |
        .description == "Instance three" and (.fragment_path | endswith("/e2e-tmpl@.service"))'
    holds often "the timer has its times" '.unit_analysis.timer |
        .unit == "e2e-other.service" and .next_elapse != null and .last_trigger == null'
    holds listen "the socket has its address" '.unit_analysis.listens == [{type: "Stream", address: "/run/e2e-listen"}]'
    for file in logind replay-alias; do
        exits $file 0
        holds $file "an alias of a loaded unit" '.unit_analysis | .name == "systemd-logind.service" and .asked_as == "dbus-org.freedesktop.login1.service"'
    done
    exits near 2
    says near.err 'the nearest names: .*e2e-idle\.service'
    exits kinds 2
    says kinds.err 'systemd-tmpfiles-clean\.service, systemd-tmpfiles-clean\.timer'
    exits replay-idle 2
    says replay-idle.err 'was not loaded when the capture was taken'
    says idle80.txt 'Loaded +not loaded, read from disk'
    [ "$(wc -L <idle80.txt)" -le 80 ] || fail "idle80: wider than 80 columns"
}

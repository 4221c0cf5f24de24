# shellcheck shell=bash
# CPU, memory, I/O and tasks of every unit lie between what `cat` read from its cgroup before
# and after, and agree with `systemctl show`.
# lanes: vm

# cgroup_files FILE: one line a figure, `cgroup key value`, absent files left out.
cgroup_files() {
    local dir
    find /sys/fs/cgroup -mindepth 1 -type d | while read -r dir; do
        {
            sed -n 's/^usage_usec /cpu_usage_usec /p' "$dir/cpu.stat"
            sed 's/^/memory_current_bytes /' "$dir/memory.current"
            sed 's/^/memory_peak_bytes /' "$dir/memory.peak"
            sed 's/^/tasks_current /' "$dir/pids.current"
            # One line a device: all of them count.
            [ ! -e "$dir/io.stat" ] || tr ' ' '\n' <"$dir/io.stat" | awk -F= '
                $1 == "rbytes" { r += $2 } $1 == "wbytes" { w += $2 }
                END { print "io_read_bytes", r + 0; print "io_write_bytes", w + 0 }'
        } 2>/dev/null | sed "s,^,${dir#/sys/fs/cgroup} ,"
    done >"$RESULTS/$1"
}

guest() {
    local unit
    faults_start
    faults_happened
    # Steady ones, so that more than the busy can be compared.
    cgroup_files before
    report resources analyze-resources
    cgroup_files after
    for unit in e2e-hog.service e2e-io.service e2e-spawner.service dbus.service; do
        props "$unit" "$unit"
    done
}

check() {
    local line
    exits resources 0
    while read -r line; do fail "$line"; done < <(
        python3 "$E2E/lib/resources_agree.py" resources.json before after ./*.props 2>&1
    )
    holds resources "bytes written by e2e-io.service" 'usage("e2e-io.service").io_write_bytes > 0'
    holds resources "e2e-hog.service leads CPU and memory" '.resource_analysis |
        .top_cpu_units[0].name == "e2e-hog.service" and .top_memory_units[0].name == "e2e-hog.service"'
    holds resources "e2e-io.service leads I/O" '.resource_analysis.top_io_units[0].name == "e2e-io.service"'
}

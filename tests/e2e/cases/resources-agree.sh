# shellcheck shell=bash
# CPU, memory, I/O and tasks of every unit lie between what `cat` read from its cgroup before
# and after, and agree with `systemctl show`.
# lanes: vm

# cgroup_files FILE: one line a figure, `key value cgroup`, files that are not there left out.
# In one process: two hundred calls of cat would take half a minute on an emulated CPU.
cgroup_files() {
    perl -e '
        my @folders = ("/sys/fs/cgroup");
        while (defined(my $folder = shift @folders)) {
            push @folders, grep { -d && !-l } glob "\Q$folder\E/*";
            my $cgroup = substr($folder, length "/sys/fs/cgroup") || "/";
            my $slurp = sub { open my $file, "<", "$folder/$_[0]" or return; local $/; <$file> };
            my $say = sub { print "$_[0] $_[1] $cgroup\n" };
            $say->("cpu_usage_usec", $1) if ($slurp->("cpu.stat") // "") =~ /^usage_usec (\d+)/m;
            my %plain = (memory_current_bytes => "memory.current", memory_peak_bytes => "memory.peak",
                tasks_current => "pids.current");
            for my $key (keys %plain) {
                my $text = $slurp->($plain{$key});
                $say->($key, $text + 0) if defined $text;
            }
            my $io = $slurp->("io.stat") // next;
            # One line a device: all of them count.
            my ($read, $written) = (0, 0);
            $read += $1 while $io =~ /rbytes=(\d+)/g;
            $written += $1 while $io =~ /wbytes=(\d+)/g;
            $say->("io_read_bytes", $read);
            $say->("io_write_bytes", $written);
        }
    ' >"$RESULTS/$1"
}

guest() {
    local unit
    faults_start
    faults_happened
    # These come and go, and their cgroups with them.
    systemctl stop e2e-flap.service e2e-badtimer.timer
    faults_foremost
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

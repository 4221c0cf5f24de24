//! Messages of the kernel that matter at whatever priority it gives them.
//!
//! Only a coarse net that keeps the digest small: what a message means is decided by the analysis.

/// In lower case; each is found in a message of the kernel's sources.
const WORDS: [&str; 43] = [
    // mm/oom_kill.c
    "out of memory",
    "oom-kill",
    "killed process",
    "page allocation failure",
    // kernel/cgroup/pids.c, once a cgroup
    "fork rejected by pids controller",
    // arch/*/mm/fault.c, kernel/traps
    "segfault at",
    "general protection fault",
    "trap invalid opcode",
    "trap divide error",
    // Oopses, kernel/panic.c
    "kernel panic",
    "kernel bug at",
    "bug:",
    "oops:",
    "unable to handle kernel",
    "call trace:",
    // kernel/hung_task.c, kernel/watchdog.c, kernel/rcu
    "blocked for more than",
    "soft lockup",
    "hard lockup",
    "rcu_sched self-detected stall",
    "detected stalls on cpus",
    // block/, drivers/ata, drivers/nvme, drivers/scsi
    "i/o error",
    "medium error",
    "hardware error",
    "exception emask",
    "failed command:",
    "link is down",
    "controller is down",
    // fs/
    "remounting filesystem read-only",
    // btrfs, fat
    "forced readonly",
    "set read-only",
    "fs error",
    "fs-error",
    "metadata corruption",
    "corruption detected",
    "checksum error",
    "not responding",
    // arch/x86/kernel/cpu/mce, drivers/edac, drivers/thermal
    "machine check",
    "[hardware error]",
    "edac",
    "temperature above threshold",
    // net/
    "table full, dropping packet",
    "possible syn flooding",
    "neighbour table overflow",
];

/// Whether a kernel message may tell of a fault.
pub(super) fn matters(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    WORDS.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_matter_and_greetings_do_not() {
        for message in [
            "Memory cgroup out of memory: Killed process 812 (postgres) total-vm:1kB",
            "perl[411]: segfault at 1 ip 00005601 sp 00007ffd error 4 in perl[5601+1000]",
            "I/O error, dev vdd, sector 0 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2",
            "EXT4-fs error (device sdb1): ext4_find_entry:1455: inode #2",
            "INFO: task dd:123 blocked for more than 120 seconds.",
            "mce: [Hardware Error]: Machine check events logged",
        ] {
            assert!(matters(message), "{message}");
        }
        for message in ["Linux version 6.1.0-37-amd64", "EXT4-fs (vda1): mounted filesystem", ""] {
            assert!(!matters(message), "{message}");
        }
    }
}

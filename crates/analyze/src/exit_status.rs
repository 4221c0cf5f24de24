//! Exit statuses with a meaning: those that systemd gives a process it could not start
//! (`systemd.exec(5)`), and those that shells and daemons share by convention.

/// Status, name and meaning.
const STATUSES: [(i32, &str, &str); 43] = [
    (200, "CHDIR", "the working directory cannot be entered, see WorkingDirectory="),
    (201, "NICE", "the nice level cannot be set, see Nice="),
    (202, "FDS", "file descriptors cannot be passed on or closed"),
    (203, "EXEC", "the program cannot be executed: it is missing or not executable"),
    (204, "MEMORY", "there was not enough memory to start it"),
    (205, "LIMITS", "a resource limit cannot be set, see LimitNOFILE= and the like"),
    (206, "OOM_ADJUST", "the OOM score cannot be set, see OOMScoreAdjust="),
    (207, "SIGNAL_MASK", "the signal mask cannot be set"),
    (208, "STDIN", "standard input cannot be set up, see StandardInput="),
    (209, "STDOUT", "standard output cannot be set up, see StandardOutput="),
    (210, "CHROOT", "the root directory cannot be changed, see RootDirectory="),
    (211, "IOPRIO", "the I/O priority cannot be set, see IOSchedulingClass="),
    (212, "TIMERSLACK", "the timer slack cannot be set, see TimerSlackNSec="),
    (213, "SECUREBITS", "secure bits cannot be set, see SecureBits="),
    (214, "SETSCHEDULER", "the CPU scheduling cannot be set, see CPUSchedulingPolicy="),
    (215, "CPUAFFINITY", "the CPU affinity cannot be set, see CPUAffinity="),
    (216, "GROUP", "the group does not exist or cannot be taken, see Group="),
    (217, "USER", "the user does not exist or cannot be taken, see User="),
    (218, "CAPABILITIES", "capabilities cannot be set, see CapabilityBoundingSet="),
    (219, "CGROUP", "the control group cannot be set up"),
    (220, "SETSID", "no new session can be made"),
    (221, "CONFIRM", "the start was refused at the console (systemd.confirm_spawn=)"),
    (222, "STDERR", "standard error cannot be set up, see StandardError="),
    (224, "PAM", "the PAM session cannot be opened, see PAMName="),
    (225, "NETWORK", "the network namespace cannot be set up, see PrivateNetwork="),
    (226, "NAMESPACE", "the mount namespace cannot be set up, see ReadWritePaths= and the like"),
    (227, "NO_NEW_PRIVILEGES", "new privileges cannot be ruled out, see NoNewPrivileges="),
    (228, "SECCOMP", "system calls cannot be filtered, see SystemCallFilter="),
    (229, "SELINUX_CONTEXT", "the SELinux context cannot be set, see SELinuxContext="),
    (230, "PERSONALITY", "the execution domain cannot be set, see Personality="),
    (231, "APPARMOR_PROFILE", "the AppArmor profile cannot be set, see AppArmorProfile="),
    (232, "ADDRESS_FAMILIES", "address families cannot be limited, see RestrictAddressFamilies="),
    (233, "RUNTIME_DIRECTORY", "the runtime directory cannot be made, see RuntimeDirectory="),
    (235, "CHOWN", "the owner of the socket cannot be changed, see SocketUser="),
    (236, "SMACK_PROCESS_LABEL", "the SMACK label cannot be set, see SmackProcessLabel="),
    (237, "KEYRING", "the kernel keyring cannot be set up, see KeyringMode="),
    (238, "STATE_DIRECTORY", "the state directory cannot be made, see StateDirectory="),
    (239, "CACHE_DIRECTORY", "the cache directory cannot be made, see CacheDirectory="),
    (240, "LOGS_DIRECTORY", "the log directory cannot be made, see LogsDirectory="),
    (241, "CONFIGURATION_DIRECTORY", "the directory of ConfigurationDirectory= cannot be made"),
    (242, "NUMA_POLICY", "the NUMA policy cannot be set, see NUMAPolicy="),
    (243, "CREDENTIALS", "a credential cannot be set up, see LoadCredential="),
    (245, "BPF", "a BPF program cannot be applied, see RestrictFileSystems="),
];

/// What a program means by its own status: `sysexits.h`, and a shell that starts another.
const CONVENTIONS: [(i32, &str); 17] = [
    (64, "USAGE: wrong arguments"),
    (65, "DATAERR: its input is malformed"),
    (66, "NOINPUT: its input is missing"),
    (67, "NOUSER: a user does not exist"),
    (68, "NOHOST: a host is not known"),
    (69, "UNAVAILABLE: something it needs is not available"),
    (70, "SOFTWARE: an error of its own"),
    (71, "OSERR: the system refused something"),
    (72, "OSFILE: a system file is missing or malformed"),
    (73, "CANTCREAT: it cannot make an output file"),
    (74, "IOERR: an input or output error"),
    (75, "TEMPFAIL: it may work later"),
    (76, "PROTOCOL: the other side answered wrongly"),
    (77, "NOPERM: it has no permission"),
    (78, "CONFIG: its configuration is wrong"),
    (126, "a shell could not execute a command"),
    (127, "a shell did not find a command"),
];

/// What a status of a program's own means by convention.
pub(crate) fn convention(status: i32) -> Option<&'static str> {
    CONVENTIONS.iter().find(|(number, _)| *number == status).map(|(_, means)| *means)
}

/// Name and meaning of an exit status of systemd's own. A program can use the same numbers.
pub(crate) fn meaning(status: i32) -> Option<(&'static str, &'static str)> {
    STATUSES.iter().find(|(number, ..)| *number == status).map(|(_, name, means)| (*name, *means))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_stands_once_in_order() {
        assert!(STATUSES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(CONVENTIONS.is_sorted_by(|a, b| a.0 < b.0));
        // The two between that have none are reserved.
        let without: Vec<i32> = (200..=243).filter(|status| meaning(*status).is_none()).collect();
        assert_eq!(without, [223, 234]);
        assert_eq!(convention(78), Some("CONFIG: its configuration is wrong"));
        assert_eq!(convention(1), None);
        assert_eq!(meaning(203).unwrap().0, "EXEC");
        assert_eq!(meaning(3), None);
    }
}

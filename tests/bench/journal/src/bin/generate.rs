//! Writes entries in the journal export format: what a server with forty services logs in four boots.
//!
//! `generate COUNT`; every entry has 22 fields. What matters for a reader is which values repeat: few
//! hosts, units and priorities, some tens of thousands of messages of which few make up the most, and a
//! time of its own for half of the entries, as journald stores it.

use std::io::{self, BufWriter, Write};

const UNITS: u64 = 40;
const BOOTS: u64 = 4;
const MESSAGES: u64 = 50_000;
const BEGIN: u64 = 1_700_000_000_000_000;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Low numbers often, high ones rarely.
    fn skewed(&mut self, end: u64) -> u64 {
        let unit = self.below(1 << 20) as f64 / f64::from(1 << 20);
        ((end as f64).powf(unit) - 1.0) as u64 % end
    }
}

fn main() -> io::Result<()> {
    let count: u64 =
        std::env::args().nth(1).and_then(|n| n.parse().ok()).expect("a number of entries");
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut rng = Rng(1);
    for number in 0..count {
        // The last boot has the most.
        let boot = (number * 2 / count).min(1) * 3
            + if number * 2 < count { number * 6 / count } else { 0 };
        let boot = boot.min(BOOTS - 1);
        let realtime = BEGIN + boot * 100_000_000 + number * 20_000 + rng.below(15_000);
        let monotonic = 2_000_000 + number * 20_000;
        write!(
            out,
            "__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n\
             _BOOT_ID={:032x}\n_MACHINE_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=server\n\
             _RUNTIME_SCOPE=system\n",
            boot + 1
        )?;
        if rng.below(50) == 0 {
            kernel(&mut out, &mut rng, monotonic)?;
        } else if rng.below(2000) == 0 {
            manager(&mut out, &mut rng, realtime)?;
        } else {
            service(&mut out, &mut rng, boot, realtime)?;
        }
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// 22 fields with the four that every entry has.
fn service(out: &mut impl Write, rng: &mut Rng, boot: u64, realtime: u64) -> io::Result<()> {
    let unit = rng.skewed(UNITS);
    let pid = 300 + boot * 5000 + unit * 20 + rng.skewed(12);
    let message = rng.skewed(MESSAGES);
    // What is said most often is no warning; of the rest, one in twenty or so is.
    let priority = match message * 7919 % 1000 {
        0..12 if message > 99 => 3,
        12..42 if message > 99 => 4,
        42..100 => 5,
        100..150 => 7,
        _ => 6,
    };
    // Failed log-ins are said by the one who can say it.
    let name = if message % 23 == 3 { "sshd".to_owned() } else { format!("daemon{unit}") };
    write!(
        out,
        "PRIORITY={priority}\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER={name}\n_PID={pid}\n\
         _UID={uid}\n_GID={uid}\n_COMM={name}\n_EXE=/usr/sbin/daemon{unit}\n\
         _CMDLINE=/usr/sbin/daemon{unit} --config /etc/daemon{unit}.conf --foreground\n\
         _CAP_EFFECTIVE=1ffffffffff\n_SELINUX_CONTEXT=unconfined\n\
         _SYSTEMD_CGROUP=/system.slice/daemon{unit}.service\n_SYSTEMD_UNIT=daemon{unit}.service\n\
         _SYSTEMD_SLICE=system.slice\n_SYSTEMD_INVOCATION_ID={unit:016x}{boot:016x}\n",
        uid = unit % 7 * 100,
    )?;
    // Programs with the native protocol or syslog have a time of their own, those on standard
    // output a stream.
    if unit % 2 == 0 {
        write!(out, "_TRANSPORT=syslog\n_SOURCE_REALTIME_TIMESTAMP={}\n", realtime - 30)?;
    } else {
        write!(out, "_TRANSPORT=stdout\n_STREAM_ID={:032x}\n", pid * 7919)?;
    }
    write!(out, "MESSAGE=")?;
    text(out, message, unit)?;
    out.write_all(b"\n")
}

/// What PID 1 says of a service that failed, with a message id.
fn manager(out: &mut impl Write, rng: &mut Rng, realtime: u64) -> io::Result<()> {
    let unit = rng.skewed(UNITS);
    write!(
        out,
        "SYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=systemd\n_PID=1\n_UID=0\n_GID=0\n_COMM=systemd\n\
         _EXE=/usr/lib/systemd/systemd\n_CMDLINE=/sbin/init\n_CAP_EFFECTIVE=1ffffffffff\n\
         _SELINUX_CONTEXT=unconfined\n_SYSTEMD_CGROUP=/init.scope\n_SYSTEMD_UNIT=init.scope\n\
         _SYSTEMD_SLICE=-.slice\n_TRANSPORT=journal\n_SOURCE_REALTIME_TIMESTAMP={}\n\
         UNIT=daemon{unit}.service\n",
        realtime - 30
    )?;
    if rng.below(2) == 0 {
        writeln!(
            out,
            "PRIORITY=5\nMESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15\nEXIT_CODE=exited\nEXIT_STATUS=1\n\
             MESSAGE=daemon{unit}.service: Main process exited, code=exited, status=1/FAILURE"
        )
    } else {
        writeln!(
            out,
            "PRIORITY=4\nMESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\nUNIT_RESULT=exit-code\n\
             MESSAGE=daemon{unit}.service: Failed with result 'exit-code'."
        )
    }
}

/// What a service says: `message` decides words and numbers.
fn text(out: &mut impl Write, message: u64, unit: u64) -> io::Result<()> {
    let (a, b) = (message * 7919 % 10_007, message * 104_729 % 65_521);
    match message % 23 {
        0 => write!(out, "Started job {a} of daemon{unit}."),
        1 => write!(out, "GET /api/v1/items/{a} HTTP/1.1 200 {b} 0.{:03}", b % 1000),
        2 => write!(out, "connection from 10.{}.{}.{} port {b}", a % 256, b % 256, message % 256),
        3 => write!(out, "Failed password for root from 192.0.2.{} port {b} ssh2", a % 256),
        4 => write!(out, "session opened for user user{}(uid={b}) by (uid=0)", a % 50),
        5 => write!(out, "query took {a} ms: SELECT * FROM table_{} WHERE id = {b}", a % 30),
        6 => write!(out, "cache hit ratio 0.{b}, {a} entries, evicted {}", message % 100),
        7 => write!(out, "retrying request {b:08x} in {} seconds", a % 60),
        8 => write!(out, "worker {} finished task {b:x}-{a:x} successfully", a % 16),
        9 => write!(
            out,
            "cannot open /var/lib/daemon{unit}/{a}/state.{b}: No such file or directory"
        ),
        10 => write!(out, "state {} -> {} after {a} ticks", a % 7, b % 7),
        _ => write!(
            out,
            "routine message {message} of kind {}: all is well, nothing to see here",
            message % 97
        ),
    }
}

fn kernel(out: &mut impl Write, rng: &mut Rng, monotonic: u64) -> io::Result<()> {
    let message = rng.skewed(3000);
    let (priority, subsystem) = match message % 20 {
        0 => (3, "scsi"),
        1 | 2 => (4, "pci"),
        _ => (6, "block"),
    };
    write!(
        out,
        "_TRANSPORT=kernel\nPRIORITY={priority}\nSYSLOG_FACILITY=0\nSYSLOG_IDENTIFIER=kernel\n\
         _SOURCE_MONOTONIC_TIMESTAMP={}\n_KERNEL_SUBSYSTEM={subsystem}\n\
         _KERNEL_DEVICE=+{subsystem}:{}\n_UDEV_SYSNAME={subsystem}{}\n_UDEV_DEVNODE=/dev/{subsystem}\n\
         _UDEV_DEVLINK=/dev/disk/by-id/{subsystem}\n_UDEV_DEVLINK=/dev/disk/by-path/{subsystem}\n",
        monotonic - 900,
        message % 8,
        message % 8,
    )?;
    // Nothing of the process; the rest of the 22 is the driver's.
    for index in 0..6 {
        writeln!(out, "DRIVER_FIELD_{index}={}", message % (index + 2))?;
    }
    match message % 20 {
        0 => write!(
            out,
            "MESSAGE=I/O error, dev sd{}, sector {} op 0x0:(READ) flags 0x80700",
            (b'a' + (message % 4) as u8) as char,
            message * 8
        ),
        1 => write!(
            out,
            "MESSAGE=TCP: request_sock_TCP: Possible SYN flooding on port {}. Sending cookies.",
            message % 5 + 80
        ),
        2 => write!(
            out,
            "MESSAGE=perf: interrupt took too long ({message} > 2500), lowering kernel.perf_event_max_sample_rate"
        ),
        3 => write!(
            out,
            "MESSAGE=daemon[{message}]: segfault at 0 ip 000055d0c0de sp 00007ffc error 4 in daemon[55d0+1000]"
        ),
        _ => write!(out, "MESSAGE=device eth{}: link becomes ready, mark {message}", message % 4),
    }?;
    out.write_all(b"\n")
}

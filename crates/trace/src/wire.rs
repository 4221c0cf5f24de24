//! Records of the ring buffer, as `bpf/trace.bpf.c` writes them: the structures there and the readers
//! here must agree. Every length is checked; a record that does not add up is no record.

/// Longest texts that are kept of a record, in bytes.
pub(crate) const FILE_MAX: usize = 512;
/// As [`FILE_MAX`], of the arguments.
pub(crate) const ARGS_MAX: usize = 4096;
/// `TASK_COMM_LEN`, include/linux/sched.h.
pub(crate) const COMM: usize = 16;

/// Kinds of records.
pub(crate) const FORK: u32 = 0;
pub(crate) const EXEC: u32 = 1;
pub(crate) const EXIT: u32 = 2;
pub(crate) const SIGNAL: u32 = 3;
pub(crate) const OOM: u32 = 4;
pub(crate) const MKDIR: u32 = 5;
pub(crate) const RMDIR: u32 = 6;

/// Bits of a record's flags.
const SHARES_MEMORY: u8 = 1 << 0;
const FILE_CUT: u8 = 1 << 3;
const ARGS_CUT: u8 = 1 << 4;
const ARGS_LOST: u8 = 1 << 5;
const FROM_KERNEL: u8 = 1 << 6;

/// Name of a thread: bytes up to the first 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Comm([u8; COMM]);

impl Comm {
    pub(crate) fn bytes(&self) -> &[u8] {
        until_zero(&self.0)
    }

    #[cfg(test)]
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut bytes = [0; COMM];
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = *from;
        }
        Self(bytes)
    }
}

/// One record. Times are nanoseconds of `CLOCK_BOOTTIME`, `pid`s those of thread groups, `cgroup`s
/// inodes of the cgroup v2 tree, peaks are in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) time: u64,
    pub(crate) pid: u32,
    pub(crate) body: Body<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    Fork(Fork),
    Exec(Exec<'a>),
    Exit(Exit),
    Signal(Signal),
    Oom(Oom),
    Mkdir { id: u64, path: &'a [u8], cut: bool },
    Rmdir { id: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fork {
    pub(crate) start: u64,
    /// Of the parent.
    pub(crate) cgroup: u64,
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    pub(crate) shares_memory: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exec<'a> {
    pub(crate) start: u64,
    pub(crate) cgroup: u64,
    pub(crate) peak_before: u64,
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    /// Names that the file has.
    pub(crate) links: u32,
    /// `st_mode` of the file and of its directory; 0: could not be read.
    pub(crate) mode: u16,
    pub(crate) folder_mode: u16,
    pub(crate) comm: Comm,
    pub(crate) file: &'a [u8],
    /// Empty: the file itself was run.
    pub(crate) interpreter: &'a [u8],
    /// Each ended by a 0, but for one that was cut. None: could not be read.
    pub(crate) arguments: Option<&'a [u8]>,
    pub(crate) file_cut: bool,
    pub(crate) arguments_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) start: u64,
    pub(crate) cgroup: u64,
    pub(crate) peak: u64,
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    /// As of `wait(2)`.
    pub(crate) status: u32,
    pub(crate) comm: Comm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) cgroup: u64,
    pub(crate) sender_cgroup: u64,
    pub(crate) sender: u32,
    pub(crate) sender_uid: u32,
    pub(crate) number: u8,
    pub(crate) by_kernel: bool,
    pub(crate) comm: Comm,
    pub(crate) sender_comm: Comm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oom {
    pub(crate) asker_cgroup: u64,
    pub(crate) asker: u32,
    pub(crate) asker_comm: Comm,
}

/// Reads a record. None: it is none that this version writes.
pub(crate) fn read(bytes: &[u8]) -> Option<Record<'_>> {
    let mut from = Reader(bytes);
    let time = from.u64()?;
    let [kind, flags] = from.array()?;
    from.u16()?;
    let pid = from.u32()?;
    let body = match u32::from(kind) {
        FORK => Body::Fork(Fork {
            start: from.u64()?,
            cgroup: from.u64()?,
            parent: from.u32()?,
            uid: from.u32()?,
            shares_memory: flags & SHARES_MEMORY != 0,
        }),
        EXEC => Body::Exec(exec(&mut from, flags)?),
        EXIT => {
            let exit = Exit {
                start: from.u64()?,
                cgroup: from.u64()?,
                peak: from.u64()?,
                parent: from.u32()?,
                uid: from.u32()?,
                status: from.u32()?,
                comm: {
                    from.u32()?;
                    from.comm()?
                },
            };
            Body::Exit(exit)
        }
        SIGNAL => Body::Signal(signal(&mut from, flags)?),
        OOM => {
            let (asker_cgroup, asker) = (from.u64()?, from.u32()?);
            from.u32()?;
            Body::Oom(Oom { asker_cgroup, asker, asker_comm: from.comm()? })
        }
        MKDIR => {
            let id = from.u64()?;
            Body::Mkdir { id, path: until_zero(from.0), cut: flags & FILE_CUT != 0 }
        }
        RMDIR => Body::Rmdir { id: from.u64()? },
        _ => return None,
    };
    Some(Record { time, pid, body })
}

fn exec<'a>(from: &mut Reader<'a>, flags: u8) -> Option<Exec<'a>> {
    let (start, cgroup, peak_before) = (from.u64()?, from.u64()?, from.u64()?);
    let (parent, uid, links) = (from.u32()?, from.u32()?, from.u32()?);
    let arguments = usize::try_from(from.u32()?).ok().filter(|length| *length <= ARGS_MAX)?;
    let (mode, folder_mode) = (from.u16()?, from.u16()?);
    let (file, interpreter) = (usize::from(from.u16()?), usize::from(from.u16()?));
    if file > FILE_MAX || interpreter > FILE_MAX {
        return None;
    }
    let comm = from.comm()?;
    let file = until_zero(from.bytes(file)?);
    let interpreter = until_zero(from.bytes(interpreter)?);
    let arguments = from.bytes(arguments)?;
    Some(Exec {
        start,
        cgroup,
        peak_before,
        parent,
        uid,
        links,
        mode,
        folder_mode,
        comm,
        file,
        interpreter,
        arguments: (flags & ARGS_LOST == 0).then_some(arguments),
        file_cut: flags & FILE_CUT != 0,
        arguments_cut: flags & ARGS_CUT != 0,
    })
}

fn signal(from: &mut Reader<'_>, flags: u8) -> Option<Signal> {
    let (cgroup, sender_cgroup) = (from.u64()?, from.u64()?);
    let (sender, sender_uid) = (from.u32()?, from.u32()?);
    let number = u8::try_from(from.u32()?).ok()?;
    let _code = from.u32()?;
    let (comm, sender_comm) = (from.comm()?, from.comm()?);
    let by_kernel = flags & FROM_KERNEL != 0;
    Some(Signal { cgroup, sender_cgroup, sender, sender_uid, number, by_kernel, comm, sender_comm })
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Takes figures off the front, in the byte order of this machine, which is the kernel's.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    fn comm(&mut self) -> Option<Comm> {
        self.array().map(Comm)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record's head.
    pub(crate) fn head(kind: u8, flags: u8, pid: u32) -> Vec<u8> {
        let mut bytes = 7_u64.to_ne_bytes().to_vec();
        bytes.extend([kind, flags, 0, 0]);
        bytes.extend(pid.to_ne_bytes());
        bytes
    }

    fn an_exec(file: &[u8], arguments: &[u8]) -> Vec<u8> {
        let mut bytes = head(1, ARGS_CUT, 42);
        for figure in [1_u64, 2, 3] {
            bytes.extend(figure.to_ne_bytes());
        }
        for figure in [4, 5, 6, u32::try_from(arguments.len()).unwrap()] {
            bytes.extend(figure.to_ne_bytes());
        }
        for figure in [0o100_755, 0o41_777, u16::try_from(file.len()).unwrap(), 0] {
            bytes.extend(figure.to_ne_bytes());
        }
        bytes.extend(b"sleep\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(file);
        bytes.extend(arguments);
        bytes
    }

    #[test]
    fn exec_is_taken_apart() {
        let bytes = an_exec(b"/bin/sleep\0", b"sleep\x001\0");
        let record = read(&bytes).unwrap();
        let Body::Exec(exec) = record.body else { panic!("{record:?}") };
        assert_eq!((record.time, record.pid), (7, 42));
        assert_eq!((exec.file, exec.interpreter), (&b"/bin/sleep"[..], &b""[..]));
        assert_eq!(exec.comm.bytes(), b"sleep");
        assert_eq!(exec.arguments, Some(&b"sleep\x001\0"[..]));
        assert!(exec.arguments_cut && !exec.file_cut);
        assert_eq!((exec.start, exec.cgroup, exec.peak_before), (1, 2, 3));
        assert_eq!((exec.parent, exec.uid, exec.links), (4, 5, 6));
    }

    #[test]
    fn shorter_records_are_refused() {
        let bytes = an_exec(b"/bin/sleep\0", b"sleep\x001\0");
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
        assert_eq!(read(&an_exec(&[b'x'; FILE_MAX + 1], b"")), None);
        assert_eq!(read(&an_exec(b"", &[b'x'; ARGS_MAX + 1])), None);
        assert_eq!(read(&head(7, 0, 1)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(kind in 0_u8..9, flags: u8, rest: Vec<u8>) {
            let mut bytes = head(kind, flags, 1);
            bytes.extend(&rest);
            if let Some(Record { body: Body::Exec(exec), .. }) = read(&bytes) {
                let texts = exec.file.len() + exec.interpreter.len();
                prop_assert!(texts + exec.arguments.map_or(0, <[u8]>::len) <= rest.len());
            }
            let _ = read(&rest);
        }
    }
}

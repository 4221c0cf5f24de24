//! `/proc/self/mountinfo`, `proc_pid_mountinfo(5)`.

use std::borrow::Cow;
use std::io;

use crate::{Root, file, text};

/// Where it is.
pub(crate) const PATH: &str = "/proc/self/mountinfo";
/// A host with more mounts than fit in this is not read.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// One mount, in bytes as the kernel gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the words of the manual page")]
pub(crate) struct Mount<'a> {
    /// `major:minor`; major 0 has no device.
    pub(crate) device: &'a [u8],
    /// The part of the file system that is mounted: `/`, or a path of a bind mount.
    pub(crate) root: Cow<'a, [u8]>,
    /// Where.
    pub(crate) mount_point: Cow<'a, [u8]>,
    /// Options of this mount, separated by commas.
    pub(crate) options: &'a [u8],
    /// `ext4`, `fuse.sshfs`.
    pub(crate) fs_type: &'a [u8],
    /// `/dev/sda1`, `server:/export`.
    pub(crate) source: Cow<'a, [u8]>,
    /// Options of the file system.
    pub(crate) super_options: &'a [u8],
}

/// The text of the mounts that this process sees.
pub(crate) fn read(root: &Root) -> io::Result<Vec<u8>> {
    file::read(root, PATH, MAX_BYTES)
}

/// The mounts; lines that are not in the kernel's form are left out.
pub(crate) fn parse(bytes: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    text::lines(bytes).filter_map(parse_line)
}

fn parse_line(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let device = fields.next()?;
    let root = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    let options = fields.next()?;
    // Any number of optional fields, then a lone hyphen.
    fields.by_ref().find(|field| *field == b"-")?;
    let fs_type = fields.next()?;
    let source = unescape(fields.next()?);
    let super_options = fields.next().unwrap_or_default();
    Some(Mount { device, root, mount_point, options, fs_type, source, super_options })
}

/// Whether `option` is one of a list separated by commas.
pub(crate) fn has_option(options: &[u8], option: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|each| each == option)
}

/// Blanks, newlines and backslashes come as a backslash and three octal digits.
pub(crate) fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = if *first == b'\\' { octal(after) } else { None };
        let (byte, after) = escaped.unwrap_or((*first, after));
        plain.push(byte);
        rest = after;
    }
    Cow::Owned(plain)
}

fn octal(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<3>()?;
    let value = digits.iter().try_fold(0_u16, |value, digit| {
        (b'0'..=b'7').contains(digit).then(|| value * 8 + u16::from(digit - b'0'))
    })?;
    Some((u8::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_of_the_manual_page() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n";
        let mounts: Vec<_> = parse(line).collect();
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].device, b"98:0");
        assert_eq!(&*mounts[0].root, b"/mnt1");
        assert_eq!(&*mounts[0].mount_point, b"/mnt 2");
        assert_eq!(mounts[0].fs_type, b"ext3");
        assert_eq!(&*mounts[0].source, b"/dev/root");
        assert!(has_option(mounts[0].options, b"noatime"));
        assert!(!has_option(mounts[0].options, b"atime"));
        assert_eq!(mounts[0].super_options, b"rw,errors=continue");
    }

    #[test]
    fn a_source_may_be_empty() {
        let line = b"36 35 0:30 / /x rw -  tmpfs  rw\n36 35 0:30 / /y rw - tmpfs  rw\n";
        let mounts: Vec<_> = parse(line).collect();
        assert_eq!(&*mounts[1].source, b"");
        assert_eq!(mounts[1].super_options, b"rw");
    }

    #[test]
    fn damaged_lines_are_left_out() {
        assert_eq!(parse(b"\n36 35\n36 35 98:0 / /mnt rw ext3 /dev/root rw\n").count(), 0);
    }

    #[test]
    fn escapes() {
        assert_eq!(&*unescape(b"a\\040b\\134\\011\\012"), b"a b\\\t\n");
        assert_eq!(&*unescape(b"\\9\\04\\777\\"), b"\\9\\04\\777\\");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, escapes in "[\\\\0-9a]{0,40}") {
            let _ = parse(&bytes).count();
            prop_assert!(unescape(escapes.as_bytes()).len() <= escapes.len());
        }
    }
}

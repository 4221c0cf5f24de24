//! Error numbers in the words of `strerror(3)`, for those that starting a process or listening can give.

/// Number and words.
const WORDS: [(i32, &str); 37] = [
    (1, "Operation not permitted"),
    (2, "No such file or directory"),
    (3, "No such process"),
    (4, "Interrupted system call"),
    (5, "Input/output error"),
    (6, "No such device or address"),
    (7, "Argument list too long"),
    (8, "Exec format error"),
    (9, "Bad file descriptor"),
    (11, "Resource temporarily unavailable"),
    (12, "Cannot allocate memory"),
    (13, "Permission denied"),
    (16, "Device or resource busy"),
    (17, "File exists"),
    (19, "No such device"),
    (20, "Not a directory"),
    (21, "Is a directory"),
    (22, "Invalid argument"),
    (23, "Too many open files in system"),
    (24, "Too many open files"),
    (26, "Text file busy"),
    (28, "No space left on device"),
    (30, "Read-only file system"),
    (36, "File name too long"),
    (38, "Function not implemented"),
    (40, "Too many levels of symbolic links"),
    (71, "Protocol error"),
    (92, "Protocol not available"),
    (93, "Protocol not supported"),
    (95, "Operation not supported"),
    (97, "Address family not supported by protocol"),
    (98, "Address already in use"),
    (99, "Cannot assign requested address"),
    (101, "Network is unreachable"),
    (110, "Connection timed out"),
    (116, "Stale file handle"),
    (122, "Disk quota exceeded"),
];

pub(crate) const ENOENT: i32 = 2;
pub(crate) const ESRCH: i32 = 3;
pub(crate) const EIO: i32 = 5;
pub(crate) const ENOEXEC: i32 = 8;
pub(crate) const EACCES: i32 = 13;
pub(crate) const ENOTDIR: i32 = 20;
pub(crate) const EISDIR: i32 = 21;
pub(crate) const EMFILE: i32 = 24;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EROFS: i32 = 30;

/// The error in words.
pub(crate) fn words(errno: i32) -> String {
    let known = WORDS.iter().find(|(number, _)| *number == errno);
    known.map_or_else(|| format!("error number {errno}"), |(_, words)| (*words).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_once_in_order_and_has_the_words_of_the_system() {
        assert!(WORDS.is_sorted_by(|a, b| a.0 < b.0));
        for (number, words) in WORDS {
            let system = std::io::Error::from_raw_os_error(number).to_string();
            assert!(system.starts_with(words), "{number}: {system}");
        }
        assert_eq!(words(4000), "error number 4000");
    }
}

//! What no reader can go below on this machine: `floor pages DIRECTORY` touches each page of the files in
//! a map, `floor reads DIRECTORY COUNT` reads so many parts of 768 bytes that lie as far from each other as
//! they can. Nothing is looked at.
//!
//! The files' pages have to be in memory. How much a page costs depends on how it came there: what the disk
//! was read for lies in large folios, of which many pages are mapped at once; what was written through a map,
//! as the daemon does it, lies in single pages.

use std::ffi::{c_int, c_void};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::{ptr, slice};

unsafe extern "C" {
    fn mmap(
        address: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
}

const PROT_READ: c_int = 1;
const MAP_SHARED: c_int = 1;
const PAGE: usize = 4096;
const PART: usize = 768;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().expect("pages or reads");
    let directory = arguments.next().expect("a directory");
    let files: Vec<File> = fs::read_dir(directory)
        .expect("it can be read")
        .map(|entry| File::open(entry.expect("an entry").path()).expect("it can be opened"))
        .collect();
    let length = |file: &File| file.metadata().expect("a file").len();
    match what.as_str() {
        "pages" => {
            for file in &files {
                let length = usize::try_from(length(file)).expect("it fits");
                // SAFETY: a new map at an address of the kernel's choice, never unmapped.
                let map = unsafe {
                    mmap(ptr::null_mut(), length, PROT_READ, MAP_SHARED, file.as_raw_fd(), 0)
                };
                assert!(map as isize != -1, "mmap");
                // SAFETY: so much is mapped; nobody writes to the file.
                let bytes = unsafe { slice::from_raw_parts(map.cast::<u8>(), length) };
                std::hint::black_box(bytes.iter().step_by(PAGE).fold(0_u8, |sum, byte| sum ^ byte));
            }
        }
        "reads" => {
            let count: u64 = arguments.next().and_then(|n| n.parse().ok()).expect("a number");
            let all: u64 = files.iter().map(length).sum();
            let step = all / count;
            let mut part = [0; PART];
            for file in &files {
                for offset in (0..length(file)).step_by(usize::try_from(step).expect("it fits")) {
                    std::hint::black_box(file.read_at(&mut part, offset).expect("it can be read"));
                }
            }
        }
        other => panic!("no measurement '{other}' (pages, reads)"),
    }
}

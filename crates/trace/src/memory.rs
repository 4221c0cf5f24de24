//! Memory that is given back to the kernel. The one module that may be unsafe.
#![expect(unsafe_code, reason = "the C library's malloc_trim(3) has no safe name; see SAFETY")]

/// Gives back what was freed. What the kernel's types took (20 MB in a hundred thousand pieces) would
/// else stay with the C library, below a few kB that were taken later.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, locks each arena in turn, and touches no memory that is in use.
    unsafe {
        // Whether any memory was given back makes no difference.
        let _ = libc::malloc_trim(0);
    }
}

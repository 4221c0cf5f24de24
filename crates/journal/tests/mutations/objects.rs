//! Where the objects of a sound journal file lie, so that damage hits what matters.

/// The part of a file that is in use: header and objects.
pub(crate) struct Objects {
    /// Offset of each object, and its size, rising.
    pub(crate) all: Vec<(usize, usize)>,
}

impl Objects {
    /// Walks from the end of the header to the last object, as `journalctl --verify` does.
    pub(crate) fn of(file: &[u8]) -> Self {
        let number = |at: usize| {
            let bytes = file.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            usize::try_from(bytes.map_or(0, u64::from_le_bytes)).unwrap_or(0)
        };
        let (mut at, tail) = (number(88), number(136));
        let mut all = Vec::new();
        while at <= tail {
            let size = number(at + 8);
            assert!(size >= 16, "no object at {at}");
            all.push((at, size));
            at = (at + size).next_multiple_of(8);
        }
        Self { all }
    }
}

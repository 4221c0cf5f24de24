//! Reads the files that systemd-journald writes, by their index.

//! CPU time of the catalogue: on distinct messages of about 80 bytes that are nothing, and on a disk
//! that fails, where every message is something.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sysdiag_logs::{Catalogue, Event, Folder};

const MESSAGES: usize = 10_000;

/// Lines of daemons and of a kernel that are well, with numbers in them.
fn messages() -> Vec<String> {
    let forms: [fn(usize) -> String; 8] = [
        |n| {
            format!(
                "Accepted publickey for deploy from 192.0.2.{} port {n} ssh2: ED25519 SHA256:x{n}",
                n % 256
            )
        },
        |n| {
            format!(
                "192.0.2.{} - - \"GET /index/{n}.html HTTP/1.1\" 200 {} \"-\" \"curl/7.88\"",
                n % 256,
                n * 7
            )
        },
        |n| {
            format!("Started session-{n}.scope - Session {n} of User deploy with a few words more.")
        },
        |n| format!("pam_unix(sshd:session): session opened for user deploy(uid={n}) by (uid=0)"),
        |n| {
            format!(
                "usb 1-{}: new high-speed USB device number {n} using xhci_hcd, and so on and on",
                n % 16
            )
        },
        |n| {
            format!(
                "level=info msg=\"request done\" id={n:08x} duration={n}ms status=200 path=/api/v1/items"
            )
        },
        |n| {
            format!(
                "checkpoint complete: wrote {n} buffers (0.1%); 0 WAL file(s) added, {n} removed; write=1"
            )
        },
        |n| {
            format!(
                "EXT4-fs (vda{n}): mounted filesystem with ordered data mode. Quota mode: none. And so on"
            )
        },
    ];
    forms.iter().cycle().take(MESSAGES).enumerate().map(|(n, form)| form(n)).collect()
}

fn candidates(criterion: &mut Criterion) {
    let Ok(catalogue) = Catalogue::with(Vec::new()) else { return };
    let messages = messages();
    let mut group = criterion.benchmark_group("catalogue");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("candidates", |bencher| {
        let mut found = Vec::new();
        bencher.iter(|| {
            for message in &messages {
                found.clear();
                catalogue.candidates(message.as_bytes(), &mut found);
                black_box(&found);
            }
        });
    });
    let errors: Vec<String> = (0..MESSAGES)
        .map(|n| format!("I/O error, dev sda, sector {n} op 0x0:(READ) flags 0x80700 phys_seg 1"))
        .collect();
    group.bench_function("fold", |bencher| {
        let mut found = Vec::new();
        bencher.iter(|| {
            let mut folder = Folder::new(&catalogue);
            for (usec, message) in (1_790_000_000_000_000_u64..).zip(&errors) {
                found.clear();
                catalogue.candidates(message.as_bytes(), &mut found);
                folder.push(&Event::of_kernel(usec, message.as_bytes()), &found);
            }
            black_box(folder.finish())
        });
    });
    group.finish();
    criterion.bench_function("catalogue/build", |bencher| {
        bencher.iter(|| Catalogue::with(Vec::new()));
    });
}

criterion_group!(benches, candidates);
criterion_main!(benches);

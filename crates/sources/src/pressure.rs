//! Pressure stall information of the host and of cgroups, `Documentation/accounting/psi.rst`.

use sysdiag_model::snapshot::{PressureKind, Stall};

use crate::text;

/// A pressure file. `None`: it has no `some` line in the form the kernel gives it.
pub(crate) fn parse(bytes: &[u8]) -> Option<PressureKind> {
    let mut some = None;
    let mut full = None;
    for line in text::lines(bytes) {
        let mut fields = text::fields(line);
        match fields.next() {
            Some(b"some") => some = Some(stall(fields)?),
            Some(b"full") => full = Some(stall(fields)?),
            _ => {}
        }
    }
    Some(PressureKind { some: some?, full })
}

fn stall<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<Stall> {
    let (mut avg10, mut avg60, mut avg300, mut total_usec) = (None, None, None, None);
    for field in fields {
        match text::split_once(field, b'=')? {
            (b"avg10", value) => avg10 = Some(text::decimal(value)?),
            (b"avg60", value) => avg60 = Some(text::decimal(value)?),
            (b"avg300", value) => avg300 = Some(text::decimal(value)?),
            (b"total", value) => total_usec = Some(text::number(value)?),
            _ => {}
        }
    }
    Some(Stall { avg10: avg10?, avg60: avg60?, avg300: avg300?, total_usec: total_usec? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_lines() {
        let pressure = parse(
            b"some avg10=1.50 avg60=0.20 avg300=0.01 total=123456\n\
              full avg10=0.50 avg60=0.10 avg300=0.00 total=23456\n",
        )
        .unwrap();
        assert_eq!(
            pressure.some,
            Stall { avg10: 1.5, avg60: 0.2, avg300: 0.01, total_usec: 123_456 }
        );
        assert_eq!(pressure.full.unwrap().total_usec, 23_456);
    }

    #[test]
    fn the_cpu_had_no_full_line_before_5_13() {
        let pressure = parse(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n").unwrap();
        assert_eq!(pressure.full, None);
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for wrong in [
            &b""[..],
            b"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
            b"some avg10=0.00 avg60=0.00 avg300=0.00\n",
            b"some avg10=nan avg60=0.00 avg300=0.00 total=7\n",
            b"some avg10=0.00 avg60=0.00 avg300=0.00 total=-7\n",
            b"some avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551616\n",
        ] {
            assert_eq!(parse(wrong), None, "{}", text::string(wrong));
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "((some|full)( (avg10|avg60|total)=[0-9.]{0,9}){0,4}\n){0,3}") {
            let _ = parse(&bytes);
            let _ = parse(words.as_bytes());
        }
    }
}

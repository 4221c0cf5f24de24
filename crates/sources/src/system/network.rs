//! `/proc/net/dev`, `proc_pid_net(5)`: interfaces of our network namespace, without the loopback.

use sysdiag_model::snapshot::NetworkCounters;

use crate::text;

/// Hosts with more (of containers) are read in part.
const MAX_INTERFACES: usize = 10_000;

/// The interfaces; the two head lines have no colon behind the first word.
pub(super) fn parse(bytes: &[u8]) -> Vec<NetworkCounters> {
    text::lines(bytes)
        .filter_map(interface)
        .filter(|interface| interface.name != "lo")
        .take(MAX_INTERFACES)
        .collect()
}

fn interface(line: &[u8]) -> Option<NetworkCounters> {
    let (name, rest) = text::split_once(line, b':')?;
    let mut fields = text::fields(rest).map(text::number);
    let mut next = || fields.next().flatten();
    let (receive_bytes, _packets, receive_errors, receive_dropped) =
        (next()?, next()?, next()?, next()?);
    // fifo, frame, compressed, multicast
    let _ = (next()?, next()?, next()?, next()?);
    let (transmit_bytes, _packets, transmit_errors, transmit_dropped) =
        (next()?, next()?, next()?, next()?);
    Some(NetworkCounters {
        name: text::string(name.trim_ascii()),
        receive_bytes,
        receive_errors,
        receive_dropped,
        transmit_bytes,
        transmit_errors,
        transmit_dropped,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] = b"Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0
  eth0:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0
  veth0@: 1 2 3
";

    #[test]
    fn interfaces_without_the_loopback() {
        assert_eq!(
            parse(TEXT),
            [NetworkCounters {
                name: "eth0".to_owned(),
                receive_bytes: 1000,
                receive_errors: 1,
                receive_dropped: 2,
                transmit_bytes: 2000,
                transmit_errors: 3,
                transmit_dropped: 4
            }]
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "[a-z]{0,3}:([ -]?[0-9]{0,21}){0,18}") {
            let _ = parse(&bytes);
            let _ = parse(words.as_bytes());
        }
    }
}

//! Peers that hang, lie, close and flood.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use sysdiag_sources::dbus::{
    Address, Body, Call, CallError, ConnectFailure, Connection, Error, MAX_WINDOW, Peer,
};
use zbus::Variant;

use crate::peer::{
    Served, message, reply, reply_with, socket, soon, with_peer, with_peer_at, with_raw_peer,
};

const CALL: Call<'static> = Call { path: "/a", interface: "b.c", member: "D", body: Body::Empty };

/// One call to a peer whose answer is up to `script`.
fn call(script: impl FnOnce(&mut Served, u32) + Send + 'static) -> Result<u64, Error> {
    with_peer(
        soon(),
        |served| {
            let serial = served.call();
            script(served, serial);
        },
        |connection| {
            let mut connection = connection.unwrap();
            let result = connection.call(&CALL).and_then(|reply| Ok(reply.value()?.u64()?));
            if !matches!(result, Ok(_) | Err(Error::Call(_))) {
                let after = connection.call(&CALL).map(drop);
                assert!(matches!(after, Err(Error::Broken)), "{after:?}");
            }
            result
        },
    )
}

fn assert_malformed<T: std::fmt::Debug>(result: Result<T, Error>, expected: &str) {
    match result {
        Err(Error::Malformed(error)) => assert!(error.why.contains(expected), "{error}"),
        other => panic!("{other:?} instead of {expected:?}"),
    }
}

/// The error that ends `open`, which must come near its deadline and not long after.
fn open_times_out(script: impl FnOnce(&mut Served) + Send + 'static) -> String {
    let deadline = Instant::now() + Duration::from_millis(200);
    let result = with_raw_peer(deadline, script, |connection| connection.map(drop));
    assert!(Instant::now() >= deadline);
    match result {
        Err(Error::TimedOut { waiting_for }) => waiting_for,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_socket_that_accepts_and_never_answers_times_out() {
    let waiting_for = open_times_out(Served::drain);
    assert_eq!(waiting_for, "the answer to our authentication");
}

#[test]
fn a_peer_that_only_authenticates_times_out() {
    let waiting_for = open_times_out(|served| {
        served.accept();
        served.drain();
    });
    assert_eq!(waiting_for, "the answer to org.freedesktop.DBus.Peer.Ping");
}

#[test]
fn a_queue_that_is_full_times_out() {
    let (_folder, listener, address) = socket();
    // As small as queues get, and never emptied.
    rustix::net::listen(&listener, 0).unwrap();
    let _first = std::os::unix::net::UnixStream::connect(&address.socket).unwrap();
    let deadline = Instant::now() + Duration::from_millis(200);
    let result = Connection::open(&address, deadline);
    assert!(
        matches!(&result, Err(Error::TimedOut { waiting_for })
        if waiting_for.contains("queue")),
        "{result:?}"
    );
}

#[test]
fn a_deadline_that_has_passed_is_a_time_out() {
    let (_folder, _listener, address) = socket();
    let result = Connection::open(&address, Instant::now());
    assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
}

#[test]
fn signals_without_end_time_out() {
    let deadline = Instant::now() + Duration::from_millis(300);
    let result = with_peer(
        deadline,
        |served| {
            let signal = message(4, 0, &[], Some(&"again"));
            while served.stream.write_all(&signal).is_ok() {}
        },
        |connection| connection.unwrap().call(&CALL).map(drop),
    );
    assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
}

#[test]
fn the_first_call_on_the_private_socket_cannot_be_swallowed_with_begin() {
    with_raw_peer(
        soon(),
        |served| {
            served.accept();
            let ping = served.call();
            // What systemd reads of an authentication in one go.
            assert!(served.last_call.len() > 256);
            served.send(&message(3, ping, &[(4, Variant::from("a.b"))], None::<&u8>));
        },
        |connection| connection.map(drop),
    )
    .expect("an error is an answer");
}

#[test]
fn on_a_bus_hello_comes_first_and_calls_name_the_service() {
    let (_folder, listener, address) = socket();
    let address = Address { peer: Peer::Bus { service: "org.example.Service" }, ..address };
    let has = |message: &[u8], text: &str| {
        message.windows(text.len()).any(|part| part == text.as_bytes())
    };
    let result = with_peer_at(
        listener,
        &address,
        soon(),
        move |served| {
            served.accept();
            let hello = served.call();
            assert!(has(&served.last_call, "Hello"));
            assert!(!has(&served.last_call, "org.example.Service"));
            served.send(&reply_with(hello, &":1.7"));
            let serial = served.call();
            assert!(has(&served.last_call, "org.example.Service"));
            served.send(&reply_with(serial, &Variant::from(7u64)));
        },
        |connection| connection.unwrap().call(&CALL)?.value().unwrap().u64().map_err(Error::from),
    );
    assert_eq!(result.unwrap(), 7);
}

#[test]
fn no_socket_and_no_listener_are_told_apart() {
    let (_folder, listener, mut address) = socket();
    drop(listener);
    let kind = |address: &Address| match Connection::open(address, soon()) {
        Err(Error::Connect { kind, .. }) => kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(&address), ConnectFailure::Refused);
    address.socket.push("deeper");
    assert_eq!(kind(&address), ConnectFailure::NotFound);
    address.socket = "/no/such/socket".into();
    assert_eq!(kind(&address), ConnectFailure::NotFound);
    address.socket = format!("/{}", "x".repeat(200)).into();
    assert!(matches!(kind(&address), ConnectFailure::Other(_)));
}

#[test]
fn refused_authentication_says_so() {
    let result = with_raw_peer(
        soon(),
        |served| {
            served.line();
            served.send(b"REJECTED ANONYMOUS\r\n");
            served.drain();
        },
        |connection| connection.map(drop),
    );
    assert!(
        matches!(&result, Err(Error::Rejected { answer })
        if answer == "REJECTED ANONYMOUS"),
        "{result:?}"
    );
}

#[test]
fn an_endless_line_is_not_collected() {
    let result = with_raw_peer(
        soon(),
        |served| while served.stream.write_all(&[b'O'; 4096]).is_ok() {},
        |connection| connection.map(drop),
    );
    assert_malformed(result, "endless line");
}

#[test]
fn closing_is_noticed_at_every_stage() {
    let result = with_raw_peer(soon(), |_| (), |connection| connection.map(drop));
    assert!(matches!(result, Err(Error::Closed { .. })), "{result:?}");
    let result = call(|_, _| ());
    assert!(matches!(result, Err(Error::Closed { .. })), "{result:?}");
    let whole = reply_with(1, &Variant::from(7u64));
    for cut in [1, 15, 16, 17, whole.len() - 1] {
        let part = whole[..cut].to_vec();
        let result = call(move |served, _| served.send(&part));
        assert!(matches!(result, Err(Error::Closed { .. })), "{cut}: {result:?}");
    }
}

#[test]
fn a_reply_byte_by_byte_is_a_reply() {
    let result = call(|served, serial| {
        for byte in reply_with(serial, &Variant::from(7u64)) {
            served.send(&[byte]);
        }
    });
    assert_eq!(result.unwrap(), 7);
}

#[test]
fn garbage_is_malformed() {
    assert_malformed(call(|served, _| served.send(&[0xff; 64])), "byte order");
    assert_malformed(call(|served, _| served.send(b"HTTP/1.1 400 Bad Request\r\n")), "byte order");
    assert_malformed(call(|served, _| served.send(b"l\x02\0\x02............")), "version");
}

#[test]
fn lengths_beyond_reason_are_refused_before_their_bytes_come() {
    let with_lengths = |body: u32, fields: u32| {
        let mut bytes = b"l\x02\x01\x01".to_vec();
        bytes.extend([body, 9, fields].map(u32::to_le_bytes).concat());
        call(move |served, _| served.send(&bytes))
    };
    assert_malformed(with_lengths(u32::MAX, 16), "more than 64 MiB");
    assert_malformed(with_lengths((64 << 20) + 1, 16), "more than 64 MiB");
    assert_malformed(with_lengths(0, u32::MAX), "more than 64 KiB");
}

#[test]
fn replies_to_calls_never_made_are_malformed() {
    let wrong = |served: &mut Served, serial: u32| {
        served.send(&reply_with(serial + 1, &Variant::from(7u64)));
        served.drain();
    };
    assert_malformed(call(wrong), "not made");
    let twice = with_peer(
        soon(),
        |served| {
            let first = served.call();
            served.call();
            served.send(&reply(first, &[]));
            served.send(&reply(first, &[]));
            served.drain();
        },
        |connection| connection.unwrap().pipeline([CALL; 2], 2, |_, _| ()),
    );
    assert_malformed(twice, "not made");
}

#[test]
fn headers_that_lack_or_garble_a_field_are_malformed() {
    let send = |bytes: Vec<u8>| call(move |served, _| served.send(&bytes));
    // An error without a name, a serial that is a text, a field that no variant may be.
    assert_malformed(send(message(3, 2, &[], None::<&u8>)), "required header fields");
    assert_malformed(send(reply(2, &[(5, Variant::from("2"))])), "wrong type");
    let mut bytes = reply_with(2, &Variant::from(7u64));
    let place = bytes.windows(4).position(|field| field == [5, 1, b'u', 0]).unwrap();
    (bytes[place], bytes[place + 2]) = (200, b'!');
    assert_malformed(send(bytes), "unknown type");
    // A body without a signature.
    let mut bytes = reply(2, &[]);
    bytes[4] = 8;
    bytes.extend([0; 8]);
    assert_malformed(send(bytes), "do not belong together");
}

#[test]
fn errors_without_a_text_or_with_other_values_are_still_errors() {
    let name = || (4, Variant::from("org.example.Gone"));
    for (body, expected) in [(None, ""), (Some("it went"), "it went")] {
        let result = call(move |served, serial| {
            served.send(&message(3, serial, &[name()], body.as_ref()));
        });
        assert!(
            matches!(&result, Err(Error::Call(CallError::Reply { name, message }))
            if name == "org.example.Gone" && message == expected),
            "{result:?}"
        );
    }
    let result = call(move |served, serial| {
        served.send(&message(3, serial, &[name()], Some(&7u32)));
    });
    assert!(matches!(result, Err(Error::Call(CallError::Reply { .. }))), "{result:?}");
}

#[test]
fn a_well_known_name_as_sender_and_unknown_fields_are_accepted() {
    // What systemd's private socket sends, and zbus refuses.
    let sender = (7, Variant::from("org.freedesktop.systemd1"));
    let unknown = (200, Variant::new((1u8, vec!["of", "the", "future"])));
    let result = call(|served, serial| {
        let value = Variant::from(7u64);
        served.send(&message(2, serial, &[sender, unknown], Some(&value)));
    });
    assert_eq!(result.unwrap(), 7);
}

#[test]
fn signals_and_calls_in_between_are_passed_over() {
    let result = call(|served, serial| {
        served.send(&message(4, 0, &[], Some(&"JobNew")));
        served.send(&message(1, serial, &[], Some(&7u64)));
        served.send(&reply_with(serial, &Variant::from(7u64)));
    });
    assert_eq!(result.unwrap(), 7);
}

#[test]
fn a_big_endian_reply_is_read() {
    let result = call(|served, serial| {
        let mut bytes = b"B\x02\x01\x01\0\0\0\x10\0\0\0\x09\0\0\0\x0f".to_vec();
        bytes.extend(b"\x05\x01u\0");
        bytes.extend(serial.to_be_bytes());
        bytes.extend(b"\x08\x01g\0\x01v\0\0");
        bytes.extend(b"\x01t\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02");
        served.send(&bytes);
    });
    assert_eq!(result.unwrap(), 258);
}

#[test]
fn replies_out_of_order_find_their_calls() {
    let mut values = vec![0; 250];
    let made = with_peer(
        soon(),
        |served| {
            let mut left: u64 = 250;
            while left > 0 {
                // All that can be in flight, answered from the last to the first.
                let batch = left.min(MAX_WINDOW as u64);
                let serials: Vec<_> = (0..batch).map(|_| served.call()).collect();
                assert!(served.is_quiet(), "more than {MAX_WINDOW} calls in flight");
                let base = 250 - left;
                let replies: Vec<_> = (base..)
                    .zip(serials)
                    .map(|(value, serial)| reply_with(serial, &Variant::from(value)))
                    .collect();
                let replies: Vec<u8> = replies.into_iter().rev().flatten().collect();
                served.send(&replies);
                left -= batch;
            }
        },
        |connection| {
            connection.unwrap().pipeline(
                std::iter::repeat_n(CALL, 250),
                usize::MAX,
                |index, reply| {
                    values[index] = reply.unwrap().value().unwrap().u64().unwrap();
                },
            )
        },
    );
    assert_eq!(made.unwrap(), 250);
    assert_eq!(values, (0..250).collect::<Vec<_>>());
}

#[test]
fn what_was_answered_before_a_time_out_is_kept() {
    let mut got = Vec::new();
    let result = with_peer(
        Instant::now() + Duration::from_secs(1),
        |served| {
            for value in 0..3u64 {
                let serial = served.call();
                served.send(&reply_with(serial, &Variant::from(value)));
            }
            served.drain();
        },
        |connection| {
            connection.unwrap().pipeline(
                std::iter::repeat_n(CALL, 500),
                MAX_WINDOW,
                |index, reply| {
                    got.push((index, reply.unwrap().value().unwrap().u64().unwrap()));
                },
            )
        },
    );
    assert!(
        matches!(&result, Err(Error::TimedOut { waiting_for })
        if waiting_for.contains("3 answered")),
        "{result:?}"
    );
    assert_eq!(got, [(0, 0), (1, 1), (2, 2)]);
}

#[test]
fn calls_that_cannot_be_sent_fail_alone() {
    let long = "x".repeat(1 << 20);
    let bad = [
        Call { path: "no/slash", ..CALL },
        Call { path: "/a//b", ..CALL },
        Call { path: "/a/", ..CALL },
        Call { path: "/a-b", ..CALL },
        Call { member: "with\0NUL", ..CALL },
        Call { body: Body::Two("a", &long), ..CALL },
    ];
    let mut outcomes = vec![None; bad.len() + 1];
    with_peer(
        soon(),
        |served| {
            let serial = served.call();
            served.send(&reply(serial, &[]));
        },
        |connection| {
            let calls = bad.into_iter().chain([CALL]);
            connection.unwrap().pipeline(calls, 10, |index, reply| {
                outcomes[index] = Some(reply.map(drop));
            })
        },
    )
    .unwrap();
    let (last, bad) = outcomes.split_last().unwrap();
    assert_eq!(last, &Some(Ok(())));
    for (index, outcome) in bad.iter().enumerate() {
        assert!(matches!(outcome, Some(Err(CallError::NotSent(_)))), "{index}: {outcome:?}");
    }
}

//! A fake systemd served by zbus.

use std::{
    os::unix::net::UnixListener,
    sync::atomic::{AtomicU64, Ordering},
};

use sysdiag_sources::dbus::{Body, Call, CallError, Connection, Error, MAX_WINDOW};
use zbus::{Variant, object_server::SignalEmitter, wire::ObjectPath};

use crate::peer::{socket, soon};

const PATH: &str = "/org/freedesktop/systemd1";
const INTERFACE: &str = "org.freedesktop.systemd1.Fake";

type Unit<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    ObjectPath<'a>,
    u32,
    &'a str,
    ObjectPath<'a>,
);
type Exec = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

struct Fake {
    calls: AtomicU64,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Fake")]
impl Fake {
    /// Answers after two signals.
    async fn list_units(
        &mut self,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<Vec<Unit<'static>>> {
        Self::unit_new(&emitter, "a.service").await?;
        Self::unit_new(&emitter, "b.service").await?;
        let path = ObjectPath::from_static_str("/org/freedesktop/systemd1/unit/a_2eservice");
        let job = ObjectPath::from_static_str("/");
        let (path, job) = (path.unwrap(), job.unwrap());
        let unit = ("a.service", "Ünit", "loaded", "active", "running", "", path, 0, "", job);
        Ok(vec![unit; 5000])
    }

    #[zbus(signal)]
    async fn unit_new(emitter: &SignalEmitter<'_>, name: &str) -> zbus::Result<()>;

    fn echo(&self, first: &str, second: &str) -> String {
        format!("{first}{second}")
    }

    fn refuse(&self) -> zbus::fdo::Result<()> {
        Err(zbus::fdo::Error::AccessDenied("not you".to_owned()))
    }

    fn big(&self) -> String {
        "x".repeat(8 << 20)
    }

    #[zbus(property)]
    fn calls(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[zbus(property)]
    fn result(&self) -> &'static str {
        "exit-code"
    }

    #[zbus(property)]
    fn status(&self) -> i32 {
        -3
    }

    #[zbus(property)]
    fn reloads(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn requires(&self) -> Vec<String> {
        vec!["a.service".to_owned(), String::new(), "b.mount".to_owned()]
    }

    #[zbus(property)]
    fn exec_start(&self) -> Vec<Exec> {
        vec![("/bin/x".to_owned(), vec!["x".to_owned()], false, 1, 2, 3, 4, 5, 6, -7)]
    }
}

async fn serve(listener: UnixListener) {
    let (stream, _) = listener.accept().unwrap();
    let _connection = zbus::connection::Builder::unix_stream(stream)
        .server("0123456789abcdef0123456789abcdef")
        .p2p()
        .serve_at(PATH, Fake { calls: AtomicU64::new(0) })
        .build()
        .await
        .unwrap();
    std::future::pending::<()>().await;
}

fn with_fake(test: impl FnOnce(Connection)) {
    let (_folder, listener, address) = socket();
    // Ends with the test's process: zbus closes what its client has left.
    std::thread::spawn(|| zbus::block_on(serve(listener)));
    test(Connection::open(&address, soon()).unwrap());
}

fn call(member: &'static str, body: Body<'static>) -> Call<'static> {
    Call { path: PATH, interface: INTERFACE, member, body }
}

#[test]
fn a_long_list_with_signals_before_it_is_read_in_place() {
    with_fake(|mut connection| {
        let reply = connection.call(&call("ListUnits", Body::Empty)).unwrap();
        let data = reply.data("a(ssssssouso)").unwrap();
        let (units, _) = data.deserialize::<Vec<Unit<'_>>>().unwrap();
        assert_eq!(units.len(), 5000);
        assert_eq!((units[4999].0, units[4999].1), ("a.service", "Ünit"));
        reply.data("a(ss)").unwrap_err();
        reply.value().unwrap_err();
        reply.properties().unwrap_err();
    });
}

#[test]
fn arguments_arrive_and_large_replies_come_whole() {
    with_fake(|mut connection| {
        let reply = connection.call(&call("Echo", Body::Two("söme", "thing"))).unwrap();
        let data = reply.data("s").unwrap();
        assert_eq!(data.deserialize::<&str>().unwrap().0, "sömething");
        let reply = connection.call(&call("Big", Body::Empty)).unwrap();
        assert_eq!(reply.data("s").unwrap().deserialize::<&str>().unwrap().0.len(), 8 << 20);
    });
}

#[test]
fn an_error_reply_concerns_its_call_only() {
    with_fake(|mut connection| {
        let refused = connection.call(&call("Refuse", Body::Empty)).map(drop);
        assert!(
            matches!(&refused, Err(Error::Call(CallError::Reply { name, message }))
                if name == "org.freedesktop.DBus.Error.AccessDenied" && message == "not you"),
            "{refused:?}"
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "org.freedesktop.DBus.Error.AccessDenied: not you"
        );
        connection.call(&call("Echo", Body::Two("", ""))).unwrap();
    });
}

#[test]
fn get_reads_every_common_type_and_no_other() {
    with_fake(|mut connection| {
        let mut get = |name, check: fn(sysdiag_sources::dbus::Value<'_>)| {
            let reply = connection.call(&Call::get(PATH, INTERFACE, name)).unwrap();
            check(reply.value().unwrap());
        };
        get("Calls", |value| {
            assert_eq!(value.u64().unwrap(), 1);
            assert_eq!(value.to_variant().unwrap(), Variant::from(1u64).try_to_owned().unwrap());
            assert_eq!(
                value.u32().unwrap_err().to_string(),
                "malformed D-Bus data: expected type \"u\", got \"t\""
            );
        });
        get("Result", |value| assert_eq!(value.str().unwrap(), "exit-code"));
        get("Status", |value| assert_eq!(value.i32().unwrap(), -3));
        get("Reloads", |value| assert!(value.bool().unwrap()));
        get("Requires", |value| {
            assert_eq!(value.strings().unwrap(), ["a.service", "", "b.mount"]);
            value.str().unwrap_err();
        });
        get("ExecStart", |value| {
            assert_eq!(value.signature(), "a(sasbttttuii)");
            let exec: Vec<Exec> = value.decode().unwrap();
            assert_eq!((exec[0].0.as_str(), exec[0].9), ("/bin/x", -7));
            value.decode::<Vec<String>>().unwrap_err();
        });
    });
}

#[test]
fn get_all_reads_every_property() {
    with_fake(|mut connection| {
        let reply = connection.call(&Call::get_all(PATH, INTERFACE)).unwrap();
        let mut names = Vec::new();
        for property in reply.properties().unwrap() {
            let (name, value) = property.unwrap();
            let variant = value.to_variant().unwrap();
            assert_eq!(variant.value_signature().to_string(), value.signature());
            names.push(name);
        }
        names.sort_unstable();
        assert_eq!(names, ["Calls", "ExecStart", "Reloads", "Requires", "Result", "Status"]);
    });
}

#[test]
fn a_thousand_gets_in_flight_a_hundred_at_a_time_each_find_their_value() {
    with_fake(|mut connection| {
        // Every tenth asks for what is not there.
        let property = |index| if index % 10 == 9 { "Nothing" } else { "Calls" };
        let calls = (0..1000).map(|index| Call::get(PATH, INTERFACE, property(index)));
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        let made = connection.pipeline(calls, MAX_WINDOW, |index, reply| match reply {
            Ok(reply) => values.push((index, reply.value().unwrap().u64().unwrap())),
            Err(error) => errors.push((index, error.name().unwrap().to_owned())),
        });
        assert_eq!(made.unwrap(), 1000);
        let mut seen: Vec<u64> = values.iter().map(|(_, value)| *value).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=900).collect::<Vec<_>>());
        assert!(values.iter().all(|(index, _)| index % 10 != 9));
        assert_eq!(errors.len(), 100);
        assert!(
            errors.iter().all(|(index, name)| {
                index % 10 == 9 && name == "org.freedesktop.DBus.Error.UnknownProperty"
            }),
            "{errors:?}"
        );
    });
}

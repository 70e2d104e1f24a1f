//! Where the doors stand: a machine gives one address to one of them, and an
//! address that all the world reaches should not open to all the world.

use std::net::{IpAddr, SocketAddr};

use crate::{
    config::{Console, Listener, SOCKET_OF_CONSOLE, SOCKET_OF_METRICS},
    mail::Direction,
    policy::{
        diagnostics::Severity,
        written::{Table, Value},
    },
};

/// A door, and where its address is written: metrics and the console have a
/// usual one.
struct Door<'a> {
    name: &'a str,
    address: SocketAddr,
    written: Option<Value<'a>>,
}

/// Of two doors the later one is told of, as the one that would not open.
pub(super) fn refuse_taken_addresses<'a>(
    root: &Table<'a>,
    listeners: impl Iterator<Item = (&'a Table<'a>, &'a Listener)>,
    metrics: SocketAddr,
    console: Option<&Console>,
) {
    let section = |name, address| Door { name, address, written: address_of(root, name) };
    let console = console.map(|console| section(SOCKET_OF_CONSOLE, console.address));
    let listeners = listeners.map(|(table, listener)| Door {
        name: &listener.name,
        address: listener.address,
        written: table.value("address"),
    });
    let mut doors: Vec<Door<'_>> = vec![section(SOCKET_OF_METRICS, metrics)];
    for door in console.into_iter().chain(listeners) {
        let taken = doors.iter().find_map(|other| {
            Some((other, collision(door.address, other.address)?, door.written.or(other.written)?))
        });
        if let Some((other, severity, place)) = taken {
            let message = format!(
                "`{}` cannot listen on {}: `{}` listens on {}",
                door.name, door.address, other.name, other.address
            );
            let fault = place.fault("address-taken", message).label("taken").help(match severity {
                Severity::Error => "give one of them a port, or an address, of its own",
                Severity::Warning => {
                    "[::] is every address, of IPv4 too but where net.ipv6.bindv6only is set: \
                     one listener on [::] is enough"
                }
            });
            match severity {
                Severity::Error => root.faults().error(fault),
                Severity::Warning => root.faults().warning(fault),
            }
        }
        doors.push(door);
    }
}

/// None where the table, or the address in it, is not written.
fn address_of<'a>(root: &Table<'a>, section: &'static str) -> Option<Value<'a>> {
    let value = root.value(section).filter(Value::is_table)?;
    value.open_table(section)?.value("address")
}

/// Port 0 is whichever is free. Whether [::] takes IPv4 too is for the kernel
/// to say, or for the unit that hands the socket down.
fn collision(one: SocketAddr, other: SocketAddr) -> Option<Severity> {
    if one.port() == 0 || one.port() != other.port() {
        return None;
    }
    match (one.ip().to_canonical(), other.ip().to_canonical()) {
        (IpAddr::V6(six), IpAddr::V4(_)) | (IpAddr::V4(_), IpAddr::V6(six)) => {
            six.is_unspecified().then_some(Severity::Warning)
        }
        (one, other) => {
            let is_one = one == other || one.is_unspecified() || other.is_unspecified();
            is_one.then_some(Severity::Error)
        }
    }
}

/// Whoever is a client relays in the name of our domains, and nobody owns as
/// many addresses as these.
pub(super) fn warn_of_wide_clients(table: &Table<'_>, listener: &Listener) {
    let Some(clients) = table.value("clients") else { return };
    if listener.direction != Direction::Outbound {
        return;
    }
    for (value, network) in clients.one_or_many().into_iter().zip(&listener.clients) {
        if network.is_wide() {
            let message = format!(
                "`{}` relays in the name of our domains for whoever reaches it",
                listener.name
            );
            let fault = value.fault("clients-wide", message).label("far more than one network");
            let help = "write the networks of the mail servers behind it (`10.0.0.0/8`)";
            table.faults().warning(fault.help(help));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        config::Config,
        policy::diagnostics::{Diagnostic, SourceFile},
    };

    /// What is said of listeners with these addresses, and of lines more: the
    /// severity, the code, and the text that is underlined.
    fn told(listeners: &[(&str, &str)], lines: &str) -> Vec<(Severity, &'static str, String)> {
        let mut text = "[node]\nname = \"mx1.example\"\ndata_dir = \"d\"\npolicies = \"p\"\n\
                        [[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n"
            .to_owned();
        for (nth, (address, more)) in listeners.iter().enumerate() {
            text += &format!(
                "[[listener]]\nname = \"door{nth}\"\naddress = \"{address}\"\ntls = \"none\"\n{more}\n"
            );
        }
        text += lines;
        let file = Arc::new(SourceFile { path: "postern.toml".to_owned(), text });
        let (config, told) = Config::read(&file);
        assert_eq!(config.is_none(), told.has_errors(), "{told:?}");
        let underlined = |one: &Diagnostic| file.text.get(one.span.clone().unwrap()).unwrap();
        let text = |one| underlined(one).trim_matches('"').to_owned();
        told.iter().map(|one| (one.severity, one.code, text(one))).collect()
    }

    /// Of two listeners with these addresses.
    fn told_of_two(one: &str, other: &str) -> Option<Severity> {
        let inbound = "direction = \"inbound\"";
        match &told(&[(one, inbound), (other, inbound)], "")[..] {
            [] => None,
            [(severity, "address-taken", underlined)] if underlined == other => Some(*severity),
            others => panic!("{others:?}"),
        }
    }

    #[test]
    fn no_two_listeners_have_one_address() {
        for (one, other) in [
            ("127.0.0.1:2525", "127.0.0.1:2525"),
            ("0.0.0.0:25", "192.0.2.1:25"),
            ("192.0.2.1:25", "0.0.0.0:25"),
            ("[::]:25", "[2001:db8::1]:25"),
            ("[::ffff:192.0.2.1]:25", "192.0.2.1:25"),
        ] {
            assert_eq!(told_of_two(one, other), Some(Severity::Error), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:2525", "127.0.0.1:2526"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("192.0.2.1:25", "192.0.2.2:25"),
            ("[2001:db8::1]:25", "0.0.0.0:25"),
        ] {
            assert_eq!(told_of_two(one, other), None, "{one} {other}");
        }
    }

    #[test]
    fn whether_the_kernel_takes_ipv4_with_ipv6_is_not_ours_to_say() {
        assert_eq!(told_of_two("[::]:25", "0.0.0.0:25"), Some(Severity::Warning));
        assert_eq!(told_of_two("192.0.2.1:25", "[::]:25"), Some(Severity::Warning));
    }

    #[test]
    fn metrics_and_the_console_have_addresses_of_their_own() {
        let inbound = "direction = \"inbound\"";
        let taken = |place: &str| vec![(Severity::Error, "address-taken", place.to_owned())];
        let console = |address: &str| format!("[console]\naccounts = \"a\"\n{address}");
        let metrics = "127.0.0.1:9464";
        assert_eq!(told(&[(metrics, inbound)], ""), taken(metrics));
        assert_eq!(told(&[("127.0.0.1:8464", inbound)], ""), []);
        assert_eq!(told(&[("127.0.0.1:8464", inbound)], &console("")), taken("127.0.0.1:8464"));
        let at_metrics = console("address = \"127.0.0.1:9464\"\n");
        assert_eq!(told(&[("127.0.0.1:25", inbound)], &at_metrics), taken(metrics));
        let at_console = console("[metrics]\naddress = \"127.0.0.1:8464\"\n");
        assert_eq!(told(&[("127.0.0.1:25", inbound)], &at_console), taken("127.0.0.1:8464"));
    }

    #[test]
    fn a_listener_that_relays_for_all_the_world_is_warned_of() {
        let told = |direction: &str, clients: &str| {
            let lines = format!("direction = \"{direction}\"\nclients = {clients}");
            told(&[("127.0.0.1:25", &lines)], "")
        };
        let wide = |network: &str| (Severity::Warning, "clients-wide", network.to_owned());
        assert_eq!(told("outbound", "[\"10.0.0.0/8\", \"::/0\"]"), [wide("::/0")]);
        let halves = "[\"0.0.0.0/1\", \"128.0.0.0/1\"]";
        assert_eq!(told("outbound", halves), [wide("0.0.0.0/1"), wide("128.0.0.0/1")]);
        assert_eq!(told("outbound", "\"10.0.0.0/8\""), []);
        assert_eq!(told("inbound", "\"0.0.0.0/0\""), []);
    }
}

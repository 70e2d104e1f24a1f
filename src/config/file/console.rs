//! `[console]`.

use std::net::SocketAddr;

use super::fields::{Reader, count, duration, networks, optional, socket_address};
use crate::{
    config::{Console, ConsoleTls, ConsoleUrl, LockOut, SecondFactor, SessionLimits},
    policy::written::{Fault, Table},
};

impl Reader<'_> {
    pub(super) fn console(&self, root: &Table<'_>) -> Option<Console> {
        let table = root.value("console")?.table("[console]", CONSOLE)?;
        let usual = SocketAddr::from(([127, 0, 0, 1], 8464));
        let address = optional(&table, "address", usual, socket_address);
        let tls = self.console_tls(&table, address);
        let url = optional(&table, "url", None, |value| {
            value.parsed::<ConsoleUrl>("bad-console-url").map(Some)
        });
        refuse_url_in_clear(&table, url.as_ref(), &tls);
        let accounts = optional(&table, "accounts", None, |value| self.path(value).map(Some));
        let second_factor =
            [("required", SecondFactor::Required), ("optional", SecondFactor::Optional)];
        let console = Console {
            address,
            url,
            tls,
            accounts,
            second_factor: optional(&table, "second_factor", SecondFactor::default(), |value| {
                value.choice(&second_factor)
            }),
            openid: self.openid(&table),
            sessions: sessions(&table),
            lock_out: lock_out(&table),
        };
        refuse_no_way_in(&table, &console);
        Some(console)
    }

    fn console_tls(&self, table: &Table<'_>, address: SocketAddr) -> ConsoleTls {
        let client_ca = optional(table, "client_ca", None, |value| self.path(value).map(Some));
        let elsewhere = optional(table, "tls", None, |value| {
            value.choice(&[("terminated-elsewhere", Some(()))])
        });
        let has_pair = ["certificate", "key"].iter().any(|key| table.value(key).is_some());
        let pair = has_pair.then(|| self.pair(table)).flatten();
        let proxies = networks(table, "proxies");
        if elsewhere.is_some() || !has_pair {
            refuse_client_ca(table);
        }
        if elsewhere.is_some() {
            if proxies.is_empty() {
                let message = "`tls = \"terminated-elsewhere\"` needs `proxies`: who may connect";
                let fault = Fault::new("console-proxies", message).at(table.span());
                table.faults().error(fault.help("proxies = [\"192.0.2.10\"]: the proxy's address"));
            }
            return ConsoleTls::Elsewhere { proxies };
        }
        if let Some(files) = pair {
            return ConsoleTls::Here { files, client_ca };
        }
        if !has_pair && !address.ip().is_loopback() {
            let message =
                "the console shows mail and takes passwords: beyond loopback it needs TLS";
            let place = table.value("address").map_or(table.span(), |value| value.span());
            let fault = Fault::new("console-in-clear", message).at(place);
            table.faults().error(fault.help(
                "name `certificate` and `key`, or write `tls = \"terminated-elsewhere\"` with `proxies`",
            ));
        }
        ConsoleTls::Loopback
    }
}

fn sessions(table: &Table<'_>) -> SessionLimits {
    let absent = SessionLimits::default();
    SessionLimits {
        idle: duration(table, "session_idle", absent.idle),
        absolute: duration(table, "session_lifetime", absent.absolute),
    }
}

fn lock_out(table: &Table<'_>) -> LockOut {
    let absent = LockOut::default();
    LockOut {
        after: count(table, "lock_out_after", absent.after),
        period: duration(table, "lock_out_for", absent.period),
    }
}

/// It would be asked for by nobody.
fn refuse_client_ca(table: &Table<'_>) {
    let Some(value) = table.value("client_ca") else { return };
    let message = "`client_ca` needs `certificate` and `key`: a browser shows its own in TLS";
    table.faults().error(Fault::new("console-client-ca", message).at(value.span()));
}

/// A browser would send its cookies to whoever stands between.
fn refuse_url_in_clear(table: &Table<'_>, url: Option<&ConsoleUrl>, tls: &ConsoleTls) {
    let Some((value, url)) = table.value("url").zip(url) else { return };
    if !url.is_https() && *tls != ConsoleTls::Loopback {
        value.invalid::<()>("bad-console-url", "a console under TLS is found at https://…");
    }
}

fn refuse_no_way_in(table: &Table<'_>, console: &Console) {
    if console.accounts.is_none() && table.value("openid").is_none() {
        let fault = Fault::new("console-no-sign-in", "nobody can sign in to this console");
        table.faults().error(fault.at(table.span()).help(
            "name a file of accounts (`accounts = \"accounts.toml\"`, made by `postern account add`), or a provider ([console.openid])",
        ));
    }
}

const CONSOLE: &[&str] = &[
    "address",
    "url",
    "tls",
    "proxies",
    "certificate",
    "key",
    "client_ca",
    "accounts",
    "second_factor",
    "openid",
    "session_idle",
    "session_lifetime",
    "lock_out_after",
    "lock_out_for",
];

//! postern.toml as written: every key read, every fault noted with its line.
//! A file a table: `root` reads the whole and the small ones.

mod audit;
mod console;
mod doors;
mod fields;
mod going_live;
mod identity;
mod limits;
mod listener;
mod names;
mod openid;
mod quarantine;
mod reader;
mod recipients;
mod root;
mod tls_reports;

#[cfg(test)]
mod tests;

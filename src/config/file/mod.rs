//! postern.toml as written: every key read, every fault noted with its line.
//! A file a table: `root` reads the whole and the small ones.

mod fields;
mod limits;
mod listener;
mod recipients;
mod root;
mod tls_reports;

#[cfg(test)]
mod tests;

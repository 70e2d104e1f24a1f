//! The durable queue.

mod receipt;

pub use receipt::Receipt;

//! The next hops of a delivery, one after another.

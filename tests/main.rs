//! The one integration-test binary: a module a subject.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod rewriting;
#[cfg(test)]
mod structured;

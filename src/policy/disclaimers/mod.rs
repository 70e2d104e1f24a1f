//! `disclaimers/`: the tag lines, each as NAME.txt and NAME.html, and in other
//! languages as NAME.cy.txt and NAME.cy.html.
//!
//! Owns pairing and filling them in. Refuses HTML that fetches or runs
//! anything: a tag line stands under every message and must not call home.

mod check;
mod language;
mod read;
mod tag_line;

pub use language::Language;
pub use tag_line::TagLine;

pub(super) use language::LANGUAGES;
pub(super) use read::{TagLines, read};

//! Fonts: from the codes that a page shows to the text they stand for, and
//! how wide they are.
//!
//! A font may say what its codes mean (`ToUnicode`), name its glyphs, use a
//! known encoding, or hold a program that knows its characters: each is asked
//! in turn. What none of them knows is said to be unknown (law 3): wrong text
//! must not pass for text. Source: ISO 32000-1 sections 9.6 to 9.10.

mod cmap;
mod composite;
mod encoding;
mod glyph;
mod glyph_name;
mod program;
mod simple;
mod typeface;
mod widths;

pub(super) use glyph::{Glyph, Meaning};
pub(super) use typeface::Font;

//! PDF: text as its pages show it, and all else that it carries.
//!
//! Words are rebuilt from where glyphs stand, lines from their baselines,
//! cells from wide gaps. What a viewer hides is read like what it shows:
//! invisible and white text, layers that are off, what lies outside of the
//! page. A page that is a picture, or whose fonts do not say what they show,
//! is opaque. Source: ISO 32000-1, which is PDF 1.7, with the encryption of
//! ISO 32000-2.
//!
//! `hayro-syntax` finds objects, mends cross-references and decrypts; all
//! that multiplies (streams, forms, operators) is counted here (`opened`), and
//! what it unfolds itself is measured first (`guard`).

mod annotation;
mod attachment;
mod columns;
mod document;
mod filter;
mod font;
mod form;
mod graphics;
mod guard;
mod interpreter;
mod layout;
mod lexer;
mod matrix;
mod opened;
mod page;
mod predictor;
mod properties;
mod revision;
mod sheet;
mod structure;
mod text_string;
mod tree;
mod xml;

#[cfg(test)]
mod changed;
#[cfg(test)]
mod tests;

pub(super) use document::{is_behind_other_octets, read};

//! Sheets: rows as lines, cells kept apart by tabs, numbers as displayed.
//!
//! `rows` lays them out whatever file they come from, `number_format` displays
//! numbers by their formats; `workbook` reads sheets of Office Open XML.

mod cells;
mod dates;
mod digits;
mod number_format;
mod rows;
mod styles;
mod workbook;

pub(super) use cells::without_codes;
pub(super) use number_format::{Epoch, NumberFormat, show, stored};
pub(super) use rows::Rows;
pub(super) use workbook::{ROOTS, read_workbook};

//! The cells of one sheet (MS-XLS section 2.4).

use super::biff::{Globals, Record};
use crate::content::document::{
    octets::Octets,
    office::sheets::{Rows, show},
};

#[derive(Debug)]
pub(super) struct Cells {
    rows: Rows,
    row: u16,
    /// Where a formula's text belongs, which comes in a record of its own.
    formula: Option<(u16, u16, u16)>,
}

impl Cells {
    pub(super) fn titled(title: &str) -> Self {
        Self { rows: Rows::titled(title), row: 0, formula: None }
    }

    pub(super) fn finish(self) -> Rows {
        self.rows
    }

    /// A record of no cell says nothing here; one that breaks off neither.
    pub(super) fn take(&mut self, record: &Record<'_>, globals: &Globals) {
        let mut octets = Octets(record.octets);
        let read = match record.kind {
            SHARED => self.shared(&mut octets, globals),
            LABEL | RICH_LABEL => self.label(record, globals),
            NUMBER => self.number(&mut octets, globals),
            RK => self.rk(&mut octets, globals),
            MULTIPLE_RK => self.multiple_rk(&mut octets, globals),
            FORMULA => self.formula(&mut octets, globals),
            STRING => self.formula_text(record, globals),
            _ => None,
        };
        read.unwrap_or_default();
    }

    fn begin(&mut self, octets: &mut Octets<'_>) -> Option<(u16, u16)> {
        let row = octets.u16()?;
        let column = octets.u16()?;
        self.go_to(row);
        Some((column, octets.u16()?))
    }

    fn go_to(&mut self, row: u16) {
        if row != self.row {
            self.rows.end_row();
            self.row = row;
        }
    }

    fn shared(&mut self, octets: &mut Octets<'_>, globals: &Globals) -> Option<()> {
        let (column, style) = self.begin(octets)?;
        let string = globals.strings.get(octets.length()?)?;
        self.text(column, style, string, globals);
        Some(())
    }

    fn label(&mut self, record: &Record<'_>, globals: &Globals) -> Option<()> {
        let (column, style) = self.begin(&mut Octets(record.octets))?;
        let mut segments = record.segments();
        segments.skip(6);
        let string = globals.string(&mut segments)?;
        self.text(column, style, &string, globals);
        Some(())
    }

    fn text(&mut self, column: u16, style: u16, text: &str, globals: &Globals) {
        let shown = globals.format(style).text(text);
        self.rows.cell(usize::from(column), &shown, None);
    }

    fn value(&mut self, column: u16, style: u16, value: f64, globals: &Globals) {
        let shown = show(value, &globals.format(style), globals.epoch);
        self.rows.cell(usize::from(column), &shown.text, shown.stored.as_deref());
    }

    fn number(&mut self, octets: &mut Octets<'_>, globals: &Globals) -> Option<()> {
        let (column, style) = self.begin(octets)?;
        let value = f64::from_bits(octets.u64()?);
        self.value(column, style, value, globals);
        Some(())
    }

    fn rk(&mut self, octets: &mut Octets<'_>, globals: &Globals) -> Option<()> {
        let (column, style) = self.begin(octets)?;
        let value = unpacked(octets.u32()?);
        self.value(column, style, value, globals);
        Some(())
    }

    fn multiple_rk(&mut self, octets: &mut Octets<'_>, globals: &Globals) -> Option<()> {
        let row = octets.u16()?;
        let mut column = octets.u16()?;
        self.go_to(row);
        // The last column stands behind the cells, in two octets.
        while octets.0.len() >= 6 {
            let style = octets.u16()?;
            let value = unpacked(octets.u32()?);
            self.value(column, style, value, globals);
            column = column.saturating_add(1);
        }
        Some(())
    }

    fn formula(&mut self, octets: &mut Octets<'_>, globals: &Globals) -> Option<()> {
        let (column, style) = self.begin(octets)?;
        let value = octets.u64()?;
        self.formula = None;
        // No number at all: its first octet says what (section 2.5.133).
        if value >> 48 != 0xffff {
            self.value(column, style, f64::from_bits(value), globals);
        } else if value & 0xff == 0 {
            self.formula = Some((self.row, column, style));
        }
        Some(())
    }

    fn formula_text(&mut self, record: &Record<'_>, globals: &Globals) -> Option<()> {
        let (row, column, style) = self.formula.take()?;
        self.go_to(row);
        let string = globals.string(&mut record.segments())?;
        self.text(column, style, &string, globals);
        Some(())
    }
}

/// A number in 30 bits: whole, or the upper part of a double, and perhaps in
/// hundredths (section 2.5.122).
fn unpacked(rk: u32) -> f64 {
    let value = if rk & 2 == 0 {
        f64::from_bits(u64::from(rk & !3) << 32)
    } else {
        f64::from(rk.cast_signed() >> 2)
    };
    if rk & 1 == 0 { value } else { value / 100.0 }
}

const FORMULA: u16 = 0x0006;
const MULTIPLE_RK: u16 = 0x00bd;
const RICH_LABEL: u16 = 0x00d6;
const SHARED: u16 = 0x00fd;
const NUMBER: u16 = 0x0203;
const LABEL: u16 = 0x0204;
const STRING: u16 = 0x0207;
const RK: u16 = 0x027e;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_are_unpacked() {
        assert_eq!(unpacked(42 << 2 | 2), 42.0);
        assert_eq!(unpacked((-42_i32 << 2).cast_unsigned() | 2), -42.0);
        assert_eq!(unpacked(1234 << 2 | 3), 12.34);
        assert_eq!(unpacked(0x3ff0_0000), 1.0);
    }
}

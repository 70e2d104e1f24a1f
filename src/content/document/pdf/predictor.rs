//! Rows that were written as differences: ISO 32000-1 section 7.4.4.4.
//!
//! Cross-reference streams have them, and now and then other streams.

use hayro_syntax::object::Dict;

use super::filter::Step;

pub(super) fn undo(step: Step, parameters: &Dict<'_>) -> Step {
    let number = |key: &str, otherwise| {
        let number = parameters.get::<i32>(key).unwrap_or(otherwise);
        usize::try_from(number).unwrap_or(1).clamp(1, WIDEST)
    };
    let predictor = number("Predictor", 1);
    if predictor == 1 {
        return step;
    }
    let bits = number("Colors", 1).min(32) * number("BitsPerComponent", 8).min(16);
    let row = (number("Columns", 1) * bits).div_ceil(8);
    let pixel = bits.div_ceil(8);
    let octets = match predictor {
        10.. => png(&step.octets, row, pixel),
        // Of TIFF; of pictures alone are there components of other widths.
        2 if number("BitsPerComponent", 8) == 8 => tiff(step.octets, row, pixel),
        _ => step.octets,
    };
    Step { octets, fault: step.fault }
}

fn tiff(mut octets: Vec<u8>, row: usize, pixel: usize) -> Vec<u8> {
    for row in octets.chunks_mut(row) {
        for at in pixel..row.len() {
            let left = row.get(at - pixel).copied().unwrap_or_default();
            if let Some(octet) = row.get_mut(at) {
                *octet = octet.wrapping_add(left);
            }
        }
    }
    octets
}

fn png(octets: &[u8], row: usize, pixel: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(octets.len());
    for written in octets.chunks(row + 1) {
        let Some((&kind, written)) = written.split_first() else { break };
        let start = out.len();
        for (at, &octet) in written.iter().enumerate() {
            let earlier = |back: usize| {
                let at = (start + at).checked_sub(back);
                at.and_then(|at| out.get(at)).copied().unwrap_or_default()
            };
            let left = if at < pixel { 0 } else { earlier(pixel) };
            let up = earlier(row);
            let corner = if at < pixel { 0 } else { earlier(row + pixel) };
            out.push(octet.wrapping_add(match kind {
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => 0,
            }));
        }
    }
    out
}

/// The PNG specification's section 9.4.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let estimate = a + b - c;
    let far = |value: i16| (estimate - value).abs();
    if far(a) <= far(b) && far(a) <= far(c) {
        left
    } else if far(b) <= far(c) {
        up
    } else {
        corner
    }
}

/// Octets in a row.
const WIDEST: usize = 1 << 20;

//! The graphics state, as far as it says where text stands: ISO 32000-1
//! sections 8.4 and 9.3.

use std::rc::Rc;

use super::{
    font::Font,
    matrix::{Matrix, Point},
};

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) matrix: Matrix,
    pub(super) font: Rc<Font>,
    pub(super) size: f64,
    pub(super) letter_spacing: f64,
    pub(super) word_spacing: f64,
    /// A part, not per cent.
    pub(super) stretch: f64,
    pub(super) leading: f64,
    pub(super) rise: f64,
}

impl State {
    pub(super) fn new(matrix: Matrix, fallback: Rc<Font>) -> Self {
        Self {
            matrix,
            font: fallback,
            size: 12.0,
            letter_spacing: 0.0,
            word_spacing: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }

    /// How far the text moves on after a glyph, in text space.
    pub(super) fn advance(&self, width: f64, is_word_space: bool) -> f64 {
        let word = if is_word_space { self.word_spacing } else { 0.0 };
        let plain = width * self.size + self.letter_spacing + word;
        if self.font.is_vertical() { -self.size } else { plain * self.stretch }
    }
}

/// A direction in which text runs, and how large it is displayed there.
pub(super) fn direction(matrix: Matrix, is_vertical: bool) -> (Point, f64) {
    let (x, y) = if is_vertical { (-matrix.c, -matrix.d) } else { (matrix.a, matrix.b) };
    let length = x.hypot(y);
    if !(length.is_finite() && length > f64::MIN_POSITIVE) {
        return (Point { x: 1.0, y: 0.0 }, 0.0);
    }
    (Point { x: x / length, y: y / length }, length)
}

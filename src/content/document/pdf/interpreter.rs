//! Follows a content stream: which glyphs it shows, and where. ISO 32000-1
//! section 9.4. What only colours, clips or hides is passed over, so that
//! hidden text is read like any other.

use std::rc::Rc;

use hayro_syntax::object::{Dict, Name, Object, Stream};

use super::{
    font::Glyph,
    graphics::{State, direction},
    lexer::{Lexer, Token},
    matrix::{Matrix, Point, Rectangle},
    opened::{Opened, Place, numbers, place},
    sheet::{Sheet, Shown},
};
use crate::mail::OpaqueReason;

pub(super) struct Interpreter<'a, 'o> {
    opened: &'o mut Opened<'a>,
    sheet: &'o mut Sheet,
    /// Of the page, for text that is said to stand for what is shown.
    pub(super) spoken: Vec<String>,
    state: State,
    saved: Vec<State>,
    text: Matrix,
    line: Matrix,
    /// Forms that are being drawn.
    within: Vec<Place>,
}

impl<'a, 'o> Interpreter<'a, 'o> {
    pub(super) fn new(opened: &'o mut Opened<'a>, sheet: &'o mut Sheet) -> Self {
        let state = State::new(Matrix::IDENTITY, opened.fallback());
        let (text, line) = (Matrix::IDENTITY, Matrix::IDENTITY);
        let (saved, within, spoken) = (Vec::new(), Vec::new(), Vec::new());
        Self { opened, sheet, spoken, state, saved, text, line, within }
    }

    /// Draws a form (section 8.10) as if `outer` were its place.
    pub(super) fn form(&mut self, form: &Stream<'a>, outer: Matrix, resources: &Dict<'a>) {
        let place = place(form.dict());
        if self.within.contains(&place) {
            return;
        }
        if self.within.len() >= DEEPEST {
            return self.opened.fault(OpaqueReason::OverLimit);
        }
        let own = form.dict().get::<Dict<'a>>("Resources");
        let matrix = Matrix::of(&numbers(form.dict(), "Matrix")).unwrap_or(Matrix::IDENTITY);
        let octets = self.opened.octets(form);
        let inner = State { matrix: matrix.then(outer), ..self.state.clone() };
        let state = std::mem::replace(&mut self.state, inner);
        let saved = std::mem::take(&mut self.saved);
        let (text, line) = (self.text, self.line);
        self.within.push(place);
        self.run(&octets, own.as_ref().unwrap_or(resources));
        self.within.pop();
        (self.state, self.saved, self.text, self.line) = (state, saved, text, line);
    }

    /// An annotation's appearance, at its place (section 12.5.5).
    pub(super) fn appearance(&mut self, form: &Stream<'a>, at: Rectangle) {
        let matrix = Matrix::of(&numbers(form.dict(), "Matrix")).unwrap_or(Matrix::IDENTITY);
        let bounds = Rectangle::of(&numbers(form.dict(), "BBox")).unwrap_or(at).through(matrix);
        let scale = |to: f64, from: f64| if from > 0.0 { to / from } else { 1.0 };
        let (x, y) = (scale(at.width(), bounds.width()), scale(at.height(), bounds.height()));
        let (e, f) = (at.low.x - bounds.low.x * x, at.low.y - bounds.low.y * y);
        self.form(form, Matrix { a: x, d: y, e, f, ..Matrix::IDENTITY }, &Dict::default());
    }

    pub(super) fn run(&mut self, octets: &[u8], resources: &Dict<'a>) {
        let mut lexer = Lexer::new(octets);
        let mut operands: Vec<Token> = Vec::new();
        while let Some(token) = lexer.next() {
            let Token::Word(operator) = token else {
                // More than any operator takes: the last ones count.
                if operands.len() >= MOST_OPERANDS {
                    operands.clear();
                }
                operands.push(token);
                continue;
            };
            if !self.opened.may_operate() || self.sheet.pieces.len() > MOST_PIECES {
                return self.opened.fault(OpaqueReason::OverLimit);
            }
            match operator.as_slice() {
                b"ID" => lexer.skip_inline_image(),
                b"EI" => self.sheet.pictured += self.state.matrix.area(),
                b"Do" => self.draw(&operands, resources),
                b"Tf" => self.set_font(&operands, resources),
                b"gs" => self.set_state(&operands, resources),
                b"BDC" => self.begin_marked(&operands, resources),
                b"Tj" | b"TJ" | b"'" | b"\"" => self.show_operator(&operator, &operands),
                other => self.place(other, &operands),
            }
            operands.clear();
        }
    }

    /// Operators that say where and how text stands.
    fn place(&mut self, operator: &[u8], operands: &[Token]) {
        let number = |at: usize| operands.get(at).and_then(Token::number).unwrap_or_default();
        let matrix = || Matrix::of(&operands.iter().filter_map(Token::number).collect::<Vec<_>>());
        match operator {
            b"q" if self.saved.len() < MOST_SAVED => self.saved.push(self.state.clone()),
            b"Q" => self.state = self.saved.pop().unwrap_or_else(|| self.state.clone()),
            b"cm" => {
                if let Some(matrix) = matrix() {
                    self.state.matrix = matrix.then(self.state.matrix);
                }
            }
            b"BT" => (self.text, self.line) = (Matrix::IDENTITY, Matrix::IDENTITY),
            b"Tm" => {
                if let Some(matrix) = matrix() {
                    (self.text, self.line) = (matrix, matrix);
                }
            }
            b"Td" => self.next_line(number(0), number(1)),
            b"TD" => {
                self.state.leading = -number(1);
                self.next_line(number(0), number(1));
            }
            b"T*" => self.next_line(0.0, -self.state.leading),
            b"Tc" => self.state.letter_spacing = number(0),
            b"Tw" => self.state.word_spacing = number(0),
            b"Tz" => self.state.stretch = number(0) / 100.0,
            b"TL" => self.state.leading = number(0),
            b"Ts" => self.state.rise = number(0),
            b"l" | b"c" | b"v" | b"y" => self.sheet.strokes += 1,
            _ => {}
        }
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line = Matrix::moved(x, y).then(self.line);
        self.text = self.line;
    }

    fn show_operator(&mut self, operator: &[u8], operands: &[Token]) {
        if operator == b"\"" {
            let number = |at: usize| operands.get(at).and_then(Token::number);
            self.state.word_spacing = number(0).unwrap_or_default();
            self.state.letter_spacing = number(1).unwrap_or_default();
        }
        if operator != b"Tj" && operator != b"TJ" {
            self.next_line(0.0, -self.state.leading);
        }
        match operands.last() {
            Some(Token::Text(text)) => self.show(text),
            Some(Token::Array(items)) => {
                for item in items {
                    match item {
                        Token::Text(text) => self.show(text),
                        Token::Number(back) => self.kern(*back),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn kern(&mut self, back: f64) {
        let by = -back / 1000.0 * self.state.size;
        self.text = if self.state.font.is_vertical() {
            Matrix::moved(0.0, by).then(self.text)
        } else {
            Matrix::moved(by * self.state.stretch, 0.0).then(self.text)
        };
    }

    fn show(&mut self, text: &[u8]) {
        let font = Rc::clone(&self.state.font);
        // Some writers make the gaps between words by spacing two letters.
        let apart = if text.len() <= SHORT { self.state.letter_spacing } else { 0.0 };
        font.show(text, |glyph| self.glyph(glyph, apart));
    }

    /// A glyph that ends so much before the next one.
    fn glyph(&mut self, glyph: Glyph, apart: f64) {
        let is_vertical = self.state.font.is_vertical();
        let matrix = Matrix::moved(0.0, self.state.rise).then(self.text).then(self.state.matrix);
        let by = self.state.advance(glyph.width, glyph.is_word_space);
        let (x, y) = if is_vertical { (0.0, by) } else { (by, 0.0) };
        let (mut along, scale) = direction(matrix, is_vertical);
        // Text that is set from right to left is stored as it is read.
        let reach = if is_vertical { x } else { x - apart * self.state.stretch };
        let (mut start, mut end) = (matrix.point(0.0, 0.0), matrix.point(reach, y));
        if self.state.size < 0.0 {
            along = Point { x: -along.x, y: -along.y };
        }
        self.text = Matrix::moved(x, y).then(self.text);
        let size = (self.state.size.abs() * scale).max(SMALLEST);
        let is_somewhere = [size, start.x, start.y, end.x, end.y].iter().all(|at| at.is_finite());
        if !is_somewhere {
            (start, end) = (Point::default(), Point::default());
        }
        self.sheet.show(&Shown {
            code: glyph.code,
            meaning: glyph.meaning,
            start,
            end,
            size,
            along,
        });
    }

    fn set_font(&mut self, operands: &[Token], resources: &Dict<'a>) {
        let [Token::Name(name), Token::Number(size)] = operands else { return };
        let fonts = resources.get::<Dict<'a>>("Font");
        let font = fonts.and_then(|fonts| fonts.get::<Dict<'a>>(name));
        self.state.font = match font {
            Some(font) => self.opened.font(&font),
            None => self.opened.fallback(),
        };
        self.state.size = *size;
    }

    fn set_state(&mut self, operands: &[Token], resources: &Dict<'a>) {
        let Some(state) = named::<Dict<'a>>(resources, "ExtGState", operands) else { return };
        let Some(Object::Array(font)) = state.get::<Object<'a>>("Font") else { return };
        let mut items = font.iter::<Object<'a>>();
        if let (Some(Object::Dict(font)), Some(Object::Number(size))) = (items.next(), items.next())
        {
            self.state.font = self.opened.font(&font);
            self.state.size = size.as_f64();
        }
    }

    fn draw(&mut self, operands: &[Token], resources: &Dict<'a>) {
        let Some(drawn) = named::<Stream<'a>>(resources, "XObject", operands) else { return };
        match drawn.dict().get::<Name<'_>>("Subtype").as_deref() {
            Some(b"Image") => self.sheet.pictured += self.state.matrix.area(),
            _ => self.form(&drawn, self.state.matrix, resources),
        }
    }

    /// What is said to stand for what is shown (sections 14.9.3 and 14.9.4).
    fn begin_marked(&mut self, operands: &[Token], resources: &Dict<'a>) {
        for key in ["ActualText", "Alt", "E"] {
            let spoken = match operands.get(1) {
                Some(Token::Dictionary(entries)) => entries
                    .iter()
                    .find(|(own, _)| own == key.as_bytes())
                    .and_then(|(_, value)| value.text().map(super::text_string::text)),
                Some(Token::Name(_)) => {
                    let list = operands.get(1..).unwrap_or_default();
                    named::<Dict<'a>>(resources, "Properties", list)
                        .and_then(|list| list.get::<hayro_syntax::object::String<'_>>(key))
                        .map(|text| super::text_string::text(text.as_bytes()))
                }
                _ => None,
            };
            // Letters for ligatures and the like are read as shown.
            self.spoken.extend(spoken.filter(|spoken| spoken.chars().count() > 3));
        }
    }
}

/// A resource that the first operand names.
fn named<'a, T>(resources: &Dict<'a>, kind: &str, operands: &[Token]) -> Option<T>
where
    T: TryFrom<Object<'a>>,
{
    let name = operands.first()?.name_octets()?;
    T::try_from(resources.get::<Dict<'a>>(kind)?.get::<Object<'a>>(name)?).ok()
}

/// Forms within forms.
const DEEPEST: usize = 24;
const MOST_SAVED: usize = 4096;
const MOST_OPERANDS: usize = 1024;
/// Of letters: gaps are told in parts of it.
const SMALLEST: f64 = 0.001;
/// Octets.
const SHORT: usize = 4;
/// On one page.
const MOST_PIECES: usize = 500_000;

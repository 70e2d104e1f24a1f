//! Where things stand: matrices of ISO 32000-1 section 8.3.3.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) c: f64,
    pub(super) d: f64,
    pub(super) e: f64,
    pub(super) f: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The lower left and the upper right corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rectangle {
    pub(super) low: Point,
    pub(super) high: Point,
}

impl Matrix {
    pub(super) const IDENTITY: Self = Self { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: 0.0, f: 0.0 };

    pub(super) fn of(numbers: &[f64]) -> Option<Self> {
        let &[a, b, c, d, e, f] = numbers else { return None };
        Some(Self { a, b, c, d, e, f })
    }

    pub(super) fn moved(x: f64, y: f64) -> Self {
        Self { e: x, f: y, ..Self::IDENTITY }
    }

    /// This one first, then `next`.
    #[must_use]
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            a: self.a * next.a + self.b * next.c,
            b: self.a * next.b + self.b * next.d,
            c: self.c * next.a + self.d * next.c,
            d: self.c * next.b + self.d * next.d,
            e: self.e * next.a + self.f * next.c + next.e,
            f: self.e * next.b + self.f * next.d + next.f,
        }
    }

    pub(super) fn point(self, x: f64, y: f64) -> Point {
        Point { x: x * self.a + y * self.c + self.e, y: x * self.b + y * self.d + self.f }
    }

    /// What a unit square covers.
    pub(super) fn area(self) -> f64 {
        (self.a * self.d - self.b * self.c).abs()
    }
}

impl Rectangle {
    /// Of two corners in any order.
    pub(super) fn of(numbers: &[f64]) -> Option<Self> {
        let &[x, y, to_x, to_y] = numbers else { return None };
        Some(Self {
            low: Point { x: x.min(to_x), y: y.min(to_y) },
            high: Point { x: x.max(to_x), y: y.max(to_y) },
        })
    }

    pub(super) fn width(self) -> f64 {
        self.high.x - self.low.x
    }

    pub(super) fn height(self) -> f64 {
        self.high.y - self.low.y
    }

    /// What holds this rectangle once it is moved.
    pub(super) fn through(self, matrix: Matrix) -> Self {
        let corners = [
            matrix.point(self.low.x, self.low.y),
            matrix.point(self.low.x, self.high.y),
            matrix.point(self.high.x, self.low.y),
            matrix.point(self.high.x, self.high.y),
        ];
        let mut held = Self { low: corners[0], high: corners[0] };
        for corner in corners {
            held.low = Point { x: held.low.x.min(corner.x), y: held.low.y.min(corner.y) };
            held.high = Point { x: held.high.x.max(corner.x), y: held.high.y.max(corner.y) };
        }
        held
    }
}

//! Small charts, drawn here: pictures of rectangles in a page's own markup, so
//! that no script and nothing from elsewhere is needed. Each stands beside a
//! table that says the same.

use crate::mail::Timestamp;

/// What came and went in a short stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowStep {
    pub start: Timestamp,
    /// Messages.
    pub received: usize,
    /// Recipients' copies that the next hop has taken over.
    pub delivered: usize,
    /// Those that it has not: they are tried again, or returned.
    pub not_delivered: usize,
}

/// Two bars a step: what came, and what went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowChart {
    pub(super) bars: Vec<Bar>,
    /// What the highest bar stands for.
    pub(super) most: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// In units of the picture, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
}

impl FlowStep {
    pub fn empty(start: Timestamp) -> Self {
        Self { start, received: 0, delivered: 0, not_delivered: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.received + self.delivered + self.not_delivered == 0
    }

    /// `14:06`, in UTC.
    pub(super) fn time(&self) -> String {
        self.start.rfc3339().get(11..16).unwrap_or_default().to_owned()
    }
}

impl FlowChart {
    pub(super) fn of(flow: &[FlowStep]) -> Self {
        let most = flow.iter().flat_map(|step| [step.received, step.delivered]).max();
        let most = most.unwrap_or_default();
        let bars = flow.iter().zip(0..).flat_map(|(step, number)| {
            let bar = |class, count: usize, offset| {
                let height = height_of(count, most);
                Bar { class, x: number * STEP + offset, y: HEIGHT - height, height }
            };
            [
                bar("chart-received", step.received, GAP),
                bar("chart-delivered", step.delivered, GAP + BAR),
            ]
        });
        let bars = bars.filter(|bar| bar.height > 0).collect();
        Self { bars, most, width: flow.len() * STEP, height: HEIGHT }
    }
}

/// One of a thousand is still to be seen.
fn height_of(count: usize, most: usize) -> usize {
    match count {
        0 => 0,
        _ => (count.saturating_mul(HEIGHT) / most.max(1)).max(2),
    }
}

pub(super) const BAR: usize = 8;
const GAP: usize = 2;
const STEP: usize = 2 * BAR + 2 * GAP;
const HEIGHT: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_picture_and_the_lowest_is_seen() {
        let start = Timestamp::default();
        let flow = [
            FlowStep { received: 1_000, ..FlowStep::empty(start) },
            FlowStep { delivered: 1, ..FlowStep::empty(start) },
        ];
        let chart = FlowChart::of(&flow);
        assert_eq!((chart.most, chart.width), (1_000, 40));
        let drawn: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(drawn, [(2, 0, 120), (30, 118, 2)]);
        assert!(FlowChart::of(&[FlowStep::empty(start)]).bars.is_empty());
    }
}

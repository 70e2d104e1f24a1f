//! What differs between two messages, line by line.

use crate::console::{DifferentLine, LineSign};

/// Kept lines that nobody needs for finding their way are left out.
pub(super) fn difference(before: &[u8], after: &[u8]) -> Vec<DifferentLine> {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let mut lines = Vec::new();
    compare(&before, &after, &mut lines);
    brief(&lines)
}

fn compare<'a>(before: &[&'a str], after: &[&'a str], out: &mut Vec<(LineSign, &'a str)>) {
    let start = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let rest = (before.get(start..).unwrap_or_default(), after.get(start..).unwrap_or_default());
    let ends = rest.0.iter().rev().zip(rest.1.iter().rev());
    let end = ends.take_while(|(one, other)| one == other).count();
    let middle = (
        rest.0.get(..rest.0.len() - end).unwrap_or_default(),
        rest.1.get(..rest.1.len() - end).unwrap_or_default(),
    );
    let kept = |line: &&'a str| (LineSign::Kept, *line);
    out.extend(before.iter().take(start).map(kept));
    changed(middle.0, middle.1, out);
    out.extend(rest.0.iter().skip(middle.0.len()).map(kept));
}

/// By the longest row of lines that both have; where that would take too long,
/// all of the one went and all of the other came.
fn changed<'a>(before: &[&'a str], after: &[&'a str], out: &mut Vec<(LineSign, &'a str)>) {
    let width = after.len() + 1;
    let cells = (before.len() + 1).saturating_mul(width);
    if before.is_empty() || after.is_empty() || cells > MOST_CELLS {
        out.extend(before.iter().map(|line| (LineSign::Removed, *line)));
        out.extend(after.iter().map(|line| (LineSign::Added, *line)));
        return;
    }
    // How many lines the rests have in common, from each pair of places on.
    let mut common = vec![0_u32; cells];
    let cell = |common: &[u32], row: usize, column: usize| {
        common.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, one) in before.iter().enumerate().rev() {
        for (column, other) in after.iter().enumerate().rev() {
            let longest = match one == other {
                true => cell(&common, row + 1, column + 1) + 1,
                false => cell(&common, row + 1, column).max(cell(&common, row, column + 1)),
            };
            if let Some(own) = common.get_mut(row * width + column) {
                *own = longest;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    loop {
        match (before.get(row), after.get(column)) {
            (Some(one), Some(other)) if one == other => {
                out.push((LineSign::Kept, one));
                (row, column) = (row + 1, column + 1);
            }
            (Some(one), other)
                if other.is_none()
                    || cell(&common, row + 1, column) >= cell(&common, row, column + 1) =>
            {
                out.push((LineSign::Removed, one));
                row += 1;
            }
            (_, Some(other)) => {
                out.push((LineSign::Added, other));
                column += 1;
            }
            _ => return,
        }
    }
}

fn brief(lines: &[(LineSign, &str)]) -> Vec<DifferentLine> {
    let mut brief = Vec::new();
    for run in lines.chunk_by(|(one, _), (other, _)| one == other) {
        let line = |(sign, text): &(LineSign, &str)| DifferentLine {
            sign: *sign,
            text: text.chars().take(LONGEST).collect(),
        };
        let is_kept = run.first().is_some_and(|(sign, _)| *sign == LineSign::Kept);
        if !is_kept || run.len() <= 2 * AROUND + 1 {
            brief.extend(run.iter().map(line));
        } else {
            let left_out = run.len() - 2 * AROUND;
            let skipped = DifferentLine {
                sign: LineSign::Skipped,
                text: format!("{left_out} lines as they were"),
            };
            brief.extend(run.iter().take(AROUND).map(line));
            brief.push(skipped);
            brief.extend(run.iter().skip(run.len() - AROUND).map(line));
        }
        if brief.len() >= MOST_LINES {
            brief.truncate(MOST_LINES);
            let text = "there is more, which is not shown".to_owned();
            brief.push(DifferentLine { sign: LineSign::Skipped, text });
            return brief;
        }
    }
    brief
}

/// Lines of what did not change that lead to what did.
const AROUND: usize = 3;
const MOST_CELLS: usize = 4 << 20;
const MOST_LINES: usize = 2_000;
/// Characters of a line.
const LONGEST: usize = 500;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(before: &str, after: &str) -> String {
        let lines = difference(before.as_bytes(), after.as_bytes());
        let drawn = lines.iter().map(|line| match line.sign {
            LineSign::Kept => format!("={}", line.text),
            LineSign::Added => format!("+{}", line.text),
            LineSign::Removed => format!("-{}", line.text),
            LineSign::Skipped => format!("({})", line.text),
        });
        drawn.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_came_and_went_stands_between_what_stayed() {
        assert_eq!(drawn("a\nb\nc", "x\na\nc\nd"), "+x =a -b =c +d");
        assert_eq!(drawn("a", "a"), "=a");
        assert_eq!(drawn("", "a"), "+a");
        let many = (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        let told = drawn(&many, &format!("new\n{many}"));
        assert_eq!(told, "+new =0 =1 =2 (14 lines as they were) =17 =18 =19");
    }

    proptest! {
        #[test]
        fn both_sides_can_be_read_off_a_difference(
            before in proptest::collection::vec("[ab]", 0..12),
            after in proptest::collection::vec("[ab]", 0..12),
        ) {
            let (one, other): (Vec<&str>, Vec<&str>) =
                (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
            let mut lines = Vec::new();
            compare(&one, &other, &mut lines);
            let side = |gone: LineSign| -> Vec<&str> {
                lines.iter().filter(|(sign, _)| *sign != gone).map(|(_, line)| *line).collect()
            };
            prop_assert_eq!(side(LineSign::Added), one);
            prop_assert_eq!(side(LineSign::Removed), other);
        }
    }
}

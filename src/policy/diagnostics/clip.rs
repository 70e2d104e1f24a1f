//! So much of a long line as can be looked at. A pattern or a list of words may
//! have thousands of characters in one line, and a fault is at one place of it.

use std::ops::Range;

/// The text with long lines cut around the span, and where the span is now.
/// Lines keep their numbers; a span of several lines is shown whole.
pub(super) fn clip(text: &str, span: &Range<usize>) -> Option<(String, Range<usize>)> {
    let (before, rest) = text.split_at_checked(span.start)?;
    let marked = rest.get(..span.len())?;
    let after = rest.get(span.len()..)?;
    if marked.contains('\n') {
        return None;
    }
    let (head, left) = before.rsplit_once('\n').map_or(("", before), |(head, left)| (head, left));
    let (right, tail) = after.split_once('\n').map_or((after, ""), |(right, tail)| (right, tail));
    if left.chars().count() + marked.chars().count() + right.chars().count() <= LONGEST
        && [head.lines().next_back(), tail.lines().next()].iter().flatten().all(|line| fits(line))
    {
        return None;
    }
    let mut clipped = String::with_capacity(text.len());
    if before.contains('\n') {
        match head.rsplit_once('\n') {
            Some((further, line)) => {
                clipped.extend([further, "\n"]);
                clipped.push_str(&beginning(line, LONGEST));
            }
            None => clipped.push_str(&beginning(head, LONGEST)),
        }
        clipped.push('\n');
    }
    clipped.push_str(&end(left, LONGEST / 3));
    let start = clipped.len();
    clipped.push_str(&beginning(marked, LONGEST));
    let span = start..clipped.len();
    clipped.push_str(&beginning(right, LONGEST / 3));
    if after.contains('\n') {
        clipped.push('\n');
        match tail.split_once('\n') {
            Some((line, further)) => clipped.extend([&beginning(line, LONGEST), "\n", further]),
            None => clipped.push_str(&beginning(tail, LONGEST)),
        }
    }
    Some((clipped, span))
}

fn fits(line: &str) -> bool {
    line.chars().count() <= LONGEST
}

fn beginning(line: &str, most: usize) -> String {
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

fn end(line: &str, most: usize) -> String {
    match line.char_indices().rev().nth(most.saturating_sub(1)) {
        Some((at @ 1.., _)) => format!("…{}", line.get(at..).unwrap_or_default()),
        _ => line.to_owned(),
    }
}

/// Characters of a line that are shown.
const LONGEST: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn clipped(text: &str, marked: &str) -> Option<String> {
        let start = text.find(marked).unwrap();
        let (clipped, span) = clip(text, &(start..start + marked.len()))?;
        assert_eq!(clipped.lines().count(), text.lines().count(), "lines keep their numbers");
        assert!(clipped.get(span).unwrap().starts_with('X'));
        Some(clipped)
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault_and_so_are_its_neighbours() {
        let long = "é".repeat(300);
        let text = format!("first\n{long}\n{long}X{long}\n{long}\nlast\n");
        let shown = clipped(&text, "X").unwrap();
        assert!(shown.lines().all(|line| line.chars().count() <= LONGEST + 2), "{shown}");
        assert!(shown.starts_with("first\n") && shown.ends_with("\nlast\n"), "{shown}");
        let of_a_long_fault = clipped(&format!("{long}\nX{long}"), &format!("X{long}")).unwrap();
        assert!(of_a_long_fault.ends_with('…'), "{of_a_long_fault}");
    }

    #[test]
    fn what_fits_and_what_has_several_lines_stays() {
        assert_eq!(clipped("a\nb X c\nd", "X"), None);
        assert_eq!(clipped(&format!("a X\nb{}", "c".repeat(200)), "X\nb"), None);
    }

    #[test]
    fn a_place_that_is_no_place_of_the_text_is_left_alone() {
        assert_eq!(clip("é", &(1..2)), None);
        assert_eq!(clip("a", &(3..9)), None);
    }
}

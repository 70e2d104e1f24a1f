//! text/plain; format=flowed: lines that were broken for transport only are
//! joined again (RFC 3676).

use super::{
    header::{line_end, without_line_end},
    reading::OffsetMap,
};

/// What becomes of the blank that marks a soft line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SoftBreak {
    KeepsItsSpace,
    /// `delsp=yes`
    DropsItsSpace,
}

/// The text as it would be displayed, with the way back to `text`.
pub(super) fn joined(text: &str, soft_break: SoftBreak) -> (String, OffsetMap) {
    let mut joined = String::with_capacity(text.len());
    let mut map = OffsetMap::default();
    let mut at = 0;
    let mut flows_from: Option<usize> = None;
    while at < text.len() {
        let end = line_end(text.as_bytes(), at);
        let whole = text.get(at..end).unwrap_or_default();
        let line = without_line_end(whole.as_bytes());
        let line = whole.get(..line.len()).unwrap_or_default();
        let depth = line.len() - line.trim_start_matches('>').len();
        let stuffed = line.get(depth..).unwrap_or_default();
        let content = stuffed.strip_prefix(' ').unwrap_or(stuffed);
        let is_signature = content == "-- ";
        let soft = content.ends_with(' ') && !is_signature;

        if flows_from != Some(depth) || is_signature {
            if flows_from.is_some() {
                joined.push('\n');
            }
            map.push(joined.len(), at);
            joined.push_str(line.get(..depth).unwrap_or_default());
        }
        map.push(joined.len(), at + line.len() - content.len());
        let kept = match soft_break {
            SoftBreak::DropsItsSpace if soft => content.strip_suffix(' ').unwrap_or(content),
            _ => content,
        };
        joined.push_str(kept);
        if soft {
            flows_from = Some(depth);
        } else {
            flows_from = None;
            map.push(joined.len(), at + line.len());
            joined.push_str(whole.get(line.len()..).unwrap_or_default());
        }
        at = end;
    }
    (joined, map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_breaks_are_joined_and_hard_ones_stay() {
        let (text, map) = joined("999 000 \r\n0018 of\r\n next\r\n", SoftBreak::KeepsItsSpace);
        assert_eq!(text, "999 000 0018 of\r\nnext\r\n");
        assert_eq!(map.source(text.find("0018").unwrap()), 10);
    }

    #[test]
    fn a_dropped_space_joins_what_was_one_word() {
        assert_eq!(joined("999000 \r\n0018\r\n", SoftBreak::DropsItsSpace).0, "9990000018\r\n");
    }

    #[test]
    fn quotes_flow_within_their_depth_only() {
        let (text, _) =
            joined("> a \r\n> b\r\nc \r\n> d\r\n-- \r\ne\r\n", SoftBreak::KeepsItsSpace);
        assert_eq!(text, ">a b\r\nc \n>d\r\n-- \r\ne\r\n");
    }
}

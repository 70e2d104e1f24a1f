//! A page on the terminal.

use std::io::{self, Write};

use super::text::{Block, Run, Style};
use crate::cli::page::{Ink, Page, Piece, piece};

pub(in crate::cli) fn show<W: Write>(page: &mut Page<W>, blocks: &[Block]) -> io::Result<()> {
    for (index, block) in blocks.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| blocks.get(before));
        // A heading that is high has a line before it already.
        let is_high = matches!(block, Block::Heading { level: 1, .. });
        if !is_high && before.is_some_and(|before| !is_list(before) || !is_list(block)) {
            page.empty_line()?;
        }
        match block {
            Block::Heading { level: 1, text } => page.heading("", text)?,
            Block::Heading { text, .. } => page.text(&[piece(Ink::Title, text)])?,
            Block::Paragraph(says) => page.text(&pieces(says))?,
            Block::Example(lines) => lines.lines().try_for_each(|line| page.verbatim(line))?,
            Block::Item { number: None, says } => page.item("  - ", &pieces(says))?,
            Block::Item { number: Some(number), says } => {
                page.item(&format!(" {number:2}. "), &pieces(says))?;
            }
            Block::Term { term, says } => {
                page.item("  ", &pieces(term))?;
                page.item("      ", &pieces(says))?;
            }
        }
    }
    Ok(())
}

fn is_list(block: &Block) -> bool {
    matches!(block, Block::Item { .. } | Block::Term { .. })
}

/// A word is in one ink: what touches it without a space is of it.
fn pieces(runs: &[Run]) -> Vec<Piece> {
    let mut pieces: Vec<(Ink, String)> = Vec::new();
    for run in runs {
        let ink = match run.style {
            Style::Plain => Ink::Plain,
            Style::Strong | Style::Code => Ink::Strong,
            Style::Emphasis => Ink::Care,
        };
        let mut text = run.text.as_str();
        if let Some((_, last)) = pieces.last_mut()
            && !last.ends_with(' ')
        {
            let (glued, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
            last.push_str(glued);
            text = rest;
        }
        if !text.is_empty() {
            pieces.push((ink, text.to_owned()));
        }
    }
    pieces.into_iter().map(|(ink, text)| piece(ink, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::text::{read, sentence},
        *,
    };
    use crate::cli::page::Look;

    fn shown(look: Look, blocks: &[Block]) -> String {
        let mut out = Vec::new();
        show(&mut Page::new(&mut out, 60, look), blocks).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_comma_stays_with_the_word_before_it() {
        let said = [Block::Paragraph(sentence("write `x`, or (`y`)."))];
        assert_eq!(shown(Look::Plain, &said), "write x, or (y).\n");
    }

    #[test]
    fn lists_stand_together_and_all_else_apart() {
        let blocks = read("One.\n\n- a\n- b\n\n```\nc  d\n```\n").unwrap();
        assert_eq!(shown(Look::Plain, &blocks), "One.\n\n  - a\n  - b\n\n    c  d\n");
    }
}

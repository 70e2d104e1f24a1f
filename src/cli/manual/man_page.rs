//! A page as roff, with the macros of man(7).

use roff::{Inline, Roff, bold, italic, roman};

use super::{
    pages::Page,
    text::{Block, Run, Style},
};

pub(super) fn written(page: &Page) -> String {
    let name = page.man_name();
    let mut roff = Roff::new();
    let head = [name.to_uppercase(), page.section.to_string()];
    let [title, section] = head.each_ref().map(String::as_str);
    roff.control("TH", [title, section, DATE, SOURCE, MANUAL]);
    // Names of keys and tests are long, and are not pulled apart for an even edge.
    roff.control("ad", ["l"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {}", page.about))]);
    append(&mut roff, &page.blocks());
    roff.render()
}

pub(super) fn append(roff: &mut Roff, blocks: &[Block]) {
    for (index, block) in blocks.iter().enumerate() {
        let first = matches!(
            index.checked_sub(1).and_then(|before| blocks.get(before)),
            None | Some(Block::Heading { .. })
        );
        match block {
            Block::Heading { level: 1, text } => {
                roff.control("SH", [text.to_uppercase().as_str()]);
            }
            Block::Heading { text, .. } => {
                roff.control("SS", [text.as_str()]);
            }
            Block::Paragraph(says) => {
                if !first {
                    roff.control("PP", []);
                }
                roff.text(inlines(says));
            }
            Block::Example(lines) => example(roff, lines, first),
            Block::Item { number, says } => {
                let mark = number.map_or("\\(bu".to_owned(), |number| format!("{number}."));
                roff.control("IP", [mark.as_str(), "4"]);
                roff.text(inlines(says));
            }
            Block::Term { term, says } => {
                roff.control("TP", []);
                roff.text(inlines(term));
                roff.text(inlines(says));
            }
        }
    }
}

fn example(roff: &mut Roff, lines: &str, first: bool) {
    if !first {
        roff.control("PP", []);
    }
    roff.control("RS", ["4"]);
    roff.control("EX", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("EE", []);
    roff.control("RE", []);
}

fn inlines(runs: &[Run]) -> Vec<Inline> {
    let inline = |run: &Run| match run.style {
        Style::Plain => roman(run.text.as_str()),
        Style::Strong | Style::Code => bold(run.text.as_str()),
        Style::Emphasis => italic(run.text.as_str()),
    };
    runs.iter().map(inline).collect()
}

/// Of the last look at them all: a page of the same version is the same to
/// the octet, whenever it is made.
pub(super) const DATE: &str = "2026-11-23";
pub(super) const SOURCE: &str = concat!("Postern ", env!("CARGO_PKG_VERSION"));
pub(super) const MANUAL: &str = "Postern";

//! What a page is made of, and how it is read from Markdown: headings,
//! paragraphs, items, terms with what they mean, and examples that are copied
//! as they are. Whatever else Markdown has is refused, so that no page says
//! something that a terminal or a man page would not show.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Block {
    Heading {
        /// 1 is the highest.
        level: u8,
        text: String,
    },
    Paragraph(Vec<Run>),
    /// Lines to copy.
    Example(String),
    Item {
        /// None for a dot.
        number: Option<u64>,
        says: Vec<Run>,
    },
    Term {
        term: Vec<Run>,
        says: Vec<Run>,
    },
}

/// Text of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Run {
    pub style: Style,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Style {
    Plain,
    Strong,
    Emphasis,
    /// As it is written in a file or a command.
    Code,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manual has no {0}")]
pub(super) struct NotForManuals(String);

pub(super) fn run(style: Style, text: impl Into<String>) -> Run {
    Run { style, text: text.into() }
}

/// Without its styles.
pub(super) fn plain(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}

/// A sentence with `code` in it.
pub(super) fn sentence(text: &str) -> Vec<Run> {
    let styles = [Style::Plain, Style::Code].into_iter().cycle();
    let runs = text.split('`').zip(styles).filter(|(text, _)| !text.is_empty());
    runs.map(|(text, style)| run(style, text)).collect()
}

pub(super) fn read(markdown: &str) -> Result<Vec<Block>, NotForManuals> {
    let mut reading = Reading::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_DEFINITION_LIST) {
        reading.take(event)?;
    }
    Ok(reading.blocks)
}

#[derive(Default)]
struct Reading {
    blocks: Vec<Block>,
    runs: Vec<Run>,
    styles: Vec<Style>,
    /// The number of the next item, in a list that has them.
    list: Option<Option<u64>>,
    term: Vec<Run>,
    example: Option<String>,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) -> Result<(), NotForManuals> {
        match event {
            Event::Text(text) => match &mut self.example {
                Some(example) => example.push_str(&text),
                None => self.write(self.styles.last().copied().unwrap_or(Style::Plain), &text),
            },
            Event::Code(text) => self.write(Style::Code, &text),
            Event::SoftBreak => self.write(Style::Plain, " "),
            Event::Start(tag) => return self.begin(&tag),
            Event::End(tag) => self.end(tag),
            other => return Err(NotForManuals(format!("{other:?}"))),
        }
        Ok(())
    }

    fn begin(&mut self, tag: &Tag<'_>) -> Result<(), NotForManuals> {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::DefinitionList => {}
            Tag::Item | Tag::DefinitionListTitle | Tag::DefinitionListDefinition => {}
            Tag::Strong => self.styles.push(Style::Strong),
            Tag::Emphasis => self.styles.push(Style::Emphasis),
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => self.example = Some(String::new()),
            Tag::List(first) if self.list.is_none() => self.list = Some(*first),
            other => return Err(NotForManuals(format!("{other:?}"))),
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let text = plain(&std::mem::take(&mut self.runs));
                self.blocks.push(Block::Heading { level: depth(level), text });
            }
            // Within an item it is the item that ends.
            TagEnd::Paragraph if self.list.is_none() && self.term.is_empty() => {
                let says = std::mem::take(&mut self.runs);
                self.blocks.push(Block::Paragraph(says));
            }
            TagEnd::Item => {
                let number = self.list.flatten();
                self.list = Some(number.map(|number| number + 1));
                self.blocks.push(Block::Item { number, says: std::mem::take(&mut self.runs) });
            }
            TagEnd::List(_) => self.list = None,
            TagEnd::DefinitionListTitle => self.term = std::mem::take(&mut self.runs),
            TagEnd::DefinitionListDefinition => {
                let (term, says) = (std::mem::take(&mut self.term), std::mem::take(&mut self.runs));
                self.blocks.push(Block::Term { term, says });
            }
            TagEnd::CodeBlock => {
                let example = self.example.take().unwrap_or_default();
                self.blocks.push(Block::Example(example));
            }
            TagEnd::Strong | TagEnd::Emphasis => drop(self.styles.pop()),
            _ => {}
        }
    }

    fn write(&mut self, style: Style, text: &str) {
        match self.runs.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.runs.push(run(style, text)),
        }
    }
}

/// `##` is the highest: the page's name stands above all.
fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_into_what_can_be_shown_anywhere() {
        let read = read(
            "## One\n\nSay `x` **now**,\nor not.\n\n1. first\n2. second\n\nterm\n: its *meaning*\n\n\
             ```sh\na  b\n```\n",
        )
        .unwrap();
        let plainly = |text| run(Style::Plain, text);
        assert_eq!(
            read,
            [
                Block::Heading { level: 1, text: "One".to_owned() },
                Block::Paragraph(vec![
                    plainly("Say "),
                    run(Style::Code, "x"),
                    plainly(" "),
                    run(Style::Strong, "now"),
                    plainly(", or not."),
                ]),
                Block::Item { number: Some(1), says: vec![plainly("first")] },
                Block::Item { number: Some(2), says: vec![plainly("second")] },
                Block::Term {
                    term: vec![plainly("term")],
                    says: vec![plainly("its "), run(Style::Emphasis, "meaning")],
                },
                Block::Example("a  b\n".to_owned()),
            ]
        );
    }

    #[test]
    fn what_a_terminal_cannot_show_is_refused() {
        for markdown in ["![a](b)", "<b>", "* * *", "- a\n  - b", "> a", "[a](b)"] {
            assert!(read(markdown).is_err(), "{markdown} was taken");
        }
    }
}

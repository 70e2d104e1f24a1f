//! A man page for each command, from the definitions that read its arguments.

use clap::Command;
use clap_mangen::Man;
use roff::Roff;

use super::{
    man_page::{DATE, MANUAL, SOURCE, append},
    pages::{PAGES, markdown},
    text::{Block, Style, run},
};
use crate::cli::arguments::command;

/// Where each stands below the folder of manuals, and its text.
pub(super) fn man_pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    write(&command(), "postern", &mut pages);
    pages
}

/// And those of the commands below it.
fn write(command: &Command, name: &str, pages: &mut Vec<(String, String)>) {
    let below: Vec<&Command> =
        command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .section("1")
        .date(DATE)
        .source(SOURCE)
        .manual(MANUAL);
    let mut text = Vec::new();
    // A vector takes whatever is written.
    let _ = man.render_title(&mut text);
    let _ = man.render_name_section(&mut text);
    let _ = man.render_synopsis_section(&mut text);
    let _ = man.render_description_section(&mut text);
    let _ = man.render_options_section(&mut text);
    // A space between paragraphs is asked for once.
    let mut text = String::from_utf8_lossy(&text)
        .replace("\n.br\n\n.br\n", "\n.sp\n")
        .replace("\n\n.br\n", "\n.sp\n");
    let mut roff = Roff::new();
    if !below.is_empty() {
        append(&mut roff, &commands_of(name, &below));
    }
    if name == "postern" {
        append(&mut roff, &markdown(include_str!("postern.md")));
    }
    append(&mut roff, &see_also(name));
    // Without the head that each has of its own.
    text.push_str(&roff.to_roff());
    pages.push((format!("man1/{name}.1"), text));
    for command in below {
        write(command, &format!("{name}-{}", command.get_name()), pages);
    }
}

fn commands_of(name: &str, below: &[&Command]) -> Vec<Block> {
    let mut blocks = vec![Block::Heading { level: 1, text: "Commands".to_owned() }];
    blocks.extend(below.iter().map(|command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        Block::Term {
            term: vec![run(Style::Strong, format!("{name}-{}(1)", command.get_name()))],
            says: vec![run(Style::Plain, about)],
        }
    }));
    blocks
}

fn see_also(name: &str) -> Vec<Block> {
    let mut names = match name {
        "postern" => {
            PAGES.iter().map(|page| format!("{}({})", page.man_name(), page.section)).collect()
        }
        _ => vec!["postern(1)".to_owned()],
    };
    names.sort();
    let names = vec![run(Style::Plain, names.join(", "))];
    vec![Block::Heading { level: 1, text: "See also".to_owned() }, Block::Paragraph(names)]
}

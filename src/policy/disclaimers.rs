//! `disclaimers/`: the tag lines, each as NAME.txt and NAME.html.
//!
//! Owns pairing and checking them. Refuses HTML that fetches or runs anything:
//! a tag line stands under every message and must not call home.

use std::{collections::BTreeMap, sync::Arc};

use crate::mail::Disclaimer;

use super::{
    diagnostics::{Diagnostics, Severity, SourceFile},
    sources::Sources,
    written::{Fault, Faults},
};

/// Every tag line, by name.
pub(super) type Disclaimers = BTreeMap<String, Arc<Disclaimer>>;

pub(super) fn read(sources: &Sources, diagnostics: &mut Diagnostics) -> Disclaimers {
    let mut halves: BTreeMap<&str, [Option<&Arc<SourceFile>>; 2]> = BTreeMap::new();
    for (name, file) in sources.folder(FOLDER) {
        match name.rsplit_once('.') {
            Some((stem, "txt")) => halves.entry(stem).or_default()[0] = Some(file),
            Some((stem, "html")) => halves.entry(stem).or_default()[1] = Some(file),
            _ => diagnostics.push(stray(file)),
        }
    }
    let mut disclaimers = Disclaimers::new();
    for (name, half) in halves {
        match half {
            [Some(plain), Some(html)] => {
                check_plain(plain, diagnostics);
                check_html(html, diagnostics);
                let disclaimer = Disclaimer {
                    name: name.to_owned(),
                    plain: lines(&plain.text),
                    html: lines(&html.text),
                };
                disclaimers.insert(name.to_owned(), Arc::new(disclaimer));
            }
            [Some(only), None] => diagnostics.push(half_missing(only, name, "html")),
            [None, Some(only)] => diagnostics.push(half_missing(only, name, "txt")),
            [None, None] => {}
        }
    }
    disclaimers
}

/// Lines parted by `\n` whatever the editor wrote, without the last ends.
fn lines(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").trim_end().to_owned()
}

fn check_plain(file: &Arc<SourceFile>, diagnostics: &mut Diagnostics) {
    let faults = Faults::new(file);
    if file.text.trim().is_empty() {
        faults.error(Fault::new("disclaimer-empty", "this tag line says nothing"));
    }
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        let text = line.trim_end();
        let columns = text.chars().count();
        if columns > WIDEST {
            faults.warning(
                Fault::new("disclaimer-wide", format!("this line has {columns} columns"))
                    .at(start..start + text.len())
                    .label(format!("more than {WIDEST}"))
                    .help("break it: wider lines are broken anywhere by the mail on their way"),
            );
        }
        start += line.len();
    }
    diagnostics.extend(faults.into_diagnostics());
}

fn check_html(file: &Arc<SourceFile>, diagnostics: &mut Diagnostics) {
    let faults = Faults::new(file);
    if file.text.trim().is_empty() {
        faults.error(Fault::new("disclaimer-empty", "this tag line says nothing"));
    }
    // Lower case in ASCII only, so that places stay where they are.
    let text = file.text.to_ascii_lowercase();
    for (forbidden, why) in FORBIDDEN {
        if let Some(start) = text.find(forbidden) {
            faults.error(
                Fault::new("disclaimer-html", format!("a tag line has no `{forbidden}`"))
                    .at(start..start + forbidden.len())
                    .label(why)
                    .help("take it out; a tag line is text with its styles written in place"),
            );
        }
    }
    diagnostics.extend(faults.into_diagnostics());
}

fn half_missing(
    only: &Arc<SourceFile>,
    name: &str,
    extension: &str,
) -> super::diagnostics::Diagnostic {
    Fault::new("disclaimer-half", format!("the tag line `{name}` has no {name}.{extension}"))
        .help(format!("write {name}.{extension} beside it: mail is read as plain text and as HTML"))
        .of(only, Severity::Error)
}

fn stray(file: &Arc<SourceFile>) -> super::diagnostics::Diagnostic {
    Fault::new("disclaimer-stray", "this file is no tag line: those end in .txt and .html")
        .help("rename it, or take it out of disclaimers/")
        .of(file, Severity::Warning)
}

const FOLDER: &str = "disclaimers";

/// What plain mail keeps whole when it is quoted once or twice (RFC 3676
/// section 4.2 advises 78 less the quoting).
const WIDEST: usize = 76;

const FORBIDDEN: [(&str, &str); 12] = [
    ("<script", "runs code"),
    ("<iframe", "loads another page"),
    ("<object", "loads something else"),
    ("<embed", "loads something else"),
    ("<link", "loads a style sheet"),
    ("<style", "would restyle the whole message"),
    ("<form", "asks for input"),
    ("<img", "is fetched from elsewhere, or shown as an attachment"),
    ("<base", "changes every link of the message"),
    ("<html", "a tag line is a piece of a page"),
    ("<body", "a tag line is a piece of a page"),
    ("url(", "loads something else"),
];

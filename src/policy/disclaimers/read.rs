//! Pairing the files of `disclaimers/`.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::{
        diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
        sources::Sources,
        template::{TAG_LINE_FIELDS, Template},
        written::{Fault, Faults},
    },
    Language, check,
    tag_line::{TagLine, Wording},
};

/// Every tag line, by name.
pub(in crate::policy) type TagLines = BTreeMap<String, Arc<TagLine>>;

type Halves<'a> = [Option<&'a Arc<SourceFile>>; 2];

pub(in crate::policy) fn read(sources: &Sources, diagnostics: &mut Diagnostics) -> TagLines {
    let mut halves: BTreeMap<(&str, Language), Halves<'_>> = BTreeMap::new();
    for (name, file) in sources.folder(FOLDER) {
        let Some((stem, half)) = half(name) else {
            diagnostics.push(stray(file));
            continue;
        };
        if let Some(place) = halves.entry(in_language(stem)).or_default().get_mut(half) {
            *place = Some(file);
        }
    }
    let mut found: BTreeMap<&str, BTreeMap<Language, Wording>> = BTreeMap::new();
    for ((name, language), half) in halves {
        let whole = format!("{name}{}", language.suffix());
        match half {
            [Some(plain), Some(html)] => {
                let wording = Wording {
                    plain: read_half(plain, check::plain, diagnostics),
                    html: read_half(html, |faults| check::html(faults, language), diagnostics),
                };
                if language != Language::English && !found.contains_key(name) {
                    diagnostics.push(untranslated(plain, name));
                }
                found.entry(name).or_default().insert(language, wording);
            }
            [Some(only), None] => diagnostics.push(half_missing(only, &whole, "html")),
            [None, Some(only)] => diagnostics.push(half_missing(only, &whole, "txt")),
            [None, None] => {}
        }
    }
    let tag_line = |(name, wordings)| (String::from(name), Arc::new(TagLine::new(name, wordings)));
    found.into_iter().map(tag_line).collect()
}

/// The name without its ending, and which half of a tag line the file is.
fn half(name: &str) -> Option<(&str, usize)> {
    let (stem, ending) = name.rsplit_once('.')?;
    ["txt", "html"].iter().position(|known| *known == ending).map(|half| (stem, half))
}

fn in_language(stem: &str) -> (&str, Language) {
    let translated =
        stem.rsplit_once('.').and_then(|(name, suffix)| Some((name, Language::of_suffix(suffix)?)));
    translated.unwrap_or((stem, Language::English))
}

fn read_half(
    file: &Arc<SourceFile>,
    check: impl FnOnce(&Faults),
    diagnostics: &mut Diagnostics,
) -> Template {
    let faults = Faults::new(file);
    check(&faults);
    let template = Template::parse(&lines(&file.text), &TAG_LINE_FIELDS, |_| {});
    if template.is_none() {
        // Places are those of the file as it stands.
        Template::parse(&file.text, &TAG_LINE_FIELDS, |error| {
            faults.error(error.fault().at(error.place()).label(error.label()));
        });
    }
    diagnostics.extend(faults.into_diagnostics());
    template.unwrap_or_default()
}

/// Lines parted by `\n` whatever the editor wrote, without the last ends.
fn lines(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").trim_end().to_owned()
}

fn half_missing(only: &Arc<SourceFile>, name: &str, extension: &str) -> Diagnostic {
    Fault::new("disclaimer-half", format!("the tag line `{name}` has no {name}.{extension}"))
        .help(format!("write {name}.{extension} beside it: mail is read as plain text and as HTML"))
        .of(only, Severity::Error)
}

fn untranslated(file: &Arc<SourceFile>, name: &str) -> Diagnostic {
    Fault::new("disclaimer-half", format!("the tag line `{name}` has no English wording"))
        .help(format!("write {name}.txt and {name}.html: they stand in where no language is named"))
        .of(file, Severity::Error)
}

fn stray(file: &Arc<SourceFile>) -> Diagnostic {
    Fault::new("disclaimer-stray", "this file is no tag line: those end in .txt and .html")
        .help("rename it, or take it out of disclaimers/")
        .of(file, Severity::Warning)
}

const FOLDER: &str = "disclaimers";

#[cfg(test)]
mod tests {
    use super::*;

    fn tag_line(files: &[(&str, &str)]) -> Arc<TagLine> {
        let mut sources = Sources::new("policies");
        for (name, text) in files {
            sources.add(&format!("disclaimers/{name}"), text.as_bytes());
        }
        let mut diagnostics = Diagnostics::default();
        let found = read(&sources, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        Arc::clone(found.values().next().unwrap())
    }

    const ENGLISH: [(&str, &str); 2] = [
        ("nhs.txt", "\u{feff}Sent by {organisation}.\r\nIt is {level_name}.\r\n"),
        ("nhs.html", "<p lang=en>Sent by {organisation}.</p>\n"),
    ];
    const WELSH: [(&str, &str); 2] =
        [("nhs.cy.txt", "Cyfrinachol.\n"), ("nhs.cy.html", "<p lang=cy>Cyfrinachol.</p>\n")];

    #[test]
    fn its_fields_are_filled_in_and_cannot_break_out_of_html() {
        let filled = tag_line(&ENGLISH).filled(&[], "St <Example> & \"Sons\"", "personal");
        assert_eq!(filled.plain, "Sent by St <Example> & \"Sons\".\nIt is personal.");
        let html = "<p lang=en>Sent by St &lt;Example&gt; &amp; &quot;Sons&quot;.</p>";
        assert_eq!(filled.html, html);
    }

    #[test]
    fn an_organisation_s_languages_stand_in_its_order() {
        let both = tag_line(&[ENGLISH, WELSH].concat());
        let filled = |languages: &[Language]| both.filled(languages, "us", "nothing").plain.clone();
        let (english, welsh) = ("Sent by us.\nIt is nothing.", "Cyfrinachol.");
        assert_eq!(filled(&[Language::Welsh, Language::English]), format!("{welsh}\n\n{english}"));
        assert_eq!(filled(&[Language::Welsh]), welsh);
        assert_eq!(filled(&[]), english);
    }

    #[test]
    fn english_stands_in_where_there_is_nothing_else() {
        let filled = tag_line(&ENGLISH).filled(&[Language::Irish], "us", "nothing");
        assert_eq!(filled.plain, "Sent by us.\nIt is nothing.");
    }

    #[test]
    fn without_fields_it_is_one_and_the_same_under_every_message() {
        let constant = tag_line(&[("a.txt", "Private."), ("a.html", "<p lang=en>Private.</p>")]);
        let (one, other) = (constant.filled(&[], "us", "x"), constant.filled(&[], "them", "y"));
        assert!(Arc::ptr_eq(&one, &other));
    }
}

//! The tag lines and banners as their readers will see them, for each
//! organisation: on a terminal as text, and as a page for a browser.

mod page;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::super::{
    exit::Failure,
    page::{Ink, Page, piece},
};
use crate::{
    content,
    mail::{Disclaimer, Level, Notice},
    policy::{Language, Policy, TagLine},
};

/// One wording, and where it will be read.
pub(super) struct Wording {
    /// Of the tag line.
    name: String,
    /// `tag line` or `banner`, as the rules use it.
    notice: &'static str,
    /// The rules that ask for it; nobody's, where empty.
    rules: Vec<String>,
    /// Whose mail bears it.
    organisation: String,
    text: Arc<Disclaimer>,
}

pub(super) fn show(policy: &Policy, folder: Option<&Path>) -> Result<(), Failure> {
    let wordings = wordings(policy);
    if let Some(folder) = folder {
        let path = folder.join("index.html");
        let cannot = |error| Failure::cannot_create(format!("{}: {error}", path.display()));
        std::fs::create_dir_all(folder).map_err(cannot)?;
        std::fs::write(&path, page::of(policy.version(), &wordings)).map_err(cannot)?;
        let mut page = Page::standard_output();
        page.text(&[piece(Ink::Good, format!("{} shows them in a browser", path.display()))])?;
        return Ok(());
    }
    let mut page = Page::standard_output();
    for wording in &wordings {
        let title = format!("{} “{}” of {}", wording.notice, wording.name, wording.organisation);
        page.heading("", &title)?;
        let rules = match wording.rules.as_slice() {
            [] => "no rule asks for it".to_owned(),
            rules => rules.join("; "),
        };
        page.row("Asked by", &[piece(Ink::Quiet, rules)])?;
        page.empty_line()?;
        for (of, text) in [
            ("Plain text", wording.text.plain.clone()),
            ("HTML, as text", content::html_text(&wording.text.html)),
        ] {
            page.text(&[piece(Ink::Quiet, format!("{of}:"))])?;
            for line in text.lines() {
                page.as_it_is(format!("  | {line}").trim_end())?;
                page.as_it_is("\n")?;
            }
        }
    }
    Ok(())
}

/// Every tag line for everybody whose mail may bear it, filled in.
fn wordings(policy: &Policy) -> Vec<Wording> {
    let used = used(policy);
    let mut wordings = Vec::new();
    for line in policy.tag_lines() {
        let uses = [Notice::TagLine, Notice::Banner]
            .map(|notice| (notice, used.get(&(notice.name(), line.name())).cloned()));
        let mut asked: Vec<(Notice, Vec<String>)> =
            uses.into_iter().filter_map(|(notice, rules)| Some((notice, rules?))).collect();
        if asked.is_empty() {
            asked.push((Notice::TagLine, Vec::new()));
        }
        for (notice, rules) in asked {
            wordings.extend(of_everybody(policy, line, notice.name(), &rules));
        }
    }
    wordings
}

/// For those that have no file, and then for each that has one.
fn of_everybody<'a>(
    policy: &'a Policy,
    line: &'a TagLine,
    notice: &'static str,
    rules: &'a [String],
) -> impl Iterator<Item = Wording> + 'a {
    let usual = (policy.default_organisation(), Vec::new());
    let own = policy.organisations().map(|one| (one.name.as_str(), one.languages.clone()));
    std::iter::once(usual).chain(own).map(move |(organisation, languages): (_, Vec<Language>)| {
        let level_name = policy.level_name(Level::CLINICAL);
        Wording {
            name: line.name().to_owned(),
            notice,
            rules: rules.to_vec(),
            organisation: organisation.to_owned(),
            text: line.filled(&languages, organisation, level_name),
        }
    })
}

/// The rules that ask for each, by what they use it as and its name.
fn used(policy: &Policy) -> BTreeMap<(&'static str, &str), Vec<String>> {
    let mut used: BTreeMap<(&'static str, &str), Vec<String>> = BTreeMap::new();
    for rule in policy.rules() {
        let asked = [(Notice::TagLine, &rule.disclaimer), (Notice::Banner, &rule.banner)];
        for (notice, line) in asked {
            if let Some(line) = line {
                let rules = used.entry((notice.name(), line.name())).or_default();
                rules.push(rule.name.clone());
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Context, invariants};

    fn policy() -> Policy {
        let mut sources = invariants::sound();
        sources.add("disclaimers/tag.txt", b"Sent by {organisation}.\n");
        sources.add("disclaimers/tag.html", b"<p lang=\"en\">Sent by <b>{organisation}</b>.</p>\n");
        sources.add("disclaimers/tag.cy.txt", b"Anfonwyd gan {organisation}.\n");
        sources
            .add("disclaimers/tag.cy.html", b"<p lang=\"cy\">Anfonwyd gan {organisation}.</p>\n");
        sources.add("disclaimers/spare.txt", b"Nobody's.\n");
        sources.add("disclaimers/spare.html", b"<p lang=\"en\">Nobody's.</p>\n");
        sources.add(
            "organisations/ZZ1.toml",
            b"ods = \"ZZ1\"\nname = \"St <script>alert(1)</script>'s & \\\"Sons\\\"\"\n\
              sender_domains = \"hospice.example\"\nlanguages = [\"cy\", \"en\"]\n",
        );
        let today = jiff::civil::date(2026, 11, 22);
        Policy::compile(&sources, &Context { today, local_domains: &[], test_range: None })
            .0
            .unwrap()
    }

    #[test]
    fn every_tag_line_is_shown_for_everybody_in_their_languages() {
        let shown: Vec<_> = wordings(&policy())
            .iter()
            .map(|one| (one.name.clone(), one.rules.len(), one.text.plain.lines().count()))
            .collect();
        let of = |name: &str, rules, lines| (name.to_owned(), rules, lines);
        // Two languages are parted by an empty line.
        let expected = [of("spare", 0, 1), of("spare", 0, 1), of("tag", 1, 1), of("tag", 1, 3)];
        assert_eq!(shown, expected);
    }

    #[test]
    fn nothing_of_the_page_breaks_out_of_its_place() {
        let policy = policy();
        let page = page::of("0123456789ab", &wordings(&policy));
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("St &lt;script&gt;"), "shown as text");
        assert_eq!(page.matches("<iframe").count(), 4);
        assert_eq!(page.matches("sandbox=\"\"").count(), 4, "nothing in it may run");
        assert!(page.contains("default-src 'none'"));
        let frame = page.split("srcdoc=\"").nth(4).unwrap().split('"').next().unwrap();
        assert!(frame.contains("&lt;p lang=&quot;cy&quot;&gt;"), "{frame}");
    }
}

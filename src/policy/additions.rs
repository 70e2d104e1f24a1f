//! What a rule adds to mail: tag lines and header fields, read and checked.

use std::sync::Arc;

use crate::mail::Protected;

use super::{
    disclaimers::{TagLine, TagLines},
    nearest::did_you_mean,
    settings::LevelNames,
    template::{Field, HEADER_FIELDS, Template},
    written::Value,
};

pub(super) fn tag_line(value: &Value<'_>, disclaimers: &TagLines) -> Option<Arc<TagLine>> {
    let name = value.string()?;
    if let Some(disclaimer) = disclaimers.get(name) {
        return Some(Arc::clone(disclaimer));
    }
    let help = did_you_mean(name, disclaimers.keys())
        .unwrap_or_else(|| format!("write disclaimers/{name}.txt and disclaimers/{name}.html"));
    value.faults().error(
        value
            .fault("disclaimer-unknown", format!("there is no tag line `{name}`"))
            .label("not in disclaimers/")
            .help(help),
    );
    None
}

/// `"wrap"`, `"leave"`, or one of them for each class that is named.
pub(super) fn wrapped(value: &Value<'_>) -> Option<Vec<Protected>> {
    if !value.is_table() {
        return Some(match value.choice(&TREATMENTS)? {
            Treatment::Leave => Vec::new(),
            Treatment::Wrap => Protected::SEALED.to_vec(),
        });
    }
    let classes = Protected::WRAPPABLE.map(Protected::name);
    let table = value.table("`protected`", &classes)?;
    let wrapped = Protected::WRAPPABLE.iter().filter_map(|class| {
        let value = table.value(class.name())?;
        match value.choice(&TREATMENTS) {
            Some(Treatment::Leave) => None,
            Some(Treatment::Wrap) => Some(Some(*class)),
            None => Some(None),
        }
    });
    wrapped.collect()
}

/// Printable ASCII, so that it reads the same in every Subject.
pub(super) fn subject_tag(value: &Value<'_>) -> Option<String> {
    let tag = value.sentence()?;
    let printable = tag.bytes().all(|octet| (b' '..=b'~').contains(&octet));
    if printable && tag.len() <= LONGEST_SUBJECT_TAG && !tag.contains("=?") && tag.trim() == tag {
        return Some(tag.to_owned());
    }
    value.faults().error(
        value
            .fault("subject-tag", "a tag in the subject is a word or two of plain letters")
            .label(format!("at most {LONGEST_SUBJECT_TAG}, no accents, no blanks around it"))
            .help("write it as people know it, such as \"[EXTERNAL]\""),
    );
    None
}

pub(super) fn headers(
    value: &Value<'_>,
    levels: &LevelNames,
    rule: &str,
) -> Option<Vec<(String, Template)>> {
    let table = value.open_table("add_headers")?;
    let read: Vec<_> = table
        .values()
        .map(|field| {
            let content = Template::read(&field, &HEADER_FIELDS);
            let name = check_header_name(&field)?;
            let content = check_header_content(&field, content?, levels, rule)?;
            Some((name, content))
        })
        .collect();
    read.into_iter().collect()
}

/// RFC 5322 section 2.2: printable US-ASCII but the colon.
fn check_header_name(field: &Value<'_>) -> Option<String> {
    let name = field.key();
    let legal = !name.is_empty()
        && name.len() <= LONGEST_HEADER_NAME
        && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
    if !legal {
        let message = format!("`{name}` cannot be the name of a header field");
        return field.invalid("header-name", message);
    }
    let lower = name.to_ascii_lowercase();
    if PROTECTED.contains(&lower.as_str()) || lower.starts_with("content-") {
        field.faults().error(
            field
                .fault("header-protected", format!("a rule cannot add a second `{name}`"))
                .help("add a field of your own, such as `X-Policy`"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn check_header_content(
    field: &Value<'_>,
    content: Template,
    levels: &LevelNames,
    rule: &str,
) -> Option<Template> {
    let printable = |text: &str| text.bytes().all(|octet| (b' '..=b'~').contains(&octet));
    let filled_printable = (!content.uses(Field::LevelName) || levels.iter().all(printable))
        && (!content.uses(Field::Rule) || printable(rule));
    let written = field.string()?;
    if !printable(written) || !filled_printable || written.len() > LONGEST_HEADER_CONTENT {
        field.faults().error(
            field
                .fault("header-content", "a header field carries printable US-ASCII only")
                .label(format!("at most {LONGEST_HEADER_CONTENT} characters, in one line"))
                .help("use plain letters here, and in the names that its fields stand for"),
        );
        return None;
    }
    Some(content)
}

/// What is done with mail that cannot be edited.
#[derive(Clone, Copy, Debug)]
enum Treatment {
    Leave,
    Wrap,
}

const TREATMENTS: [(&str, Treatment); 2] = [("leave", Treatment::Leave), ("wrap", Treatment::Wrap)];

/// Fields of which a message has one (RFC 5322 section 3.6), and those that
/// others sign or trace by.
const PROTECTED: [&str; 16] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "received",
    "return-path",
    "mime-version",
    "dkim-signature",
    "authentication-results",
];

const LONGEST_SUBJECT_TAG: usize = 40;
const LONGEST_HEADER_NAME: usize = 64;
const LONGEST_HEADER_CONTENT: usize = 200;

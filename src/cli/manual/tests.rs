//! The manual says all that there is, and nothing that is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use super::{
    reference::Without,
    text::{plain, read},
    *,
};
use crate::cli::{arguments::command, schema::KINDS};

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text_of(page: &str) -> String {
    let mut out = Vec::new();
    let blocks = named(page).unwrap().blocks();
    show(&mut Page::new(&mut out, 100, crate::cli::page::Look::Plain), &blocks).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_written_page_can_be_read_and_says_something() {
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/manual")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            let blocks = read(&fs::read_to_string(&path).unwrap());
            let blocks = blocks.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(blocks.len() > 5, "{} says nothing", path.display());
        }
    }
    for page in PAGES {
        assert!(page.blocks().len() > 5, "{} says nothing", page.name);
    }
}

#[test]
fn every_command_and_every_option_has_its_place_in_a_man_page() {
    fn look(command: &clap::Command, name: &str, pages: &[(String, String)], seen: &mut usize) {
        let path = format!("man1/{name}.1");
        let (_, text) =
            pages.iter().find(|page| page.0 == path).unwrap_or_else(|| panic!("{path}"));
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            if let Some(long) = option.get_long() {
                let long = format!("\\-\\-{}", long.replace('-', "\\-"));
                assert!(text.contains(&long), "{path} lacks {long}");
            }
        }
        *seen += 1;
        for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            look(below, &format!("{name}-{}", below.get_name()), pages, seen);
        }
    }
    let (pages, mut seen) = (man_pages(), 0);
    look(&command(), "postern", &pages, &mut seen);
    assert!(seen > 40, "{seen}");
    assert!(
        !pages.iter().any(|(path, _)| path.contains("reader.1")),
        "it is for the gateway alone"
    );
    let names: BTreeSet<_> = pages.iter().map(|(path, _)| path).collect();
    assert_eq!(names.len(), pages.len(), "two pages have one name");
}

/// From the schemas themselves, not from the tables that are made of them.
#[test]
fn every_key_of_the_schemas_is_in_the_manual_with_what_holds_without_it() {
    let pages = [("postern.toml", true), ("policies", false)];
    let shown = pages.map(|(page, _)| text_of(page));
    let mut keys = 0;
    for kind in &KINDS {
        let page = &shown[usize::from(kind.name != "postern")];
        let mut stack = vec![(kind.schema)()];
        while let Some(value) = stack.pop() {
            if let Some(properties) = value.get("properties").and_then(|keys| keys.as_object()) {
                for (key, about) in properties {
                    let line = format!("\n  {key}\n");
                    assert!(page.contains(&line), "{}: {key} is not told", kind.files);
                    let default = about.get("default").map(|usual| format!("Default: {usual}"));
                    let default = default.map(|told| told.replace(",\"", ", \""));
                    let told = default.is_none_or(|told| unwrapped(page).contains(&told));
                    assert!(told, "{}: the default of {key} is not told", kind.files);
                    keys += 1;
                }
            }
            match value {
                serde_json::Value::Array(values) => stack.extend(values),
                serde_json::Value::Object(values) => {
                    stack.extend(values.into_iter().map(|(_, value)| value));
                }
                _ => {}
            }
        }
    }
    assert!(keys > 400, "{keys}");
}

fn unwrapped(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_key_is_told_without_what_holds_without_it_but_tables() {
    for table in tables(|_| true) {
        for key in &table.keys {
            let is_table = matches!(key.without, Without::Keys);
            assert!(!is_table || key.is_table(), "{} of {}", key.name, table.path());
        }
    }
}

#[test]
fn every_label_of_a_metric_is_explained_and_none_that_there_is_not() {
    let used: BTreeSet<_> =
        metrics::described().into_iter().flat_map(|metric| metric.labels).collect();
    let explained: BTreeSet<_> =
        metrics::LABELS.iter().map(|(label, _)| (*label).to_owned()).collect();
    assert_eq!(used, explained);
    let page = unwrapped(&text_of("metrics"));
    for metric in metrics::described() {
        assert!(page.contains(&metric.name), "{}", metric.name);
        assert!(page.contains(&unwrapped(&metric.help)), "{}", metric.help);
    }
}

/// `name{label,label}` in its tables, and whole names anywhere.
#[test]
fn the_readme_names_no_metric_and_no_label_that_there_is_not() {
    let described = metrics::described();
    let readme = file("README.md");
    let table = readme.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut named = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        for code in row.split('`').skip(1).step_by(2) {
            let (name, labels) = code.split_once('{').unwrap_or((code, ""));
            let name = format!("postern_{name}");
            let metric = described.iter().find(|metric| metric.name == name);
            let metric = metric.unwrap_or_else(|| panic!("README.md: there is no {name}"));
            for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
                let label = label.split('=').next().unwrap();
                assert!(metric.labels.iter().any(|one| one == label), "{name} has no {label}");
            }
            named += 1;
        }
    }
    assert!(named > 40, "{named}");
}

/// The name of the alert is the heading, and the alert says where it stands.
#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let rules = file("deploy/prometheus/alerts.yml");
    let alerts: Vec<_> =
        rules.split("- alert: ").skip(1).map(|rule| rule.split_once('\n').unwrap()).collect();
    for (name, rule) in &alerts {
        let runbook = format!("runbook: postern manual runbooks {name}\n");
        assert!(rule.contains(&runbook), "{name} needs the annotation `{runbook}`");
    }
    let named: BTreeSet<_> = alerts.iter().map(|(name, _)| (*name).to_owned()).collect();
    let headings = named_headings("runbooks").into_iter().filter(|it| it.starts_with("Postern"));
    assert_eq!(headings.collect::<BTreeSet<_>>(), named);
}

fn named_headings(page: &str) -> BTreeSet<String> {
    let blocks = named(page).unwrap().blocks().into_iter();
    let heading = |block| match block {
        Block::Heading { text, .. } => Some(text),
        _ => None,
    };
    blocks.filter_map(heading).collect()
}

#[test]
fn a_section_ends_where_the_next_begins() {
    let blocks = read("## First\n\none\n\n### Sub\n\ntwo\n\n## Second\n\nthree\n").unwrap();
    let of = |wanted| section(blocks.clone(), wanted).map(|found| found.len());
    assert_eq!((of("first").unwrap(), of("Sub").unwrap(), of("Second").unwrap()), (4, 2, 2));
    let refused = of("Secund").unwrap_err();
    assert!(format!("{refused:?}").contains("did you mean `Second`?"));
}

#[test]
fn a_page_that_is_misspelt_is_told_what_was_meant() {
    assert!(named("officers").is_ok() && named("postern-officers").is_ok());
    let refused = format!("{:?}", named("oficers").err().unwrap());
    assert!(refused.contains("did you mean `officers`?"), "{refused}");
}

/// A test that is named is there, in the source or among the peers'.
#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let mut named = 0;
    let tests = sources();
    for code in codes(&named_blocks("threats")) {
        let is_name =
            code.contains('_') && code.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if is_name && code.matches('_').count() > 2 {
            let [rust, python] = [format!("fn {code}("), format!("def {code}(")];
            assert!(tests.contains(&rust) || tests.contains(&python), "{code} is no test");
            named += 1;
        }
    }
    assert!(named > 35, "{named}");
}

/// All of `src` and `tests` that is Rust or Python.
fn sources() -> String {
    let mut text = String::new();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "py") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

fn named_blocks(page: &str) -> Vec<Block> {
    named(page).unwrap().blocks()
}

fn codes(blocks: &[Block]) -> Vec<String> {
    let runs = blocks.iter().flat_map(|block| match block {
        Block::Heading { .. } | Block::Example(_) => Vec::new(),
        Block::Paragraph(says) | Block::Item { says, .. } => says.clone(),
        Block::Term { term, says } => [term.as_slice(), says].concat(),
    });
    runs.filter(|run| run.style == text::Style::Code).map(|run| run.text).collect()
}

/// Whatever is to be copied is a command that there is, with options that it
/// has; words in capitals stand for what somebody fills in.
#[test]
fn every_command_that_the_manual_writes_is_one() {
    use clap::error::ErrorKind;

    /// A command that is only named, or asks for its help.
    const INCOMPLETE: [ErrorKind; 5] = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
    ];

    let (mut tried, mut wrong) = (0, Vec::new());
    for (page, line) in written_commands() {
        let words = words(&line);
        let fault = command().try_get_matches_from(&words).err().map(|error| error.kind());
        let sound = match fault {
            None => true,
            Some(ErrorKind::InvalidValue | ErrorKind::ValueValidation) => {
                words.iter().any(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '-'))
            }
            Some(kind) => INCOMPLETE.contains(&kind),
        };
        if !sound {
            wrong.push(format!("{page}: `{line}`: {fault:?}"));
        }
        tried += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 60, "{tried}");
}

/// Of the manual, the README and the alerts: where each stands, and what it
/// is, but for those that are drawn in part (`list|show`, `…`).
fn written_commands() -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for page in PAGES {
        let blocks = page.blocks();
        let examples = blocks.iter().filter_map(|block| match block {
            Block::Example(lines) => Some(lines.lines().map(str::to_owned)),
            _ => None,
        });
        let lines = examples.flatten().chain(codes(&blocks));
        commands.extend(lines.map(|line| (page.name.to_owned(), line)));
    }
    for source in ["README.md", "deploy/prometheus/alerts.yml", "certs/README.md"] {
        for code in file(source).split('`').skip(1).step_by(2) {
            commands.extend(code.lines().map(|line| (source.to_owned(), line.to_owned())));
        }
    }
    commands
        .retain(|(_, line)| line.starts_with("postern ") && !line.contains(['|', '…', '[', '>']));
    commands
}

/// As a shell takes a line apart, without its remark.
fn words(line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap();
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a log line is called and which fields it has, as the source writes it.
#[test]
fn every_event_of_the_log_is_told_with_its_level_and_fields_and_no_other() {
    let mut told: BTreeSet<(String, String)> = BTreeSet::new();
    let mut fields_of = BTreeMap::new();
    let mut event_sections = false;
    for block in named_blocks("logs") {
        match block {
            Block::Heading { text, .. } => {
                event_sections =
                    !["Description", "The log", "The audit trail"].contains(&text.as_str());
            }
            Block::Term { term, says } if event_sections => {
                let level = plain(&says).split([':', ' ']).next().unwrap().to_owned();
                let event = plain(&term);
                let fields: BTreeSet<String> = plain(&says)
                    .split_once(": ")
                    .and_then(|(head, _)| head.split_once(" with "))
                    .map(|(_, fields)| fields.split(", ").map(str::to_owned).collect())
                    .unwrap_or_default();
                fields_of.insert(event.clone(), fields);
                told.insert((level, event));
            }
            _ => {}
        }
    }
    let written = events();
    let names: BTreeSet<_> =
        written.iter().map(|event| (event.level.clone(), event.name.clone())).collect();
    assert_eq!(names, told, "src/cli/manual/logs.md tells of each event of the log");
    // One name may be written in two places, with fields of its own in each.
    let mut has: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in written {
        has.entry(event.name).or_default().extend(event.fields);
    }
    assert_eq!(has, fields_of, "and of the fields of each");
}

struct WrittenEvent {
    level: String,
    name: String,
    fields: Vec<String>,
}

/// Every `info!(…, "…")` and the like outside tests, in short: fields, and the
/// name last.
fn events() -> Vec<WrittenEvent> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["tests", "demo"].contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                for level in ["debug", "info", "warn", "error"] {
                    let opens = format!("{level}!(");
                    let calls = text.split(&opens).skip(1);
                    found.extend(calls.filter_map(|call| event(level, call)));
                }
            }
        }
    }
    found
}

fn event(level: &str, call: &str) -> Option<WrittenEvent> {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    let (mut parts, mut part) = (Vec::new(), String::new());
    for letter in call.chars() {
        if quoted {
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else {
            match letter {
                '"' => quoted = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
        }
        match letter {
            _ if depth == 0 => break,
            ',' if depth == 1 && !quoted => parts.push(std::mem::take(&mut part)),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    let parts: Vec<&str> =
        parts.iter().map(|part| part.trim()).filter(|it| !it.is_empty()).collect();
    let (name, fields) = parts.split_last()?;
    let name = name.strip_prefix('"')?.strip_suffix('"')?;
    let name = name.split("\\\n").map(str::trim_start).collect::<String>();
    let field = |part: &&str| {
        part.split('=').next().unwrap().trim().trim_start_matches(['%', '?']).to_owned()
    };
    Some(WrittenEvent {
        level: level.to_owned(),
        name: name.replace("\\\"", "\"").replace('`', ""),
        fields: fields.iter().map(field).collect(),
    })
}

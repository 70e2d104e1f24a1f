//! The outcome as CI systems read it: JUnit's XML, a `testsuite` a file of
//! cases, a `testcase` a case, with its file and line, and a `failure` with
//! what differs (the format has no standard; the common ground of Jenkins,
//! GitLab and GitHub's readers is what is written).

use std::path::Path;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesStart, BytesText, Event},
};

use super::{super::exit::Failure, Outcome};
use crate::policy::diagnostics::Diagnostic;

pub(super) fn write(path: &Path, outcomes: &[Outcome<'_>]) -> Result<(), Failure> {
    let cannot = |error| Failure::cannot_create(format!("{}: {error}", path.display()));
    let text = text(outcomes).map_err(cannot)?;
    std::fs::write(path, text).map_err(cannot)
}

fn text(outcomes: &[Outcome<'_>]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut all = BytesStart::new("testsuites");
    all.push_attribute(("name", "postern test"));
    counts(&mut all, outcomes);
    writer.write_event(Event::Start(all.borrow()))?;
    // Cases come file by file.
    for suite in outcomes.chunk_by(|one, other| one.case.path() == other.case.path()) {
        write_suite(&mut writer, suite)?;
    }
    writer.write_event(Event::End(all.to_end()))?;
    let mut text = writer.into_inner();
    text.push(b'\n');
    Ok(text)
}

fn write_suite(writer: &mut Writer<Vec<u8>>, suite: &[Outcome<'_>]) -> std::io::Result<()> {
    let path = suite.first().map_or("", |outcome| outcome.case.path());
    let mut element = BytesStart::new("testsuite");
    element.push_attribute(("name", shown(path).as_str()));
    element.push_attribute(("file", shown(path).as_str()));
    counts(&mut element, suite);
    writer.write_event(Event::Start(element.borrow()))?;
    for outcome in suite {
        write_case(writer, outcome)?;
    }
    writer.write_event(Event::End(element.to_end()))
}

fn write_case(writer: &mut Writer<Vec<u8>>, outcome: &Outcome<'_>) -> std::io::Result<()> {
    let case = outcome.case;
    let path = shown(case.path());
    let mut element = BytesStart::new("testcase");
    element.push_attribute(("name", shown(&case.name).as_str()));
    element.push_attribute(("classname", path.trim_end_matches(".toml")));
    element.push_attribute(("file", path.as_str()));
    element.push_attribute(("line", case.line().to_string().as_str()));
    element.push_attribute(("time", seconds(outcome.took.as_secs_f64()).as_str()));
    if outcome.faults.is_empty() {
        return writer.write_event(Event::Empty(element));
    }
    writer.write_event(Event::Start(element.borrow()))?;
    for fault in outcome.faults.iter() {
        write_failure(writer, fault)?;
    }
    writer.write_event(Event::End(element.to_end()))
}

fn write_failure(writer: &mut Writer<Vec<u8>>, fault: &Diagnostic) -> std::io::Result<()> {
    let mut failure = BytesStart::new("failure");
    failure.push_attribute(("message", shown(&fault.message).as_str()));
    failure.push_attribute(("type", fault.code));
    writer.write_event(Event::Start(failure.borrow()))?;
    writer.write_event(Event::Text(BytesText::new(&shown(&fault.to_string()))))?;
    writer.write_event(Event::End(failure.to_end()))
}

fn counts(element: &mut BytesStart<'_>, outcomes: &[Outcome<'_>]) {
    let failed = outcomes.iter().filter(|outcome| !outcome.faults.is_empty()).count();
    let took: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
    element.push_attribute(("tests", outcomes.len().to_string().as_str()));
    element.push_attribute(("failures", failed.to_string().as_str()));
    element.push_attribute(("errors", "0"));
    element.push_attribute(("skipped", "0"));
    element.push_attribute(("time", seconds(took).as_str()));
}

fn seconds(took: f64) -> String {
    format!("{took:.3}")
}

/// XML 1.0 has no way to write most control characters.
fn shown(text: &str) -> String {
    let legal = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r');
    let replaced = |letter| match legal(letter) && !matches!(letter, '\u{fffe}' | '\u{ffff}') {
        true => letter,
        false => char::REPLACEMENT_CHARACTER,
    };
    text.chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        decide::decide,
        policy::{Context, Policy, Subject, invariants, read_cases},
    };

    #[test]
    fn a_failure_names_its_file_and_line_and_nothing_breaks_out_of_its_place() {
        let mut sources = invariants::sound();
        sources.add(
            "tests/a.toml",
            b"[[case]]\nname = \"good & <well> \\u0007\"\nfrom = \"\"\nfacts = {}\nlevel = 0\n\
              [[case]]\nname = \"bad\"\nfrom = \"\"\nfacts = {}\nmarking = \"<b>\"\n",
        );
        let today = jiff::civil::date(2026, 11, 22);
        let context = Context { today, local_domains: &[], test_range: None };
        let policy = Policy::compile(&sources, &context).0.unwrap();
        let (cases, _) = read_cases(&sources);
        let outcomes: Vec<_> = cases
            .iter()
            .map(|case| {
                let Subject::Facts(facts) = &case.subject else { panic!("facts") };
                let faults = case.check(&policy, facts, decide);
                Outcome { case, faults, took: Duration::from_millis(2) }
            })
            .collect();
        let written = String::from_utf8(text(&outcomes).unwrap()).unwrap();
        assert!(written.contains("type=\"case-failed\""));
        insta::assert_snapshot!(written);
    }
}

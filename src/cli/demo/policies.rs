//! The shipped policies, carried in the program so that the demo runs
//! anywhere, and what the demo writes on top: its own domains, its officers,
//! and that numbers of the test range count.

use std::{fs, io, path::Path};

use crate::policy::Sources;

/// Writes a policy folder for the demo: `given`, or else the shipped one.
pub(super) fn write(folder: &Path, given: Option<&Sources>) -> io::Result<()> {
    match given {
        Some(sources) => {
            sources.iter().try_for_each(|(path, file)| write_file(folder, path, &file.text))
        }
        None => SHIPPED.iter().try_for_each(|(path, text)| write_file(folder, path, text)),
    }
}

fn write_file(folder: &Path, path: &str, text: &str) -> io::Result<()> {
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(file, for_the_demo(path, text))
}

/// A policy file as the demo wants it.
fn for_the_demo(path: &str, text: &str) -> String {
    match path {
        "domains.toml" => format!("{text}\n{DOMAINS}"),
        "policy.toml" => with_setting(text, "officers", &format!("[\"{OFFICERS}\"]")),
        // The invented patients have numbers that belong to nobody.
        "classification.toml" => with_setting(text, "test_range", "\"count\""),
        _ => text.to_owned(),
    }
}

/// A file of settings with one of them changed; added where it is not.
fn with_setting(text: &str, key: &str, value: &str) -> String {
    let is_setting =
        |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let setting = format!("{key} = {value}\n");
    if !text.lines().any(is_setting) {
        return setting + text;
    }
    let lines = text.split_inclusive('\n');
    lines.map(|line| if is_setting(line) { setting.as_str() } else { line }).collect()
}

/// Who is told of what is held.
pub(super) const OFFICERS: &str = "information.governance@hospital.test.example";

const DOMAINS: &str = r#"# ---- The demo --------------------------------------------------------------

[[domain]]
name      = "council.gov.test.example"
clearance = 4
tls       = "verified"
mx_names  = ["mx.council.gov.test.example"]
owner     = "The demo"
evidence  = "It stands on loopback, with a certificate made a moment ago."
review    = 2099-12-31

[[domain]]
name      = "prison.gov.test.example"
clearance = 4
tls       = "verified"
mx_names  = ["mx.prison.gov.test.example"]
owner     = "The demo"
evidence  = "It stands on loopback, with a certificate that has expired."
review    = 2099-12-31
"#;

macro_rules! shipped {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/", $path)))),*]
    };
}

/// Every file of `policies/` but the officers' cases, which decide nothing.
const SHIPPED: &[(&str, &str)] = shipped! {
    "classification.toml"
    "detectors/codes.toml"
    "detectors/contact.toml"
    "detectors/patient-numbers.toml"
    "detectors/people.toml"
    "disclaimers/nhs.cy.html"
    "disclaimers/nhs.cy.txt"
    "disclaimers/nhs.html"
    "disclaimers/nhs.txt"
    "domains.toml"
    "organisations/ZZ999.toml"
    "policy.toml"
    "rules.toml"
    "terms/conditions.toml"
    "terms/diseases.toml"
    "terms/findings.toml"
    "terms/medication.toml"
    "terms/medicines.toml"
    "terms/not-clinical.toml"
    "terms/ordinary-words.toml"
    "terms/short-forms.toml"
    "terms/special.toml"
    "yara/clinical-documents.yar"
    "yara/malware.yar"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_carries_every_file_of_the_shipped_policies() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let shipped = crate::config::read_policies(&folder).unwrap();
        let on_disk: Vec<_> = shipped
            .iter()
            .filter(|(path, _)| !path.starts_with("tests/"))
            .map(|(path, file)| (path, file.text.as_str()))
            .collect();
        assert_eq!(SHIPPED, on_disk, "the table in demo/policies.rs is not what policies/ has");
    }

    #[test]
    fn a_setting_is_changed_where_it_stands_and_added_where_it_does_not() {
        assert_eq!(with_setting("a = 1\nb = 2\n", "b", "3"), "a = 1\nb = 3\n");
        assert_eq!(
            with_setting("# b = 2\nbb = 1\n[x]\n", "b", "3"),
            "b = 3\n# b = 2\nbb = 1\n[x]\n"
        );
    }
}

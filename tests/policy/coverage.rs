//! What the officers' cases exercise.

use postern::{
    decide::decide,
    policy::{Coverage, Sources, Subject, read_cases},
};

use super::support::{must_compile, with_rules};

const RULES: &str = r#"
[[rule]]
name = "out"
when = { direction = "outbound" }
mode = "observe"
tell = "officers"

[[rule]]
name   = "four"
when   = { level = 4 }
then   = "reject"
reason = "No."

[[rule]]
name = "in"
when = { direction = "inbound" }
tell = "officers"

[[exemption]]
rules   = ["four"]
when    = { recipient_domain = "y.example" }
owner   = "A. Officer"
reason  = "Agreed."
expires = 2099-01-01

[[exemption]]
rules   = ["four"]
when    = { recipient_domain = "z.example" }
owner   = "A. Officer"
reason  = "Agreed."
expires = 2098-01-01
"#;

const CASE: &str = r#"
name  = "n"
from  = "a@w.example"
facts = { level = 4 }
[[expect]]
to = "a@x.example"
[[expect]]
to = "b@x.example"
[[expect]]
to = "c@y.example"
"#;

#[test]
fn what_no_case_exercises_is_named_and_what_one_does_is_counted_once_a_case() {
    let policy = must_compile(with_rules(RULES));
    let mut sources = Sources::new("");
    sources.add("tests/x.toml", CASE.as_bytes());
    let (cases, told) = read_cases(&sources);
    assert!(told.is_empty(), "{told:?}");
    let Subject::Facts(facts) = &cases[0].subject else { panic!("facts") };
    let mut coverage = Coverage::of(&policy);
    coverage.add(&cases[0], facts, decide);
    let mut rules: Vec<_> = coverage
        .rules()
        .map(|(name, _, rule)| (name.to_owned(), rule.matched, rule.decided))
        .collect();
    rules.sort();
    let of = |name: &str, matched, decided| (name.to_owned(), matched, decided);
    assert_eq!(rules, [of("four", 1, 1), of("in", 0, 0), of("out", 1, 0)]);
    let untried: Vec<_> =
        coverage.untried().iter().map(|one| format!("{} {}", one.what, one.name)).collect();
    assert_eq!(untried, ["rule in", "exemption from four until 2098-01-01"]);
}

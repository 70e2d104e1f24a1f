//! What the schemas say holds where a key is not written is what the readers
//! make of its absence.

use std::{collections::BTreeSet, sync::Arc};

use toml_edit::{DocumentMut, Item, Value as Toml};

use super::{
    super::words::{ABSENT, UNIT},
    *,
};
use crate::policy::classification::{self, ClassificationFiles};

/// A key that may be left out, where it stands, and what then holds.
struct Optional {
    path: Vec<Step>,
    default: Option<Value>,
}

#[test]
fn every_key_that_may_be_left_out_says_what_then_holds() {
    let mut silent = Vec::new();
    for kind in &KINDS {
        let told = optional_keys(&(kind.schema)());
        silent.extend(told.silent.iter().map(|key| format!("{}: {key}", kind.files)));
    }
    assert!(silent.is_empty(), "write holding(…) or absent(…) for:\n{}", silent.join("\n"));
}

/// Where a default changes nothing when it is written, it is what holds
/// without it.
#[test]
fn a_default_that_is_written_changes_nothing() {
    let mut held = 0;
    for (name, base) in BASES {
        let kind = KINDS.iter().find(|kind| kind.name == *name).unwrap();
        let without = meaning(kind.name, base);
        for key in optional_keys(&(kind.schema)()).keys {
            let Some(default) = &key.default else { continue };
            let text = written_at(base, &key.path, default);
            assert_eq!(meaning(kind.name, &text), without, "{}: {text}", kind.files);
            held += 1;
        }
    }
    assert!(held > 80, "{held}");
}

#[derive(Default)]
struct Told {
    keys: Vec<Optional>,
    /// Those that say nothing, as a person would name them.
    silent: BTreeSet<String>,
}

fn optional_keys(schema: &Value) -> Told {
    let mut told = Told::default();
    look(schema, &mut Vec::new(), &mut told);
    told
}

fn look(schema: &Value, path: &mut Vec<Step>, told: &mut Told) {
    for shape in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        if shape.get("minItems").is_none() {
            look(shape, path, told);
        }
    }
    if let Some(items) = schema.get("items") {
        path.push(Step::Element);
        look(items, path, told);
        path.pop();
    }
    let Some(keys) = schema.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<_> = schema.get("required").and_then(Value::as_array).into_iter().collect();
    for (key, value) in keys {
        path.push(Step::Key(key.clone()));
        if !required.iter().any(|names| names.contains(&json!(key))) && !is_table(value) {
            let default = value.get("default").cloned();
            if default.is_none() && value.get(ABSENT).or(schema.get(ABSENT)).is_none() {
                told.silent.insert(format!("{path:?}"));
            }
            told.keys.push(Optional { path: path.clone(), default });
        }
        look(value, path, told);
        path.pop();
    }
}

/// Or tables, each under its own `[[key]]`: their keys speak for themselves.
fn is_table(value: &Value) -> bool {
    let shape = if value["type"] == "array" { &value["items"] } else { value };
    shape["type"] == "object" && shape.get("properties").is_some()
}

/// The file with one more key in it, in tables that it has already.
fn written_at(base: &str, path: &[Step], value: &Value) -> String {
    let mut document: DocumentMut = base.parse().unwrap();
    let (Some(Step::Key(key)), tables) = (path.last(), &path[..path.len() - 1]) else {
        panic!("{path:?} is no key");
    };
    let mut place = document.as_item_mut();
    for step in tables {
        place = match step {
            Step::Key(key) => place.get_mut(key).unwrap_or_else(|| panic!("{path:?}: no {key}")),
            Step::Element => place.get_mut(0).unwrap_or_else(|| panic!("{path:?}: no element")),
        };
    }
    assert!(place.get(key).is_none(), "{path:?} is in the base already");
    place[key] = Item::Value(toml(value));
    document.to_string()
}

fn toml(value: &Value) -> Toml {
    match value {
        Value::Bool(value) => Toml::from(*value),
        Value::Number(value) => Toml::from(value.as_i64().unwrap()),
        Value::String(value) => Toml::from(value),
        Value::Array(values) => Toml::from_iter(values.iter().map(toml)),
        other => panic!("{other} is no default"),
    }
}

/// What comes of a file, without the places that its parts stand at.
fn meaning(kind: &str, text: &str) -> String {
    let mut sources = invariants::sound();
    let path = match kind {
        "postern" => {
            let file = SourceFile { path: "postern.toml".to_owned(), text: text.to_owned() };
            let (config, told) = Config::read(&Arc::new(file));
            return format!("{:?}", config.unwrap_or_else(|| panic!("{text}\n{told:?}")));
        }
        "classification" => "classification.toml".to_owned(),
        "detectors" | "terms" => format!("{kind}/a.toml"),
        "case" => "tests/a.toml".to_owned(),
        _ => format!("{kind}.toml"),
    };
    sources.add(&path, text.as_bytes());
    match kind {
        "rules" | "domains" => compiled(&sources),
        "case" => {
            let (cases, told) = read_cases(&sources);
            assert!(!told.has_errors(), "{text}\n{told:?}");
            format!("{:?}", cases.iter().map(|case| &case.subject).collect::<Vec<_>>())
        }
        _ => classified(kind, text),
    }
}

fn compiled(sources: &crate::policy::Sources) -> String {
    let today = jiff::civil::date(2026, 11, 22);
    let context = Context { today, local_domains: &[], test_range: None };
    let (policy, told) = Policy::compile(sources, &context);
    let policy = policy.unwrap_or_else(|| panic!("{told:?}"));
    let domains: BTreeSet<_> = policy.domains().iter().map(|entry| format!("{entry:?}")).collect();
    format!("{:?} {domains:?}", policy.rules())
}

fn classified(kind: &str, text: &str) -> String {
    let file = |of: &str| {
        let text = if of == kind { text } else { "" };
        Arc::new(SourceFile { path: format!("{of}.toml"), text: text.to_owned() })
    };
    let files = ClassificationFiles {
        classification: file("classification"),
        detectors: vec![file("detectors")],
        terms: vec![file("terms")],
        yara: Vec::new(),
    };
    let (settings, told) = classification::read(&files);
    assert!(!told.has_errors(), "{text}\n{told:?}");
    let shown = format!("{settings:?}");
    let mut parts = shown.split("span: ");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'));
    first + &rest.collect::<String>()
}

#[test]
fn a_size_and_a_duration_say_how_they_are_written() {
    let schema = serde_json::to_string(&configuration::schema()).unwrap();
    assert!(schema.contains(UNIT) && schema.contains("\"default\":\"1 GiB\""), "{schema}");
}

/// Of each kind of file a sound one that has every table, and in it what must
/// be there and nothing else.
const BASES: &[(&str, &str)] = &[
    (
        "postern",
        r#"
[node]
name = "mx1.example"
data_dir = "d"
policies = "p"
[[listener]]
name = "m"
address = "0.0.0.0:25"
direction = "outbound"
certificate = "c"
key = "k"
client_ca = "a"
[[listener.certified]]
name = "n"
subject = "s"
[[route]]
domain = "*"
next_hop = "mx"
[signing]
[[signing.key]]
domain = "x.example"
selector = "s"
file = "f"
[sending]
[retry]
[limits]
[reader]
[dns]
[mta_sts]
[tls_reports]
organisation = "o"
contact = "c@x.example"
from = "r@x.example"
[[recipients]]
domains = ["x.example"]
source = "ldaps://d.example"
base = "dc=x"
[[blocklist]]
zone = "z.example"
[going_live]
[going_live.canary]
share = "10%"
lasts = "4h"
least_messages = 200
hold_rate = "1%..8%"
[quarantine]
[quarantine.judge_within]
[audit]
[spool]
[metrics]
[console]
accounts = "a"
url = "http://127.0.0.1:8464"
[console.openid]
issuer = "https://login.example"
client_id = "c"
roles = { r = "officer" }
"#,
    ),
    (
        "rules",
        r#"
[[rule]]
name = "r"
when = { time = { days = ["monday"] } }
then = "hold"
reason = "x"
[[exemption]]
rules = ["r"]
when = { time = { days = ["monday"] } }
owner = "o"
reason = "r"
expires = 2027-01-01
"#,
    ),
    (
        "domains",
        r#"
[[domain]]
name = "x.example"
clearance = 3
tls = "encrypted"
owner = "o"
evidence = "e"
review = 2027-01-01
"#,
    ),
    (
        "classification",
        r#"
[[slips]]
[[quiet]]
name = "q"
[[evidence]]
name = "e"
kinds = ["nhs_number"]
[[combination]]
name = "c"
level = 3
all = ["e"]
"#,
    ),
    (
        "detectors",
        r#"
[[detector]]
name = "d"
kind = "nhs_number"
pattern = "x"
[[detector.context]]
[[detector.company]]
[[detector.fellows]]
[[detector.stands]]
[[detector.named]]
[[detector.test_number]]
"#,
    ),
    ("terms", "[[list]]\nname = \"l\"\nkind = \"medication\"\n"),
    (
        "case",
        "from = \"a@x.example\"\n[[case]]\nname = \"n\"\nmail = \"Subject: x\\n\\nx\"\nlevel = 0\n",
    ),
];

//! Where rules and exemptions were written, so that those which do nothing are
//! warned of in place.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    Policy,
    diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
    reasoning::doubts::{About, Why, doubts},
    rule::Exemption,
    written::Fault,
};

type Place = (Arc<SourceFile>, Range<usize>);

#[derive(Debug, Default)]
pub(super) struct Places {
    /// By name.
    pub(super) rules: HashMap<String, Place>,
    pub(super) exemptions: Vec<(Arc<Exemption>, Place)>,
}

impl Places {
    /// What does nothing, each at its place. Where rules are missing for their
    /// faults, only what no other rule could change.
    pub(super) fn doubts(&self, policy: &Policy, faults: &Diagnostics) -> Vec<Diagnostic> {
        let by_itself = |why: &Why| matches!(why, Why::Never(_));
        let whole = !faults.has_errors();
        let found = doubts(policy).into_iter().filter(|one| whole || by_itself(&one.why));
        let told = found.filter_map(|doubt| {
            let (file, place) = self.of(&doubt.about)?;
            Some(fault(&doubt.why).at(place.clone()).of(file, Severity::Warning))
        });
        told.collect()
    }

    fn of(&self, about: &About) -> Option<&Place> {
        match about {
            About::Rule(name) => self.rules.get(name),
            About::Exemption(exemption) => {
                let known = self.exemptions.iter().find(|(one, _)| Arc::ptr_eq(one, exemption));
                known.map(|(_, place)| place)
            }
        }
    }
}

fn fault(why: &Why) -> Fault {
    let look_again = "look at its `when` again, or take the rule out";
    match why {
        Why::Never(keys) => Fault::new("rule-never-matches", "this rule can never match")
            .label(excluded(keys))
            .help(look_again),
        Why::AlwaysExempt => Fault::new("rule-never-matches", "this rule can never match")
            .label("an exemption lifts it wherever it would")
            .help("make the exemption narrower, or take the rule out"),
        Why::Shadowed(over) => Fault::new("rule-shadowed", "this rule changes nothing")
            .label(format!("wherever it matches, `{over}` asks for as much"))
            .help("take it out, or let it ask for more than the other rule"),
        Why::LiftsNothing => Fault::new("exemption-lifts-nothing", "this exemption lifts nothing")
            .label("no rule named here can match where the exemption does")
            .help("look at its `when` beside that of the rule, or take the exemption out"),
    }
}

fn excluded(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("its {} and {last} exclude each other", rest.join(", "))
        }
        Some((only, _)) => format!("nothing there is has such a {only}"),
        None => "nothing there is could match".to_owned(),
    }
}

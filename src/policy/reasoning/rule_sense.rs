//! Whether what a rule asks for makes a whole: each key is well written by
//! itself, and together they may still come to nothing.

use crate::mail::{Disposition, Mode, NextHop};

use super::super::{
    rule::Rule,
    written::{Fault, Table},
};

pub(in crate::policy) fn check(table: &Table<'_>, rule: &Rule) {
    let faults = table.faults();
    let place = table.value("name").map_or(table.span(), |name| name.span());
    let then_place = table.value("then").map_or(place.clone(), |then| then.span());
    let stops = rule.then.filter(|then| *then > Disposition::Relay);
    if let Some(then) = stops.filter(|_| rule.reason.is_empty()) {
        faults.error(
            Fault::new("rule-without-reason", format!("a rule that says {then} gives a reason"))
                .at(then_place.clone())
                .label("and no `reason` is given")
                .help("add `reason = \"…\"`: say what was found and what the sender can do"),
        );
    }
    if rule.then == Some(Disposition::Hold) && rule.tell.is_empty() {
        faults.warning(
            Fault::new("rule-tells-nobody", "mail held by this rule waits, and nobody knows")
                .at(then_place.clone())
                .label("holds in silence")
                .help("add `tell = [\"sender\", \"officers\"]`"),
        );
    }
    check_redirect(table, rule, then_place);
    check_protected(table, rule);
    check_canary(table, rule);
    let decides_nothing = rule.then.is_none() && rule.tls.is_none() && rule.tell.is_empty();
    if decides_nothing && rule.adds_nothing() {
        faults.warning(
            Fault::new("rule-does-nothing", "this rule asks for nothing")
                .at(place)
                .label("no `then`, `tls`, `fallback`, `urgent`, nor anything added or told")
                .help("say what must happen, such as `then = \"hold\"`"),
        );
    }
}

fn check_redirect(table: &Table<'_>, rule: &Rule, then_place: std::ops::Range<usize>) {
    let redirects = rule.then == Some(Disposition::Redirect);
    match (redirects, table.value("redirect_to")) {
        (true, None) => table.faults().error(
            Fault::new("rule-redirect-nowhere", "a rule that redirects says where to")
                .at(then_place)
                .label("and no `redirect_to` is given")
                .help("add `redirect_to = \"smtp://portal.example:25\"`"),
        ),
        (false, Some(value)) => table.faults().error(
            value
                .fault("rule-redirect-unused", "`redirect_to` has no effect in this rule")
                .help("write `then = \"redirect\"`, or take this line out"),
        ),
        (true, Some(value)) if rule.redirect_to == Some(NextHop::Mx) => table.faults().error(
            value
                .fault("rule-redirect-nowhere", "`mx` is where the mail would have gone anyway")
                .help("write another next hop, such as `smtp://portal.example:25`"),
        ),
        _ => {}
    }
}

fn check_canary(table: &Table<'_>, rule: &Rule) {
    if let Some(value) = table.value("canary").filter(|_| rule.mode == Mode::Observe) {
        table.faults().warning(
            value
                .fault("rule-canary-observes", "`canary` has no effect in a rule that observes")
                .label("nobody meets this rule yet")
                .help("write mode = \"enforce\", or take this line out"),
        );
    }
}

fn check_protected(table: &Table<'_>, rule: &Rule) {
    let bears_nothing = rule.disclaimer.is_none() && rule.banner.is_none();
    if let Some(value) = table.value("protected").filter(|_| bears_nothing) {
        table.faults().warning(
            value
                .fault("rule-protected-unused", "`protected` has no effect in this rule")
                .label("there is nothing to be put beside it")
                .help("write it beside a `disclaimer` or a `banner`, or take this line out"),
        );
    }
}

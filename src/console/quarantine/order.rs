//! An act as a form gives it.

use super::wanted::{A_DAY, day};
use crate::{
    console::{FormErrors, fields::Fields, moments::moment},
    mail::{Address, HeldAct, LesserTls, Permission, Timestamp, TlsRequirement},
};

/// What is to be done, and why.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) act: HeldAct,
    pub(super) reason: String,
}

impl Order {
    /// `waiting` are those who could be given a copy.
    pub(super) fn read(
        fields: &Fields,
        waiting: &[Address],
        now: Timestamp,
    ) -> Result<Self, FormErrors> {
        let mut errors = FormErrors::default();
        let act = act(fields, waiting, now, &mut errors);
        let reason = reason(fields, &mut errors);
        match (act, reason) {
            (Some(act), Some(reason)) if errors.is_empty() => Ok(Self { act, reason }),
            _ => Err(errors),
        }
    }
}

/// Every act and every reveal has one: it stands in the audit trail.
pub(super) fn reason(fields: &Fields, errors: &mut FormErrors) -> Option<String> {
    let reason = fields.one("reason");
    match reason.chars().count() {
        0 => errors.add("reason", "Say why: your reason goes on record"),
        1..=LONGEST => return Some(reason.to_owned()),
        _ => errors.add("reason", format!("Keep the reason to {LONGEST} characters")),
    }
    None
}

fn act(
    fields: &Fields,
    waiting: &[Address],
    now: Timestamp,
    errors: &mut FormErrors,
) -> Option<HeldAct> {
    match fields.one("act") {
        "release" => release(fields, waiting, errors),
        "reject" => Some(HeldAct::Reject),
        "redirect" => match fields.one("to").parse() {
            Ok(to) => Some(HeldAct::Redirect { to }),
            Err(error) => {
                errors.add(
                    "to",
                    format!("Write where it is to go, such as smtp://portal.example:25: {error}"),
                );
                None
            }
        },
        "extend" => {
            // Until the end of that day.
            let until =
                day(fields.one("until")).map(|day| day + A_DAY).filter(|until| *until > now);
            if until.is_none() {
                errors.add("until", "Write a day that is still to come, as year, month and day");
            }
            until.map(|until| HeldAct::Extend { until })
        }
        "legal-hold" => Some(HeldAct::LegalHold),
        "lift-legal-hold" => Some(HeldAct::LiftLegalHold),
        "approve" => proposed_at(fields, errors).map(|at| HeldAct::Approve { proposed_at: at }),
        "withdraw" => proposed_at(fields, errors).map(|at| HeldAct::Withdraw { proposed_at: at }),
        _ => {
            errors.add("act", "Choose what is to be done");
            None
        }
    }
}

/// Of the proposal that the page has shown.
fn proposed_at(fields: &Fields, errors: &mut FormErrors) -> Option<Timestamp> {
    let at = fields.one("proposed_at").parse().ok();
    if at.is_none() {
        errors.add("act", "Say which proposal is meant: look again");
    }
    at
}

fn release(fields: &Fields, waiting: &[Address], errors: &mut FormErrors) -> Option<HeldAct> {
    let chosen: Vec<Address> =
        fields.all("recipient").filter_map(|address| address.parse().ok()).collect();
    if !waiting.is_empty() && chosen.is_empty() {
        errors.add("recipient", "Choose who is to get it");
        return None;
    }
    let is_everybody = waiting.iter().all(|address| chosen.contains(address));
    Some(HeldAct::Release {
        recipients: if is_everybody { Vec::new() } else { chosen },
        exemption: exemption(fields, errors)?,
        false_positive: fields.has("false_positive"),
    })
}

/// Nothing where policy's own requirement stands.
#[expect(clippy::option_option, reason = "refused or not, and of what stands one or none")]
fn exemption(fields: &Fields, errors: &mut FormErrors) -> Option<Option<LesserTls>> {
    let chosen = fields.one("tls");
    if chosen.is_empty() {
        return Some(None);
    }
    let tls = TlsRequirement::ALL.into_iter().find(|tls| tls.name() == chosen);
    let hours: Option<u64> =
        fields.one("hours").parse().ok().filter(|hours| (1..=MOST_HOURS).contains(hours));
    if tls.is_none() {
        errors.add("tls", "Choose one that is in the list");
    }
    if hours.is_none() {
        errors.add("hours", format!("Write a number of hours from 1 to {MOST_HOURS}"));
    }
    Some(Some(LesserTls { tls: tls?, seconds: hours? * 3_600 }))
}

/// What one must be allowed to do for an act.
pub(super) fn permission(act: &HeldAct) -> Permission {
    match act {
        HeldAct::Approve { .. } => Permission::Approve,
        HeldAct::LegalHold | HeldAct::LiftLegalHold => Permission::LegalHold,
        _ => Permission::Decide,
    }
}

/// As the result tells it.
pub(super) fn done(act: &HeldAct) -> &'static str {
    match act {
        HeldAct::Release { .. } => "Released",
        HeldAct::Reject => "Rejected: its sender is told why",
        HeldAct::Redirect { .. } => "Redirected",
        HeldAct::Extend { .. } => "Kept longer",
        HeldAct::LegalHold => "A legal hold is set: it does not expire",
        HeldAct::LiftLegalHold => "The legal hold is lifted",
        HeldAct::Approve { .. } => "Approved, and done",
        HeldAct::Withdraw { .. } => "The proposal is withdrawn: nothing was done",
    }
}

/// As somebody wants it.
pub(super) fn proposed(act: &HeldAct) -> String {
    match act {
        HeldAct::Release { recipients, exemption, .. } => {
            let to = match recipients.as_slice() {
                [] => "Release it".to_owned(),
                some => {
                    let some: Vec<String> = some.iter().map(ToString::to_string).collect();
                    format!("Release it to {}", some.join(", "))
                }
            };
            match exemption {
                Some(lesser) => format!("{to}, with TLS {} enough for a while", lesser.tls),
                None => to,
            }
        }
        HeldAct::Reject => "Reject it".to_owned(),
        HeldAct::Redirect { to } => format!("Redirect it to {to}"),
        HeldAct::Extend { until } => format!("Keep it until {}", moment(*until)),
        HeldAct::LegalHold => "Set a legal hold".to_owned(),
        HeldAct::LiftLegalHold => "Lift the legal hold".to_owned(),
        HeldAct::Approve { .. } => "Approve".to_owned(),
        HeldAct::Withdraw { .. } => "Withdraw".to_owned(),
    }
}

/// Whether the message leaves quarantine by it.
pub(super) fn takes_away(act: &HeldAct) -> bool {
    matches!(
        act,
        HeldAct::Release { .. }
            | HeldAct::Reject
            | HeldAct::Redirect { .. }
            | HeldAct::Approve { .. }
    )
}

/// Characters.
pub(super) const LONGEST: usize = 1_000;
const MOST_HOURS: u64 = 7 * 24;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_milliseconds(1_795_367_525_123);

    fn read(fields: impl Into<Fields>) -> Result<HeldAct, FormErrors> {
        let waiting = ["a@x.example", "b@x.example"].map(|address| address.parse().unwrap());
        Order::read(&fields.into(), &waiting, NOW).map(|order| order.act)
    }

    #[test]
    fn all_recipients_are_nobody_in_particular() {
        let both = [
            ("act", "release"),
            ("reason", "x"),
            ("recipient", "a@x.example"),
            ("recipient", "b@x.example"),
        ];
        let Ok(HeldAct::Release { recipients, exemption, false_positive }) = read(both) else {
            panic!("no release");
        };
        assert_eq!((recipients.len(), exemption, false_positive), (0, None, false));
        let one = [
            ("act", "release"),
            ("reason", "x"),
            ("recipient", "b@x.example"),
            ("false_positive", "yes"),
        ];
        let Ok(HeldAct::Release { recipients, false_positive, .. }) = read(one) else {
            panic!("no release");
        };
        assert_eq!((recipients.len(), false_positive), (1, true));
    }

    #[test]
    fn less_tls_is_for_a_while_that_is_said() {
        let release = |hours| {
            let fields = [
                ("act", "release"),
                ("reason", "x"),
                ("recipient", "a@x.example"),
                ("tls", "encrypted"),
                ("hours", hours),
            ];
            read(fields)
        };
        let Ok(HeldAct::Release { exemption, .. }) = release("4") else { panic!("no release") };
        assert_eq!(exemption, Some(LesserTls { tls: TlsRequirement::Encrypted, seconds: 14_400 }));
        for wrong in ["", "0", "169", "-1", "x"] {
            assert!(release(wrong).unwrap_err().of("hours").is_some(), "{wrong}");
        }
    }

    #[test]
    fn an_act_without_a_reason_or_a_sense_is_told_field_by_field() {
        let wrong = |fields: Fields, field: &str| {
            let errors = read(fields).unwrap_err();
            assert!(errors.of(field).is_some(), "{field}: {errors:?}");
        };
        wrong([("act", "reject"), ("reason", " ")].into(), "reason");
        wrong([("reason", "x")].into(), "act");
        wrong([("act", "release"), ("reason", "x")].into(), "recipient");
        wrong([("act", "approve"), ("reason", "x")].into(), "act");
        wrong([("act", "redirect"), ("reason", "x"), ("to", "nonsense:")].into(), "to");
        wrong([("act", "extend"), ("reason", "x"), ("until", "2020-01-01")].into(), "until");
        wrong([("act", "reject"), ("reason", &"x".repeat(LONGEST + 1))].into(), "reason");
    }
}

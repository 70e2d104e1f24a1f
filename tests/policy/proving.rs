//! The prover: held against every combination of facts, one by one, and
//! against faults seeded into the policy as shipped.

use postern::{
    decide::decide,
    mail::{Decision, Disposition, MessageFacts, TlsRequirement},
    policy::{Invariant, Policy, ProofOutcome, prove},
};
use proptest::prelude::*;

use super::{
    random::{facts, written},
    support::{DOMAINS, POLICY, must_compile, with_files},
};

const INVARIANTS: [&str; 8] = [
    "direction = \"outbound\", level = \">=2\", disposition = [\"relay\", \"hold\"], tls_below = \"verified\"",
    "destination = \"internet\", disposition = \"relay\"",
    "opaque = [\"encrypted\"], disposition = [\"relay\", \"redirect\"]",
    "kinds = [\"malware\"], tls_below = \"encrypted\"",
    "authentication = { dmarc = \"fail\" }, disposition = \"relay\"",
    "sender_domain = \"mytrust.nhs.test.example\", disposition = [\"defer\", \"reject\"]",
    "disposition = [\"hold\", \"reject\"], lacking = [\"reason\", \"way_out\"]",
    "spoof = \"no-from\", disposition = \"hold\", lacking = \"way_out\"",
];

fn invariants() -> String {
    let written = |(number, never): (usize, &&str)| {
        format!("[[invariant]]\nname = \"i{number}\"\nnever = {{ {never} }}\n")
    };
    INVARIANTS.iter().enumerate().map(written).collect()
}

fn breaks(policy: &Policy, invariant: &Invariant, message: &MessageFacts, to: &str) -> bool {
    let recipient = to.parse().unwrap();
    let decision = decide(policy, facts(message, &recipient));
    policy.speaks_of(invariant, facts(message, &recipient))
        && invariant.is_broken_by(policy, &decision)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever breaks an invariant is found; whatever is found breaks it.
    #[test]
    fn the_prover_and_brute_force_agree(written in written()) {
        let policy = written.policy(&invariants()).fully_enforced();
        let mut broken = vec![false; INVARIANTS.len()];
        written.each(|message, recipient| {
            let decision = decide(&policy, facts(message, recipient));
            for (broken, invariant) in broken.iter_mut().zip(policy.invariants()) {
                *broken |= policy.speaks_of(invariant, facts(message, recipient))
                    && invariant.is_broken_by(&policy, &decision);
            }
        });
        for ((proof, invariant), broken) in
            prove(&policy, decide).iter().zip(policy.invariants()).zip(broken)
        {
            match &proof.outcome {
                ProofOutcome::Holds => prop_assert!(!broken, "{} is broken", proof.invariant),
                ProofOutcome::Broken(example) => {
                    let to = example.recipient.to_string();
                    prop_assert!(breaks(&policy, invariant, &example.message, &to), "{example:?}");
                }
                ProofOutcome::NotShown => prop_assert!(false, "{} is not shown", proof.invariant),
            }
        }
    }
}

fn proved(rules: &str, never: &str) -> ProofOutcome {
    let settings = format!("{POLICY}[[invariant]]\nname = \"i\"\nnever = {{ {never} }}\n");
    let policy = must_compile(with_files(&[("policy.toml", &settings), ("rules.toml", rules)]));
    prove(&policy, decide).remove(0).outcome
}

fn broken(rules: &str, never: &str) -> (String, Decision, Vec<String>) {
    let ProofOutcome::Broken(example) = proved(rules, never) else { panic!("it is kept") };
    let near = example.near.iter().map(|near| format!("{} {}", near.rule, near.why)).collect();
    (example.picture, example.decision, near)
}

const HELD: &str = "[[rule]]\nname = \"held\"\nthen = \"hold\"\ntell = [\"sender\"]\nreason = \"Found. Ring us.\"\n";

#[test]
fn the_counterexample_is_the_plainest_message_and_is_told_in_words() {
    let rules = format!("{HELD}when = {{ opaque = [\"encrypted\"], level = \"<3\" }}\n");
    let (picture, decision, near) =
        broken(&rules, "opaque = [\"encrypted\"], disposition = \"relay\"");
    assert_eq!(
        picture,
        "an outbound message of level 3 from anyone to someone@any.example, with an encrypted part in it"
    );
    assert_eq!(decision.disposition, Disposition::Relay);
    assert_eq!(near, ["held would match, but for its `level`"]);
}

#[test]
fn rules_that_nearly_kept_an_invariant_say_what_they_lacked() {
    let near =
        |more: &str| broken(&format!("{HELD}{more}"), "level = 4, disposition = \"relay\"").2;
    assert_eq!(near("when = {}\nmode = \"observe\"\n"), ["held matches, but only observes"]);
    let canary = near("when = {}\ncanary = \"25%\"\n");
    assert_eq!(canary, ["held is tried on 25% of senders, and this is none of them"]);
    let lifted = "when = {}\n[[exemption]]\nrules = [\"held\"]\nowner = \"B. Officer\"\n\
                  when = { sender = \"a@b.example\" }\nreason = \"Agreed.\"\nexpires = 2027-01-01\n";
    assert_eq!(near(lifted), ["held is lifted until 2027-01-01 by an exemption of B. Officer"]);
}

#[test]
fn a_canary_keeps_nothing_since_there_are_senders_beyond_its_share() {
    let canary = format!("{HELD}when = {{ level = 4 }}\ncanary = \"99%\"\n");
    let (_, decision, _) = broken(&canary, "level = 4, disposition = \"relay\"");
    assert!(decision.matched[0].canary.is_some());
    let (_, decision, _) = broken(&canary, "level = 4, disposition = \"hold\"");
    assert_eq!(decision.disposition, Disposition::Hold);
}

/// The lists of both meet in one sender, who is one person.
#[test]
fn a_sender_whom_a_rule_names_is_on_one_side_of_a_canary_only() {
    let rules = |share: &str| {
        format!(
            "{HELD}when = {{ level = 4 }}\ncanary = \"{share}\"\n\
             [[rule]]\nname = \"named\"\nwhen = {{ sender = \"a@b.example\" }}\ntell = [\"officers\"]\n"
        )
    };
    let never = "level = 4, sender = \"a@b.example\", disposition = \"relay\"";
    let shares = ["1%", "25%", "50%", "75%", "99%"];
    let kept: Vec<bool> = shares
        .iter()
        .map(|share| matches!(proved(&rules(share), never), ProofOutcome::Holds))
        .collect();
    assert!(kept.is_sorted(), "who is in a share is in each that is larger: {kept:?}");
    assert_ne!(kept[0], kept[4]);
}

#[test]
fn a_hold_that_nobody_hears_of_has_no_way_out_and_a_refusal_says_what_to_do() {
    let never = "disposition = [\"hold\", \"reject\"], lacking = [\"reason\", \"way_out\"]";
    let rule = |then: &str, reason: &str| {
        format!("[[rule]]\nname = \"a\"\nwhen = {{}}\nthen = \"{then}\"\nreason = \"{reason}\"\n")
    };
    let holds = |rules: &str| matches!(proved(rules, never), ProofOutcome::Holds);
    assert!(!holds(&rule("hold", "Held. Ring us.")));
    assert!(holds(&format!("{}tell = [\"officers\"]\n", rule("hold", "Held."))));
    assert!(!holds(&rule("reject", "Refused.")));
    assert!(holds(&rule("reject", "Refused. Ring us.")));
    // Another rule may be the one that tells.
    let told = "[[rule]]\nname = \"b\"\nwhen = {}\ntell = [\"officers\"]\n";
    assert!(holds(&format!("{}{told}", rule("hold", "Held."))));
    assert!(!holds(&format!("{}{}", rule("hold", "Held."), told.replace("{}", "{ level = 1 }"))));
}

#[test]
fn an_entry_s_tls_counts_and_a_recipient_below_every_name_is_thought_of() {
    let never = "recipient_domain = \"*.council.example\", disposition = \"relay\", tls_below = \"verified\"";
    assert!(matches!(proved("", never), ProofOutcome::Broken(_)));
    let settings = format!("{POLICY}[[invariant]]\nname = \"i\"\nnever = {{ {never} }}\n");
    let domains =
        DOMAINS.replace("tls = \"encrypted\"", "tls = \"verified\"\nvouched_by = [\"mta-sts\"]");
    let policy =
        must_compile(with_files(&[("policy.toml", &settings), ("domains.toml", &domains)]));
    // What is retired below it is of the open internet, and has no TLS of its own.
    let ProofOutcome::Broken(example) = prove(&policy, decide).remove(0).outcome else {
        panic!("retired domains are thought safe")
    };
    assert!(example.recipient.to_string().ends_with(".old.council.example"));
    assert_eq!(example.decision.protection.tls, TlsRequirement::Opportunistic);
}

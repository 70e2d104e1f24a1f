//! Reloads and starts: what is good decides, and what is faulty changes
//! nothing.

use super::*;
use crate::{gateway::CameTo, mail::PolicyRefusal};

#[test]
fn a_good_reload_decides_and_is_told_and_recorded() {
    let bench = Bench::new("");
    assert_eq!(bench.live(), "hold");
    let first = bench.going_live.policies.live().version().to_owned();
    assert_eq!(
        bench.heard.take(),
        ["live by whoever started the gateway".to_owned(), format!("loaded {first}")]
    );
    let outcome = bench.write("reject").reload();
    assert_eq!((outcome.came_to, bench.live().as_str()), (CameTo::Live, "reject"));
    let second = version_in(&bench.policies());
    assert_eq!(
        bench.heard.take(),
        ["live by whoever sent SIGHUP".to_owned(), format!("loaded {}", second.short())]
    );
    assert_eq!(bench.reload().came_to, CameTo::Unchanged);
}

#[test]
fn whatever_a_reload_fails_at_the_policy_before_stays_and_the_first_fault_is_named() {
    for (reason, path, text, headline) in [
        (PolicyRefusal::Check, "rules.toml", rule("hodl"), "policies/rules.toml:4: error["),
        (PolicyRefusal::Test, "rules.toml", rule("reject"), "policies/tests/case.toml:6: error["),
        (
            PolicyRefusal::Prove,
            "tests/case.toml",
            case("relay"),
            "policies/policy.toml:9: error[invariant-broken]",
        ),
    ] {
        let bench = Bench::new("");
        fs::write(bench.policies().join(path), text).unwrap();
        if reason == PolicyRefusal::Prove {
            fs::write(bench.policies().join("rules.toml"), "").unwrap();
        }
        bench.heard.take();
        let outcome = bench.reload();
        assert_eq!((outcome.came_to, bench.live().as_str()), (CameTo::Refused, "hold"));
        let refused = outcome.refused.unwrap();
        assert_eq!(refused.reason, reason);
        assert!(refused.headline.contains(headline), "{}", refused.headline);
        assert!(refused.drawn.contains('╭'), "the text underlined: {}", refused.drawn);
        assert_eq!(bench.heard.take(), [format!("refused {}", reason.name())]);
        assert_eq!(bench.going_live.metrics().refused, Some(reason));
        // Mended, it decides, and nothing is refused any longer.
        assert_eq!(bench.write("reject").reload().came_to, CameTo::Live);
        assert_eq!(bench.going_live.metrics().refused, None);
    }
}

#[test]
fn a_folder_that_is_gone_changes_nothing() {
    let bench = Bench::new("");
    fs::rename(bench.policies(), bench.folder.path().join("away")).unwrap();
    let refused = bench.reload().refused.unwrap();
    assert_eq!((refused.reason, bench.live().as_str()), (PolicyRefusal::Read, "hold"));
    // And a start falls back on what was kept.
    let bench = bench.restart();
    assert_eq!(bench.live(), "hold");
}

#[test]
fn a_start_with_faulty_files_decides_as_before_the_power_cut() {
    let rules = ["[[rule]]\nnmae = \"x\"\n".to_owned(), rule("reject")];
    for (text, reason) in rules.iter().zip([PolicyRefusal::Check, PolicyRefusal::Test]) {
        let bench = Bench::new("");
        bench.write("reject").reload();
        bench.write("hold");
        fs::write(bench.policies().join("rules.toml"), text).unwrap();
        if reason == PolicyRefusal::Test {
            fs::write(bench.policies().join("tests/case.toml"), case("hold")).unwrap();
            fs::write(bench.policies().join("domains.toml"), "# another version\n").unwrap();
        }
        let bench = bench.restart();
        assert_eq!(
            (bench.live().as_str(), bench.going_live.metrics().refused),
            ("reject", Some(reason))
        );
        let told = bench.heard.take();
        assert_eq!(told[0], format!("refused {}", reason.name()));
        assert!(told[1].starts_with("loaded "), "{told:?}");
        assert_eq!(told[2], "mail: started without");
    }
}

#[test]
fn a_start_takes_good_files_that_were_changed_meanwhile() {
    let bench = Bench::new("");
    bench.write("reject");
    let bench = bench.restart();
    assert_eq!((bench.live().as_str(), bench.going_live.metrics().refused), ("reject", None));
}

#[test]
fn a_first_start_does_with_what_compiles_and_with_nothing_less() {
    let folder = tempfile::tempdir().unwrap();
    write_policy(folder.path(), "hold");
    let policies = folder.path().join("policies");
    fs::write(policies.join("rules.toml"), rule("hodl")).unwrap();
    let config = config(folder.path(), "");
    let begun = GoingLive::begin(&config, Arc::new(Heard::default()), noon(23));
    assert!(matches!(begun.err(), Some(StartError::Policy(faults)) if faults.has_errors()));
    fs::write(policies.join("rules.toml"), rule("reject")).unwrap();
    let bench = Bench::begin(folder, &config, noon(23)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.live(), "reject");
    assert_eq!(bench.going_live.metrics().refused, Some(PolicyRefusal::Test));
}

#[test]
fn a_version_that_was_changed_where_it_is_kept_is_not_fallen_back_upon() {
    let bench = Bench::new("");
    let kept = bench.folder.path().join("data/policies/versions");
    let file = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("hold", "relay")).unwrap();
    // The folder alone is left, though its case fails.
    bench.write("reject");
    fs::write(bench.policies().join("tests/case.toml"), case("hold")).unwrap();
    let bench = bench.restart();
    assert_eq!(bench.live(), "reject");
    assert_eq!(bench.going_live.metrics().refused, Some(PolicyRefusal::Test));
}

#[test]
fn an_exemption_ends_at_midnight_without_a_reload_and_whatever_is_in_the_folder() {
    let mut bench = Bench::new("");
    let exemption = "[[exemption]]\nrules = \"what goes to x.example\"\n\
        when = { sender = \"a@nhs.example\" }\nowner = \"O\"\nreason = \"R\"\nexpires = 2026-11-24\n";
    let rules = rule("reject") + exemption;
    fs::write(bench.policies().join("rules.toml"), rules).unwrap();
    fs::write(bench.policies().join("tests/case.toml"), case("relay")).unwrap();
    let unforbidden = POLICY.replace("disposition = \"relay\"", "disposition = \"redirect\"");
    fs::write(bench.policies().join("policy.toml"), unforbidden).unwrap();
    assert_eq!(bench.reload().came_to, CameTo::Live);
    let version = bench.going_live.policies.live().version().to_owned();
    // Somebody is in the middle of an edit.
    fs::write(bench.policies().join("rules.toml"), rule("hodl")).unwrap();
    bench.later(36 * 3_600 - 1);
    assert_eq!(bench.live(), "relay", "its last day");
    assert_eq!(bench.going_live.metrics().refused, None);
    bench.later(1);
    assert_eq!(bench.live(), "reject");
    assert_eq!(bench.going_live.policies.live().version(), version);
    // That its case says otherwise now is told, and stops nothing.
    assert_eq!(bench.going_live.metrics().refused, Some(PolicyRefusal::Test));
}

#[test]
fn a_decision_names_the_commit_that_the_folder_is_a_checkout_of() {
    let bench = Bench::new("");
    assert_eq!(bench.going_live.policies.live().commit(), None);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    fs::create_dir(bench.policies().join(".git")).unwrap();
    fs::write(bench.policies().join(".git/HEAD"), commit).unwrap();
    bench.reload();
    assert_eq!(bench.going_live.policies.live().commit(), Some(commit));
}

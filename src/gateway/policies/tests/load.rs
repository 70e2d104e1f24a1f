//! Reloads under load, and many of them.

use std::sync::{
    Weak,
    atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{gateway::CameTo, policy::Policy};

/// Every message asks once and is decided several times over, while policies
/// come and go: all of it must be what the version named says.
#[test]
fn no_message_is_decided_by_half_a_policy() {
    let bench = Bench::new("[going_live]\nkeep = 2\n");
    let known: Vec<(String, &str)> = ["reject", "hold"]
        .map(|then| {
            bench.write(then).reload();
            (bench.going_live.policies.live().version().to_owned(), then)
        })
        .to_vec();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let judges: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = [0_usize; 2];
                    while !done.load(Ordering::Relaxed) || seen.iter().sum::<usize>() < 2_000 {
                        let sender = "a@nhs.example".parse().unwrap();
                        let policy = bench.going_live.policies.for_sender(&sender).policy;
                        let which = known.iter().position(|(v, _)| v == policy.version()).unwrap();
                        for _ in 0..3 {
                            let decided = decision(&policy, "a@nhs.example");
                            assert_eq!(decided.disposition.to_string(), known[which].1);
                        }
                        seen[which] += 1;
                    }
                    seen
                })
            })
            .collect();
        for round in 0..200 {
            let (_, then) = known[round % 2];
            assert_eq!(bench.write(then).reload().came_to, CameTo::Live, "round {round}");
        }
        done.store(true, Ordering::Relaxed);
        let seen = judges.into_iter().map(|judge| judge.join().unwrap());
        let seen = seen.fold([0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
        assert!(seen.iter().all(|count| *count > 0), "one policy was never seen: {seen:?}");
    });
}

#[test]
fn a_policy_that_decides_no_longer_is_let_go_and_what_is_kept_is_bounded() {
    let bench = Bench::new("[going_live]\nkeep = 3\n");
    let mut gone: Vec<Weak<Policy>> = Vec::new();
    for round in 0..100 {
        gone.push(Arc::downgrade(&bench.going_live.policies.live()));
        let rules = format!("# round {round}\n{}", rule("hold"));
        fs::write(bench.policies().join("rules.toml"), rules).unwrap();
        assert_eq!(bench.reload().came_to, CameTo::Live);
    }
    let left = gone.iter().filter(|policy| policy.strong_count() > 0).count();
    assert_eq!(left, 0, "policies that nobody asks any longer");
    let kept = fs::read_dir(bench.folder.path().join("data/policies/versions")).unwrap();
    assert_eq!(kept.count(), 3);
}

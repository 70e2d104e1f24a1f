//! The clock of going live: reloads that were asked for, canaries whose time
//! is up or whose band is left, and the change of day, by which the same files
//! mean something else.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    build::Built,
    canary::Verdict,
    control::Refused,
    live::{GoingLive, State},
    notices::News,
    record::Act,
};
use crate::{
    gateway::queue::now,
    mail::{By, Event, Timestamp},
};

/// Runs beside the mail, and does what takes long elsewhere.
pub(in crate::gateway) struct PolicyClock {
    pub(in crate::gateway) going_live: Arc<GoingLive>,
    wanted: Notify,
}

impl PolicyClock {
    pub(in crate::gateway) fn new(going_live: Arc<GoingLive>) -> Self {
        Self { going_live, wanted: Notify::new() }
    }

    /// Many asked for at once are one: each reads what is there when it
    /// begins.
    pub(in crate::gateway) fn reload(&self) {
        self.wanted.notify_one();
    }

    pub(in crate::gateway) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let following = async {
            for ticks in 1_u64.. {
                let is_wanted = tokio::time::timeout(TICK, self.wanted.notified()).await.is_ok();
                let going_live = Arc::clone(&self.going_live);
                let done = tokio::task::spawn_blocking(move || {
                    if is_wanted {
                        going_live.reload(&By::Signal, None, now());
                    }
                    going_live.tick(now());
                    if ticks.is_multiple_of(SAVED_AFTER) {
                        going_live.save();
                    }
                });
                if let Err(panic) = done.await {
                    tracing::error!(%panic, "a policy could not be built; the one before stays");
                }
            }
        };
        stop.run_until_cancelled(following).await;
        let going_live = Arc::clone(&self.going_live);
        // At the end nobody waits for it, and it is quick.
        let _ = tokio::task::spawn_blocking(move || going_live.save()).await;
    }
}

impl GoingLive {
    /// What time alone brings about.
    pub(super) fn tick(&self, now: Timestamp) {
        let mut state = self.state();
        if state.today != now.date() {
            self.turn(&mut state, now);
        }
        let Some(trial) = state.record.canary.clone() else { return };
        let told = trial.tell();
        let act = Act { at: now, by: &By::Gateway, reason: Some(&told) };
        match trial.verdict(now) {
            Verdict::GoesOn => {}
            Verdict::Returns => self.leave_band(&mut state, act),
            Verdict::TakesOver => {
                if let Some(Err(error)) = self.take_over(&mut state, act) {
                    tracing::error!(%error, "a canary has passed, and cannot take over yet");
                }
            }
        }
    }

    fn leave_band(&self, state: &mut State, act: Act<'_>) {
        let Some(from) = state.canary.clone() else { return };
        self.end_canary(state, None, act);
        let why = act.reason.unwrap_or_default();
        let refused = Refused::returned_from(&from, why, act.at);
        let (reason, error) = (refused.reason, refused.headline.as_str());
        self.observer.observe(Event::PolicyRefused { reason, error });
        state.refused = Some(refused);
        self.show(state);
        self.tell_officers(&News::Returned { from: &from, to: &state.live, why });
    }

    /// The same files, for the new day. An exemption must not outlive its
    /// day, so this decides whatever the cases now say of it; that they say
    /// something else is told.
    fn turn(&self, state: &mut State, now: Timestamp) {
        state.today = now.date();
        let again = |built: &Built| self.workbench.compile(Arc::clone(&built.sources), now);
        let live = again(&state.live);
        let canary = state.canary.as_ref().map(again).transpose();
        match (live, canary) {
            (Ok(live), Ok(canary)) => {
                (state.live, state.canary) = (live, canary);
                self.swap(state);
                self.tell_loaded(state);
            }
            (Err(unfit), _) | (_, Err(unfit)) => {
                self.refuse(state, &unfit, now);
                return;
            }
        }
        if let Err(unfit) = self.workbench.build(Arc::clone(&state.live.sources), now) {
            let headline = unfit.headline();
            tracing::error!(
                headline,
                "the policy has turned with the day, and fails what it passed"
            );
            state.refused = Some(Refused::of(&unfit, now));
            self.show(state);
        }
    }

    /// What a canary has counted, for the next start.
    pub(super) fn save(&self) {
        let state = self.state();
        if state.record.canary.is_some()
            && let Err(error) = self.store.set_record(&state.record)
        {
            tracing::warn!(%error, "what the canary has counted is lost");
        }
    }
}

const TICK: Duration = Duration::from_secs(1);
/// Ticks: what a crash makes a canary forget.
const SAVED_AFTER: u64 = 10;

//! The command: the scene, the messages one after another, the summary.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    keeping::{doors, next_steps},
    scenarios::SCENARIOS,
    scene::Scene,
    story::Story,
    summary::{Aftermath, introduce, is_as_expected, summarise},
    telling::tell,
};
use crate::cli::page::Page;
use crate::cli::{exit::Failure, files};

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Leave the gateway running until Ctrl-C, for mail of your own
    #[arg(long)]
    keep: bool,
    /// Policies to decide by; the shipped ones if none are named
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

pub fn demo(arguments: DemoArguments) -> Result<(), Failure> {
    let DemoArguments { keep, policies } = arguments;
    let given = policies.as_deref().map(files::sources).transpose()?;
    let then = if keep { Then::Keep } else { Then::End };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::unavailable)?;
    runtime.block_on(async {
        let mut interruption = Interruption::new()?;
        let scene = tokio::select! {
            scene = Scene::start(given.as_ref()) => scene?,
            () = interruption.comes() => return Err(Failure::silent(INTERRUPTED)),
        };
        let shown = tokio::select! {
            shown = show(&scene, then) => shown,
            () = interruption.comes() => Err(Failure::silent(INTERRUPTED)),
        };
        if then == Then::Keep && shown.is_ok() {
            interruption.comes().await;
        }
        scene.stop().await;
        shown
    })
}

/// What follows the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    End,
    Keep,
}

/// All there is to see; fails where a message has not met its expected fate.
async fn show(scene: &Scene, then: Then) -> Result<(), Failure> {
    let started = Instant::now();
    let mut page = Page::standard_output();
    introduce(&mut page, scene)?;
    let mut stories = Vec::with_capacity(SCENARIOS.len());
    for (scenario, number) in SCENARIOS.iter().zip(1..) {
        let story = Story::live(scene, scenario).await?;
        let mark = format!("{number} of {}", SCENARIOS.len());
        tell(&mut page, &scene.policy, &mark, &story)?;
        page.flush()?;
        stories.push(story);
    }
    let aftermath = Aftermath::of(scene, &stories).await;
    summarise(&mut page, &stories, &aftermath, started.elapsed())?;
    match then {
        Then::Keep => doors(&mut page, scene, &stories)?,
        Then::End => next_steps(&mut page)?,
    }
    page.flush()?;
    match is_as_expected(&stories, &aftermath) {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

/// Ctrl-C, or whoever ends the process politely.
struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::unavailable);
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    async fn comes(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// As shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

//! What is left to do when all is told: where to look next, and with `--keep`
//! how to reach the gateway that still runs.

use std::{
    env,
    io::{self, Write},
};

use super::{scene::Scene, story::Story};
use crate::cli::page::{Ink, Page, piece};
use crate::mail::Disposition;

/// For whoever has seen the demo and wants more.
pub(super) fn next_steps(page: &mut Page<impl Write>) -> io::Result<()> {
    page.heading("", "Where to look next")?;
    let program = program();
    let rows: [(&str, String); 4] = [
        ("README.md", "how to put it between two real mail servers".to_owned()),
        ("policies/", "what decided all this, in sentences".to_owned()),
        (
            "Try",
            format!(
                "{program} explain FILE.eml --from A --to B says what would happen to a message of yours"
            ),
        ),
        ("", format!("{program} demo --keep leaves the gateway running, for mail of your own")),
    ];
    for (label, text) in &rows {
        page.row(label, &[piece(Ink::Plain, text)])?;
    }
    Ok(())
}

/// For whoever wants to play: ready to be pasted.
pub(super) fn doors(
    page: &mut Page<impl Write>,
    scene: &Scene,
    stories: &[Story],
) -> io::Result<()> {
    page.heading("", "The gateway is running: Ctrl-C ends it")?;
    let (smtp, metrics) = (scene.smtp_address(), scene.metrics());
    let control = scene.control_socket().display();
    let program = program();
    page.row("SMTP", &[piece(Ink::Strong, smtp.to_string())])?;
    page.row("Metrics", &[piece(Ink::Strong, format!("http://{metrics}/metrics"))])?;
    if let Some(console) = scene.console() {
        let officer = scene.officer();
        page.row(
            "Console",
            &[
                piece(Ink::Strong, format!("http://{console}/")),
                piece(Ink::Plain, format!("name {}, password {}", officer.name, officer.password)),
            ],
        )?;
    }
    page.row("Control", &[piece(Ink::Strong, control.to_string())])?;
    page.row(
        "Files",
        &[
            piece(Ink::Strong, scene.folder().display().to_string()),
            piece(Ink::Quiet, "(postern.toml, policies, audit trail; gone when it ends)"),
        ],
    )?;
    page.empty_line()?;
    page.verbatim(&format!(
        "swaks --server {smtp} --tls --from me@hospital.test.example --to you@webmail.test.example"
    ))?;
    page.verbatim(&format!("curl http://{metrics}/metrics"))?;
    page.verbatim(&format!("{program} queue list --control {control}"))?;
    let held = stories.iter().find(|story| story.disposition() == Some(Disposition::Hold));
    if let Some(decided) = held.and_then(|story| story.decided.as_ref()) {
        for verb in ["show", "release"] {
            page.verbatim(&format!("{program} queue {verb} {} --control {control}", decided.id))?;
        }
    }
    page.flush()
}

/// How this program is called from where the reader stands.
fn program() -> String {
    let path = env::current_exe().ok();
    let here = env::current_dir().ok();
    let below =
        path.as_ref().zip(here.as_ref()).and_then(|(path, here)| path.strip_prefix(here).ok());
    match below.or(path.as_deref()) {
        Some(path) => path.display().to_string(),
        None => "postern".to_owned(),
    }
}

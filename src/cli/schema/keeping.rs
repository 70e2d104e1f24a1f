//! `postern.toml`: what is held, what is recorded, and who looks.

use serde_json::{Value, json};

use super::words::{
    absent, any_of, choice, count, either, example, holding, number, open_table, path, size, span,
    table, text, usual,
};
use crate::{
    config::{AuditTrail, LockOut, OpenId, SessionLimits},
    mail::Role,
    quarantine::Terms,
};

pub(super) fn quarantine() -> Value {
    let held = Terms::default();
    let [nothing, contact, personal, clinical, special] = held.judge_within;
    let within = vec![
        ("level_0", span("Of nothing personal.", nothing)),
        ("level_1", span("Of contact details.", contact)),
        ("level_2", span("Of personal data.", personal)),
        ("level_3", span("Of clinical information.", clinical)),
        ("level_4", span("Of what is specially protected.", special)),
    ];
    let from = "From this level on it takes two people to let a message go.";
    let levels = [number(from, 0, 4), choice(from, ["never"])];
    let four_eyes = held.four_eyes.map_or(json!("never"), |level| json!(level.number()));
    let keys = vec![
        ("expiry", span("Then a held message goes back to its sender.", held.expiry)),
        ("expiry_notice", span("Officers are told so long before.", held.expiry_notice)),
        ("judge_within", table("How soon held mail is to be judged.", within, &[])),
        ("four_eyes", holding(either(from, levels), four_eyes)),
        (
            "portal",
            absent(
                example("Where messages are redirected to.", &["smtp://portal.example:25"]),
                "who redirects one says where",
            ),
        ),
        (
            "requests",
            absent(
                example("Where senders reach the console.", &["https://console.example.nhs.uk"]),
                "they cannot ask for their messages",
            ),
        ),
    ];
    table("What becomes of held mail.", keys, &[])
}

pub(super) fn audit() -> Value {
    let held = AuditTrail::default();
    let keys = vec![
        ("rotate_size", size("A file of this size is closed.", held.rotate_size)),
        ("rotate_every", span("And after so long whatever its size.", held.rotate_every)),
        ("retention", span("How long a closed file is kept.", held.retention)),
        (
            "checkpoint_every",
            span("How often the trail is signed for, while it grows.", held.checkpoint_every),
        ),
    ];
    table("How the audit trail is kept.", keys, &[])
}

pub(super) fn console() -> Value {
    let (sessions, lock_out) = (SessionLimits::default(), LockOut::default());
    let keys = vec![
        ("address", holding(example("Address and port.", &[ADDRESS]), ADDRESS)),
        (
            "url",
            absent(
                example("Where browsers find it.", &["https://console.example.nhs.uk"]),
                "at its address",
            ),
        ),
        (
            "tls",
            absent(
                choice("Who does TLS, if not the gateway.", ["terminated-elsewhere"]),
                "the gateway, or nobody on loopback",
            ),
        ),
        (
            "proxies",
            absent(
                any_of(&example("The proxy that does TLS.", &["192.0.2.10"])),
                "needed where TLS is done elsewhere",
            ),
        ),
        ("certificate", absent(path("The chain, PEM."), BEYOND_LOOPBACK)),
        ("key", absent(path("Its key, PEM."), BEYOND_LOOPBACK)),
        (
            "client_ca",
            absent(
                path("Whose certificates may be shown to sign in, PEM."),
                "nobody signs in by certificate",
            ),
        ),
        (
            "accounts",
            absent(
                path("The file of accounts, written by postern account."),
                "needed, unless there is an OpenID provider",
            ),
        ),
        (
            "second_factor",
            usual("Whether a password alone will do.", ["required", "optional"], "required"),
        ),
        ("openid", absent(openid(), "people sign in here only")),
        ("session_idle", span("A session without a request ends.", sessions.idle)),
        ("session_lifetime", span("Any session ends.", sessions.absolute)),
        ("lock_out_after", count("Failures that lock an account.", lock_out.after)),
        ("lock_out_for", span("For so long.", lock_out.period)),
    ];
    table("Where officers work, in a browser.", keys, &[])
}

fn openid() -> Value {
    let claim = |says, usual| holding(example(says, &[usual, "realm_access.roles"]), usual);
    let given = any_of(&choice("What it makes of somebody.", Role::ALL.map(Role::name)));
    let keys = vec![
        ("issuer", example("Letter by letter as it calls itself.", &["https://login.example"])),
        ("client_id", text("What we are called there.")),
        (
            "client_secret_file",
            absent(path("Holds what it gave us as a secret."), "a public client: PKCE alone"),
        ),
        ("label", absent(example("What people call it.", &["NHS login"]), "the issuer's host")),
        (
            "scopes",
            holding(any_of(&text("What is asked for beside openid.")), json!([OpenId::SCOPE])),
        ),
        ("name_claim", claim("Who it is: nobody else has it, now or later.", OpenId::NAME_CLAIM)),
        ("roles_claim", claim("What gives somebody roles.", OpenId::ROLES_CLAIM)),
        ("roles", open_table("Values of that claim, and the roles that each gives.", &given)),
        (
            "organisations_claim",
            absent(
                example("Whose mail a local administrator sees: ODS codes.", &["ods"]),
                "needed where somebody can be a local administrator",
            ),
        ),
        ("trust_anchors", absent(path("Whom it is certified by, PEM."), "the system's own")),
    ];
    let says = "Who else vouches for people: a provider of OpenID Connect.";
    table(says, keys, &["issuer", "client_id", "roles"])
}

const ADDRESS: &str = "127.0.0.1:8464";
const BEYOND_LOOPBACK: &str = "needed beyond loopback, unless TLS is done elsewhere";

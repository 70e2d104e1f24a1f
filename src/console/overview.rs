//! The overview page.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{RequestDesk, requests::requests};

/// The state of the gateway, in numbers.
#[derive(Clone, Debug)]
pub struct Overview {
    pub node: String,
    pub policy: PolicyOverview,
    pub waiting: usize,
    pub held: usize,
    /// Age of the oldest message that waits for delivery.
    pub oldest: Duration,
    /// Why no mail is taken now, if none is.
    pub unready: Option<String>,
}

/// How the policy stands: nobody's name and no address.
#[derive(Clone, Debug, Default)]
pub struct PolicyOverview {
    pub version: String,
    pub commit: Option<String>,
    /// A version on trial, and how it does.
    pub canary: Option<String>,
    /// Versions that wait for a second officer.
    pub waiting: usize,
    pub exemptions_expiring: usize,
    pub reviews_overdue: usize,
    /// Why the files in the policy folder do not decide: since when, and each
    /// fault on a line.
    pub refused: Option<(String, Vec<String>)>,
}

/// Whoever knows it, asked for each page.
pub trait OverviewSource: Send + Sync + 'static {
    fn overview(&self) -> Overview;
}

/// Serves until `stop`.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn OverviewSource>,
    desk: Arc<dyn RequestDesk>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let pages = Router::new().route("/", get(page)).with_state(source).merge(requests(desk));
    let pages = pages.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, pages).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn page(State(source): State<Arc<dyn OverviewSource>>) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(source.overview().html())).into_response()
}

impl Overview {
    fn html(&self) -> String {
        let state = match &self.unready {
            None => "Taking mail".to_owned(),
            Some(why) => format!("Not taking mail: {}", escaped(why)),
        };
        let rows = [
            ("State", state),
            ("Waiting for delivery", self.waiting.to_string()),
            ("Oldest of them", format!("{} seconds", self.oldest.as_secs())),
            ("Held for a decision", self.held.to_string()),
        ];
        let rows = rows.into_iter().chain(self.policy.rows());
        let mut table = String::new();
        for (name, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
        }
        let node = escaped(&self.node);
        let refused = self.policy.faults();
        format!(
            "<!doctype html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta http-equiv=\"refresh\" content=\"30\">\n\
             <title>Overview – {node} – Postern</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{node}</h1>\n<table>\n<caption>Overview</caption>\n{table}\
             </table>\n{refused}<p>Messages are listed and released with <code>postern queue</code>.</p>\n\
             </main>\n</body>\n</html>\n"
        )
    }
}

impl PolicyOverview {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("Policy version", escaped(&self.version))];
        rows.extend(self.commit.iter().map(|commit| ("Its git commit", escaped(commit))));
        rows.extend(self.canary.iter().map(|canary| ("On trial", escaped(canary))));
        let counts = [
            ("Policies that wait for a second officer", self.waiting),
            ("Exemptions that end within 14 days", self.exemptions_expiring),
            ("Domains whose review is overdue", self.reviews_overdue),
        ];
        let told = counts.into_iter().filter(|(_, count)| *count > 0);
        rows.extend(told.map(|(what, count)| (what, count.to_string())));
        rows
    }

    fn faults(&self) -> String {
        let Some((since, faults)) = &self.refused else { return String::new() };
        let mut shown = format!(
            "<section>\n<h2>The policy in the folder was refused</h2>\n<p>{}: the version above \
             decides. <code>postern policy status</code> shows each fault in its place.</p>\n<ul>\n",
            escaped(since)
        );
        for fault in faults {
            // Writing to a String cannot fail.
            let _ = writeln!(shown, "<li>{}</li>", escaped(&without_addresses(fault)));
        }
        shown + "</ul>\n</section>\n"
    }
}

/// A fault may quote what is written in a file, and this page names nobody.
fn without_addresses(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains('@') { "…@…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
const STYLE: &str = "body{font:1.125rem/1.5 sans-serif;margin:2rem auto;max-width:40rem;\
    padding:0 1rem;color:#212b32;background:#fff}table{border-collapse:collapse;width:100%}\
    caption{text-align:left;font-weight:bold}th,td{text-align:left;padding:.5rem 0;\
    border-bottom:1px solid #768692}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_numbers_and_nothing_it_is_given_becomes_markup() {
        let overview = Overview {
            node: "mx1.example".to_owned(),
            policy: PolicyOverview {
                version: "<b>abc</b>".to_owned(),
                reviews_overdue: 4,
                refused: Some((
                    "Refused at noon".to_owned(),
                    vec!["rules.toml:7: error[x]: `a@x.example` <i> is no rule".to_owned()],
                )),
                ..PolicyOverview::default()
            },
            waiting: 7,
            held: 3,
            oldest: Duration::from_secs(90),
            unready: Some("the spool is full & waits".to_owned()),
        };
        let page = overview.html();
        for part in ["<td>7</td>", "<td>3</td>", "90 seconds", "full &amp; waits"] {
            assert!(page.contains(part), "{part} not in {page}");
        }
        assert!(page.contains("&lt;b&gt;abc") && !page.contains("<b>abc"));
        assert!(page.contains("overdue</th><td>4</td>") && !page.contains("end within"), "{page}");
        assert!(page.contains("rules.toml:7: error[x]: …@… &lt;i&gt; is no rule"), "{page}");
    }
}

//! One page of HTML with everything in it. Each wording is shown in a frame of
//! its own, in which nothing may run or be fetched, since it is what somebody
//! has written.

use std::borrow::Cow;

use super::Wording;

pub(super) fn of(version: &str, wordings: &[Wording]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>Tag lines and banners</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Tag lines and banners</h1>\n\
         <p>As they are read in mail of level 3, under policy {}.</p>\n",
        escaped(version)
    );
    for wording in wordings {
        page.push_str(&section(wording));
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn section(wording: &Wording) -> String {
    let title = format!("{} “{}” of {}", wording.notice, wording.name, wording.organisation);
    let rules = match wording.rules.as_slice() {
        [] => "No rule asks for it.".to_owned(),
        rules => format!("Asked for by: {}.", rules.join("; ")),
    };
    let html = &wording.text.html;
    let document = format!("<!doctype html><body style=\"margin: 8px; background: #fff\">{html}");
    format!(
        "<section>\n<h2>{}</h2>\n<p>{}</p>\n<h3>Plain text</h3>\n<pre>{}</pre>\n<h3>HTML</h3>\n\
         <iframe sandbox=\"\" title=\"{}\" srcdoc=\"{}\"></iframe>\n</section>\n",
        escaped(&title),
        escaped(&rules),
        escaped(&wording.text.plain),
        escaped(&title),
        escaped(&document),
    )
}

fn escaped(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}

const STYLE: &str = "body { font: 16px/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; \
    padding: 0 1rem; color: #222; background: #fff } \
    pre { border: 1px solid #999; padding: .5rem; overflow-x: auto } \
    iframe { width: 100%; height: 16rem; border: 1px solid #999 } \
    h2 { margin-top: 3rem }";

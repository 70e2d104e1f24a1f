//! What browsers are told they may do with an answer: nothing but what the
//! page needs.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};

/// What a page may load, and who may frame it. A page that says nothing is
/// [`ContentSecurity::Page`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentSecurity {
    /// Our stylesheet, our script, nothing else.
    #[default]
    Page,
    /// Likewise, and frames of documents of ours: messages as they look.
    PageWithFrame,
    /// Likewise, and messages as they look within the page itself, which are
    /// bound by what binds the page: their style is the one that has this digest.
    PageWithMessages,
    /// Such a document: no script, nothing loaded, no form, and only a page
    /// of ours may frame it. Inline styles are a message's own.
    Framed,
}

impl ContentSecurity {
    /// For a response whose page differs from others.
    pub fn on(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(self.policy()));
        if self == Self::Framed {
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        }
        response
    }

    const fn policy(self) -> &'static str {
        match self {
            Self::Page => {
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                 connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            }
            Self::PageWithFrame => {
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                 connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                 frame-ancestors 'none'"
            }
            Self::PageWithMessages => {
                "default-src 'none'; \
                 style-src 'self' 'sha256-fHWXS2hMK/tOkTn3BQe2MIxbfw9kYwJKyysxY9lT2Fw='; \
                 script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
                 base-uri 'none'; frame-ancestors 'none'"
            }
            Self::Framed => {
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; \
                 base-uri 'none'; frame-ancestors 'self'; sandbox"
            }
        }
    }
}

/// How the browser reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Plain,
    Tls,
    /// A proxy has done TLS.
    Proxied,
}

/// On every answer; what it says itself stays.
pub(super) fn protect(headers: &mut HeaderMap, transport: Transport) {
    let policy = ContentSecurity::Page.policy();
    let usual = [(header::CONTENT_SECURITY_POLICY, policy)].into_iter().chain(ALWAYS);
    let under_tls = (transport != Transport::Plain).then_some(STRICT_TRANSPORT_SECURITY);
    for (name, value) in usual.chain(under_tls) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// The referrer stays within the console, and must go that far: without one
/// browsers would send forms from `Origin: null`.
const ALWAYS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];
const STRICT_TRANSPORT_SECURITY: (HeaderName, &str) =
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

    use super::*;
    use crate::quarantine::RENDERING_STYLE;

    #[test]
    fn a_page_with_messages_allows_their_style_and_no_other() {
        let own = BASE64.encode(digest(&SHA256, RENDERING_STYLE.as_bytes()));
        let policy = ContentSecurity::PageWithMessages.policy();
        assert!(policy.contains(&format!("style-src 'self' 'sha256-{own}';")), "{own}");
        assert!(!policy.contains("unsafe"));
    }
}

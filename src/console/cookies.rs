//! Cookies as we set and read them.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite, time::Duration};

/// The value of one, if the browser has sent it.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(Cookie::split_parse);
    pairs.find_map(|pair| {
        let pair = pair.ok()?;
        (pair.name() == name).then(|| pair.value().to_owned())
    })
}

/// How a cookie is called and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CookieKind {
    /// Where it never goes in clear, with `__Host-`: no other host, no
    /// subdomain and no page in clear can set it.
    pub(super) name: &'static str,
    pub(super) secure: Secure,
    pub(super) same_site: SameSite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secure {
    Yes,
    /// On loopback, where there is no TLS.
    No,
}

impl CookieKind {
    /// A header that sets it, until the browser is closed.
    pub(super) fn set(self, value: &str) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.bake(value).build().to_string()).ok()
    }

    /// One that sets it for a while.
    pub(super) fn lend(self, value: &str, lifetime: std::time::Duration) -> Option<HeaderValue> {
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let lent = self.bake(value).max_age(Duration::seconds(seconds)).build();
        HeaderValue::from_str(&lent.to_string()).ok()
    }

    /// One that takes it away.
    pub(super) fn clear(self) -> Option<HeaderValue> {
        let gone = self.bake("").max_age(Duration::ZERO).build();
        HeaderValue::from_str(&gone.to_string()).ok()
    }

    fn bake(self, value: &str) -> cookie::CookieBuilder<'_> {
        Cookie::build((self.name, value))
            .path("/")
            .http_only(true)
            .secure(self.secure == Secure::Yes)
            .same_site(self.same_site)
    }
}

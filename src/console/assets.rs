//! The stylesheet and the script: compiled in, and served under a name that
//! changes with them, so that browsers may keep them for good.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A file of ours.
pub(super) struct Asset {
    pub(super) path: String,
    media_type: &'static str,
    content: &'static str,
}

pub(super) static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("css", "text/css; charset=utf-8", include_str!("assets/console.css"))
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("js", "text/javascript; charset=utf-8", include_str!("assets/console.js"))
});

impl Asset {
    fn new(extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let digest = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, content.as_bytes()));
        let mark: String = digest.chars().take(16).collect();
        Self { path: format!("/assets/console-{mark}.{extension}"), media_type, content }
    }

    pub(super) fn response(&self) -> Response {
        let kept = "public, max-age=31536000, immutable";
        let headers = [(header::CONTENT_TYPE, self.media_type), (header::CACHE_CONTROL, kept)];
        (headers, self.content).into_response()
    }
}

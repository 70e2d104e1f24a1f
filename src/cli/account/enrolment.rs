//! How a second factor gets into an authenticator app: as a code to be
//! scanned from the terminal, and as text for apps without a camera.

use std::io::{self, IsTerminal, Write};

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

use crate::config::TotpSecret;

/// Shown once: the file has the secret, and nothing shows it again.
pub(super) fn enrol(
    out: &mut (impl Write + IsTerminal),
    account: &str,
    secret: &TotpSecret,
) -> io::Result<()> {
    let url = secret.otpauth_url(ISSUER, account);
    if out.is_terminal()
        && let Some(picture) = picture(&url)
    {
        writeln!(out, "\nScan this with an authenticator app, then clear the screen:\n")?;
        for line in picture.lines() {
            writeln!(out, "  {BLACK_ON_WHITE}{line}{PLAIN}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{url}")
}

/// Dark on light whatever the terminal's colours, with the margin that
/// cameras need.
fn picture(url: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(url, EcLevel::L).ok()?;
    Some(code.render::<Dense1x2>().quiet_zone(true).build())
}

const ISSUER: &str = "Postern";
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_a_terminal_of_eighty_columns() {
        let secret = TotpSecret::random().unwrap();
        let longest = "a".repeat(64);
        let picture = picture(&secret.otpauth_url(ISSUER, &longest)).unwrap();
        let widest = picture.lines().map(|line| line.chars().count()).max().unwrap();
        assert!((40..76).contains(&widest), "{widest}");
    }
}

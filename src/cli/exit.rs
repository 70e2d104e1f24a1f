//! Exit codes (sysexits where one fits) and errors as a person sees them.

use std::{fmt::Display, process::ExitCode};

/// What went wrong, in words that are shown after `postern: `.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The command ran and the answer is no: faults found, a case failed.
    pub fn negative(message: impl Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// What there is to say has been said.
    pub fn silent(code: u8) -> Self {
        Self { code, message: String::new() }
    }

    /// EX_DATAERR: what was given cannot be used.
    pub fn bad_data(message: impl Display) -> Self {
        Self { code: 65, message: message.to_string() }
    }

    /// EX_NOINPUT: a file could not be read.
    pub fn no_input(message: impl Display) -> Self {
        Self { code: 66, message: message.to_string() }
    }

    /// EX_UNAVAILABLE: a gateway does not answer, or could not start.
    pub fn unavailable(message: impl Display) -> Self {
        Self { code: 69, message: message.to_string() }
    }

    /// EX_CANTCREAT: a file could not be written.
    pub fn cannot_create(message: impl Display) -> Self {
        Self { code: 73, message: message.to_string() }
    }

    /// EX_CONFIG: postern.toml or the policies have faults.
    pub fn configuration(message: impl Display) -> Self {
        Self { code: 78, message: message.to_string() }
    }

    /// Tells the person, and gives the code to leave with.
    pub fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("postern: {}", self.message);
        }
        ExitCode::from(self.code)
    }
}

/// A reader that has gone away (`postern … | head`) is no failure of ours.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::silent(0),
            _ => Self::cannot_create(error),
        }
    }
}

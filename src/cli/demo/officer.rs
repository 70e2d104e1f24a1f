//! Whoever plays the officer in the console, with a password made for the
//! occasion.

use std::path::Path;

use aws_lc_rs::rand;

use crate::{
    cli::{exit::Failure, replace::replace},
    config::PasswordDigest,
    mail::Role,
};

pub(super) struct Officer {
    pub(super) name: &'static str,
    pub(super) password: String,
}

impl Officer {
    /// Writes the file of accounts, with this one in it.
    pub(super) fn appoint(accounts: &Path) -> Result<Self, Failure> {
        let mut octets = [0; 8];
        rand::fill(&mut octets).map_err(Failure::unavailable)?;
        let password = octets.map(|octet| format!("{octet:02x}")).concat();
        let digest = PasswordDigest::new(&password).map_err(Failure::unavailable)?;
        let role = Role::Approver.name();
        let account = format!(
            "[[account]]\nname = \"{NAME}\"\nroles = [\"{role}\"]\npassword = \"{digest}\"\n"
        );
        replace(accounts, &account)?;
        Ok(Self { name: NAME, password })
    }
}

const NAME: &str = "demo";

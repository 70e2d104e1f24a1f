//! Editing the text of the accounts' file: its comments, order and formatting
//! stay, and new accounts stand at its end.

use std::fmt;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use crate::{
    config::{PasswordDigest, TotpSecret},
    mail::Role,
};

pub(super) struct WrittenAccounts(DocumentMut);

/// What is written of one; what is empty or none is left out.
pub(super) struct NewAccount<'a> {
    pub(super) name: &'a str,
    pub(super) roles: &'a [Role],
    pub(super) organisations: &'a [String],
    pub(super) certificates: &'a [String],
    pub(super) password: Option<&'a PasswordDigest>,
    pub(super) second_factor: Option<&'a TotpSecret>,
    pub(super) unix_user: Option<&'a str>,
}

impl WrittenAccounts {
    pub(super) fn parse(text: &str) -> Result<Self, toml_edit::TomlError> {
        text.parse().map(Self)
    }

    pub(super) fn add(&mut self, account: &NewAccount<'_>) {
        let mut table = Table::new();
        if !self.0.is_empty() {
            table.decor_mut().set_prefix("\n");
        }
        table.insert("name", value(account.name));
        table.insert("roles", list(account.roles.iter().map(|role| role.name())));
        let lists =
            [("organisations", account.organisations), ("certificates", account.certificates)];
        for (key, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            table.insert(key, list(names.iter().map(String::as_str)));
        }
        if let Some(digest) = account.password {
            table.insert("password", value(digest.to_string()));
        }
        if let Some(secret) = account.second_factor {
            table.insert("second_factor", value(secret.base32()));
        }
        if let Some(user) = account.unix_user {
            table.insert("unix_user", value(user));
        }
        let accounts = self.0.entry("account").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        if let Some(accounts) = accounts.as_array_of_tables_mut() {
            accounts.push(table);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(accounts) = self.accounts() {
            accounts.retain(|account| !is_of(account, name));
        }
    }

    /// Another value in the place of the one before.
    pub(super) fn set(&mut self, name: &str, key: &str, other: impl Into<Value>) {
        let Some(account) = self.account(name) else { return };
        let mut other = other.into();
        match account.get_mut(key).and_then(Item::as_value_mut) {
            Some(before) => {
                *other.decor_mut() = before.decor().clone();
                *before = other;
            }
            None => drop(account.insert(key, Item::Value(other))),
        }
    }

    pub(super) fn unset(&mut self, name: &str, key: &str) {
        if let Some(account) = self.account(name) {
            account.remove(key);
        }
    }

    fn account(&mut self, name: &str) -> Option<&mut Table> {
        self.accounts()?.iter_mut().find(|account| is_of(account, name))
    }

    fn accounts(&mut self) -> Option<&mut ArrayOfTables> {
        self.0.get_mut("account")?.as_array_of_tables_mut()
    }
}

impl fmt::Display for WrittenAccounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

fn is_of(account: &Table, name: &str) -> bool {
    account.get("name").and_then(Item::as_str) == Some(name)
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> Item {
    value(names.collect::<Array>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_stands_at_the_end_with_what_there_is_to_say() {
        let account = |name, organisations| NewAccount {
            name,
            roles: &[Role::Officer, Role::Auditor],
            organisations,
            certificates: &[],
            password: None,
            second_factor: None,
            unix_user: None,
        };
        let mut written = WrittenAccounts::parse("").unwrap();
        written.add(&account("jane", &[]));
        written.add(&account("joe", &["rxx".to_owned()]));
        assert_eq!(
            written.to_string(),
            "[[account]]\nname = \"jane\"\nroles = [\"officer\", \"auditor\"]\n\n\
             [[account]]\nname = \"joe\"\nroles = [\"officer\", \"auditor\"]\n\
             organisations = [\"rxx\"]\n"
        );
    }
}

//! Pages: a template filled in, and the pieces that several have.

use askama::Template;
use axum::{
    http::Uri,
    response::{Html, IntoResponse, Response},
};

use super::Refusal;

/// What a handler gives.
pub type Answer = Result<Response, Refusal>;

/// A page as it goes out.
pub fn page(page: &impl Template) -> Answer {
    Ok(Html(page.render()?).into_response())
}

/// Where a list's reader is, and where they can go; `pieces.html` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pagination {
    /// Of the first entry shown, from 1; 0 where there is none.
    pub first: usize,
    pub last: usize,
    pub total: usize,
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl Pagination {
    /// Of a list whose address has `offset` in its query, all else of which
    /// stays.
    pub fn new(address: &Uri, offset: usize, shown: usize, limit: usize, total: usize) -> Self {
        let last = offset.saturating_add(shown).min(total);
        let link = |offset| with_offset(address, offset);
        Self {
            first: if shown == 0 { 0 } else { offset.saturating_add(1) },
            last,
            total,
            previous: (offset > 0).then(|| link(offset.saturating_sub(limit))),
            next: (shown > 0 && last < total).then(|| link(last)),
        }
    }
}

fn with_offset(address: &Uri, offset: usize) -> String {
    let fields = address.query().unwrap_or_default().split('&');
    let others = fields.filter(|field| !field.is_empty() && !field.starts_with("offset="));
    let mut query: Vec<_> = others.map(str::to_owned).collect();
    if offset > 0 {
        query.push(format!("offset={offset}"));
    }
    match query.is_empty() {
        true => address.path().to_owned(),
        false => format!("{}?{}", address.path(), query.join("&")),
    }
}

/// What is wrong with the fields of a form: each by the field's name, in the
/// order in which they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors(Vec<(&'static str, String)>);

impl FormErrors {
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push((field, message.into()));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, message)| message.as_str())
    }

    /// Of a form on a page with several, where its field is called otherwise.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &'static str) -> Self {
        self.0.iter_mut().filter(|(field, _)| *field == from).for_each(|(field, _)| *field = to);
        self
    }

    /// For a program, which has no form to show them in.
    pub fn refusal(&self, between: &str) -> Refusal {
        let told: Vec<_> =
            self.0.iter().map(|(field, words)| format!("{field}: {words}")).collect();
        Refusal::Unfit(told.join(between))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message)| (*field, message.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_leads_to_what_stands_before_and_after_and_keeps_its_filter() {
        let address: Uri = "/quarantine?text=a%26b&offset=50&level=4".parse().unwrap();
        let pages = Pagination::new(&address, 50, 50, 50, 120);
        assert_eq!((pages.first, pages.last, pages.total), (51, 100, 120));
        assert_eq!(pages.previous.as_deref(), Some("/quarantine?text=a%26b&level=4"));
        assert_eq!(pages.next.as_deref(), Some("/quarantine?text=a%26b&level=4&offset=100"));
        let end = Pagination::new(&"/quarantine".parse().unwrap(), 100, 20, 50, 120);
        assert_eq!((end.next, end.last), (None, 120));
        let none = Pagination::new(&"/quarantine".parse().unwrap(), 0, 0, 50, 0);
        assert_eq!((none.first, none.last, none.previous, none.next), (0, 0, None, None));
    }
}

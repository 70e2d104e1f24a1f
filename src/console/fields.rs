//! Fields of a form, or of an address's query: any of them once, several times
//! or not at all.

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{Uri, request::Parts},
};
use percent_encoding::utf8_percent_encode;

use super::Refusal;
use crate::mail::NOT_UNRESERVED;

/// As an argument of a handler: those of the form that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

/// As an argument of a handler: those of the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked(pub(super) Fields);

impl Fields {
    /// The first of this name, without what stands around it; empty where
    /// there is none.
    pub(super) fn one(&self, name: &str) -> &str {
        let named = self.0.iter().find(|(own, _)| own == name);
        named.map_or("", |(_, value)| value.trim())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.trim())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// Of a query that stands in a field of its own.
    pub(super) fn of_query(query: &str) -> Self {
        let address: Option<Uri> = format!("/?{query}").parse().ok();
        let fields = address.and_then(|address| Query::try_from_uri(&address).ok());
        Self(fields.map(|Query(fields)| fields).unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match Form::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(Refusal::Unfit(rejection.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(fields)) => Ok(Self(Fields(fields))),
            Err(rejection) => Err(Refusal::Unfit(rejection.body_text())),
        }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Fields {
    fn from(fields: [(&str, &str); N]) -> Self {
        Self(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }
}

/// A query of these fields, the empty ones left out.
pub(super) fn query<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.extend(utf8_percent_encode(value, NOT_UNRESERVED));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_comes_back_as_it_was_whatever_stands_in_it() {
        let value = "a&b=c d+é%\"<\r\n#?";
        let back = Fields::of_query(&query([("text", value), ("none", ""), ("id", "1")]));
        assert_eq!(back, Fields::from([("text", value), ("id", "1")]));
    }

    #[test]
    fn a_field_may_be_sent_more_than_once() {
        let fields = Fields::from([("id", " 1 "), ("id", "2")]);
        assert_eq!((fields.one("id"), fields.one("x")), ("1", ""));
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["1", "2"]);
    }
}

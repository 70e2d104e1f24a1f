//! Trees of names and numbers: ISO 32000-1 sections 7.9.6 and 7.9.7.

use hayro_syntax::object::{Dict, Object};

use super::opened::{Opened, items};

/// All values, with what they are listed under (`Names` or `Nums`).
pub(super) fn values<'a>(
    root: Dict<'a>,
    list: &str,
    opened: &mut Opened<'a>,
) -> Vec<(Object<'a>, Object<'a>)> {
    let mut left = vec![root];
    let mut found = Vec::new();
    while let Some(node) = left.pop() {
        if !opened.may_visit() {
            break;
        }
        let mut listed = node.get::<Object<'a>>(list).map(items).unwrap_or_default().into_iter();
        while let (Some(key), Some(value)) = (listed.next(), listed.next()) {
            found.push((key, value));
        }
        let kids = node.get::<Object<'a>>("Kids").map(items).unwrap_or_default();
        left.extend(kids.into_iter().rev().filter_map(Object::into_dict));
    }
    found
}

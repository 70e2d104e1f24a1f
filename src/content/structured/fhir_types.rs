//! FHIR's data types, told by what stands within them: the same in JSON and
//! XML, in STU3 and R4 (<https://hl7.org/fhir/R4/datatypes.html>).

use std::borrow::Cow;

use super::{
    labels,
    people::{self, Name},
    tree::{NodeId, Tree},
};

/// A value of several elements that is read as one line.
pub(super) struct Value<'s> {
    /// Where the data type says itself what it is: an identifier's issuer, a
    /// telephone.
    pub(super) label: Option<Cow<'static, str>>,
    pub(super) text: Cow<'s, str>,
    pub(super) at: usize,
    /// The elements that the text was made of; others within say more.
    pub(super) made_of: &'static [&'static str],
}

/// What a node says as one of the types below.
pub(super) fn value<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    [human_name, address, quantity, contact_point, identifier, concept, coding, reference, period]
        .iter()
        .find_map(|read| read(tree, node))
}

fn human_name<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let pieces = |name| tree.named(node, name).map(|piece| tree.value(piece)).collect::<Vec<_>>();
    let [prefix, given, family, suffix] = ["prefix", "given", "family", "suffix"].map(pieces);
    (!given.is_empty() || !family.is_empty()).then_some(())?;
    let name = Name {
        prefix: prefix.iter().map(AsRef::as_ref).collect(),
        given: given.iter().map(AsRef::as_ref).collect(),
        family: family.iter().map(AsRef::as_ref).collect(),
        suffix: suffix.iter().map(AsRef::as_ref).collect(),
    };
    let first = tree.child(node, "given").or_else(|| tree.child(node, "family"))?;
    Some(Value {
        label: None,
        text: Cow::Owned(name.full()),
        at: tree.value_at(first),
        made_of: &["prefix", "given", "family", "suffix", "text", "use"],
    })
}

fn address<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let made_of: &[&str] = &["line", "city", "district", "state", "postalCode", "country"];
    let is_piece = |child: &NodeId| made_of.contains(&tree.name(*child));
    let pieces: Vec<_> = tree.children(node).filter(is_piece).collect();
    let tells = |child: &&NodeId| ["line", "city", "postalCode"].contains(&tree.name(**child));
    let first = *pieces.iter().find(tells)?;
    let values: Vec<_> = pieces.iter().map(|&piece| tree.value(piece)).collect();
    Some(Value {
        label: Some(Cow::Borrowed("Address")),
        text: Cow::Owned(people::joined(values.iter().map(AsRef::as_ref), ", ")),
        at: tree.value_at(first),
        made_of: &["line", "city", "district", "state", "postalCode", "country", "use"],
    })
}

fn quantity<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let value = tree.child(node, "value")?;
    let unit = tree.child(node, "unit").or_else(|| tree.child(node, "code"))?;
    let comparator = tree.value_of(node, "comparator");
    let number = tree.value(value);
    Some(Value {
        label: None,
        text: Cow::Owned(format!("{comparator}{number} {}", tree.value(unit))),
        at: tree.value_at(value),
        made_of: &["value", "unit", "code", "comparator", "system"],
    })
}

fn contact_point<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let value = tree.child(node, "value")?;
    let label = match tree.value_of(node, "system").as_ref() {
        "phone" | "sms" => "Phone",
        "fax" => "Fax",
        "email" => "Email",
        "pager" => "Pager",
        "url" => "Address on the web",
        _ => return None,
    };
    Some(Value {
        label: Some(Cow::Borrowed(label)),
        text: tree.value(value),
        at: tree.value_at(value),
        made_of: &["system", "value", "use", "rank"],
    })
}

fn identifier<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let value = tree.child(node, "value")?;
    let issued = ["system", "type", "assigner"].iter().any(|name| tree.child(node, name).is_some());
    issued.then_some(())?;
    let mut label = labels::identifier(&tree.value_of(node, "system"));
    if label == "Identifier"
        && let Some(kind) = tree.child(node, "type")
    {
        label = identifier_type(tree, kind);
    }
    Some(Value {
        label: Some(label),
        text: tree.value(value),
        at: tree.value_at(value),
        made_of: &["system", "value", "use"],
    })
}

/// What an identifier is called by its type, a concept.
fn identifier_type(tree: &Tree<'_>, kind: NodeId) -> Cow<'static, str> {
    let codes = tree.named(kind, "coding").map(|coding| tree.value_of(coding, "code"));
    let of_code = codes.map(|code| labels::identifier(&code)).find(|label| label != "Identifier");
    of_code.unwrap_or_else(|| match tree.value_of(kind, "text") {
        text if text.trim().is_empty() => Cow::Borrowed("Identifier"),
        text => Cow::Owned(text.trim().to_owned()),
    })
}

fn concept<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let first = tree.child(node, "coding")?;
    let text = tree.value_of(node, "text");
    let mut pieces = vec![text.trim().to_owned()];
    for coding in tree.named(node, "coding") {
        let display = tree.value_of(coding, "display");
        let shown = if display.trim() == text.trim() { "" } else { display.as_ref() };
        let code = tree.value_of(coding, "code");
        let piece = labels::coded(shown, &tree.value_of(coding, "system"), &code);
        if !pieces.contains(&piece) && pieces.len() < MOST_CODINGS {
            pieces.push(piece);
        }
    }
    Some(Value {
        label: None,
        text: Cow::Owned(people::joined(pieces.iter().map(String::as_str), ", ")),
        at: tree.at(first),
        made_of: &["coding", "text"],
    })
}

fn coding<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let code = tree.child(node, "code")?;
    let (system, display) = (tree.value_of(node, "system"), tree.value_of(node, "display"));
    (!system.is_empty() || !display.is_empty()).then_some(())?;
    Some(Value {
        label: None,
        text: Cow::Owned(labels::coded(&display, &system, &tree.value(code))),
        at: tree.at(node),
        made_of: &["code", "system", "display", "version", "userSelected"],
    })
}

fn reference<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let first = tree.child(node, "reference")?;
    let (reference, display) = (tree.value(first), tree.value_of(node, "display"));
    Some(Value {
        label: None,
        text: Cow::Owned(people::joined([display.as_ref(), reference.as_ref()], ", ")),
        at: tree.value_at(first),
        made_of: &["reference", "display", "type"],
    })
}

fn period<'s>(tree: &Tree<'s>, node: NodeId) -> Option<Value<'s>> {
    let first = tree.child(node, "start").or_else(|| tree.child(node, "end"))?;
    let (start, end) = (tree.value_of(node, "start"), tree.value_of(node, "end"));
    Some(Value {
        label: None,
        text: Cow::Owned(people::joined([start.as_ref(), end.as_ref()], " to ")),
        at: tree.value_at(first),
        made_of: &["start", "end"],
    })
}

/// Of one concept; more say the same again.
const MOST_CODINGS: usize = 20;

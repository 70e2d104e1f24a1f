//! FHIR resources, in JSON and XML (R4 and STU3, UK Core): one bundle is one
//! text, so that a condition stays near the patient it is of.

use super::{
    fhir_types::{self, Value},
    keyed, labels,
    rendering::Lines,
    tree::{Kind, NodeId, Syntax, Tree},
};

pub(super) fn is_fhir(tree: &Tree<'_>) -> bool {
    tree.roots().next().is_some_and(|root| match tree.syntax() {
        Syntax::Json => tree.child(root, "resourceType").is_some(),
        Syntax::Xml => tree
            .children(root)
            .take_while(|&child| tree.kind(child) == Some(Kind::Attribute))
            .any(|attribute| tree.value(attribute) == "http://hl7.org/fhir"),
    })
}

pub(super) fn render<'s>(tree: &Tree<'s>, lines: &mut Lines<'s>) {
    let mut reader = Reader { tree, lines };
    for root in tree.roots() {
        match resource_type(tree, root, "resource") {
            Some(kind) => reader.resource(root, &kind),
            None => keyed::render_node(tree, root, reader.lines),
        }
    }
}

/// The type of the resource that a node is: a member of the object, or the
/// name of the element where a resource may stand.
fn resource_type(tree: &Tree<'_>, node: NodeId, place: &str) -> Option<String> {
    match tree.syntax() {
        Syntax::Json => {
            let kind = tree.child(node, "resourceType")?;
            Some(tree.value(kind).into_owned())
        }
        Syntax::Xml => {
            let name = tree.name(node);
            let may_stand = matches!(place, "resource" | "contained" | "outcome");
            let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
            (may_stand && is_type && tree.is_inner(node)).then(|| name.to_owned())
        }
    }
}

struct Reader<'t, 's, 'l> {
    tree: &'t Tree<'s>,
    lines: &'l mut Lines<'s>,
}

/// What an element stands in.
struct Within<'a> {
    resource: &'a str,
    /// The element around it.
    parent: &'a str,
    /// What that is called.
    label: &'a str,
}

impl Reader<'_, '_, '_> {
    fn resource(&mut self, node: NodeId, kind: &str) {
        let called = sentence(&labels::words(kind));
        self.lines.gap();
        self.lines.plain(&called, self.tree.at(node));
        let within = Within { resource: kind, parent: kind, label: &called };
        for child in self.tree.children(node) {
            if self.tree.name(child) != "resourceType" {
                self.element(child, &within);
            }
        }
    }

    fn element(&mut self, node: NodeId, within: &Within<'_>) {
        let name = self.tree.name(node);
        let is_attribute = self.tree.kind(node) == Some(Kind::Attribute);
        // An element's own value has been read with it.
        if is_attribute && name != "url" || name == "xmlns" {
            return;
        }
        if let Some(kind) = resource_type(self.tree, node, within.parent) {
            return self.resource(node, &kind);
        }
        if name == "div" {
            return self.narrative(node);
        }
        let label = label(name, within);
        let own = self.tree.value(node);
        if !own.is_empty() {
            let is_data = matches!(name, "data" | "content");
            if !(is_data && self.lines.base64(&own)) {
                self.lines.labelled(&label, &own, self.tree.value_at(node));
            }
        }
        let value = fhir_types::value(self.tree, node);
        if let Some(value) = &value {
            self.value(value, name, within, &label);
        }
        let label = match name {
            "extension" | "modifierExtension" => extension_label(self.tree, node),
            _ => label,
        };
        let inner = Within { resource: within.resource, parent: name, label: &label };
        let made_of = value.map_or(&[][..], |value| value.made_of);
        for child in self.tree.children(node) {
            let name = self.tree.name(child);
            let is_address = name == "url" && inner.parent.ends_with("xtension");
            if !made_of.contains(&name) && !is_address {
                self.element(child, &inner);
            }
        }
    }

    fn value(&mut self, value: &Value<'_>, name: &str, within: &Within<'_>, label: &str) {
        let label = match &value.label {
            Some(label) if label == labels::HOSPITAL_NUMBER && within.resource != "Patient" => {
                "Identifier"
            }
            Some(label) => label.as_ref(),
            None => label,
        };
        let label = if name == "name" { person(within) } else { label.to_owned() };
        self.lines.labelled(&sentence(&label), &value.text, value.at);
    }

    /// The text of a resource for people, XHTML.
    fn narrative(&mut self, node: NodeId) {
        let at = self.tree.at(node);
        match self.tree.syntax() {
            Syntax::Json => self.lines.markup(&self.tree.value(node), at),
            Syntax::Xml => self.lines.markup(self.tree.inner_source(node), at),
        }
    }
}

/// What an element is called. What has a name of no meaning by itself is
/// called after what it stands in.
fn label(name: &str, within: &Within<'_>) -> String {
    let is_value = name
        .strip_prefix("value")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()));
    match name {
        "birthDate" => "Date of birth".to_owned(),
        "code" | "display" | "text" => within.label.to_owned(),
        _ if is_value => within.label.to_owned(),
        _ if keyed::is_vague(name) => {
            sentence(&format!("{} {}", within.label, labels::words(name)))
        }
        _ => sentence(&labels::words(name)),
    }
}

fn person(within: &Within<'_>) -> String {
    match (within.resource, within.parent) {
        ("Patient", "Patient") => "Patient name".to_owned(),
        ("RelatedPerson", "RelatedPerson") | ("Patient", "contact") => {
            "Next of kin name".to_owned()
        }
        (_, parent) => format!("{} name", labels::words(parent)),
    }
}

fn extension_label(tree: &Tree<'_>, node: NodeId) -> String {
    let url = tree.value_of(node, "url");
    let last = url.rsplit('/').next().unwrap_or_default();
    sentence(&labels::words(last.trim_start_matches("Extension-")))
}

/// With a capital in front.
pub(super) fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

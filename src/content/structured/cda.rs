//! CDA documents and other messages of HL7 version 3 (ISO/HL7 27932), as the
//! NHS sends them: ITK, Spine, discharge letters.

use std::borrow::Cow;

use super::{
    fhir::sentence,
    keyed, labels,
    people::{self, Name},
    rendering::Lines,
    tree::{Kind, NodeId, Syntax, Tree},
};

pub(super) fn is_version_3(tree: &Tree<'_>) -> bool {
    tree.syntax() == Syntax::Xml
        && tree.roots().any(|root| {
            let declares = |child| {
                tree.kind(child) == Some(Kind::Attribute) && tree.value(child) == "urn:hl7-org:v3"
            };
            tree.name(root) == "ClinicalDocument" || tree.children(root).any(declares)
        })
}

pub(super) fn render<'s>(tree: &Tree<'s>, lines: &mut Lines<'s>) {
    let mut reader = Reader { tree, lines };
    for root in tree.roots() {
        let within = Within { parent: tree.name(root), subject: Subject::Other };
        reader.children(root, &within);
    }
}

struct Reader<'t, 's, 'l> {
    tree: &'t Tree<'s>,
    lines: &'l mut Lines<'s>,
}

/// What an element stands in.
struct Within<'a> {
    parent: &'a str,
    subject: Subject,
}

/// Whose data these are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Patient,
    Other,
}

impl Reader<'_, '_, '_> {
    fn children(&mut self, node: NodeId, within: &Within<'_>) {
        for child in self.tree.children(node) {
            match self.tree.kind(child) {
                Some(Kind::Inner) => self.element(child, within),
                Some(Kind::Attribute) => self.attribute(child, within),
                Some(Kind::Comment) => {
                    self.lines.labelled("Comment", &self.tree.value(child), self.tree.at(child));
                }
                _ => {
                    let label = sentence(&labels::words(within.parent));
                    self.lines.labelled(&label, &self.tree.value(child), self.tree.at(child));
                }
            }
        }
    }

    fn element(&mut self, node: NodeId, within: &Within<'_>) {
        let name = self.tree.name(node);
        let subject = match name {
            "recordTarget" | "patientRole" | "patient" | "patientPatient" => Subject::Patient,
            "author"
            | "custodian"
            | "informationRecipient"
            | "guardian"
            | "providerOrganization"
            | "participant" => Subject::Other,
            _ => within.subject,
        };
        let inner = Within { parent: name, subject };
        if matches!(name, "recordTarget" | "section" | "entry") {
            self.lines.gap();
        }
        if matches!(name, "text" | "value") && self.is_encoded(node) {
            return;
        }
        let made = match name {
            "text" => self.narrative(node),
            "name" => self.name(node, within),
            "addr" => self.address(node),
            "telecom" => self.telecom(node),
            "birthTime" => self.time(node, "Date of birth"),
            _ => {
                self.identifier(node, &inner)
                    || self.coded(node, within)
                    || self.quantity(node, &inner)
                    || name.to_ascii_lowercase().ends_with("time")
                        && self.time(node, &sentence(&labels::words(name)))
            }
        };
        if made {
            // What stands within beside the value: translations, times of use.
            for child in self.tree.children(node).filter(|&child| self.tree.is_inner(child)) {
                let is_piece = matches!(name, "text" | "name" | "addr");
                if !is_piece {
                    self.element(child, &inner);
                }
            }
        } else {
            self.children(node, &inner);
        }
    }

    /// A document in base64.
    fn is_encoded(&mut self, node: NodeId) -> bool {
        self.tree.value_of(node, "representation").eq_ignore_ascii_case("B64") && {
            let text = self
                .tree
                .children(node)
                .filter(|&child| matches!(self.tree.kind(child), Some(Kind::Escaped | Kind::Bare)));
            let text: String = text.map(|run| self.tree.value(run)).collect();
            self.lines.base64(&text)
        }
    }

    /// The text of a section for people: paragraphs, lists and tables, much as
    /// HTML has them (CDA release 2, section 4.3.5).
    fn narrative(&mut self, node: NodeId) -> bool {
        let at = self.tree.at(node);
        self.lines.markup(self.tree.inner_source(node), at);
        true
    }

    fn name(&mut self, node: NodeId, within: &Within<'_>) -> bool {
        let pieces =
            |name| self.tree.named(node, name).map(|p| self.tree.value(p)).collect::<Vec<_>>();
        let [prefix, given, family, suffix] = ["prefix", "given", "family", "suffix"].map(pieces);
        let name = Name {
            prefix: prefix.iter().map(AsRef::as_ref).collect(),
            given: given.iter().map(AsRef::as_ref).collect(),
            family: family.iter().map(AsRef::as_ref).collect(),
            suffix: suffix.iter().map(AsRef::as_ref).collect(),
        };
        let full = name.full();
        let whole = if full.is_empty() { self.tree.value(node) } else { Cow::Owned(full) };
        let label = match within.subject {
            Subject::Patient => "Patient name".to_owned(),
            Subject::Other => sentence(&format!("{} name", labels::words(within.parent))),
        };
        let first = self.tree.children(node).find(|&child| self.tree.is_inner(child));
        let at = first.map_or(self.tree.value_at(node), |first| self.tree.value_at(first));
        self.lines.labelled(&label, &whole, at);
        !whole.is_empty()
    }

    fn address(&mut self, node: NodeId) -> bool {
        let said = |&child: &NodeId| self.tree.kind(child) != Some(Kind::Attribute);
        let pieces: Vec<_> = self.tree.children(node).filter(said).collect();
        let values: Vec<_> = pieces.iter().map(|&piece| self.tree.value(piece)).collect();
        let whole = people::joined(values.iter().map(AsRef::as_ref), ", ");
        let at = pieces.iter().find(|&&piece| self.tree.is_inner(piece));
        let at = at.map_or(self.tree.at(node), |&first| self.tree.value_at(first));
        self.lines.labelled("Address", &whole, at);
        !whole.is_empty()
    }

    fn telecom(&mut self, node: NodeId) -> bool {
        let value = self.tree.value(node);
        let (label, value) = people::contact(&value);
        self.lines.labelled(label, value, self.tree.value_at(node));
        !value.is_empty()
    }

    fn time(&mut self, node: NodeId, label: &str) -> bool {
        let value = self.tree.value(node);
        self.lines.labelled(label, &labels::date(&value), self.tree.value_at(node));
        !value.is_empty()
    }

    /// An instance identifier: who issued it, and the number itself.
    fn identifier(&mut self, node: NodeId, within: &Within<'_>) -> bool {
        let Some(number) = self.tree.child(node, "extension") else { return false };
        let issuer = labels::identifier(&self.tree.value_of(node, "root"));
        let named = self.tree.value_of(node, "assigningAuthorityName");
        let label = match issuer.as_ref() {
            "Identifier" if !named.is_empty() => labels::identifier(&named),
            labels::HOSPITAL_NUMBER if within.subject == Subject::Other => {
                Cow::Borrowed("Identifier")
            }
            _ => issuer,
        };
        self.lines.labelled(&sentence(&label), &self.tree.value(number), self.tree.at(number));
        true
    }

    fn coded(&mut self, node: NodeId, within: &Within<'_>) -> bool {
        let name = self.tree.name(node);
        let (code, display) =
            (self.tree.value_of(node, "code"), self.tree.value_of(node, "displayName"));
        if code.is_empty() && display.is_empty() {
            return false;
        }
        let system = self.tree.value_of(node, "codeSystem");
        let text = labels::coded(&display, &system, &code);
        let label = labels::words(if name == "code" { within.parent } else { name });
        self.lines.labelled(&sentence(&label), &text, self.tree.at(node));
        true
    }

    fn quantity(&mut self, node: NodeId, within: &Within<'_>) -> bool {
        let Some(unit) = self.tree.child(node, "unit") else { return false };
        let text = format!("{} {}", self.tree.value_of(node, "value"), self.tree.value(unit));
        let label = sentence(&labels::words(within.parent));
        self.lines.labelled(&label, &text, self.tree.value_at(node));
        true
    }

    fn attribute(&mut self, node: NodeId, within: &Within<'_>) {
        let name = self.tree.name(node);
        if STRUCTURAL.contains(&name) || keyed::declares_names(self.tree, node) {
            return;
        }
        let label = match name {
            "value" => labels::words(within.parent),
            _ => format!("{} {}", labels::words(within.parent), labels::words(name)),
        };
        let value = self.tree.value(node);
        let value = if name == "value" { labels::date(&value) } else { value };
        self.lines.labelled(&sentence(&label), &value, self.tree.at(node));
    }
}

/// Attributes that say what an element is for the standard, never whose.
const STRUCTURAL: [&str; 12] = [
    "classCode",
    "typeCode",
    "moodCode",
    "determinerCode",
    "contextControlCode",
    "contextConductionInd",
    "nullFlavor",
    "type",
    "use",
    "mediaType",
    "representation",
    "root",
];

//! JSON and XML as one kind of tree: names and values as ranges of the source,
//! in one list in the order of the source, so that neither depth nor number
//! costs more than an entry each (law 7).

use std::{borrow::Cow, ops::Range};

use super::{json, labels};
use crate::content::character_reference;

#[derive(Debug)]
pub(super) struct Tree<'s> {
    source: &'s str,
    syntax: Syntax,
    nodes: Vec<Node>,
    open: Vec<usize>,
    /// The source was not kept to its syntax, or went over a limit.
    pub(super) is_broken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Json,
    Xml,
}

/// A member, an element of an array under the array's name, an element, an
/// attribute, or a run of text, which has no name.
#[derive(Debug)]
struct Node {
    name: Range<usize>,
    value: Range<usize>,
    kind: Kind,
    /// The first node that is not within this one.
    end: usize,
    /// All of it in the source.
    span_end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Has what is within it.
    Inner,
    /// The same without names.
    Row,
    /// A value as it stands: a number, a word, CDATA.
    Bare,
    /// A value with escapes.
    Escaped,
    Attribute,
    Comment,
}

/// Where a node stands in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

impl<'s> Tree<'s> {
    pub(super) fn new(source: &'s str, syntax: Syntax) -> Self {
        Self { source, syntax, nodes: Vec::new(), open: Vec::new(), is_broken: false }
    }

    /// Opens a node; what is added until it closes is within it. False where
    /// it would be too deep or one too many: nothing more can be added.
    pub(super) fn open(&mut self, name: Range<usize>, at: usize) -> bool {
        if self.open.len() >= DEEPEST || !self.add(Kind::Inner, name, at..at) {
            self.is_broken = true;
            return false;
        }
        self.open.push(self.nodes.len() - 1);
        true
    }

    /// The same for an array in an array, which is a row of a table.
    pub(super) fn open_row(&mut self, name: Range<usize>, at: usize) -> bool {
        let opened = self.open(name, at);
        if let Some(node) = self.nodes.last_mut().filter(|_| opened) {
            node.kind = Kind::Row;
        }
        opened
    }

    pub(super) fn add(&mut self, kind: Kind, name: Range<usize>, value: Range<usize>) -> bool {
        if self.nodes.len() >= MOST_NODES {
            self.is_broken = true;
            return false;
        }
        // So long a name is shown cut short: any number of elements may have it.
        self.is_broken |= name.len() > labels::LONGEST_KEY;
        let (end, span_end) = (self.nodes.len() + 1, value.end);
        self.nodes.push(Node { name, value, kind, end, span_end });
        true
    }

    /// Closes the node opened last, which ends at `at` in the source.
    pub(super) fn close(&mut self, at: usize) {
        let end = self.nodes.len();
        if let Some(node) = self.open.pop().and_then(|open| self.nodes.get_mut(open)) {
            (node.end, node.span_end) = (end, at);
        }
    }

    /// Closes all that is open.
    pub(super) fn finish(mut self) -> Self {
        while !self.open.is_empty() {
            self.is_broken = true;
            self.close(self.source.len());
        }
        self
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The name of the node that is open.
    pub(super) fn open_name(&self) -> &'s str {
        let open = self.open.last().and_then(|&open| self.nodes.get(open));
        open.and_then(|node| self.source.get(node.name.clone())).unwrap_or_default()
    }

    /// A run of text goes on where the last one ended.
    pub(super) fn extend_text(&mut self, range: Range<usize>) -> bool {
        match self.nodes.last_mut() {
            Some(last)
                if last.kind == Kind::Escaped
                    && last.name.is_empty()
                    && last.value.end == range.start =>
            {
                last.value.end = range.end;
                last.span_end = range.end;
                true
            }
            _ => self.add(Kind::Escaped, range.start..range.start, range),
        }
    }

    pub(super) fn syntax(&self) -> Syntax {
        self.syntax
    }

    pub(super) fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.siblings(0, self.nodes.len())
    }

    pub(super) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.nodes.get(node.0).map_or(0, |node| node.end);
        self.siblings(node.0 + 1, end)
    }

    fn siblings(&self, from: usize, to: usize) -> impl Iterator<Item = NodeId> + '_ {
        let mut next = from;
        std::iter::from_fn(move || {
            let here = next;
            next = self.nodes.get(here).filter(|_| here < to)?.end;
            Some(NodeId(here))
        })
    }

    pub(super) fn named<'t>(
        &'t self,
        node: NodeId,
        name: &'t str,
    ) -> impl Iterator<Item = NodeId> + 't {
        self.children(node).filter(move |&child| self.name(child) == name)
    }

    pub(super) fn child(&self, node: NodeId, name: &str) -> Option<NodeId> {
        self.children(node).find(|&child| self.name(child) == name)
    }

    /// Without its prefix.
    pub(super) fn name(&self, node: NodeId) -> &'s str {
        let Some(node) = self.nodes.get(node.0) else { return "" };
        let name = self.source.get(node.name.clone()).unwrap_or_default();
        match self.syntax {
            Syntax::Xml => name.rsplit_once(':').map_or(name, |(_, local)| local),
            Syntax::Json => name,
        }
    }

    /// Whether an attribute declares a namespace.
    pub(super) fn declares_namespace(&self, node: NodeId) -> bool {
        let raw = self.nodes.get(node.0).and_then(|node| self.source.get(node.name.clone()));
        self.kind(node) == Some(Kind::Attribute)
            && raw.is_some_and(|name| name == "xmlns" || name.starts_with("xmlns:"))
    }

    /// Whether two nodes are elements of one array.
    pub(super) fn is_one_array(&self, one: NodeId, other: NodeId) -> bool {
        let name = |node: NodeId| self.nodes.get(node.0).map(|node| node.name.clone());
        self.syntax == Syntax::Json && name(one) == name(other)
    }

    pub(super) fn is_inner(&self, node: NodeId) -> bool {
        matches!(self.kind(node), Some(Kind::Inner | Kind::Row))
    }

    pub(super) fn kind(&self, node: NodeId) -> Option<Kind> {
        self.nodes.get(node.0).map(|node| node.kind)
    }

    /// Where the node's value stands, or its first child.
    pub(super) fn at(&self, node: NodeId) -> usize {
        self.nodes.get(node.0).map_or(0, |node| node.value.start)
    }

    /// The source of what is within an element.
    pub(super) fn inner_source(&self, node: NodeId) -> &'s str {
        let Some(node) = self.nodes.get(node.0) else { return "" };
        self.source.get(node.value.start..node.span_end).unwrap_or_default()
    }

    /// What a node says: its own value, its attribute `value` as FHIR and HL7
    /// v3 write one, or its only text.
    pub(super) fn value(&self, node: NodeId) -> Cow<'s, str> {
        if !self.is_inner(node) {
            return self.own_value(node);
        }
        if self.syntax == Syntax::Json {
            return Cow::Borrowed("");
        }
        let mut only = None;
        for child in self.children(node) {
            match self.kind(child) {
                Some(Kind::Attribute) if self.name(child) == "value" => {
                    return self.own_value(child);
                }
                Some(Kind::Attribute | Kind::Comment) => {}
                _ if only.is_some() || self.is_inner(child) => return Cow::Borrowed(""),
                _ => only = Some(child),
            }
        }
        only.map_or(Cow::Borrowed(""), |text| self.own_value(text))
    }

    /// Where that stands.
    pub(super) fn value_at(&self, node: NodeId) -> usize {
        if !self.is_inner(node) {
            return self.at(node);
        }
        let says = |child: &NodeId| match self.kind(*child) {
            Some(Kind::Attribute) => self.name(*child) == "value",
            kind => kind != Some(Kind::Comment),
        };
        let said = self.children(node).find(says);
        said.map_or(self.at(node), |child| self.at(child))
    }

    /// What a child says, if there is one of that name.
    pub(super) fn value_of(&self, node: NodeId, name: &str) -> Cow<'s, str> {
        self.child(node, name).map_or(Cow::Borrowed(""), |child| self.value(child))
    }

    fn own_value(&self, node: NodeId) -> Cow<'s, str> {
        let Some(node) = self.nodes.get(node.0) else { return Cow::Borrowed("") };
        let raw = self.source.get(node.value.clone()).unwrap_or_default();
        match (node.kind, self.syntax) {
            (Kind::Inner | Kind::Row, _) => Cow::Borrowed(""),
            (Kind::Bare | Kind::Comment, _) => Cow::Borrowed(raw),
            (_, Syntax::Json) => json::unescaped(raw),
            (_, Syntax::Xml) => character_reference::unescaped(raw),
        }
    }
}

/// Readers go down by calling themselves.
const DEEPEST: usize = 100;
const MOST_NODES: usize = 1_000_000;

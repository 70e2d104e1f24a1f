//! JSON and XML of no kind that is known: each value under its key, in words.
//!
//! A key is what a person goes by in such a text, and what the rules look for
//! beside a number. The key of something that has more within it stands on a
//! line of its own, since keys too can be patients' numbers.

use super::{
    fhir::sentence,
    labels, people,
    rendering::Lines,
    tree::{Kind, NodeId, Syntax, Tree},
};

pub(super) fn render<'s>(tree: &Tree<'s>, lines: &mut Lines<'s>) {
    let flows = tree.roots().any(|root| {
        tree.children(root).any(|child| {
            let value = tree.value(child);
            tree.kind(child) == Some(Kind::Attribute)
                && FLOWING.iter().any(|name| value.contains(name))
        })
    });
    for root in tree.roots() {
        if flows {
            let mut text = String::new();
            flowing(tree, root, &mut text);
            lines.plain(&text, tree.at(root));
        } else {
            render_node(tree, root, lines);
            lines.gap();
        }
    }
}

pub(super) fn render_node<'s>(tree: &Tree<'s>, node: NodeId, lines: &mut Lines<'s>) {
    within(tree, node, "", lines);
}

/// Whether a name says nothing without what it stands in.
pub(super) fn is_vague(name: &str) -> bool {
    VAGUE.iter().any(|vague| name.eq_ignore_ascii_case(vague))
}

/// `xmlns`, and what else only parsers read.
pub(super) fn declares_names(tree: &Tree<'_>, node: NodeId) -> bool {
    tree.declares_namespace(node)
        || tree.kind(node) == Some(Kind::Attribute)
            && (tree.name(node) == "schemaLocation"
                || tree.value(node).starts_with("http://www.w3.org/"))
}

fn within<'s>(tree: &Tree<'s>, node: NodeId, outer: &str, lines: &mut Lines<'s>) {
    let name = tree.name(node);
    let label = label(name, outer);
    if !tree.is_inner(node) {
        return lines.labelled(&label, &tree.value(node), tree.at(node));
    }
    if tree.kind(node) == Some(Kind::Row) {
        let cells: Vec<_> = tree.children(node).map(|cell| tree.value(cell)).collect();
        lines.row(cells.into_iter().map(|cell| (cell, "")));
        let inner = tree.children(node).filter(|&child| tree.is_inner(child));
        return inner.for_each(|child| within(tree, child, outer, lines));
    }
    let value = tree.value(node);
    if !value.is_empty() {
        lines.labelled(&label, &value, tree.value_at(node));
    } else if is_mixed(tree, node) {
        // Words between tags: what the tags are called is no help there.
        lines.keep_original();
        let mut text = String::new();
        flowing(tree, node, &mut text);
        return lines.plain(&text, tree.at(node));
    } else if !name.is_empty() {
        lines.plain(&label, tree.at(node));
    }
    whole_name(tree, node, lines);
    let shown_at = if value.is_empty() { None } else { Some(tree.value_at(node)) };
    children(tree, node, shown_at, lines);
}

/// A person's names stand apart in a record, and are one to whoever reads it.
fn whole_name(tree: &Tree<'_>, node: NodeId, lines: &mut Lines<'_>) {
    let of = |part: fn(&str) -> bool| {
        tree.children(node).find(|&child| !tree.name(child).is_empty() && part(tree.name(child)))
    };
    let (Some(given), Some(family)) = (of(people::is_given_name), of(people::is_family_name))
    else {
        return;
    };
    let name = people::joined([tree.value(given).as_ref(), tree.value(family).as_ref()], " ");
    lines.labelled("Name", &name, tree.value_at(given).min(tree.value_at(family)));
}

/// `shown_at` is where stands what the node itself has said.
fn children<'s>(tree: &Tree<'s>, node: NodeId, shown_at: Option<usize>, lines: &mut Lines<'s>) {
    let outer = tree.name(node);
    let mut left = tree.children(node).peekable();
    while let Some(child) = left.next() {
        if declares_names(tree, child) || Some(tree.at(child)) == shown_at {
            continue;
        }
        if tree.is_inner(child) || tree.syntax() == Syntax::Xml {
            within(tree, child, outer, lines);
            continue;
        }
        // The plain elements of an array stand on one line.
        let mut values = vec![tree.value(child)];
        while let Some(next) =
            left.next_if(|&next| !tree.is_inner(next) && tree.is_one_array(child, next))
        {
            values.push(tree.value(next));
        }
        let text = people::joined(values.iter().map(AsRef::as_ref), ", ");
        lines.labelled(&label(tree.name(child), outer), &text, tree.at(child));
    }
}

fn label(name: &str, outer: &str) -> String {
    let words = labels::words(name);
    // A name of any length may stand around any number of values.
    let outer = outer.get(..LONGEST_OUTER).unwrap_or(outer);
    match () {
        () if name.is_empty() && outer.is_empty() => "Value".to_owned(),
        () if name.is_empty() => sentence(&labels::words(outer)),
        () if is_vague(name) => sentence(&format!("{} {words}", labels::words(outer))),
        () => sentence(&words),
    }
}

/// Whether words and elements stand beside each other in it.
fn is_mixed(tree: &Tree<'_>, node: NodeId) -> bool {
    let is_text = |child: NodeId| {
        matches!(tree.kind(child), Some(Kind::Escaped | Kind::Bare))
            && !tree.value(child).trim().is_empty()
    };
    tree.syntax() == Syntax::Xml && tree.children(node).any(is_text)
}

/// All text, broken where a word processor breaks it.
fn flowing(tree: &Tree<'_>, node: NodeId, text: &mut String) {
    match tree.kind(node) {
        Some(Kind::Escaped | Kind::Bare) => text.push_str(&tree.value(node)),
        Some(Kind::Inner) => {
            tree.children(node).for_each(|child| flowing(tree, child, text));
            match tree.name(node) {
                "p" | "h" | "tr" | "table-row" | "br" | "line-break" | "li" | "para" | "title"
                | "row" | "item" | "list-item" => text.push('\n'),
                "tab" | "tc" | "td" | "th" | "cell" | "entry" | "table-cell" => text.push('\t'),
                "s" => text.push(' '),
                _ => {}
            }
        }
        _ => {}
    }
}

/// In the names of what word processors write as one file of XML.
const FLOWING: [&str; 4] =
    ["wordprocessingml", "/office/word/", "/2006/xmlPackage", "opendocument:xmlns:office"];
const VAGUE: [&str; 16] = [
    "value",
    "number",
    "no",
    "num",
    "id",
    "code",
    "type",
    "text",
    "name",
    "date",
    "extension",
    "data",
    "system",
    "description",
    "line",
    "content",
];
const LONGEST_OUTER: usize = 24;

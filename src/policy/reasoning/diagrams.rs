//! Decision diagrams: sets of combinations of facts, kept small.
//!
//! A combination has one value in each of finitely many dimensions. A region
//! is a set of combinations, drawn as a diagram: a node asks one dimension and
//! has a branch for each of its values, dimensions are asked in one order, and
//! no two nodes are alike. So a region has one diagram: two regions are the
//! same if and only if their numbers are, and the empty one is `NOWHERE`.
//! (Bryant 1986, with as many branches as a dimension has values.)
//!
//! Written here because libraries draw diagrams of bits: facts would have to
//! be coded and decoded at every step, and what must be read is which values
//! of which fact remain. Work is bounded: past `MOST_NODES` every answer is
//! `NOWHERE` and `is_exhausted` says that nothing is shown.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

/// A set of combinations, by the number of its diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::policy) struct Region(u32);

pub(in crate::policy) const NOWHERE: Region = Region(0);
pub(in crate::policy) const EVERYWHERE: Region = Region(1);

/// All diagrams over the same dimensions.
#[derive(Debug)]
pub(in crate::policy) struct Diagrams {
    /// How many values each dimension has, in the order of asking.
    lengths: Vec<usize>,
    /// From `Region(2)` on.
    nodes: Vec<Rc<Node>>,
    known: HashMap<Rc<Node>, Region>,
    combined: HashMap<(Combine, Region, Region), Region>,
    exhausted: bool,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Node {
    dimension: usize,
    branches: Box<[Region]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Combine {
    Both,
    Either,
    Without,
}

impl Diagrams {
    pub(in crate::policy) fn new(lengths: Vec<usize>) -> Self {
        Self {
            lengths,
            nodes: Vec::new(),
            known: HashMap::new(),
            combined: HashMap::new(),
            exhausted: false,
        }
    }

    /// Whether the bound was met, so that no answer counts.
    pub(in crate::policy) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Where a dimension has one of these values.
    pub(in crate::policy) fn only(&mut self, dimension: usize, values: &[bool]) -> Region {
        let branch = |&inside: &bool| if inside { EVERYWHERE } else { NOWHERE };
        self.node(dimension, values.iter().map(branch).collect())
    }

    /// Where a dimension has its n-th value, what the n-th branch says of the
    /// dimensions behind it.
    pub(in crate::policy) fn branch(&mut self, dimension: usize, branches: Vec<Region>) -> Region {
        self.node(dimension, branches.into())
    }

    pub(in crate::policy) fn both(&mut self, one: Region, other: Region) -> Region {
        self.combine(Combine::Both, one.min(other), one.max(other))
    }

    pub(in crate::policy) fn either(&mut self, one: Region, other: Region) -> Region {
        self.combine(Combine::Either, one.min(other), one.max(other))
    }

    /// What is in the one and not in the other.
    pub(in crate::policy) fn without(&mut self, one: Region, other: Region) -> Region {
        self.combine(Combine::Without, one, other)
    }

    pub(in crate::policy) fn is_within(&mut self, one: Region, other: Region) -> bool {
        self.without(one, other) == NOWHERE
    }

    /// All of these together, joined in pairs, so that large ones are made
    /// few times.
    pub(in crate::policy) fn any(&mut self, mut regions: Vec<Region>) -> Region {
        while regions.len() > 1 {
            let pairs = regions.chunks(2).map(|pair| match *pair {
                [one, other] => self.either(one, other),
                [one, ..] => one,
                [] => NOWHERE,
            });
            regions = pairs.collect();
        }
        regions.first().copied().unwrap_or(NOWHERE)
    }

    /// What has one of these values in each dimension.
    pub(in crate::policy) fn product(&mut self, values: &[Vec<bool>]) -> Region {
        let mut region = EVERYWHERE;
        for (dimension, values) in values.iter().enumerate().rev() {
            let branch = |&inside: &bool| if inside { region } else { NOWHERE };
            region = self.node(dimension, values.iter().map(branch).collect());
        }
        region
    }

    /// The values that a dimension has anywhere in a region.
    pub(in crate::policy) fn occurring(&self, region: Region, dimension: usize) -> Vec<bool> {
        let length = self.lengths.get(dimension).copied().unwrap_or_default();
        let mut occurring = vec![false; length];
        let mut seen = HashSet::new();
        let mut to_see = vec![region];
        while let Some(region) = to_see.pop().filter(|_| occurring.contains(&false)) {
            if region == NOWHERE || !seen.insert(region) {
                continue;
            }
            match self.branches_of(region).filter(|node| node.dimension <= dimension) {
                Some(node) if node.dimension < dimension => to_see.extend(node.branches.iter()),
                Some(node) => {
                    for (occurs, branch) in occurring.iter_mut().zip(&node.branches) {
                        *occurs |= *branch != NOWHERE;
                    }
                }
                // It is not asked: every value will do.
                None => occurring.fill(true),
            }
        }
        occurring
    }

    /// Where a region leads from a value on: nothing if it does not ask this
    /// dimension first.
    fn branches_of(&self, region: Region) -> Option<&Rc<Node>> {
        self.nodes.get(usize::try_from(region.0.checked_sub(2)?).ok()?)
    }

    pub(in crate::policy) fn contains(&self, mut region: Region, at: &[usize]) -> bool {
        while let Some(node) = self.branches_of(region) {
            let value = at.get(node.dimension).copied().unwrap_or_default();
            region = node.branches.get(value).copied().unwrap_or(NOWHERE);
        }
        region == EVERYWHERE
    }

    /// How many combinations there are, as far as a number can say.
    pub(in crate::policy) fn count(&self, region: Region) -> u64 {
        let mut known = HashMap::new();
        let below = self.count_from(region, &mut known);
        self.skipped(0, self.depth(region)).saturating_mul(below)
    }

    /// The combination with fewest values that are not the first of their
    /// dimension; of several the one whose values stand nearest the front.
    pub(in crate::policy) fn plainest(&self, region: Region) -> Option<Vec<usize>> {
        if region == NOWHERE {
            return None;
        }
        let mut known = HashMap::new();
        self.oddity_from(region, &mut known);
        let mut at = vec![0; self.lengths.len()];
        let mut here = region;
        while let Some(node) = self.branches_of(here) {
            let (value, next) = node.branches.iter().enumerate().min_by_key(|(value, next)| {
                known.get(*next).copied().unwrap_or_else(|| terminal(**next)) + oddity(*value)
            })?;
            if let Some(place) = at.get_mut(node.dimension) {
                *place = value;
            }
            here = *next;
        }
        Some(at)
    }

    /// Past this dimension's last, where a region asks nothing.
    fn depth(&self, region: Region) -> usize {
        self.branches_of(region).map_or(self.lengths.len(), |node| node.dimension)
    }

    fn skipped(&self, from: usize, to: usize) -> u64 {
        let skipped = self.lengths.get(from..to).unwrap_or_default();
        skipped.iter().fold(1, |product: u64, &length| product.saturating_mul(length as u64))
    }

    fn count_from(&self, region: Region, known: &mut HashMap<Region, u64>) -> u64 {
        let Some(node) = self.branches_of(region) else {
            return u64::from(region == EVERYWHERE);
        };
        if let Some(&count) = known.get(&region) {
            return count;
        }
        let count = node.branches.iter().fold(0, |sum: u64, &next| {
            let between = self.skipped(node.dimension + 1, self.depth(next));
            sum.saturating_add(between.saturating_mul(self.count_from(next, known)))
        });
        known.insert(region, count);
        count
    }

    fn oddity_from(&self, region: Region, known: &mut HashMap<Region, u64>) -> u64 {
        let Some(node) = self.branches_of(region) else { return terminal(region) };
        if let Some(&least) = known.get(&region) {
            return least;
        }
        let ways = node.branches.iter().enumerate();
        let ways = ways.map(|(value, &next)| self.oddity_from(next, known) + oddity(value));
        let least = ways.min().unwrap_or(IMPOSSIBLE);
        known.insert(region, least);
        least
    }

    fn node(&mut self, dimension: usize, branches: Box<[Region]>) -> Region {
        let first = branches.first().copied().unwrap_or(NOWHERE);
        if branches.iter().all(|&branch| branch == first) {
            return first;
        }
        let node = Node { dimension, branches };
        if let Some(&region) = self.known.get(&node) {
            return region;
        }
        let number = u32::try_from(self.nodes.len()).ok().filter(|&number| number < MOST_NODES);
        let Some(number) = number else {
            self.exhausted = true;
            return NOWHERE;
        };
        let (region, node) = (Region(number + 2), Rc::new(node));
        self.nodes.push(Rc::clone(&node));
        self.known.insert(node, region);
        region
    }

    fn combine(&mut self, how: Combine, one: Region, other: Region) -> Region {
        if let Some(settled) = how.settled(one, other) {
            return settled;
        }
        if self.exhausted {
            return NOWHERE;
        }
        if let Some(&region) = self.combined.get(&(how, one, other)) {
            return region;
        }
        let dimension = self.depth(one).min(self.depth(other));
        let length = self.lengths.get(dimension).copied().unwrap_or_default();
        let (left, right) = (self.split(one, dimension), self.split(other, dimension));
        let branches = (0..length)
            .map(|value| {
                let left =
                    left.as_ref().map_or(Some(one), |node| node.branches.get(value).copied());
                let right =
                    right.as_ref().map_or(Some(other), |node| node.branches.get(value).copied());
                self.combine(how, left.unwrap_or(NOWHERE), right.unwrap_or(NOWHERE))
            })
            .collect();
        let region = self.node(dimension, branches);
        self.combined.insert((how, one, other), region);
        region
    }

    /// The node, if it asks this dimension.
    fn split(&self, region: Region, dimension: usize) -> Option<Rc<Node>> {
        self.branches_of(region).filter(|node| node.dimension == dimension).cloned()
    }
}

impl Combine {
    /// What needs no look below.
    fn settled(self, one: Region, other: Region) -> Option<Region> {
        match self {
            Self::Both if one == NOWHERE || one == other => Some(one),
            Self::Both if one == EVERYWHERE => Some(other),
            Self::Either if one == EVERYWHERE || one == other => Some(one),
            Self::Either if one == NOWHERE => Some(other),
            Self::Without if one == NOWHERE || other == EVERYWHERE || one == other => Some(NOWHERE),
            Self::Without if other == NOWHERE => Some(one),
            // `both` and `either` are asked with the smaller number first, so
            // a terminal stands on the left, but for NOWHERE beside EVERYWHERE.
            _ => None,
        }
    }
}

/// How far a value is from the plainest of its dimension.
fn oddity(value: usize) -> u64 {
    match value {
        0 => 0,
        _ => ODD + u64::try_from(value).unwrap_or(ODD).min(ODD - 1),
    }
}

fn terminal(region: Region) -> u64 {
    if region == EVERYWHERE { 0 } else { IMPOSSIBLE }
}

/// More than any sum of places can come to.
const ODD: u64 = 1 << 32;

const IMPOSSIBLE: u64 = 1 << 60;

/// Some hundred megabytes at most.
const MOST_NODES: u32 = 4_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTHS: [usize; 4] = [3, 2, 4, 2];

    fn everything() -> impl Iterator<Item = [usize; 4]> {
        (0..48).map(|n| [n % 3, n / 3 % 2, n / 6 % 4, n / 24])
    }

    /// A region, drawn as a union of products, and what it holds.
    fn drawn(diagrams: &mut Diagrams, products: &[Vec<Vec<bool>>]) -> (Region, Vec<bool>) {
        let regions = products.iter().map(|product| diagrams.product(product)).collect();
        let inside = |at: &[usize; 4]| {
            products.iter().any(|product| product.iter().zip(at).all(|(values, &at)| values[at]))
        };
        (diagrams.any(regions), everything().map(|at| inside(&at)).collect())
    }

    fn products() -> impl Strategy<Value = Vec<Vec<Vec<bool>>>> {
        let values = LENGTHS.map(|length| prop::collection::vec(any::<bool>(), length));
        prop::collection::vec(values.prop_map(Vec::from), 0..5)
    }

    proptest! {
        #[test]
        fn regions_are_the_sets_they_are_drawn_as(one in products(), other in products()) {
            let mut diagrams = Diagrams::new(LENGTHS.to_vec());
            let (left, in_left) = drawn(&mut diagrams, &one);
            let (right, in_right) = drawn(&mut diagrams, &other);
            let both = diagrams.both(left, right);
            let either = diagrams.either(left, right);
            let without = diagrams.without(left, right);
            for (at, (l, r)) in everything().zip(in_left.iter().zip(&in_right)) {
                prop_assert_eq!(diagrams.contains(left, &at), *l);
                prop_assert_eq!(diagrams.contains(both, &at), *l && *r);
                prop_assert_eq!(diagrams.contains(either, &at), *l || *r);
                prop_assert_eq!(diagrams.contains(without, &at), *l && !*r);
            }
            prop_assert_eq!(left == right, in_left == in_right);
            let count = in_left.iter().filter(|inside| **inside).count();
            prop_assert_eq!(diagrams.count(left), count as u64);
        }

        #[test]
        fn what_occurs_is_what_some_combination_has(products in products()) {
            let mut diagrams = Diagrams::new(LENGTHS.to_vec());
            let (region, inside) = drawn(&mut diagrams, &products);
            for (dimension, length) in LENGTHS.into_iter().enumerate() {
                let has = |value| everything().zip(&inside).any(|(at, inside)| *inside && at[dimension] == value);
                let expected: Vec<bool> = (0..length).map(has).collect();
                prop_assert_eq!(diagrams.occurring(region, dimension), expected);
            }
        }

        #[test]
        fn the_plainest_has_fewest_odd_values(products in products()) {
            let mut diagrams = Diagrams::new(LENGTHS.to_vec());
            let (region, inside) = drawn(&mut diagrams, &products);
            let odd = |at: &[usize]| at.iter().filter(|value| **value > 0).count();
            let least = everything().zip(&inside).filter(|(_, inside)| **inside);
            let least = least.map(|(at, _)| odd(&at)).min();
            let plainest = diagrams.plainest(region);
            prop_assert_eq!(plainest.as_deref().map(odd), least);
            prop_assert!(plainest.is_none_or(|at| diagrams.contains(region, &at)));
        }
    }
}

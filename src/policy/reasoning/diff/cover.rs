//! Few sentences for a region: products of facts that together are all of it,
//! each as wide as it can be.

use super::super::{
    diagrams::{NOWHERE, Region},
    dimension::Dimension,
    space::Space,
};

/// What one sentence is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The values of each dimension.
    pub(super) values: Vec<Vec<bool>>,
    /// Only where the level is above the clearance of the destination.
    pub(super) above_clearance: bool,
    /// Any of these dimensions, of one kind, has these values.
    pub(super) any_of: Vec<(usize, Vec<bool>)>,
}

/// What is to be covered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// All of this is.
    pub(super) region: Region,
    /// This may be.
    pub(super) also: Region,
    /// Where the level is above the clearance.
    pub(super) above: Region,
    /// What can be at all: the rest may be said along.
    pub(super) possible: Region,
}

/// Scopes that cover the region, and what they have left of it: nothing,
/// unless it takes too many.
pub(super) fn cover(space: &mut Space<'_>, target: Target) -> (Vec<Scope>, Region) {
    let mut scopes = Vec::new();
    let mut rest = target.region;
    while scopes.len() < MOST_SCOPES {
        let Some(at) = space.diagrams.plainest(rest) else { break };
        let scope = widest(space, &at, target);
        let covered = scope.region(space, target.above);
        rest = space.diagrams.without(rest, covered);
        scopes.push(scope);
    }
    let scopes = without_needless(space, scopes, target);
    (joined(space, scopes), rest)
}

impl Scope {
    /// All combinations that it is about.
    pub(super) fn region(&self, space: &mut Space<'_>, above: Region) -> Region {
        let product = space.diagrams.product(&self.values);
        let any = self.any_of.iter().map(|(place, values)| space.diagrams.only(*place, values));
        let any: Vec<Region> = any.collect();
        let region = match any.is_empty() {
            true => product,
            false => {
                let any = space.diagrams.any(any);
                space.diagrams.both(product, any)
            }
        };
        if self.above_clearance { space.diagrams.both(region, above) } else { region }
    }

    fn restricted(&self) -> usize {
        self.values.iter().filter(|values| values.contains(&false)).count()
            + usize::from(self.above_clearance)
    }
}

/// From one combination as far as the target goes, the last dimension first:
/// those that part most rules are the last to be given up.
fn widest(space: &mut Space<'_>, at: &[usize], target: Target) -> Scope {
    let allowed = space.diagrams.either(target.region, target.also);
    let plain = widened(space, at, allowed, target.possible);
    let plain = Scope { values: plain, above_clearance: false, any_of: Vec::new() };
    if !space.diagrams.contains(target.above, at) {
        return plain;
    }
    let above = space.diagrams.both(target.possible, target.above);
    let above = widened(space, at, allowed, above);
    let above = Scope { values: above, above_clearance: true, any_of: Vec::new() };
    if above.restricted() < plain.restricted() { above } else { plain }
}

/// The widest product around a combination that has nothing, of all that can
/// be, beside what is allowed.
fn widened(
    space: &mut Space<'_>,
    at: &[usize],
    allowed: Region,
    possible: Region,
) -> Vec<Vec<bool>> {
    let mut values: Vec<Vec<bool>> = space
        .dimensions()
        .iter()
        .zip(at)
        .map(|((_, facts), at)| (0..facts.len()).map(|value| value == *at).collect())
        .collect();
    for place in (0..values.len()).rev() {
        if let Some(own) = values.get_mut(place) {
            own.fill(true);
        }
        let product = space.diagrams.product(&values);
        let product = space.diagrams.both(product, possible);
        let beside = space.diagrams.without(product, allowed);
        let beside = space.diagrams.occurring(beside, place);
        if let Some(own) = values.get_mut(place) {
            *own = beside.into_iter().map(|occurs| !occurs).collect();
        }
    }
    values
}

/// Without those of which the others have everything.
fn without_needless(space: &mut Space<'_>, mut scopes: Vec<Scope>, target: Target) -> Vec<Scope> {
    let mut place = 0;
    while place < scopes.len() && scopes.len() <= MOST_LOOKED_OVER {
        let others = scopes.iter().enumerate().filter(|(at, _)| *at != place);
        let others: Vec<Region> =
            others.map(|(_, scope)| scope.region(space, target.above)).collect();
        let others = space.diagrams.any(others);
        let own = scopes.get(place).map(|scope| scope.region(space, target.above));
        let own = space.diagrams.both(own.unwrap_or(NOWHERE), target.region);
        match space.diagrams.is_within(own, others) {
            true => drop(scopes.remove(place)),
            false => place += 1,
        }
    }
    scopes
}

/// Scopes that differ only in which kind, sign or part there is become one.
fn joined(space: &Space<'_>, scopes: Vec<Scope>) -> Vec<Scope> {
    let mut joined: Vec<Scope> = Vec::new();
    for scope in scopes {
        let Some(alternative) = alternative(space, &scope) else {
            joined.push(scope);
            continue;
        };
        let (rest, place, values) = alternative;
        let family = space.dimensions().get(place).map(|(one, _)| family(one));
        let known = joined.iter_mut().find(|one| {
            let of_family = |(other, _): &(usize, Vec<bool>)| {
                space.dimensions().get(*other).map(|(one, _)| super::cover::family(one)) == family
            };
            !one.any_of.is_empty()
                && one.values == rest
                && one.above_clearance == scope.above_clearance
                && one.any_of.iter().all(of_family)
        });
        match known {
            Some(known) => known.any_of.push((place, values)),
            None => joined.push(Scope { values: rest, any_of: vec![(place, values)], ..scope }),
        }
    }
    joined
}

/// The scope with the one dimension of a family set free of which it asks for
/// something, if there is just one: that there is none of it says nothing that
/// could be joined.
fn alternative(space: &Space<'_>, scope: &Scope) -> Option<(Vec<Vec<bool>>, usize, Vec<bool>)> {
    let asked = |place: &usize| {
        let is_family = space
            .dimensions()
            .get(*place)
            .is_some_and(|(dimension, _)| family(dimension) != Family::None);
        let values = scope.values.get(*place);
        is_family && values.is_some_and(|values| values.first() == Some(&false))
    };
    let mut places = (0..scope.values.len()).filter(asked);
    let (place, None) = (places.next()?, places.next()) else { return None };
    let own = scope.values.get(place)?.clone();
    let mut rest = scope.values.clone();
    rest.get_mut(place)?.fill(true);
    Some((rest, place, own))
}

/// Dimensions of which conditions ask for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Kinds,
    Parts,
    Signs,
    None,
}

const fn family(dimension: &Dimension) -> Family {
    match dimension {
        Dimension::Kind(_) => Family::Kinds,
        Dimension::Opaque(_) => Family::Parts,
        Dimension::Spoof(_) => Family::Signs,
        _ => Family::None,
    }
}

/// More than anybody reads.
const MOST_SCOPES: usize = 60;

/// Looking over each beside all others is worth it for as many.
const MOST_LOOKED_OVER: usize = 30;

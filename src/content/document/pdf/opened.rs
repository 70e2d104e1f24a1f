//! A document that is being read: its objects, and what may still be spent on
//! them. A hostile one draws a form within a form within a form, or unfolds
//! without end (law 7): all of it is paid from here.

use std::{collections::HashMap, rc::Rc};

use hayro_syntax::{
    object::{Array, Dict, Object, Stream},
    xref::XRef,
};

use super::{
    filter::{Unfolded, unfold},
    font::Font,
};
use crate::mail::OpaqueReason;

pub(super) struct Opened<'a> {
    pub(super) objects: &'a XRef,
    /// Why not all was read.
    pub(super) faults: Vec<OpaqueReason>,
    /// Octets that may still be unfolded.
    octets: u64,
    /// Operators that may still be followed.
    operators: usize,
    /// Dictionaries that may still be looked at outside of pages.
    nodes: usize,
    fonts: HashMap<Place, Rc<Font>>,
    contents: HashMap<Place, Rc<[u8]>>,
    fallback: Rc<Font>,
}

impl<'a> Opened<'a> {
    pub(super) fn new(objects: &'a XRef, octets: u64) -> Self {
        Self {
            objects,
            faults: Vec::new(),
            octets,
            operators: MOST_OPERATORS,
            nodes: MOST_NODES,
            fonts: HashMap::new(),
            contents: HashMap::new(),
            fallback: Rc::new(Font::fallback()),
        }
    }

    pub(super) fn octets_left(&self) -> u64 {
        self.octets
    }

    pub(super) fn fault(&mut self, reason: OpaqueReason) {
        if !self.faults.contains(&reason) {
            self.faults.push(reason);
        }
    }

    /// Whether one more operator may be followed.
    pub(super) fn may_operate(&mut self) -> bool {
        Self::spend(&mut self.operators, &mut self.faults)
    }

    /// Whether one more dictionary may be looked at.
    pub(super) fn may_visit(&mut self) -> bool {
        Self::spend(&mut self.nodes, &mut self.faults)
    }

    fn spend(left: &mut usize, faults: &mut Vec<OpaqueReason>) -> bool {
        let less = left.checked_sub(1);
        *left = less.unwrap_or_default();
        if less.is_none() && !faults.contains(&OpaqueReason::OverLimit) {
            faults.push(OpaqueReason::OverLimit);
        }
        less.is_some()
    }

    /// The octets of a stream that holds text, one way or another; what
    /// cannot be unfolded of it is a fault of the document.
    pub(super) fn octets(&mut self, stream: &Stream<'a>) -> Rc<[u8]> {
        let place = place(stream.dict());
        if let Some(known) = self.contents.get(&place) {
            return Rc::clone(known);
        }
        let Unfolded { octets, fault } = unfold(stream, self.octets);
        if let Some(fault) = fault {
            self.fault(fault);
        }
        self.octets = self.octets.saturating_sub(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        let octets: Rc<[u8]> = octets.into();
        self.contents.insert(place, Rc::clone(&octets));
        octets
    }

    /// What viewers take where a page names no font that there is.
    pub(super) fn fallback(&self) -> Rc<Font> {
        Rc::clone(&self.fallback)
    }

    /// A font, read once.
    pub(super) fn font(&mut self, dictionary: &Dict<'a>) -> Rc<Font> {
        let place = place(dictionary);
        if let Some(known) = self.fonts.get(&place) {
            return Rc::clone(known);
        }
        if self.fonts.len() >= MOST_FONTS {
            self.fault(OpaqueReason::OverLimit);
            return self.fallback();
        }
        let font = Rc::new(Font::of(dictionary, self));
        self.fonts.insert(place, Rc::clone(&font));
        font
    }
}

/// Where a dictionary is written: its object's number would not do, since
/// dictionaries within one object share it.
pub(super) type Place = (usize, usize);

pub(super) fn place(dictionary: &Dict<'_>) -> Place {
    let written = dictionary.data();
    (written.as_ptr().addr(), written.len())
}

/// All numbers of an array, up to some.
pub(super) fn numbers(dictionary: &Dict<'_>, key: &str) -> Vec<f64> {
    let array = dictionary.get::<Array<'_>>(key);
    array.map(|array| array.iter::<f64>().take(64).collect()).unwrap_or_default()
}

/// The items of what is an array, or is its only item.
pub(super) fn items<'a>(object: Object<'a>) -> Vec<Object<'a>> {
    match object {
        Object::Array(array) => array.iter::<Object<'a>>().take(MOST_NODES).collect(),
        Object::Null(_) => Vec::new(),
        only => vec![only],
    }
}

/// About ten seconds' worth.
const MOST_OPERATORS: usize = 20_000_000;
const MOST_NODES: usize = 200_000;
const MOST_FONTS: usize = 2000;

//! Streams unfolded, never further than a limit: ISO 32000-1 section 7.4.
//!
//! Pictures are not: they hold no text that could be read here.

use std::{borrow::Cow, io::Read};

use flate2::read::DeflateDecoder;
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use super::{lexer::is_space, predictor};
use crate::mail::OpaqueReason;

/// What could be unfolded, and why not all, where it could not.
#[derive(Debug, Default)]
pub(super) struct Unfolded<'a> {
    pub(super) octets: Cow<'a, [u8]>,
    pub(super) fault: Option<OpaqueReason>,
}

/// Of a stream, already decrypted.
pub(super) fn unfold<'a>(stream: &Stream<'a>, limit: u64) -> Unfolded<'a> {
    let dictionary = stream.dict();
    // Octets that stand in another file (section 7.11) are no part of this.
    if matches!(dictionary.get::<Object<'_>>("F"), Some(Object::String(_) | Object::Dict(_))) {
        return Unfolded::default();
    }
    let mut unfolded = Unfolded { octets: stream.raw_data(), fault: None };
    for (name, parameters) in filters(dictionary).iter().take(MOST_FILTERS) {
        let next = apply(name, parameters, &unfolded.octets, limit);
        unfolded.fault = unfolded.fault.or(next.fault);
        unfolded.octets = Cow::Owned(next.octets);
    }
    unfolded
}

/// Names of filters with their parameters, first to be undone first.
fn filters<'a>(dictionary: &Dict<'a>) -> Vec<(Vec<u8>, Dict<'a>)> {
    let of = |keys: [&str; 2]| keys.into_iter().find_map(|key| dictionary.get::<Object<'a>>(key));
    let mut parameters = match of(["DecodeParms", "DP"]) {
        Some(Object::Array(each)) => dictionaries(&each),
        Some(Object::Dict(only)) => vec![only],
        _ => Vec::new(),
    }
    .into_iter();
    let names: Vec<Name<'_>> = match of(["Filter", "F"]) {
        Some(Object::Array(each)) => each.iter::<Name<'_>>().take(MOST_FILTERS + 1).collect(),
        Some(Object::Name(only)) => vec![only],
        _ => Vec::new(),
    };
    names.into_iter().map(|name| (name.to_vec(), parameters.next().unwrap_or_default())).collect()
}

fn dictionaries<'a>(array: &Array<'a>) -> Vec<Dict<'a>> {
    let each = array.iter::<Object<'a>>().take(MOST_FILTERS);
    each.map(|object| object.into_dict().unwrap_or_default()).collect()
}

pub(super) struct Step {
    pub(super) octets: Vec<u8>,
    pub(super) fault: Option<OpaqueReason>,
}

fn apply(name: &[u8], parameters: &Dict<'_>, octets: &[u8], limit: u64) -> Step {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match name {
        b"FlateDecode" | b"Fl" => predictor::undo(inflate(octets, most), parameters),
        b"LZWDecode" | b"LZW" => {
            let early = parameters.get::<i32>("EarlyChange") != Some(0);
            let change = if early { CodeChange::Early } else { CodeChange::Late };
            predictor::undo(lzw(octets, change, most), parameters)
        }
        b"ASCIIHexDecode" | b"AHx" => hexadecimal(octets, most),
        b"ASCII85Decode" | b"A85" => ascii_85(octets, most),
        b"RunLengthDecode" | b"RL" => run_length(octets, most),
        // Undone when the stream was decrypted.
        b"Crypt" => Step::within(octets.to_vec(), most),
        // Pictures, and what is not known.
        _ => Step { octets: Vec::new(), fault: Some(OpaqueReason::Unreadable) },
    }
}

impl Step {
    fn within(mut octets: Vec<u8>, most: usize) -> Self {
        let fault = (octets.len() > most).then_some(OpaqueReason::OverLimit);
        octets.truncate(most);
        Self { octets, fault }
    }
}

/// RFC 1951 within RFC 1950. Its checksum is not asked for, as viewers do not.
fn inflate(octets: &[u8], most: usize) -> Step {
    let deflated = match octets {
        [method, flags, rest @ ..]
            if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0 =>
        {
            rest
        }
        other => other,
    };
    let mut out = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let end = DeflateDecoder::new(deflated).take(limit).read_to_end(&mut out);
    let mut step = Step::within(out, most);
    if end.is_err() {
        step.fault = step.fault.or(Some(OpaqueReason::Damaged));
    }
    step
}

/// When codes become a bit longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CodeChange {
    Early,
    Late,
}

fn lzw(octets: &[u8], change: CodeChange, most: usize) -> Step {
    let early = usize::from(change == CodeChange::Early);
    let mut out: Vec<u8> = Vec::new();
    // Each entry is where in `out` it was written before.
    let mut entries: Vec<(usize, usize)> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    let (mut bits, mut held, mut width) = (0_u32, 0_u32, 9_u32);
    for &octet in octets {
        bits = bits << 8 | u32::from(octet);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = usize::try_from(bits >> held & ((1 << width) - 1)).unwrap_or_default();
        bits &= (1 << held) - 1;
        if code == 257 {
            break;
        }
        if code == 256 {
            (entries, last, width) = (Vec::new(), None, 9);
            continue;
        }
        let start = out.len();
        if let Ok(octet) = u8::try_from(code) {
            out.push(octet);
        } else if let Some(&(from, length)) = entries.get(code - 258) {
            out.extend_from_within(from..from + length);
        } else if let Some((from, length)) = last
            && code - 258 == entries.len()
        {
            out.extend_from_within(from..from + length);
            out.extend_from_within(from..=from);
        } else {
            return Step { fault: Some(OpaqueReason::Damaged), octets: out };
        }
        if let Some((from, length)) = last
            && entries.len() < 4096 - 258
        {
            // The last one and the octet after it, which is this one's first.
            entries.push((from, length + 1));
        }
        last = Some((start, out.len() - start));
        width = match entries.len() + 258 + early {
            ..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
        if out.len() > most {
            break;
        }
    }
    Step::within(out, most)
}

fn hexadecimal(octets: &[u8], most: usize) -> Step {
    let written = octets.iter().take_while(|&&octet| octet != b'>');
    let digits: Vec<u32> = written.filter_map(|&octet| char::from(octet).to_digit(16)).collect();
    let pairs = digits.chunks(2).filter_map(|pair| {
        let low = pair.get(1).copied().unwrap_or_default();
        u8::try_from(pair.first()? * 16 + low).ok()
    });
    Step::within(pairs.collect(), most)
}

fn ascii_85(octets: &[u8], most: usize) -> Step {
    let mut out = Vec::with_capacity(octets.len() / 5 * 4);
    let mut group: Vec<u8> = Vec::with_capacity(5);
    let octets = octets.strip_prefix(b"<~").unwrap_or(octets);
    for &octet in octets.iter().filter(|&&octet| !is_space(octet)) {
        match octet {
            b'z' if group.is_empty() => out.extend([0; 4]),
            b'!'..=b'u' => group.push(octet - b'!'),
            b'~' => break,
            _ => return Step { octets: out, fault: Some(OpaqueReason::Damaged) },
        }
        if group.len() == 5 {
            flush_85(&mut group, &mut out);
        }
        if out.len() > most {
            break;
        }
    }
    if group.len() > 1 {
        flush_85(&mut group, &mut out);
    }
    Step::within(out, most)
}

fn flush_85(group: &mut Vec<u8>, out: &mut Vec<u8>) {
    let written = group.len();
    group.resize(5, 84);
    let value = group
        .drain(..)
        .fold(0_u32, |value, digit| value.wrapping_mul(85).wrapping_add(u32::from(digit)));
    out.extend(value.to_be_bytes().iter().take(written - 1));
}

fn run_length(octets: &[u8], most: usize) -> Step {
    let mut out = Vec::new();
    let mut rest = octets;
    while let Some((&length, after)) = rest.split_first() {
        let length = usize::from(length);
        match length {
            128 => break,
            ..128 => {
                let end = (length + 1).min(after.len());
                out.extend_from_slice(after.get(..end).unwrap_or_default());
                rest = after.get(end..).unwrap_or_default();
            }
            _ => {
                let Some((&octet, after)) = after.split_first() else { break };
                out.resize(out.len() + 257 - length, octet);
                rest = after;
            }
        }
        if out.len() > most {
            break;
        }
    }
    Step::within(out, most)
}

/// More than any writer needs.
const MOST_FILTERS: usize = 6;

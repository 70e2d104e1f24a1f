//! Small documents made by hand, for tests.

use std::io::{Cursor, Write};

use bytes::Bytes;

use crate::content::document::{Document, Extract, InPlace, Limits, ReadDocument};

/// A zip whose parts are stored as they are.
pub(super) fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bodies, mut entries) = (Vec::new(), Vec::new());
    for (name, octets) in parts {
        let size = u32::try_from(octets.len()).unwrap().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let sum = crc32fast::hash(octets).to_le_bytes();
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for field in [&sum[..], &size, &size, &length, &[0, 0]] {
            fields.extend(field);
        }
        let at = u32::try_from(bodies.len()).unwrap().to_le_bytes();
        let start = [&b"PK\x01\x02\x14\0"[..], &fields, &[0; 10], &at, name.as_bytes()].concat();
        entries.extend(start);
        bodies.extend([&b"PK\x03\x04"[..], &fields, name.as_bytes(), octets].concat());
    }
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    let size = u32::try_from(entries.len()).unwrap().to_le_bytes();
    let at = u32::try_from(bodies.len()).unwrap().to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &at, &[0, 0]].concat();
    [bodies, entries, end].concat()
}

/// A compound file with such streams.
pub(super) fn compound(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (name, octets) in streams {
        if let Some((storage, _)) = name.rsplit_once('/').filter(|(storage, _)| !storage.is_empty())
        {
            file.create_storage_all(storage).unwrap();
        }
        file.create_stream(name).unwrap().write_all(octets).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

pub(super) fn read(octets: impl Into<Bytes>) -> Extract {
    read_within(octets, Limits::default())
}

pub(super) fn read_within(octets: impl Into<Bytes>, limits: Limits) -> Extract {
    InPlace(limits).read(&Document { path: "2".into(), octets: octets.into() })
}

/// The text at a place; nothing where there is none.
pub(super) fn place(extract: &Extract, part: &str) -> String {
    let mut readings = extract.readings.iter();
    readings.find(|reading| reading.part == part).map(|r| r.text.clone()).unwrap_or_default()
}

//! Documents and archives: text drawn out of what is not text.
//!
//! Takes the octets of one part, tells the format by looking at them, and
//! gives the text a person would see in it, the files within it, and what of
//! it could not be read. Files within files are read the same way, under
//! limits that are shared by all that comes of one part. It opens nothing
//! outside: no link is followed, no macro run.
//!
//! These readers are given hostile octets by strangers. They run where they
//! can do no harm ([`ReadDocument`] is the door): the gateway and the commands have
//! them in confined processes.
//!
//! `format` tells what is what and knows each reader; `gatherer` collects what
//! they find and keeps the limits.

mod ber;
mod cms;
mod compressed;
mod dicom;
mod dicom_attributes;
mod embedded;
mod extract;
mod format;
mod gatherer;
mod limits;
mod mapi;
mod message;
mod octets;
mod office;
mod ole;
mod outlook;
mod pdf;
mod postscript;
mod rar;
mod rich_text;
mod rtf;
mod seven_zip;
mod tar;
mod tnef;
mod uuencoded;
mod zip;
mod zstandard;

#[cfg(test)]
mod samples;

pub(super) use cms::ContentKind;
pub(super) use dicom::is_dicom;
pub use extract::{Document, Extract, File, InPlace, ReadDocument};
pub(super) use format::Format;
pub(super) use gatherer::Gatherer;
pub use limits::Limits;
pub(super) use zip::is_at_end_of as archive_is_at_end_of;

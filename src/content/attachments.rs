//! What sorts of files are attached, also within archives and documents: by
//! what they are made of. A name counts only where it decides what a computer
//! does with a file: whether it runs a text, and what an archive holds that
//! cannot be opened.

use std::collections::{BTreeSet, HashMap, HashSet};

use memchr::memmem;

use super::{
    document::{Extract, Format},
    part::{Class, within},
    reading::{Reading, ReadingKind},
    sniff::{Looks, looks},
    tree::Content,
};
use crate::mail::AttachmentType;

impl Content {
    /// Of every file in `extract`, which was drawn out of this message: all
    /// but the text that is displayed as the message itself.
    pub fn attachment_types(&self, extract: &Extract) -> BTreeSet<AttachmentType> {
        let mut own = OwnParts::default();
        self.own_parts("", &mut own);
        // An archive may have two names for one file. What ends a field of the
        // header, `.com` most often, is no file's name.
        let is_name =
            |one: &&Reading| one.kind == ReadingKind::Header && !one.part.contains(HEADER_FIELD);
        let named = extract.readings.iter().filter(is_name);
        let run: HashMap<&str, AttachmentType> =
            named.filter_map(|one| Some((one.part.as_str(), run_by_name(&one.text)?))).collect();
        let files: HashMap<&str, Vec<AttachmentType>> = extract
            .files
            .iter()
            .map(|file| (file.path.as_str(), &file.octets))
            .filter(|(path, _)| !own.displayed.contains(*path))
            .map(|(path, octets)| (path, types_of(octets, run.get(path).copied())))
            .collect();
        let mut types = own.types;
        for (path, of_file) in &files {
            let displayed = is_text(of_file) && is_within_message(path, &files);
            types.extend(of_file.iter().filter(|_| !displayed));
        }
        // Files whose octets nobody can see, in an archive with a password.
        let unseen =
            run.iter().filter(|(path, _)| path.contains('/') && !files.contains_key(*path));
        types.extend(unseen.map(|(_, one)| *one));
        types
    }

    fn own_parts(&self, outer: &str, own: &mut OwnParts) {
        for part in self.parts() {
            match part.class {
                Class::Message => _ = own.types.insert(AttachmentType::Message),
                Class::Calendar => _ = own.types.insert(AttachmentType::Calendar),
                Class::Plain | Class::Html if part.is_attachment() => continue,
                Class::Multipart(_) | Class::Plain | Class::Html => {}
                Class::Other => continue,
            }
            own.displayed.insert(within(outer, &part.path));
        }
        for (id, message) in self.nested() {
            if let Some(part) = self.part(*id) {
                message.own_parts(&within(outer, &part.path), own);
            }
        }
    }
}

/// What the parts of a message say for themselves.
#[derive(Default)]
struct OwnParts {
    /// The paths of those that need no look at their octets.
    displayed: HashSet<String>,
    types: BTreeSet<AttachmentType>,
}

fn is_text(types: &[AttachmentType]) -> bool {
    types.iter().all(|one| matches!(one, AttachmentType::Text | AttachmentType::Html))
}

/// Of a message in a file nobody says which of its texts are displayed: they
/// are what it says, and no files of their own.
fn is_within_message(path: &str, files: &HashMap<&str, Vec<AttachmentType>>) -> bool {
    let outer = path.match_indices('.').filter_map(|(end, _)| files.get(path.get(..end)?));
    outer.into_iter().any(|types| types.contains(&AttachmentType::Message))
}

/// `run` is what a computer would make of it by its name.
fn types_of(octets: &[u8], run: Option<AttachmentType>) -> Vec<AttachmentType> {
    use AttachmentType::{
        Archive, Encrypted, Executable, Html, Message, Office, Other, Pdf, Picture, Script,
        Signature,
    };
    let one = match looks(octets) {
        Looks::Empty => return Vec::new(),
        Looks::Picture | Looks::Drawing => Picture,
        Looks::Encrypted => Encrypted,
        Looks::Html if run.is_some() || is_application(octets) => Script,
        Looks::Html => Html,
        Looks::Text => text_type(octets, run),
        Looks::Binary => binary_type(octets, run),
        Looks::TextHolding(Format::Message | Format::Mailbox) => Message,
        Looks::TextHolding(_) => return vec![text_type(octets, run), Archive],
        Looks::Container(format) => match format {
            Format::Pdf => Pdf,
            Format::Zip => return packed_types(octets),
            Format::Ole => return compound_types(octets),
            Format::OfficeXml if has(octets, b"macrosPresent=\"yes\"") => {
                return vec![Office, AttachmentType::Macro];
            }
            Format::OfficeXml | Format::Rtf => Office,
            Format::Tnef | Format::Message | Format::Mailbox => Message,
            Format::Dicom => Picture,
            Format::Cms => Signature,
            Format::Program => Executable,
            Format::PostScript => Other,
            // With an archive at its end.
            Format::Picture => return vec![Picture, Archive],
            Format::Unknown => return vec![binary_type(octets, run), Archive],
            Format::SevenZip
            | Format::Rar
            | Format::Cabinet
            | Format::Tar
            | Format::Gzip
            | Format::Compress
            | Format::Bzip2
            | Format::Xz
            | Format::Lzma
            | Format::Zstandard
            | Format::Uuencoded => Archive,
        },
    };
    vec![one]
}

/// The names of what a zip archive holds stand in it as they are.
fn packed_types(octets: &[u8]) -> Vec<AttachmentType> {
    let any = |names: &[&[u8]]| names.iter().any(|name| has(octets, name));
    if any(&[b"META-INF/MANIFEST.MF", b"AndroidManifest.xml", b"AppxManifest.xml"]) {
        return vec![AttachmentType::Archive, AttachmentType::Executable];
    }
    let is_open_document = octets
        .get(MIMETYPE..)
        .is_some_and(|rest| rest.starts_with(b"mimetypeapplication/vnd.oasis.opendocument"));
    let macros: &[&[u8]] = match is_open_document {
        true => &[b"Basic/", b"Scripts/"],
        false if any(&[b"[Content_Types].xml"]) => &[b"vbaProject.bin", b"xl/macrosheets/"],
        false => return vec![AttachmentType::Archive],
    };
    office(any(macros).then_some(AttachmentType::Macro))
}

/// Streams of a compound file (MS-CFB section 2.6.1) have names in UTF-16.
fn compound_types(octets: &[u8]) -> Vec<AttachmentType> {
    let any = |names: &[&str]| {
        let wide = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        names.iter().any(|name| has(octets, &wide(name)))
    };
    if any(&["__properties_version1.0"]) {
        return vec![AttachmentType::Message];
    }
    if INSTALLERS.iter().any(|class| has(octets, class)) {
        return vec![AttachmentType::Executable];
    }
    let macros = any(&["_VBA_PROJECT"]).then_some(AttachmentType::Macro);
    match macros.is_some() || any(&OFFICE_STREAMS) {
        true => office(macros),
        false => vec![AttachmentType::Other],
    }
}

fn office(macros: Option<AttachmentType>) -> Vec<AttachmentType> {
    [AttachmentType::Office].into_iter().chain(macros).collect()
}

fn text_type(octets: &[u8], run: Option<AttachmentType>) -> AttachmentType {
    let text = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets).trim_ascii_start();
    let begins = |word: &str| {
        text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
    };
    let known = [
        ("BEGIN:VCALENDAR", AttachmentType::Calendar),
        ("-----BEGIN PGP SIGNATURE-----", AttachmentType::Signature),
        ("-----BEGIN PGP MESSAGE-----", AttachmentType::Encrypted),
        ("[InternetShortcut]", AttachmentType::Executable),
        ("#!", AttachmentType::Script),
        // Encoded by Microsoft's script encoder.
        ("#@~^", AttachmentType::Script),
        ("@echo off", AttachmentType::Script),
    ];
    let known = known.into_iter().find(|(word, _)| begins(word));
    run.or(known.map(|(_, one)| one)).unwrap_or(AttachmentType::Text)
}

/// A page that runs as a program of its own.
fn is_application(octets: &[u8]) -> bool {
    let head = octets.get(..HTML_HEAD.min(octets.len())).unwrap_or_default();
    has(&head.to_ascii_lowercase(), b"<hta:application")
}

fn binary_type(octets: &[u8], run: Option<AttachmentType>) -> AttachmentType {
    let at =
        |from: usize, magic: &[u8]| octets.get(from..).is_some_and(|rest| rest.starts_with(magic));
    let any = |magics: &[(usize, &[u8])]| magics.iter().any(|(from, magic)| at(*from, magic));
    let is_wave = at(0, b"RIFF") && any(&[(8, b"WAVE"), (8, b"AVI ")]);
    if any(&PROGRAMS) {
        AttachmentType::Executable
    } else if any(&ARCHIVES) {
        AttachmentType::Archive
    } else if is_wave || any(&RECORDINGS) {
        AttachmentType::Recording
    } else {
        // A program for DOS begins with whatever it does first.
        run.unwrap_or(AttachmentType::Other)
    }
}

/// Whether a computer would run a file of that name, whatever is in it.
fn run_by_name(name: &str) -> Option<AttachmentType> {
    // Windows takes dots and blanks at the end for nothing.
    let name = name.trim_end_matches(|letter: char| letter == '.' || letter.is_whitespace());
    let (_, ending) = name.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    if SCRIPT_ENDINGS.contains(&ending.as_str()) {
        Some(AttachmentType::Script)
    } else if PROGRAM_ENDINGS.contains(&ending.as_str()) {
        Some(AttachmentType::Executable)
    } else {
        None
    }
}

fn has(octets: &[u8], needle: &[u8]) -> bool {
    memmem::find(octets, needle).is_some()
}

/// In the place of every field of a header, also of messages within.
const HEADER_FIELD: &str = "header:";
/// Where the first member of an OpenDocument file has its name.
const MIMETYPE: usize = 30;
const HTML_HEAD: usize = 4096;

const OFFICE_STREAMS: [&str; 7] = [
    "WordDocument",
    "Workbook",
    "Book",
    "PowerPoint Document",
    "VisioDocument",
    "EncryptedPackage",
    "Quill",
];

/// The classes of Windows Installer's packages, transforms and patches.
const INSTALLERS: [&[u8]; 3] = [
    b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46",
    b"\x82\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46",
    b"\x86\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46",
];

const PROGRAMS: [(usize, &[u8]); 10] = [
    (0, b"\xfe\xed\xfa\xce"),
    (0, b"\xfe\xed\xfa\xcf"),
    (0, b"\xce\xfa\xed\xfe"),
    (0, b"\xcf\xfa\xed\xfe"),
    // For several processors, and classes of Java.
    (0, b"\xca\xfe\xba\xbe"),
    (0, b"\0asm"),
    (0, b"dex\n"),
    // A shortcut (MS-SHLLINK section 2.1), and help that runs scripts.
    (0, b"\x4c\0\0\0\x01\x14\x02\0"),
    (0, b"ITSF"),
    // An installer of macOS.
    (0, b"xar!"),
];

const ARCHIVES: [(usize, &[u8]); 9] = [
    // Disks' images: ISO 9660, UDF, virtual machines'.
    (0x8001, b"CD001"),
    (0x8001, b"BEA01"),
    (0, b"vhdxfile"),
    (0, b"conectix"),
    (0, b"KDMV"),
    (0, b"QFI\xfb"),
    (0, b"\x60\xea"),
    (2, b"-lh"),
    (7, b"**ACE**"),
];

const RECORDINGS: [(usize, &[u8]); 11] = [
    (0, b"ID3"),
    (0, b"\xff\xfb"),
    (0, b"\xff\xf3"),
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"#!AMR"),
    (8, b"AIFF"),
    (0, b".snd"),
    (4, b"ftyp"),
    (0, b"\x1a\x45\xdf\xa3"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
];

/// What Windows, Office and Unix hand to an interpreter.
const SCRIPT_ENDINGS: [&str; 25] = [
    "js",
    "jse",
    "mjs",
    "vb",
    "vbs",
    "vbe",
    "ws",
    "wsf",
    "wsh",
    "wsc",
    "sct",
    "hta",
    "ps1",
    "psm1",
    "ps1xml",
    "psc1",
    "bat",
    "cmd",
    "sh",
    "py",
    "pyw",
    "rb",
    "pl",
    "applescript",
    "ahk",
];

const PROGRAM_ENDINGS: [&str; 20] = [
    "exe", "com", "scr", "pif", "cpl", "msi", "msp", "mst", "dll", "ocx", "sys", "jar", "jnlp",
    "lnk", "url", "reg", "inf", "scf", "chm", "gadget",
];

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;

    use super::*;
    use crate::content::InPlace;

    fn attached(message: &str) -> Vec<&'static str> {
        let content = Content::parse(Bytes::from(message.replace('\n', "\r\n")));
        let extract = content.extract(&mut InPlace::default());
        content.attachment_types(&extract).iter().map(|one| one.name()).collect()
    }

    /// A message with one file of that name beside its text.
    fn with_file(name: &str, octets: &[u8]) -> Vec<&'static str> {
        let encoded = base64(octets);
        attached(&format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\n\
             Content-Type: application/octet-stream; name=\"{name}\"\n\
             Content-Disposition: attachment; filename=\"{name}\"\n\
             Content-Transfer-Encoding: base64\n\n{encoded}\n--b--\n"
        ))
    }

    fn base64(octets: &[u8]) -> String {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(octets)
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, octets) in files {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(octets).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    const PROGRAM: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";

    #[test]
    fn files_are_told_by_what_they_are_made_of_and_not_by_their_names() {
        let cases: [(&str, &[u8], &[&str]); 16] = [
            ("letter.pdf", PROGRAM, &["executable"]),
            ("setup.exe", b"%PDF-1.7\n", &["pdf"]),
            ("a.bin", b"\x7fELF\x02\x01\x01\0", &["executable"]),
            ("a", b"\x4c\0\0\0\x01\x14\x02\0\0\0", &["executable"]),
            ("a.doc", b"{\\rtf1 hello}", &["office"]),
            ("a.dat", b"\x89PNG\r\n\x1a\n\0", &["picture"]),
            ("a.jpg", b"7z\xbc\xaf\x27\x1c\0\x04", &["archive"]),
            ("dictation.txt", b"ID3\x03\0\0\0\0\0\x21", &["recording"]),
            ("table.csv", b"name;number\r\n", &["text"]),
            ("page.txt", b"<html><body>x</body></html>", &["html"]),
            ("x.txt", b"<html><head><HTA:APPLICATION id=x></head></html>", &["script"]),
            ("x.txt", b"#!/bin/sh\nrm -r .\n", &["script"]),
            ("x.txt", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", &["calendar"]),
            (
                "x.txt",
                b"From: a@x.example\r\nMessage-ID: <1@x.example>\r\nSubject: x\r\n\r\nx\r\n",
                &["message"],
            ),
            ("x.dat", b"\x01\x02\0\x03", &["other"]),
            ("x.dat", b"", &[]),
        ];
        for (name, octets, expected) in cases {
            assert_eq!(with_file(name, octets), expected, "{name}");
        }
    }

    #[test]
    fn a_name_says_what_is_run_where_the_octets_do_not() {
        assert_eq!(with_file("invoice.txt.js. ", b"alert(1)"), ["script"]);
        assert_eq!(with_file("run.COM", b"\xb8\0\x4c\xcd\x21\0"), ["executable"]);
        assert_eq!(with_file("letter.js.txt", b"alert(1)"), ["text"]);
    }

    #[test]
    fn what_an_archive_holds_is_told_too() {
        let inner = zipped(&[("setup", PROGRAM)]);
        let outer = zipped(&[("letter.txt", b"hello"), ("more.zip", &inner)]);
        assert_eq!(with_file("letters.zip", &outer), ["executable", "archive", "text"]);
        let mail: &[u8] = b"Message-ID: <1@x.com>\r\nTo: a@x.com\r\n\r\nhello\r\n";
        let letters = zipped(&[("letter.eml", mail)]);
        assert_eq!(with_file("letters.zip", &letters), ["archive", "message"]);
    }

    #[test]
    fn an_office_document_is_no_archive_and_its_macros_are_told() {
        let parts: &[(&str, &[u8])] =
            &[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>")];
        assert_eq!(with_file("a.docx", &zipped(parts)), ["office"]);
        let with_macros = [parts, &[("word/vbaProject.bin", b"x".as_slice())]].concat();
        let found = with_file("a.docx", &zipped(&with_macros));
        assert!(found.contains(&"office") && found.contains(&"macro"), "{found:?}");
        assert!(!found.contains(&"archive"), "{found:?}");
    }

    #[test]
    fn what_an_archive_with_a_password_holds_is_told_by_its_names() {
        let mut archive = zipped(&[("invoice.pdf.exe", b"some octets, as many as there are")]);
        // Bit 0 of the flags, in front of the file and in the directory (APPNOTE 4.4.4).
        for (magic, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
            let at = memmem::find(&archive, magic).unwrap();
            archive[at + flags] |= 1;
        }
        assert_eq!(with_file("a.zip", &archive), ["executable", "archive"]);
    }

    #[test]
    fn what_is_displayed_is_not_attached() {
        assert!(attached("To: a@x.com\nSubject: run setup.exe\n\nhello\n").is_empty());
        let page = "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\n\
                    Content-Type: text/html\n\n<p>x</p>\n--b--\n";
        assert!(attached(page).is_empty());
        let forwarded = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n\
                         Content-Type: message/rfc822\n\nSubject: y\n\nhello\n--b--\n";
        assert_eq!(attached(forwarded), ["message"]);
    }
}

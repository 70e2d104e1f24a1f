//! OpenDocument packages (ISO/IEC 26300 parts 1 and 3): headers and footers
//! stand in the styles, objects in folders of their own, and a password
//! shows in the manifest.

use super::{
    data::Data,
    package::{Package, is_picture},
    properties::Properties,
    story::Story,
    xml::{self, Element, Visit},
};
use crate::{content::document::gatherer::Gatherer, mail::OpaqueReason};

pub(super) fn read(
    path: &str,
    package: &mut Package,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let mut manifest = Manifest::default();
    if let Some(name) = package.named("META-INF/manifest.xml").map(str::to_owned) {
        xml::walk(&package.xml(&name, gatherer)?, &mut manifest)?;
    }
    if manifest.is_encrypted {
        return Err(OpaqueReason::Encrypted);
    }
    let mut names = package.names().to_vec();
    names.retain(|name| !name.ends_with('/'));
    names.sort_by_key(|name| rank(name));
    let mut parts = Parts { package, gatherer, trouble: None };
    let mut story = Story::default();
    let mut others = Others::default();
    let mut files = Vec::new();
    for name in names {
        match name.rsplit('/').next().unwrap_or_default() {
            "styles.xml" | "content.xml" => parts.walk(&name, &mut story),
            "meta.xml" => parts.walk(&name, &mut others.properties),
            _ if is_furniture(&name) => {}
            _ => match xml::root(&xml::decode(&parts.package.head(&name))) {
                // The pages of books have the same wrapping.
                Some(root) if root == "html" => parts.page(path, &name),
                Some(_) => parts.walk(&name, &mut others.data),
                None => files.push(name),
            },
        }
    }
    story.finish(path, parts.gatherer);
    parts.gatherer.text(&format!("{path}:properties"), others.properties.text);
    parts.gatherer.text(&format!("{path}:data"), others.data.text);
    parts.files(path, &files);
    parts.trouble.map_or(Ok(()), Err)
}

#[derive(Default)]
struct Others {
    properties: Properties,
    data: Data,
}

struct Parts<'a> {
    package: &'a mut Package,
    gatherer: &'a mut Gatherer,
    /// The first thing that could not be read.
    trouble: Option<OpaqueReason>,
}

impl Parts<'_> {
    fn walk(&mut self, name: &str, visitor: &mut impl Visit) {
        let read = self.package.xml(name, self.gatherer);
        if let Err(reason) = read.and_then(|text| xml::walk(&text, visitor)) {
            self.trouble.get_or_insert(reason);
        }
    }

    fn page(&mut self, path: &str, name: &str) {
        match self.package.xml(name, self.gatherer) {
            Ok(text) => self.gatherer.html(path, &text),
            Err(reason) => {
                self.trouble.get_or_insert(reason);
            }
        }
    }

    /// Files within; one picture stands for all.
    fn files(&mut self, path: &str, names: &[String]) {
        let mut pictured = false;
        for (number, name) in names.iter().enumerate() {
            let path = format!("{path}/{}", number + 1);
            if is_picture(&self.package.head(name)) {
                if !std::mem::replace(&mut pictured, true) {
                    self.gatherer.unread(&path, OpaqueReason::Picture);
                }
                continue;
            }
            match self.package.file(name, self.gatherer) {
                Ok(octets) => self.gatherer.file(&path, name.rsplit('/').next(), octets),
                Err(reason) => self.gatherer.unread(&path, reason),
            }
        }
    }
}

/// Headers and footers first, as in a letter: they often say who it is about.
fn rank(name: &str) -> u8 {
    match name {
        "styles.xml" => 0,
        "content.xml" => 1,
        _ => 2,
    }
}

/// What programs keep for themselves. The thumbnail is of the first page.
fn is_furniture(name: &str) -> bool {
    let starts = |folder: &&str| name.starts_with(*folder);
    FURNITURE.contains(&name)
        || FURNISHED.iter().any(starts)
        || name.ends_with("/settings.xml")
        || name.ends_with("/manifest.rdf")
}

const FURNITURE: [&str; 4] = ["mimetype", "settings.xml", "manifest.rdf", "layout-cache"];
const FURNISHED: [&str; 4] =
    ["META-INF/", "Configurations2/", "Thumbnails/", "ObjectReplacements/"];

#[derive(Default)]
struct Manifest {
    is_encrypted: bool,
}

impl Visit for Manifest {
    fn start(&mut self, element: &Element<'_>) {
        self.is_encrypted |= element.name() == "encryption-data";
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

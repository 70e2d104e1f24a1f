//! What a group is for (specification 1.9.1, "Destination Control Words").

/// Where the text of a group goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Destination {
    /// The page that is open: the body, a header, a note.
    #[default]
    Page,
    /// A line among the properties.
    Property,
    /// A line beside the text: codes of fields, help texts.
    Aside,
    FontTable,
    /// A shape's property: its name, and its value.
    ShapeName,
    ShapeValue,
    /// Markup of HTML that is written in RTF.
    HtmlTag,
    Picture,
    /// An embedded object's octets, in hexadecimal.
    Object,
    Skipped,
}

/// What a destination word starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starts {
    /// Text for that destination.
    Text(Destination),
    /// A page of its own, shown behind the paragraph it is fixed to.
    Block,
    Comment,
    /// A shape, whose text may stand in it twice.
    Shape,
    ShapeText,
    /// The same for programs that know no shapes.
    ShapeResult,
    /// The same text as in the group around it, in Unicode.
    Unicode,
    /// Nothing: what it holds is for the group's own destination.
    Through,
}

/// None for words that start no destination.
pub(super) fn of(word: &str) -> Option<Starts> {
    use Destination::{
        Aside, FontTable, HtmlTag, Object, Picture, Property, ShapeName, ShapeValue, Skipped,
    };
    let known = |words: &[&str]| words.contains(&word);
    Some(match word {
        "fonttbl" => Starts::Text(FontTable),
        "sn" => Starts::Text(ShapeName),
        "sv" => Starts::Text(ShapeValue),
        "htmltag" => Starts::Text(HtmlTag),
        "pict" => Starts::Text(Picture),
        "objdata" => Starts::Text(Object),
        "annotation" => Starts::Comment,
        "shp" | "do" => Starts::Shape,
        "shptxt" | "dptxbxtext" => Starts::ShapeText,
        "shprslt" => Starts::ShapeResult,
        "upr" => Starts::Text(Skipped),
        "ud" => Starts::Unicode,
        _ if known(&BLOCKS) => Starts::Block,
        _ if known(&PROPERTIES) => Starts::Text(Property),
        _ if known(&ASIDE) => Starts::Text(Aside),
        _ if known(&SKIPPED) => Starts::Text(Skipped),
        _ if known(&THROUGH) => Starts::Through,
        _ => return None,
    })
}

const BLOCKS: [&str; 9] = [
    "footer", "footerf", "footerl", "footerr", "footnote", "header", "headerf", "headerl",
    "headerr",
];
const PROPERTIES: [&str; 13] = [
    "author",
    "category",
    "comment",
    "company",
    "doccomm",
    "hlinkbase",
    "keywords",
    "manager",
    "operator",
    "propname",
    "staticval",
    "subject",
    "title",
];
const ASIDE: [&str; 14] = [
    "docvar",
    "ffdeftext",
    "ffentrymcr",
    "ffexitmcr",
    "ffhelptext",
    "ffl",
    "ffname",
    "ffstattext",
    "fldinst",
    "linkval",
    "tc",
    "tcn",
    "xe",
    "wgrffmtfilter",
];
/// Known, and without text that anybody wrote into this document.
const SKIPPED: [&str; 36] = [
    "aftncn",
    "aftnsep",
    "aftnsepc",
    "atnauthor",
    "atndate",
    "atnicn",
    "atnid",
    "atnparent",
    "atnref",
    "atntime",
    "atrfend",
    "atrfstart",
    "bkmkend",
    "bkmkstart",
    "blipuid",
    "buptim",
    "colortbl",
    "creatim",
    "datafield",
    "falt",
    "filetbl",
    "fontemb",
    "ftncn",
    "ftnsep",
    "ftnsepc",
    "generator",
    "listpicture",
    "listtable",
    "mhtmltag",
    "nonesttables",
    "panose",
    "pntxta",
    "pntxtb",
    "printim",
    "revtim",
    "stylesheet",
];
/// They may be starred, and hold what is read.
const THROUGH: [&str; 19] = [
    "field",
    "fldrslt",
    "formfield",
    "info",
    "listtext",
    "nestcell",
    "nesttableprops",
    "object",
    "objattph",
    "pntext",
    "result",
    "rtf",
    "shpgrp",
    "shpinst",
    "sp",
    "userprops",
    "mmath",
    "shppict",
    "picprop",
];

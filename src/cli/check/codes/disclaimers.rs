//! What may be wrong with tag lines and banners.

use super::{Code, situation, written};

pub(super) const CODES: &[Code] = &[
    written(
        "disclaimer-unknown",
        "The rule asks for a tag line that is not in disclaimers/.",
        "rules.toml",
        [
            "[[rule]]\nname = \"tagged\"\nwhen = {}\ndisclaimer = \"tags\"",
            "[[rule]]\nname = \"tagged\"\nwhen = {}\ndisclaimer = \"tag\"",
        ],
    ),
    written(
        "disclaimer-half",
        "Mail is read as plain text and as HTML, so a tag line has both: NAME.txt and NAME.html.",
        "disclaimers/half.txt",
        ["Confidential.", ""],
    ),
    written(
        "disclaimer-empty",
        "The tag line says nothing.",
        "disclaimers/tag.txt",
        ["   ", "Confidential."],
    ),
    written(
        "disclaimer-stray",
        "Tag lines end in .txt and .html; nothing reads this file.",
        "disclaimers/notes.md",
        ["Which tag line is whose.", ""],
    ),
    situation(
        "disclaimer-long",
        "The tag line goes with every message, and is longer than anybody reads.",
        ["it has more than 4,096 octets", "say it shorter, and link to the rest"],
        "tests/policies/disclaimers/expected.txt",
    ),
    written(
        "disclaimer-wide",
        "Lines of plain text that are wider than 76 columns are broken anywhere on their way.",
        "disclaimers/tag.txt",
        [
            "This message is confidential, and whoever has it by mistake tells its sender and deletes it.",
            "This message is confidential, and whoever has it by mistake\ntells its sender and deletes it.",
        ],
    ),
    written(
        "disclaimer-html",
        "The HTML of a tag line is text with its styles written in place. It fetches nothing, runs nothing, hides nothing and closes what it opens.",
        "disclaimers/tag.html",
        [
            "<p lang=\"en\">Confidential. <img src=\"https://example.com/seal.png\"></p>",
            "<p lang=\"en\">Confidential.</p>",
        ],
    ),
    written(
        "disclaimer-unreadable",
        "Somebody could not read this: too small, too pale, or a link that does not say where it leads (WCAG 2.2).",
        "disclaimers/tag.html",
        [
            "<p lang=\"en\" style=\"color: #cccccc\">Confidential.</p>",
            "<p lang=\"en\" style=\"color: #333333\">Confidential.</p>",
        ],
    ),
    written(
        "disclaimer-language",
        "A screen reader speaks a tag line in the language that its first element names.",
        "disclaimers/tag.html",
        ["<p>Confidential.</p>", "<p lang=\"en\">Confidential.</p>"],
    ),
    written(
        "disclaimer-untranslated",
        "The organisation writes in several languages, and a tag line is not written in all of them.",
        "organisations/ZZ1.toml",
        [
            "ods = \"ZZ1\"\nname = \"A hospice\"\nsender_domains = \"hospice.example\"\nlanguages = [\"cy\", \"en\"]",
            "ods = \"ZZ1\"\nname = \"A hospice\"\nsender_domains = \"hospice.example\"\nlanguages = [\"en\"]",
        ],
    ),
];

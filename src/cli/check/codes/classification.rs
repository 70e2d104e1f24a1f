//! What may be wrong with `classification.toml`, `detectors/`, `terms/` and
//! `yara/`.

use super::{Code, situation, written};

pub(super) const CODES: &[Code] = &[
    written(
        "number-out-of-range",
        "The number is smaller or larger than makes sense here.",
        "classification.toml",
        ["report_at = 500", "report_at = 50"],
    ),
    written(
        "unknown-word",
        "Only some words may stand here, and this is none of them.",
        "terms/garden.toml",
        [
            "[[list]]\nname = \"plants\"\nkind = \"medicine\"\nwords = [\"foxglove\"]",
            "[[list]]\nname = \"plants\"\nkind = \"medication\"\nwords = [\"foxglove\"]",
        ],
    ),
    written(
        "name-twice",
        "Two detectors, lists or pieces of evidence have one name.",
        "terms/garden.toml",
        [
            "[[list]]\nname = \"plants\"\nkind = \"medication\"\nwords = [\"foxglove\"]\n[[list]]\nname = \"plants\"\nkind = \"medication\"\nwords = [\"digitalis\"]",
            "[[list]]\nname = \"plants\"\nkind = \"medication\"\nwords = [\"foxglove\", \"digitalis\"]",
        ],
    ),
    written(
        "evidence-of-nothing",
        "The evidence asks for no finding, so it is never there.",
        "classification.toml",
        [
            "[[evidence]]\nname = \"a number\"",
            "[[evidence]]\nname = \"a number\"\nkinds = [\"nhs_number\"]",
        ],
    ),
    written(
        "evidence-unknown-source",
        "The evidence comes from a detector or a list that there is not.",
        "classification.toml",
        [
            "[[evidence]]\nname = \"a plant\"\nfrom = [\"plants\"]",
            "[[evidence]]\nname = \"a number\"\nkinds = [\"nhs_number\"]",
        ],
    ),
    written(
        "combination-of-nothing",
        "The combination asks for no evidence.",
        "classification.toml",
        [
            "[[combination]]\nname = \"clinical\"\nlevel = 3",
            "[[evidence]]\nname = \"a number\"\nkinds = [\"nhs_number\"]\n[[combination]]\nname = \"clinical\"\nlevel = 3\nall = [\"a number\"]",
        ],
    ),
    written(
        "combination-without-level",
        "The combination does not say which level it comes to.",
        "classification.toml",
        [
            "[[evidence]]\nname = \"a number\"\nkinds = [\"nhs_number\"]\n[[combination]]\nname = \"clinical\"\nall = [\"a number\"]",
            "[[evidence]]\nname = \"a number\"\nkinds = [\"nhs_number\"]\n[[combination]]\nname = \"clinical\"\nlevel = 3\nall = [\"a number\"]",
        ],
    ),
    written(
        "combination-unknown-evidence",
        "The combination asks for evidence that there is not.",
        "classification.toml",
        [
            "[[combination]]\nname = \"clinical\"\nlevel = 3\nall = [\"a number\"]",
            "[[evidence]]\nname = \"a number\"\nkinds = [\"nhs_number\"]\n[[combination]]\nname = \"clinical\"\nlevel = 3\nall = [\"a number\"]",
        ],
    ),
    written(
        "detector-pattern",
        "The pattern is no regular expression.",
        "detectors/ward.toml",
        [
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = 'ward ('",
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = 'ward [0-9]+'",
        ],
    ),
    situation(
        "detector-large-pattern",
        "The pattern takes too much memory for what it finds.",
        [
            "it repeats a large class of letters many times",
            "write [A-Za-z] for \\p{L} and {1,20} for {1,500}, or cut it in two detectors",
        ],
        "tests/policies/detectors/expected.txt",
    ),
    written(
        "detector-slow-pattern",
        "The pattern is slow on any text that is not plain English.",
        "detectors/ward.toml",
        [
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = '\\bward [0-9]+'",
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = '(?-u:\\b)ward [0-9]+'",
        ],
    ),
    written(
        "detector-empty-match",
        "The pattern also matches nothing at all, and so is everywhere.",
        "detectors/ward.toml",
        [
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = '[0-9]*'",
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = '[0-9]+'",
        ],
    ),
    written(
        "detector-missed-example",
        "The detector's own example must be found, and is not.",
        "detectors/ward.toml",
        [
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = 'ward [0-9]+'\nmust_match = [\"ward seven\"]",
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = 'ward [0-9]+'\nmust_match = [\"ward 7\"]",
        ],
    ),
    written(
        "detector-false-example",
        "The detector's own example must not be found, and is.",
        "detectors/ward.toml",
        [
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = 'ward'\nmust_not_match = [\"a reward\"]",
            "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = '(?-u:\\b)ward'\nmust_not_match = [\"a reward\"]",
        ],
    ),
    written(
        "yara-rule",
        "The YARA rule cannot be compiled.",
        "yara/pattern.yar",
        [
            "rule letter { condition: $missing }",
            "rule letter { strings: $a = \"letter\" condition: $a }",
        ],
    ),
];

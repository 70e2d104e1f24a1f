//! What may be wrong with any file, and with cases.

use super::{Code, situation, written};

pub(super) const CODES: &[Code] = &[
    situation(
        "file-missing",
        "Every policy has policy.toml, domains.toml, classification.toml and rules.toml. Without one of them nothing is decided, rather than half of it.",
        [
            "a file of the four is not in the folder",
            "put it there, or name the right folder by --policies",
        ],
        "tests/policy/diagnostics.rs",
    ),
    situation(
        "file-not-utf8",
        "The file is not UTF-8, so a name in it may not be what it looks like.",
        ["an editor has saved the file in an encoding of its own", "save it as UTF-8"],
        "tests/policies/not-utf8/expected.txt",
    ),
    written(
        "file-stray",
        "Nothing reads this file: most likely there is a slip in its name.",
        "rule.toml",
        ["# rules, in a file called rule.toml", ""],
    ),
    written(
        "toml-syntax",
        "The line is not TOML. Text stands in quotes, a table opens with [[ and ends with ]], and what is opened is closed.",
        "rules.toml",
        [
            "[[rule]]\nname = \"a rule without an end\nwhen = {}",
            "[[rule]]\nname = \"a rule with an end\"\nwhen = {}\ntell = \"officers\"",
        ],
    ),
    situation(
        "key-retiring",
        "This key is still read, and a later version will not know it: the warning names the last that does.",
        ["an upgrade is to retire a key that a file has", "write what the warning says instead"],
        "src/policy/written.rs",
    ),
    written(
        "unknown-key",
        "This table has no such key. Whatever was meant by it would be left out without a word.",
        "rules.toml",
        [
            "[[rule]]\nname = \"hold it\"\nwhen = { directions = \"outbound\" }\ntell = \"officers\"",
            "[[rule]]\nname = \"hold it\"\nwhen = { direction = \"outbound\" }\ntell = \"officers\"",
        ],
    ),
    written(
        "missing-key",
        "This table cannot do without that key.",
        "rules.toml",
        [
            "[[rule]]\nname = \"watch it\"\ntell = \"officers\"",
            "[[rule]]\nname = \"watch it\"\nwhen = {}\ntell = \"officers\"",
        ],
    ),
    written(
        "wrong-type",
        "Something else belongs here: text in quotes, a number without them, true or false, a day such as 2027-03-31, or a list in [ ].",
        "rules.toml",
        [
            "[[rule]]\nname = \"tag it\"\nwhen = { secure_tag = \"yes\" }\ntell = \"officers\"",
            "[[rule]]\nname = \"tag it\"\nwhen = { secure_tag = true }\ntell = \"officers\"",
        ],
    ),
    written(
        "unknown-value",
        "Only some words may stand here, and this is none of them.",
        "rules.toml",
        [
            "[[rule]]\nname = \"stop it\"\nwhen = {}\nthen = \"quarantine\"\ntell = \"officers\"\nreason = \"An officer will look.\"",
            "[[rule]]\nname = \"stop it\"\nwhen = {}\nthen = \"hold\"\ntell = \"officers\"\nreason = \"An officer will look.\"",
        ],
    ),
    written(
        "address",
        "This is no mail address, so no message would ever match it.",
        "rules.toml",
        [
            "[[rule]]\nname = \"from imaging\"\nwhen = { sender = \"imaging\" }\ntell = \"officers\"",
            "[[rule]]\nname = \"from imaging\"\nwhen = { sender = \"imaging@mytrust.example\" }\ntell = \"officers\"",
        ],
    ),
    written(
        "case-expects-nothing",
        "A case that expects nothing cannot fail, and so shows nothing.",
        "tests/case.toml",
        [
            "name = \"a rota\"\nfrom = \"ward@mytrust.example\"\nfacts = { level = 0 }",
            "name = \"a rota\"\nfrom = \"ward@mytrust.example\"\nfacts = { level = 0 }\nlevel = 0",
        ],
    ),
    written(
        "case-message",
        "The message of a case stands in the folder tests, beside the case.",
        "tests/case.toml",
        [
            "name = \"a rota\"\nfrom = \"ward@mytrust.example\"\nmessage = \"../rota.eml\"\nlevel = 0",
            "name = \"a rota\"\nfrom = \"ward@mytrust.example\"\nmessage = \"rota.eml\"\nlevel = 0",
        ],
    ),
    written(
        "case-several",
        "Above the first [[case]] stands only what holds for all of them: `from` and `direction`.",
        "tests/case.toml",
        [
            "from = \"ward@mytrust.example\"\nlevel = 0\n[[case]]\nname = \"a rota\"\nmail = 'Subject: rota'\nlevel = 0",
            "from = \"ward@mytrust.example\"\n[[case]]\nname = \"a rota\"\nmail = 'Subject: rota'\nlevel = 0",
        ],
    ),
    written(
        "case-subject",
        "A case is about one thing: `facts`, a `message` in a file, or `mail` written out.",
        "tests/case.toml",
        [
            "name = \"a rota\"\nfrom = \"ward@mytrust.example\"\nfacts = {}\nmail = 'Subject: rota'\nlevel = 0",
            "name = \"a rota\"\nfrom = \"ward@mytrust.example\"\nmail = 'Subject: rota'\nlevel = 0",
        ],
    ),
    situation(
        "case-failed",
        "A case was run by `postern test`, and something came of it that it does not expect.",
        [
            "the policy, or the case, says other than was meant",
            "read by which rule it was decided, and change the one that is wrong",
        ],
        "src/cli/test/junit.rs",
    ),
];

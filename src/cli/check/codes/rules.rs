//! What may be wrong with rules, exemptions, invariants and organisations.

use super::{Code, written};

pub(super) const CODES: &[Code] = &[
    written(
        "rule-without-reason",
        "A rule that stops mail says why, in words that the sender reads. Without them nobody knows what to do next.",
        "rules.toml",
        [
            "[[rule]]\nname = \"stop it\"\nwhen = { level = 4 }\nthen = \"reject\"",
            "[[rule]]\nname = \"stop it\"\nwhen = { level = 4 }\nthen = \"reject\"\nreason = \"Take the patient's name out, or ring your officers.\"",
        ],
    ),
    written(
        "rule-tells-nobody",
        "Held mail waits until somebody looks, and this rule tells nobody that it is there.",
        "rules.toml",
        [
            "[[rule]]\nname = \"hold it\"\nwhen = { level = 4 }\nthen = \"hold\"\nreason = \"An officer will look.\"",
            "[[rule]]\nname = \"hold it\"\nwhen = { level = 4 }\nthen = \"hold\"\ntell = [\"sender\", \"officers\"]\nreason = \"An officer will look.\"",
        ],
    ),
    written(
        "rule-does-nothing",
        "The rule asks for nothing: whatever it matches goes as it would have gone.",
        "rules.toml",
        [
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }",
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"",
        ],
    ),
    written(
        "rule-never-matches",
        "What the rule asks for excludes itself, so it protects nobody.",
        "rules.toml",
        [
            "[[rule]]\nname = \"nothing to the internet\"\nwhen = { destination = \"internet\", level = 0, level_above_clearance = true }\ntell = \"officers\"",
            "[[rule]]\nname = \"nothing to the internet\"\nwhen = { destination = \"internet\", level_above_clearance = true }\ntell = \"officers\"",
        ],
    ),
    written(
        "rule-shadowed",
        "Wherever the rule matches, a stricter one does as well and asks for all that it asks for: it changes nothing. Told so that nobody relies on it.",
        "rules.toml",
        [
            "[[rule]]\nname = \"level 3 and above\"\nwhen = { level = \">=3\" }\ntls = \"verified\"\n[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"encrypted\"",
            "[[rule]]\nname = \"level 3 and above\"\nwhen = { level = \">=3\" }\ntls = \"encrypted\"\n[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"",
        ],
    ),
    written(
        "rule-canary",
        "The share of senders on whom a rule is tried is a percentage, more than none and less than all.",
        "rules.toml",
        [
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"\ncanary = \"a tenth\"",
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"\ncanary = \"10%\"",
        ],
    ),
    written(
        "rule-canary-observes",
        "A rule that observes is enforced for nobody, so that no share of senders can be tried.",
        "rules.toml",
        [
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"\nmode = \"observe\"\ncanary = \"10%\"",
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"\ncanary = \"10%\"",
        ],
    ),
    written(
        "exemption-lifts-nothing",
        "Nothing that the exemption speaks of is matched by a rule it lifts.",
        "rules.toml",
        [
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"\n[[exemption]]\nrules = [\"level 4\"]\nwhen = { level = 2 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
            "[[rule]]\nname = \"level 4\"\nwhen = { level = 4 }\ntls = \"verified\"\n[[exemption]]\nrules = [\"level 4\"]\nwhen = { level = 4, sender = \"a@x.example\" }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
        ],
    ),
    written(
        "rule-duplicate",
        "Two rules have one name, so that neither an exemption nor an audit line says which is meant.",
        "rules.toml",
        [
            "[[rule]]\nname = \"one\"\nwhen = { level = 3 }\ntls = \"verified\"\n[[rule]]\nname = \"one\"\nwhen = { level = 4 }\ntls = \"verified\"",
            "[[rule]]\nname = \"one\"\nwhen = { level = 3 }\ntls = \"verified\"\n[[rule]]\nname = \"two\"\nwhen = { level = 4 }\ntls = \"verified\"",
        ],
    ),
    written(
        "rule-expired",
        "The rule's last day is past: it counts no longer.",
        "rules.toml",
        [
            "[[rule]]\nname = \"for the move\"\nwhen = { level = 3 }\ntls = \"verified\"\nexpires = 2020-01-31",
            "[[rule]]\nname = \"for the move\"\nwhen = { level = 3 }\ntls = \"verified\"\nexpires = 2099-01-31",
        ],
    ),
    written(
        "rule-expires-soon",
        "The rule ends within thirty days, and what it stops goes the day after. Told in time to ask whether it is still needed.",
        "rules.toml",
        [
            "[[rule]]\nname = \"for the move\"\nwhen = { level = 3 }\ntls = \"verified\"\nexpires = 2026-12-01    # read on 22 November",
            "[[rule]]\nname = \"for the move\"\nwhen = { level = 3 }\ntls = \"verified\"\nexpires = 2027-12-01",
        ],
    ),
    written(
        "rule-redirect-nowhere",
        "A rule that redirects says where to, and not where the mail would have gone anyway.",
        "rules.toml",
        [
            "[[rule]]\nname = \"by the portal\"\nwhen = { secure_tag = true }\nthen = \"redirect\"\nreason = \"It goes by the portal.\"",
            "[[rule]]\nname = \"by the portal\"\nwhen = { secure_tag = true }\nthen = \"redirect\"\nredirect_to = \"smtp://portal.example:25\"\nreason = \"It goes by the portal.\"",
        ],
    ),
    written(
        "rule-redirect-unused",
        "`redirect_to` has no effect in a rule that does not redirect.",
        "rules.toml",
        [
            "[[rule]]\nname = \"by the portal\"\nwhen = { secure_tag = true }\ntls = \"verified\"\nredirect_to = \"smtp://portal.example:25\"",
            "[[rule]]\nname = \"by the portal\"\nwhen = { secure_tag = true }\ntls = \"verified\"",
        ],
    ),
    written(
        "rule-fallback-nowhere",
        "A fallback stands in for a mail system that cannot be reached safely, so it is another host.",
        "rules.toml",
        [
            "[[rule]]\nname = \"protected\"\nwhen = { level = 3 }\ntls = \"verified\"\nfallback = \"mx\"",
            "[[rule]]\nname = \"protected\"\nwhen = { level = 3 }\ntls = \"verified\"\nfallback = \"smtp://portal.example:25\"",
        ],
    ),
    written(
        "rule-protected-unused",
        "`protected` says how sealed mail bears a tag line or a banner, and the rule has neither.",
        "rules.toml",
        [
            "[[rule]]\nname = \"wrapped\"\nwhen = {}\ntag_subject = \"[EXTERNAL]\"\nprotected = \"wrap\"",
            "[[rule]]\nname = \"wrapped\"\nwhen = {}\ndisclaimer = \"tag\"\nprotected = \"wrap\"",
        ],
    ),
    written(
        "next-hop",
        "This is no place where mail can go. It is `mx`, `smtp://host:port`, `lmtp://host:port` or `maildir:PATH`.",
        "rules.toml",
        [
            "[[rule]]\nname = \"protected\"\nwhen = { level = 3 }\nfallback = \"portal.example\"",
            "[[rule]]\nname = \"protected\"\nwhen = { level = 3 }\nfallback = \"smtp://portal.example:25\"",
        ],
    ),
    written(
        "range-malformed",
        "A range is a number, or text such as \">=3\", \"2..4\" or, for sizes, \">25 MiB\".",
        "rules.toml",
        [
            "[[rule]]\nname = \"large\"\nwhen = { size = \"about 25 MiB\" }\ntell = \"officers\"",
            "[[rule]]\nname = \"large\"\nwhen = { size = \">25 MiB\" }\ntell = \"officers\"",
        ],
    ),
    written(
        "range-empty",
        "No number is within this range.",
        "rules.toml",
        [
            "[[rule]]\nname = \"in between\"\nwhen = { level = \"3..2\" }\ntell = \"officers\"",
            "[[rule]]\nname = \"in between\"\nwhen = { level = \"2..3\" }\ntell = \"officers\"",
        ],
    ),
    written(
        "level-range",
        "Levels and clearances are numbers from 0 to 4.",
        "rules.toml",
        [
            "[[rule]]\nname = \"beyond\"\nwhen = { level = 5 }\ntell = \"officers\"",
            "[[rule]]\nname = \"beyond\"\nwhen = { level = 4 }\ntell = \"officers\"",
        ],
    ),
    written(
        "time-window",
        "The time is never, or always. Write days, or hours that differ, or both.",
        "rules.toml",
        [
            "[[rule]]\nname = \"at night\"\nwhen = { time = { from = \"08:00\", to = \"08:00\" } }\ntell = \"officers\"",
            "[[rule]]\nname = \"at night\"\nwhen = { time = { from = \"18:00\", to = \"08:00\" } }\ntell = \"officers\"",
        ],
    ),
    written(
        "time-of-day",
        "This is no time of day: hours and minutes, such as 18:00.",
        "rules.toml",
        [
            "[[rule]]\nname = \"at night\"\nwhen = { time = { from = \"6 pm\", to = \"08:00\" } }\ntell = \"officers\"",
            "[[rule]]\nname = \"at night\"\nwhen = { time = { from = \"18:00\", to = \"08:00\" } }\ntell = \"officers\"",
        ],
    ),
    written(
        "time-zone",
        "There is no such time zone. Without one, that of London is meant.",
        "rules.toml",
        [
            "[[rule]]\nname = \"at night\"\nwhen = { time = { from = \"18:00\", to = \"08:00\", zone = \"London\" } }\ntell = \"officers\"",
            "[[rule]]\nname = \"at night\"\nwhen = { time = { from = \"18:00\", to = \"08:00\" } }\ntell = \"officers\"",
        ],
    ),
    written(
        "organisation-unknown",
        "No file of organisations/ has this ODS code, so the rule would match nobody's mail.",
        "rules.toml",
        [
            "[[rule]]\nname = \"theirs\"\nwhen = { organisation = \"ZZ9\" }\ntell = \"officers\"",
            "[[rule]]\nname = \"theirs\"\nwhen = { sender_domain = \"hospice.example\" }\ntell = \"officers\"",
        ],
    ),
    written(
        "template-field",
        "What stands in { } is filled in when the sentence is used, and this is none of the names that can be.",
        "rules.toml",
        [
            "[[rule]]\nname = \"hold it\"\nwhen = { level = 4 }\nthen = \"reject\"\nreason = \"{recipent} is not cleared for it.\"",
            "[[rule]]\nname = \"hold it\"\nwhen = { level = 4 }\nthen = \"reject\"\nreason = \"{recipient} is not cleared for it.\"",
        ],
    ),
    written(
        "template-open",
        "A { begins a field, and no } ends it.",
        "rules.toml",
        [
            "[[rule]]\nname = \"hold it\"\nwhen = { level = 4 }\nthen = \"reject\"\nreason = \"{recipient is not cleared for it.\"",
            "[[rule]]\nname = \"hold it\"\nwhen = { level = 4 }\nthen = \"reject\"\nreason = \"{recipient} is not cleared for it.\"",
        ],
    ),
    written(
        "subject-tag",
        "A tag in the subject is short and of plain letters, so that every mail program shows it as it is.",
        "rules.toml",
        [
            "[[rule]]\nname = \"mark it\"\nwhen = {}\ntag_subject = \"[DE L’EXTÉRIEUR]\"",
            "[[rule]]\nname = \"mark it\"\nwhen = {}\ntag_subject = \"[EXTERNAL]\"",
        ],
    ),
    written(
        "header-name",
        "The name of a header field is of plain letters without blanks or a colon (RFC 5322).",
        "rules.toml",
        [
            "[[rule]]\nname = \"note it\"\nwhen = {}\nadd_headers = { \"X Level\" = \"{level}\" }",
            "[[rule]]\nname = \"note it\"\nwhen = {}\nadd_headers = { X-Level = \"{level}\" }",
        ],
    ),
    written(
        "header-content",
        "The content of a header field is a line of plain letters.",
        "rules.toml",
        [
            "[[rule]]\nname = \"note it\"\nwhen = {}\nadd_headers = { X-Level = \"né {level}\" }",
            "[[rule]]\nname = \"note it\"\nwhen = {}\nadd_headers = { X-Level = \"level {level}\" }",
        ],
    ),
    written(
        "header-protected",
        "A message has one such field, or is delivered, traced or signed by it; a rule adds none.",
        "rules.toml",
        [
            "[[rule]]\nname = \"note it\"\nwhen = {}\nadd_headers = { From = \"{level}\" }",
            "[[rule]]\nname = \"note it\"\nwhen = {}\nadd_headers = { X-Level = \"{level}\" }",
        ],
    ),
    written(
        "header-removed",
        "This is no name of header fields that may be taken out: plain letters, and a * only at its end.",
        "rules.toml",
        [
            "[[rule]]\nname = \"clean it\"\nwhen = {}\nremove_headers = \"X-*-Internal\"",
            "[[rule]]\nname = \"clean it\"\nwhen = {}\nremove_headers = \"X-Internal-*\"",
        ],
    ),
    written(
        "exemption-for-all",
        "An exemption for everybody lifts the rule itself. Say for whom it is, or take the rule out.",
        "rules.toml",
        [
            "[[rule]]\nname = \"r\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"r\"\nwhen = {}\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
            "[[rule]]\nname = \"r\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"r\"\nwhen = { recipient_domain = \"partner.example\" }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
        ],
    ),
    written(
        "exemption-unknown-rule",
        "There is no rule of that name, so the exemption lifts nothing.",
        "rules.toml",
        [
            "[[rule]]\nname = \"protected\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"protect\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
            "[[rule]]\nname = \"protected\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"protected\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
        ],
    ),
    written(
        "exemption-expired",
        "The exemption's last day is past, and the rules it lifted are back.",
        "rules.toml",
        [
            "[[rule]]\nname = \"r\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"r\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2020-01-31",
            "[[rule]]\nname = \"r\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"r\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
        ],
    ),
    written(
        "exemption-expires-soon",
        "The exemption ends within thirty days, and the rules it lifts are back the day after. Told in time to ask its owner.",
        "rules.toml",
        [
            "[[rule]]\nname = \"r\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"r\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2026-12-01    # read on 22 November",
            "[[rule]]\nname = \"r\"\nwhen = {}\ntls = \"verified\"\n[[exemption]]\nrules = \"r\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2027-12-01",
        ],
    ),
    written(
        "exemption-national-rule",
        "An organisation loosens its own rules only. A national rule is lifted in rules.toml, by whoever answers for it.",
        "organisations/ZZ1.toml",
        [
            "ods = \"ZZ1\"\nname = \"A hospice\"\nsender_domains = \"hospice.example\"\n[[exemption]]\nrules = \"tagged\"\nwhen = { level = 0 }\nowner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2099-01-31",
            "ods = \"ZZ1\"\nname = \"A hospice\"\nsender_domains = \"hospice.example\"",
        ],
    ),
    written(
        "organisation-name",
        "An organisation's file is named by its ODS code, so that it is found.",
        "organisations/ZZ1.toml",
        [
            "ods = \"ZZ2\"\nname = \"A hospice\"\nsender_domains = \"hospice.example\"",
            "ods = \"ZZ1\"\nname = \"A hospice\"\nsender_domains = \"hospice.example\"",
        ],
    ),
    written(
        "invariant-duplicate",
        "Two invariants have one name, so that a proof does not say which is broken.",
        "policy.toml",
        [
            "[[invariant]]\nname = \"i\"\nnever = { level = 4, disposition = \"relay\" }\n[[invariant]]\nname = \"i\"\nnever = { level = 3, disposition = \"relay\" }",
            "[[invariant]]\nname = \"i\"\nnever = { level = 4, disposition = \"relay\" }\n[[invariant]]\nname = \"j\"\nnever = { level = 3, disposition = \"relay\" }",
        ],
    ),
    written(
        "invariant-without-outcome",
        "The invariant says when, but not what must not come of it, so it forbids nothing.",
        "policy.toml",
        [
            "[[invariant]]\nname = \"i\"\nnever = { level = 4 }",
            "[[invariant]]\nname = \"i\"\nnever = { level = 4, tls_below = \"verified\" }",
        ],
    ),
    written(
        "rollout-enforce-to",
        "Where everything is enforced, `enforce_to` has no effect.",
        "policy.toml",
        [
            "[rollout]\nmode = \"enforce\"\nenforce_to = [\"partner.example\"]",
            "[rollout]\nmode = \"observe\"\nenforce_to = [\"partner.example\"]",
        ],
    ),
    written(
        "bad-address",
        "This is no mail address, so nobody would be told.",
        "policy.toml",
        ["officers = [\"officers\"]", "officers = [\"officers@mytrust.example\"]"],
    ),
];

//! What may be wrong with `domains.toml`.

use super::{Code, written};

pub(super) const CODES: &[Code] = &[
    written(
        "domain-name",
        "This is no domain. One domain is `nhs.net`; `*.gov.uk` is every domain below gov.uk.",
        "domains.toml",
        [
            "[[domain]]\nname = \".partner.example\"\nclearance = 3\ntls = \"encrypted\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"*.partner.example\"\nclearance = 3\ntls = \"encrypted\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-duplicate",
        "A domain has two entries, and nobody can say which is right.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nretired = \"closed\"\nowner = \"A. Officer\"\nevidence = \"letter\"\n[[domain]]\nname = \"A.example\"\nretired = \"closed\"\nowner = \"A. Officer\"\nevidence = \"letter\"",
            "[[domain]]\nname = \"a.example\"\nretired = \"closed\"\nowner = \"A. Officer\"\nevidence = \"letter\"",
        ],
    ),
    written(
        "domain-review-overdue",
        "Somebody was to look at the evidence again by that day. The approval still counts.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"encrypted\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2020-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"encrypted\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-retired",
        "A retired domain is no approval, so it has no clearance and no journey.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nretired = \"closed\"\nclearance = 3\nowner = \"A. Officer\"\nevidence = \"letter\"",
            "[[domain]]\nname = \"a.example\"\nretired = \"closed\"\nowner = \"A. Officer\"\nevidence = \"letter\"",
        ],
    ),
    written(
        "domain-below-retired",
        "An approval stands below a retired domain: most likely an old list has come back.",
        "domains.toml",
        [
            "[[domain]]\nname = \"*.old.example\"\nretired = \"closed\"\nowner = \"A. Officer\"\nevidence = \"letter\"\n[[domain]]\nname = \"a.old.example\"\nclearance = 3\ntls = \"encrypted\"\nowner = \"A. Officer\"\nevidence = \"list\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"*.old.example\"\nretired = \"closed\"\nowner = \"A. Officer\"\nevidence = \"letter\"",
        ],
    ),
    written(
        "domain-mx-name",
        "This is no name of a mail server. It is a host, or `*.example.com` for one label below that.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nmx_names = [\"mx.*.example\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nmx_names = [\"mx.a.example\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-unvouched",
        "Verified TLS needs somebody who vouches for the names of the mail servers, and the entry names nobody.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nvouched_by = [\"mta-sts\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-pinned-key",
        "A pin is `sha256:` and the SHA-256 of a SubjectPublicKeyInfo, in base64 or hexadecimal digits.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\npinned_keys = [\"sha256:12\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\npinned_keys = [\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-trust-anchors",
        "There is no such file in the folder certs, beside the folder of policies.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nvouched_by = [\"mta-sts\"]\ntrust_anchors = \"partners.pem\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nvouched_by = [\"mta-sts\"]\ntrust_anchors = \"partner.pem\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-two-trusts",
        "A certificate is proved by authorities or by pinned keys. An entry says which of them.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\ntrust_anchors = \"partner.pem\"\npinned_keys = [\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\npinned_keys = [\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
    written(
        "domain-trust-unenforced",
        "Anchors and pins are only held to where TLS must be verified; less than that takes any certificate.",
        "domains.toml",
        [
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"encrypted\"\ntrust_anchors = \"partner.pem\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
            "[[domain]]\nname = \"a.example\"\nclearance = 3\ntls = \"verified\"\nmx_names = [\"mx.a.example\"]\ntrust_anchors = \"partner.pem\"\nowner = \"A. Officer\"\nevidence = \"contract\"\nreview = 2099-01-31",
        ],
    ),
];

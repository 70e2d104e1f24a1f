//! What may be wrong with `[console]`, and with the file of its accounts.

use super::{Code, situation, written};

pub(super) const CODES: &[Code] = &[
    written(
        "console-in-clear",
        "The console shows mail and takes passwords. Beyond loopback nobody may read along, so it needs TLS.",
        "postern.toml",
        [
            "[console]\naddress = \"192.0.2.1:8464\"\naccounts = \"accounts.toml\"",
            "[console]\naddress = \"192.0.2.1:8464\"\ncertificate = \"console.pem\"\nkey = \"console.key\"\naccounts = \"accounts.toml\"",
        ],
    ),
    written(
        "console-proxies",
        "Where a proxy does TLS for the console, nobody but that proxy may connect, since it says who asks.",
        "postern.toml",
        [
            "[console]\naddress = \"192.0.2.1:8464\"\ntls = \"terminated-elsewhere\"\naccounts = \"accounts.toml\"",
            "[console]\naddress = \"192.0.2.1:8464\"\ntls = \"terminated-elsewhere\"\nproxies = [\"192.0.2.10\"]\naccounts = \"accounts.toml\"",
        ],
    ),
    written(
        "console-client-ca",
        "Browsers show a client certificate in the TLS handshake, so the console can ask for one only where it does TLS itself.",
        "postern.toml",
        [
            "[console]\nclient_ca = \"ca.pem\"\naccounts = \"accounts.toml\"",
            "[console]\nclient_ca = \"ca.pem\"\ncertificate = \"console.pem\"\nkey = \"console.key\"\naccounts = \"accounts.toml\"",
        ],
    ),
    written(
        "console-no-sign-in",
        "Nobody can sign in to a console without accounts or an OpenID provider.",
        "postern.toml",
        ["[console]\naddress = \"127.0.0.1:8464\"", "[console]\naccounts = \"accounts.toml\""],
    ),
    written(
        "bad-console-url",
        "The console's address for browsers is scheme, host and perhaps a port. A console under TLS is found at https.",
        "postern.toml",
        [
            "[console]\nurl = \"console.example.nhs.uk\"\naccounts = \"accounts.toml\"",
            "[console]\nurl = \"https://console.example.nhs.uk\"\naccounts = \"accounts.toml\"",
        ],
    ),
    written(
        "bad-issuer",
        "An OpenID provider is known by its address, an https:// URL, letter by letter as it calls itself.",
        "postern.toml",
        [
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"login.example\"\nclient_id = \"postern\"\nroles = { officers = \"officer\" }",
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = { officers = \"officer\" }",
        ],
    ),
    written(
        "openid-no-url",
        "The OpenID provider leads browsers back to the console, at an address that it was told before.",
        "postern.toml",
        [
            "[console]\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = { officers = \"officer\" }",
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = { officers = \"officer\" }",
        ],
    ),
    written(
        "openid-no-roles",
        "Whoever signs in by OpenID Connect has the roles that their claims give, and nobody gets in without one.",
        "postern.toml",
        [
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = {}",
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = { officers = \"officer\" }",
        ],
    ),
    written(
        "openid-organisations",
        "A local administrator sees the mail of their own organisations, and a claim has to say which those are.",
        "postern.toml",
        [
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = { trust = \"local-administrator\" }",
            "[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\nissuer = \"https://login.example\"\nclient_id = \"postern\"\nroles = { trust = \"local-administrator\" }\norganisations_claim = \"ods\"",
        ],
    ),
    situation(
        "openid-secret-unreadable",
        "The secret that our OpenID provider gave us cannot be read, so it would send nobody back to us.",
        [
            "it is not there, is empty, or is not readable to the user that checks",
            "put it in a file alone",
        ],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "openid-secret-readable",
        "Others on the machine can read the secret that our OpenID provider knows us by, and be us there.",
        ["the file's mode lets others read it", "chmod 600"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "openid-anchors-unusable",
        "The certificates by which our OpenID provider is known cannot be read, so it could not be asked.",
        [
            "the file is not there, or has no certificate in it",
            "a PEM file with the certificate of its authority",
        ],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "account-twice",
        "An account stands twice in the file of accounts.",
        ["two entries have one name", "take one of them out"],
        "src/config/accounts.rs",
    ),
    situation(
        "unix-user-twice",
        "Two accounts name one user of the system, who would be two people at one door and one at the other.",
        [
            "two entries have the same unix_user",
            "give each person a user of their own, or take the line out of one",
        ],
        "src/config/accounts.rs",
    ),
    situation(
        "administrator-of-all",
        "A local administrator sees the mail of their own organisations, and an account has to say which those are.",
        [
            "an account has the role local-administrator and no organisations",
            "name them, or give it the role officer",
        ],
        "src/config/accounts.rs",
    ),
    situation(
        "bad-password-digest",
        "A password stands in the file of accounts as its argon2id digest, never as itself.",
        ["the line has been edited by hand", "postern account password NAME"],
        "src/config/accounts.rs",
    ),
    situation(
        "bad-second-factor",
        "The secret of a second factor is 16 octets or more in base 32.",
        ["the line has been edited by hand", "postern account second-factor NAME"],
        "src/config/accounts.rs",
    ),
    situation(
        "accounts-unreadable",
        "The file of the console's accounts cannot be read, so nobody could sign in.",
        ["it is not there, or not readable to the user that checks", "postern account add"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "accounts-readable",
        "Others on the machine can read the secrets of second factors, and make their codes.",
        ["the file's mode lets others read it", "chmod 600"],
        "src/cli/check/codes/tests.rs",
    ),
];

//! What may be wrong with postern.toml, and with the files that it names.

use super::{Code, situation, written};

pub(super) const CODES: &[Code] = &[
    written(
        "bad-domain",
        "This is no domain. A route's is `example.com`, `.example.com` for all below it, or `*`.",
        "postern.toml",
        [
            "[[route]]\ndomain = \"*.example.com\"\nnext_hop = \"mx\"",
            "[[route]]\ndomain = \".example.com\"\nnext_hop = \"mx\"",
        ],
    ),
    written(
        "bad-next-hop",
        "This is no place where mail can go. It is `mx`, `smtp://host:port`, `lmtp://host:port` or `maildir:PATH`.",
        "postern.toml",
        [
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"mail.example.com\"",
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://mail.example.com:25\"",
        ],
    ),
    written(
        "bad-network",
        "This is no network. It is an address, or an address and the length of its prefix.",
        "postern.toml",
        [
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclients = [\"10.0.0.0/33\"]",
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclients = [\"10.0.0.0/8\"]",
        ],
    ),
    written(
        "bad-rate",
        "A rate is a number and a time: `600/m`, `10/s`, `5000/h`.",
        "postern.toml",
        [
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nmessages_per_client = \"600\"",
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nmessages_per_client = \"600/m\"",
        ],
    ),
    written(
        "bad-size",
        "A size is a number and a unit: `512 KiB`, `50 MiB`, `2 GiB`.",
        "postern.toml",
        ["[limits]\nmemory = \"1G\"", "[limits]\nmemory = \"1 GiB\""],
    ),
    written(
        "bad-duration",
        "A duration is a number and a unit: `30s`, `15m`, `4h`, `5d`.",
        "postern.toml",
        ["[retry]\nexpiry = \"5 days\"", "[retry]\nexpiry = \"5d\""],
    ),
    written(
        "bad-share",
        "A share is a percentage, `10%`, and a band of them is two: `1%..8%`.",
        "postern.toml",
        [
            "[going_live.canary]\nshare = \"a tenth\"\nlasts = \"4h\"\nleast_messages = 200\nhold_rate = \"1%..8%\"",
            "[going_live.canary]\nshare = \"10%\"\nlasts = \"4h\"\nleast_messages = 200\nhold_rate = \"1%..8%\"",
        ],
    ),
    written(
        "going-live-keep",
        "Of versions two are kept at least: the one that decides, and one to return to.",
        "postern.toml",
        ["[going_live]\nkeep = 1", "[going_live]\nkeep = 2"],
    ),
    written(
        "bad-level",
        "A level is a number from 0 to 4; `never` says that one person is always enough.",
        "postern.toml",
        ["[quarantine]\nfour_eyes = 5", "[quarantine]\nfour_eyes = 4"],
    ),
    written(
        "bad-url",
        "This is not where people find the console: `https://` and its name.",
        "postern.toml",
        [
            "[quarantine]\nrequests = \"http://console.example.nhs.uk\"",
            "[quarantine]\nrequests = \"https://console.example.nhs.uk\"",
        ],
    ),
    written(
        "canary-messages",
        "So few messages show nothing: what is held among them is chance.",
        "postern.toml",
        [
            "[going_live.canary]\nshare = \"10%\"\nlasts = \"4h\"\nleast_messages = 3\nhold_rate = \"1%..8%\"",
            "[going_live.canary]\nshare = \"10%\"\nlasts = \"4h\"\nleast_messages = 200\nhold_rate = \"1%..8%\"",
        ],
    ),
    written(
        "bad-port",
        "A port is a number from 1 to 65535.",
        "postern.toml",
        ["[sending]\nport = 0", "[sending]\nport = 25"],
    ),
    written(
        "bad-selector",
        "This cannot be a DKIM selector: it is labels of a domain, such as `postern1`.",
        "postern.toml",
        [
            "[[signing.key]]\ndomain = \"example.com\"\nselector = \"postern 1\"\nfile = \"keys/postern1.pem\"",
            "[[signing.key]]\ndomain = \"example.com\"\nselector = \"postern1\"\nfile = \"keys/postern1.pem\"",
        ],
    ),
    written(
        "bad-directory",
        "This is no address of a directory: `ldap://host` or `ldaps://host`.",
        "postern.toml",
        [
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"ldaps://\"\nbase = \"dc=example\"",
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"ldaps://directory.example.com\"\nbase = \"dc=example\"",
        ],
    ),
    written(
        "bad-filter",
        "The filter asks the directory for nobody in particular: it must have the address in it, as {address}.",
        "postern.toml",
        [
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"ldaps://directory.example.com\"\nbase = \"dc=example\"\nfilter = \"(objectClass=person)\"",
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"ldaps://directory.example.com\"\nbase = \"dc=example\"\nfilter = \"(mail={address})\"",
        ],
    ),
    written(
        "not-a-directory",
        "Only a directory has this key; a file of addresses or the next hop has not.",
        "postern.toml",
        [
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"next_hop\"\nbase = \"dc=example\"",
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"next_hop\"",
        ],
    ),
    written(
        "password-in-clear",
        "The password for the directory would go over the network in clear.",
        "postern.toml",
        [
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"ldap://directory.example.com\"\nbase = \"dc=example\"\nbind_dn = \"cn=postern\"\nbind_password_file = \"secret\"",
            "[[recipients]]\ndomains = [\"example.com\"]\nsource = \"ldaps://directory.example.com\"\nbase = \"dc=example\"\nbind_dn = \"cn=postern\"\nbind_password_file = \"secret\"",
        ],
    ),
    written(
        "listener-name-taken",
        "Each door has a name of its own; `metrics` and `console` are those of two that are no listeners.",
        "postern.toml",
        [
            "[[listener]]\nname = \"metrics\"\naddress = \"127.0.0.1:2600\"\ndirection = \"outbound\"\ntls = \"none\"",
            "[[listener]]\nname = \"scanners\"\naddress = \"127.0.0.1:2600\"\ndirection = \"outbound\"\ntls = \"none\"",
        ],
    ),
    written(
        "address-taken",
        "A machine gives an address and port to one door. Listeners, metrics (127.0.0.1:9464 where nothing is written) and the console (127.0.0.1:8464) have one each.",
        "postern.toml",
        [
            "[[listener]]\nname = \"scanners\"\naddress = \"127.0.0.1:9464\"\ndirection = \"outbound\"\ntls = \"none\"",
            "[[listener]]\nname = \"scanners\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"",
        ],
    ),
    written(
        "clients-wide",
        "Whoever is in `clients` of an outbound listener sends mail in the name of our domains. This is more than any organisation's own network.",
        "postern.toml",
        [
            "[[listener]]\nname = \"scanners\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclients = [\"0.0.0.0/0\"]",
            "[[listener]]\nname = \"scanners\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclients = [\"10.0.0.0/8\"]",
        ],
    ),
    written(
        "route-twice",
        "A domain has one route: of two nobody could say which is meant.",
        "postern.toml",
        [
            "[[route]]\ndomain = \"*\"\nnext_hop = \"smtp://smarthost.example.com:25\"",
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://smarthost.example.com:25\"",
        ],
    ),
    written(
        "tls-none-not-local",
        "TLS is switched off only for a next hop on this machine.",
        "postern.toml",
        [
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://mail.example.com:25\"\ntls = \"none\"",
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://127.0.0.1:2600\"\ntls = \"none\"",
        ],
    ),
    written(
        "route-login-in-clear",
        "What proves who we are is shown to nobody in clear.",
        "postern.toml",
        [
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://smarthost.example.com:587\"\nusername = \"trust\"\npassword_file = \"secret\"",
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://smarthost.example.com:587\"\ntls = \"verified\"\nusername = \"trust\"\npassword_file = \"secret\"",
        ],
    ),
    written(
        "route-login-next-hop",
        "A login is for a host that the operator has named, not for whatever an MX record names.",
        "postern.toml",
        [
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"mx\"\ntls = \"verified\"\nusername = \"trust\"\npassword_file = \"secret\"",
            "[[route]]\ndomain = \"example.com\"\nnext_hop = \"smtp://smarthost.example.com:587\"\ntls = \"verified\"\nusername = \"trust\"\npassword_file = \"secret\"",
        ],
    ),
    written(
        "reader-memory",
        "A reading process must have memory for what it unfolds.",
        "postern.toml",
        ["[reader]\nmemory = \"64 MiB\"", "[reader]\nmemory = \"2 GiB\""],
    ),
    written(
        "reader-deadline",
        "Senders wait ten minutes for the reply to a message, so reading may take five at the most.",
        "postern.toml",
        ["[reader]\nmessage_deadline = \"10m\"", "[reader]\nmessage_deadline = \"1m\""],
    ),
    written(
        "subject-and-fingerprint",
        "A sending system is known by the subject of its certificate or by its fingerprint. One entry says which.",
        "postern.toml",
        [
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclient_ca = \"ca.pem\"\n[[listener.certified]]\nname = \"lab\"\nsubject = \"lab.example\"\nfingerprint = \"00\"",
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclient_ca = \"ca.pem\"\n[[listener.certified]]\nname = \"lab\"\nsubject = \"lab.example\"",
        ],
    ),
    written(
        "subject-without-ca",
        "A subject proves nothing unless it is said who may issue it.",
        "postern.toml",
        [
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\n[[listener.certified]]\nname = \"lab\"\nsubject = \"lab.example\"",
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\ntls = \"none\"\nclient_ca = \"ca.pem\"\n[[listener.certified]]\nname = \"lab\"\nsubject = \"lab.example\"",
        ],
    ),
    written(
        "unsigned-reports",
        "Receivers ignore TLS reports without a DKIM signature, so a signing key is needed for their sender's domain.",
        "postern.toml",
        [
            "[tls_reports]\norganisation = \"A trust\"\ncontact = \"tls@example.com\"\nfrom = \"tls@example.com\"",
            "[[signing.key]]\ndomain = \"example.com\"\nselector = \"postern1\"\nfile = \"keys/postern1.pem\"\n[tls_reports]\norganisation = \"A trust\"\ncontact = \"tls@example.com\"\nfrom = \"tls@example.com\"",
        ],
    ),
    situation(
        "bad-user",
        "A line of the file of users is not as `postern user add` writes it.",
        ["the line has been edited by hand", "take it out, and add the user again"],
        "src/config/users.rs",
    ),
    situation(
        "user-twice",
        "A user stands twice in the file of users.",
        ["two lines begin with one name", "take one of them out by `postern user remove`"],
        "src/config/users.rs",
    ),
    situation(
        "user-is-certified",
        "A user and a certified system have one name, so that logs could not tell them apart.",
        ["a name of [[listener.certified]] stands in the file of users", "give one another name"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "users-readable",
        "Anybody on the machine can read the file of users, and try passwords against it at leisure.",
        ["the file's mode lets others read it", "chmod o-r"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "users-unreadable",
        "The file of users cannot be read, so nobody could authenticate.",
        ["it is not there, or not readable to the user that checks", "see to its path and mode"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "recipients-unreadable",
        "The file of recipients cannot be read.",
        ["it is not there, or not readable", "see to its path and mode"],
        "src/recipients/check.rs",
    ),
    situation(
        "bad-recipient",
        "A line of the file of recipients is no address.",
        ["the line has something else in it", "write one address a line"],
        "tests/peers/test_strangers.py",
    ),
    situation(
        "recipients-twice",
        "Two sources know the recipients of one domain, and nobody can say which is asked.",
        ["a domain stands in two [[recipients]]", "take it out of one"],
        "src/recipients/check.rs",
    ),
    situation(
        "recipients-not-local",
        "Recipients are known of a domain for which mail is not taken.",
        ["a domain of [[recipients]] is not in local_domains", "add it there, or take it out"],
        "src/recipients/check.rs",
    ),
    situation(
        "recipients-nobody-to-ask",
        "The next hop is to know the recipients, and the route names none that can be asked.",
        ["the domain's route leads to `mx` or a folder", "name a host, or another source"],
        "tests/peers/test_strangers.py",
    ),
    situation(
        "certificate-unusable",
        "A certificate or its key cannot be read, or they do not belong together.",
        ["a listener's files are missing or damaged", "see to the files that are named"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "certificate-name",
        "A listener's certificate does not bear the name that the node greets with.",
        ["the certificate was issued for another host", "have one issued for the node's name"],
        "src/cli/certificates.rs",
    ),
    situation(
        "certificate-expired",
        "A certificate is past its last day, and clients that look will not send.",
        ["its last day is past", "renew it, and reload"],
        "src/cli/certificates.rs",
    ),
    situation(
        "certificate-expires",
        "A certificate ends soon.",
        ["its last day is near", "renew it, and reload"],
        "src/cli/certificates.rs",
    ),
    situation(
        "client-ca-unusable",
        "The file of authorities that issue clients' certificates cannot be used.",
        ["it is missing, or has no certificate in it", "see to the file that is named"],
        "src/cli/check/codes/tests.rs",
    ),
    situation(
        "route-credentials-unusable",
        "The next hop of a route would not know us, and mail for its domain waits.",
        [
            "the route's password, certificate or key is missing or damaged, or they do not belong together",
            "see to the file that is underlined; a password is the first line of its file",
        ],
        "src/deliver/check.rs",
    ),
    situation(
        "trust-anchors-unusable",
        "A file of trust anchors has none in it, so nobody could be trusted by it.",
        [
            "the file is missing, or has no certificate in it (for [dns]: no DNSKEY of the root)",
            "see to the file that is underlined",
        ],
        "src/deliver/check.rs",
    ),
    situation(
        "node-user-unusable",
        "A gateway that is started as root could not become this account, so it would not start.",
        ["the machine has no such account, or it is root", "make one, or name another"],
        "src/cli/check/machine.rs",
    ),
    situation(
        "control-group-unknown",
        "The group that may use the control socket is not there, so the gateway would not start.",
        ["/etc/group has no such group", "make it, or name another"],
        "src/cli/check/machine.rs",
    ),
    situation(
        "passage-key-unusable",
        "The key that marks messages which have been through can be neither read nor made, so the gateway would not start.",
        [
            "its folder is missing, or the file is no such key",
            "make the folder; the first start makes the key",
        ],
        "src/cli/check/machine.rs",
    ),
    situation(
        "signing-key-unusable",
        "A key that signs mail cannot be used.",
        ["its file is missing or damaged", "make one by `postern keys new`"],
        "src/cli/keys.rs",
    ),
    situation(
        "signing-key-readable",
        "Anybody on the machine can read a key that signs mail.",
        ["the file's mode lets others read it", "chmod 600"],
        "src/cli/keys.rs",
    ),
    situation(
        "spool-key-unusable",
        "The key that seals the spool cannot be used, so the gateway would not start.",
        ["its file is missing or damaged", "see to the file that is named"],
        "src/cli/check/codes/tests.rs",
    ),
];

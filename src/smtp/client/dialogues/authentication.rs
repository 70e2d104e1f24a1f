//! AUTH, after STARTTLS and never before it.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    super::{Credentials, Encryption, Password, Settings},
    play, settings,
};

fn with_password() -> Settings {
    let password = Credentials::Password {
        user: "hospital".to_owned(),
        password: Password::new("pencil"),
        random: [0; 18],
    };
    Settings { credentials: vec![password], ..settings(Encryption::Required) }
}

fn with_certificate() -> Settings {
    Settings { credentials: vec![Credentials::Certificate], ..settings(Encryption::Required) }
}

/// Up to where AUTH may be said, of a peer that offers these mechanisms.
fn offering(mechanisms: &str, then: &str) -> String {
    format!(
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-AUTH CRAM-MD5 EXTERNAL
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go on
         TLS
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 {mechanisms}
         {then}"
    )
}

#[test]
fn plain_is_said_under_tls_and_mail_may_follow() {
    let response = BASE64.encode("\0hospital\0pencil");
    let then = format!("C: AUTH PLAIN {response}\nS: 235 2.7.0 welcome\nC: QUIT\nS: 221 bye");
    assert_eq!(play(&with_password(), &[], &offering("AUTH LOGIN PLAIN", &then)), [""; 0]);
}

#[test]
fn login_is_said_where_nothing_better_is_offered() {
    let (user, password) = (BASE64.encode("hospital"), BASE64.encode("pencil"));
    let then = format!(
        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {user}\nS: 334 UGFzc3dvcmQ6\nC: {password}\n\
         S: 235 2.7.0 welcome\nC: QUIT\nS: 221 bye"
    );
    assert_eq!(play(&with_password(), &[], &offering("AUTH CRAM-MD5 LOGIN", &then)), [""; 0]);
}

#[test]
fn external_is_said_with_a_certificate_and_missed_without_harm() {
    let said = "C: AUTH EXTERNAL =\nS: 235 2.7.0 welcome\nC: QUIT\nS: 221 bye";
    assert_eq!(play(&with_certificate(), &[], &offering("AUTH PLAIN EXTERNAL", said)), [""; 0]);
    let silent = "C: QUIT\nS: 221 bye";
    assert_eq!(play(&with_certificate(), &[], &offering("AUTH PLAIN", silent)), [""; 0]);
}

#[test]
fn scram_is_preferred_and_a_server_that_only_says_yes_is_not_believed() {
    let first = BASE64.encode(format!("n,,n=hospital,r={}", BASE64.encode([0; 18])));
    for answer in ["235 2.7.0 welcome", "334 bm9uc2Vuc2U=", "334 !"] {
        let then = format!("C: AUTH SCRAM-SHA-256 {first}\nS: {answer}");
        let news = play(&with_password(), &[], &offering("AUTH PLAIN SCRAM-SHA-256", &then));
        assert_eq!(news, ["the next hop has not shown that it knows our password"], "{answer}");
    }
}

#[test]
fn what_the_peer_says_of_our_credentials_is_kept_without_its_words() {
    let response = BASE64.encode("\0hospital\0pencil");
    let then = format!("C: AUTH PLAIN {response}\nS: 535 5.7.8 what, {response}?");
    assert_eq!(
        play(&with_password(), &[], &offering("AUTH PLAIN", &then)),
        ["the next hop did not take our credentials (PLAIN): 535 5.7.8"]
    );
    let shown = format!("{:?}", with_password());
    assert!(!shown.contains("pencil"), "{shown}");
}

#[test]
fn no_mail_is_said_to_a_peer_that_knows_no_way_to_know_us() {
    assert_eq!(
        play(&with_password(), &[], &offering("AUTH CRAM-MD5 GSSAPI", "")),
        ["the next hop offers no way to authenticate that is known here"]
    );
}

#[test]
fn no_credentials_are_shown_in_clear_whatever_is_asked_for() {
    for encryption in [Encryption::Never, Encryption::IfOffered] {
        for (offer, refusal) in [("AUTH PLAIN", ""), ("STARTTLS", "C: STARTTLS\nS: 454 no")] {
            if encryption == Encryption::Never && !refusal.is_empty() {
                continue;
            }
            let settings = Settings { encryption, ..with_password() };
            let dialogue =
                format!("S: 220 mx\nC: EHLO gw.test.example\nS: 250-mx\nS: 250 {offer}\n{refusal}");
            let news = play(&settings, &[], &dialogue);
            assert_eq!(news, ["credentials are not shown without TLS"], "{encryption:?} {offer}");
        }
    }
}

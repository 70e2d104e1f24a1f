//! Greeting, EHLO and STARTTLS.

use super::{
    super::{Action, Encryption, Failed, Session},
    one, play, settings,
};

#[test]
fn a_peer_that_knows_no_ehlo_is_greeted_with_helo() {
    let news = play(
        &settings(Encryption::IfOffered),
        &[],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 502 what?
         C: HELO gw.test.example
         S: 250 mx
         C: QUIT
         --",
    );
    assert_eq!(news, [""; 0]);
}

#[test]
fn extensions_heard_in_clear_do_not_survive_start_tls() {
    let news = play(
        &settings(Encryption::Required),
        &one(),
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-PIPELINING
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go on
         TLS
         C: EHLO gw.test.example
         S: 250 mx
         C: MAIL FROM:<s@nhs.test.example>
         S: 421 closing
         ",
    );
    assert_eq!(news, ["a@x.example peer: 421 closing"]);
}

#[test]
fn nothing_is_said_in_clear_where_encryption_is_required() {
    for (dialogue, why) in [
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250 mx",
            "TLS is required and the next hop does not offer STARTTLS",
        ),
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 500 what?
             C: HELO gw.test.example
             S: 250 mx",
            "TLS is required and the next hop does not offer STARTTLS",
        ),
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250 STARTTLS
             S: 250 mx",
            "TLS is required and the next hop does not offer STARTTLS",
        ),
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250-mx
             S: 250 STARTTLS
             C: STARTTLS
             S: 454 4.7.0 not now",
            "TLS is required and the next hop refused STARTTLS: 454 4.7.0 not now",
        ),
    ] {
        assert_eq!(play(&settings(Encryption::Required), &one(), dialogue), [why]);
    }
}

#[test]
fn where_encryption_is_optional_a_refused_start_tls_is_lived_with() {
    let news = play(
        &settings(Encryption::IfOffered),
        &[],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 STARTTLS
         C: STARTTLS
         S: 454 not now
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(news, [""; 0]);
}

#[test]
fn what_is_injected_behind_the_reply_to_start_tls_fails_the_session() {
    let mut session = Session::new(settings(Encryption::IfOffered));
    for said in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n250 injected\r\n"] {
        while matches!(session.advance(), Action::Send(..)) {}
        session.received(said.as_bytes());
    }
    assert!(matches!(session.advance(), Action::Failed(Failed::Injected)));
    assert!(matches!(session.advance(), Action::Closed));
}

#[test]
fn a_greeting_that_is_no_welcome_is_kept_as_the_peers_own_word() {
    let news = play(&settings(Encryption::Never), &[], "S: 554 5.7.1 go away");
    assert_eq!(news, ["the next hop does not take mail from us: 554 5.7.1 go away"]);
}

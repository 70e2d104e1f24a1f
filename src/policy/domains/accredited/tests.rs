//! The list as it is published, and as people save it.

use super::*;

/// The titles of the list as it was published in February 2026.
const TITLES: &str = "Organisation Name,System Type,Domain name ,Data processed outside of the UK? (Y/N),DMARC Policy (quarantine/reject) **please note all organisation need to implement a DMARC policy of reject within 3 months of accreditation.,SPF (Softfail/Hardfail),All outgoing mail signed with DKIM,Uses TLS version 1.2 as a minimum (Y/N)\r\n";

fn read(text: &[u8]) -> Result<AccreditedList, ListError> {
    AccreditedList::read(text, &ColumnTitles::default())
}

fn rows(text: &str) -> AccreditedList {
    read(format!("{TITLES}{text}").as_bytes()).unwrap()
}

fn domains(list: &AccreditedList) -> Vec<&str> {
    list.accreditations.iter().map(|one| one.domain.as_str()).collect()
}

#[test]
fn the_published_list_is_read_with_its_blanks_and_capitals() {
    let list = rows(
        "Example Hospice,Office 365,Hospice.example ,N,Reject,Hardfail,Y,Y\r\n\
         Another,Google Workspace,another.example,Y,Reject,Softfail,Y,Y\r\n,,,,,,,\r\n",
    );
    assert_eq!(domains(&list), ["hospice.example", "another.example"]);
    let [first, second] = list.accreditations.as_slice() else { panic!("two rows") };
    assert_eq!((first.organisation.as_str(), first.line), ("Example Hospice", 2));
    assert_eq!(first.system, MailSystem::Microsoft365);
    assert_eq!(first.processed, Processed::InTheUk);
    assert_eq!((second.system, second.processed), (MailSystem::Other, Processed::AlsoElsewhere));
    assert_eq!((list.rows, list.refused.len()), (2, 0));
}

#[test]
fn a_row_that_is_no_organisation_s_domain_is_refused_with_its_line_and_why() {
    let refused = |cell: &str| {
        let list = rows(&format!("X,Office 365,{cell},N,Reject,Hardfail,Y,Y\r\n"));
        assert!(list.accreditations.is_empty(), "{cell}");
        assert_eq!(list.refused[0].line, 2);
        list.refused[0].why.clone()
    };
    assert!(refused("gmail.com").contains("anybody"));
    assert!(refused("mail.outlook.com").contains("anybody"));
    assert!(refused("nhs.uk").contains("whole sector"));
    assert!(refused("example").contains("whole sector"));
    assert!(refused("a@b.example").contains("`b.example`"));
    assert!(refused("https://b.example").contains("web address"));
    assert!(refused("b..example").contains("no domain"));
    assert!(refused("").contains("names no domain"));
    let weak = rows("X,Exchange,weak.example,N,Reject,Hardfail,Y,N\r\n");
    assert!(weak.refused[0].why.contains("TLS 1.2"));
}

#[test]
fn a_cell_may_have_several_domains_and_a_domain_stands_once() {
    let list = rows("X,,\"a.example; @b.example\nc.example.\",N,,,Y,Y\r\nY,,A.example,N,,,Y,Y\r\n");
    assert_eq!(domains(&list), ["a.example", "b.example", "c.example"]);
    assert_eq!(list.refused[0].why, "stands in line 2 already");
    assert_eq!(list.refused[0].line, 4);
}

#[test]
fn a_list_saved_by_a_spreadsheet_is_read_whatever_its_encoding_and_separator() {
    let of = |octets: &[u8]| read(octets).unwrap().accreditations[0].clone();
    let windows = of(b"Organisation;Domain\r\nSt Bri\xe9 \x96 Hospice;x.example\r\n");
    assert_eq!(windows.organisation, "St Brié – Hospice");
    let marked = of("\u{feff}Email domain\tOrganisation\nx.example\tY\n".as_bytes());
    assert_eq!((marked.domain.as_str(), marked.organisation.as_str()), ("x.example", "Y"));
    let below_a_remark =
        of(b"Accredited, as of May\n\nOrganisation,Domain (secure)\nX,x.example\n");
    assert_eq!((below_a_remark.domain.as_str(), below_a_remark.line), ("x.example", 4));
}

#[test]
fn between_two_columns_nobody_guesses() {
    let text = b"Organisation,Old domain,New domain\nX,a.example,b.example\n";
    let several = read(text).unwrap_err();
    assert!(several.to_string().contains("--domain-column"), "{several}");
    let titles = ColumnTitles { domain: Some("new DOMAIN".to_owned()), organisation: None };
    assert_eq!(domains(&AccreditedList::read(text, &titles).unwrap()), ["b.example"]);
    let titles = ColumnTitles { domain: Some("newest".to_owned()), organisation: None };
    let unknown = AccreditedList::read(text, &titles).unwrap_err().to_string();
    assert!(unknown.contains("newest") && unknown.contains("Old domain"), "{unknown}");
    let none = read(b"Organisation,Town\nX,Leeds\n").unwrap_err().to_string();
    assert!(none.contains("“Town”") && none.contains("--domain-column"), "{none}");
}

#[test]
fn what_is_no_list_is_said_to_be_none() {
    assert_eq!(read(b"PK\x03\x04rest"), Err(ListError::Workbook));
    assert_eq!(read(b"\n<!DOCTYPE html><html>"), Err(ListError::WebPage));
    assert_eq!(read(b" \n,\n"), Err(ListError::Empty));
}

proptest::proptest! {
    #[test]
    fn whatever_it_holds_reading_ends(octets in proptest::collection::vec(0u8.., 0..300)) {
        let _ = read(&octets);
        let _ = read(&[TITLES.as_bytes(), &octets].concat());
    }
}

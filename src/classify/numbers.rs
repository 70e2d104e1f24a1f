//! Numbers that carry their own proof: check digits and issued ranges.
//!
//! A check digit is necessary and never sufficient: one ten-digit number in
//! eleven passes by chance. What surrounds it decides (`detect`).
//! Sources: NHS Data Model and Dictionary (NHS NUMBER), Scottish CHI number
//! (date of birth and modulus 11), H&C number of Northern Ireland, HMRC's
//! NIM39110, BS 7666 postcodes, Ofcom's numbering plan, SNOMED CT's SCTID.

use crate::mail::Kind;

/// Which of the health services a ten-digit number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HealthServiceNumber {
    Nhs,
    /// 999…: valid in form, never issued to a person.
    NhsTestRange,
    Chi,
    Hc,
}

impl HealthServiceNumber {
    /// By range and check digit; nothing for a number no service can have
    /// issued.
    pub(super) fn of(digits: &str) -> Option<Self> {
        let octets: &[u8; 10] = digits.as_bytes().try_into().ok()?;
        let [first, rest @ ..] = octets;
        if rest.iter().all(|digit| digit == first) || !octets.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let prefix: u32 = digits.get(..3)?.parse().ok()?;
        let passes = passes_modulus_11(octets);
        match prefix {
            // 010101 to 311299: a day, a month and a year come first. Numbers
            // given out of late have a Luhn digit: days ran out of the other.
            10..=319 if starts_with_a_day(digits) && (passes || passes_luhn(octets)) => {
                Some(Self::Chi)
            }
            _ if !passes => None,
            320..=399 => Some(Self::Hc),
            400..=499 | 600..=799 => Some(Self::Nhs),
            999 => Some(Self::NhsTestRange),
            _ => None,
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Nhs | Self::NhsTestRange => Kind::NhsNumber,
            Self::Chi => Kind::ChiNumber,
            Self::Hc => Kind::HcNumber,
        }
    }
}

/// The digits alone.
pub(super) fn digits(value: &str) -> String {
    value.chars().filter(char::is_ascii_digit).collect()
}

/// Letters and digits alone, in capitals.
pub(super) fn capitals(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// Two letters that HMRC gives out, six digits, and A to D.
pub(super) fn is_national_insurance_number(value: &str) -> bool {
    let value = capitals(value);
    let [first, second, digits @ .., suffix] = value.as_bytes() else { return false };
    let prefix = [*first, *second];
    digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(suffix, b'A'..=b'D')
        && prefix.iter().all(|letter| letter.is_ascii_uppercase())
        && !prefix.iter().any(|letter| b"DFIQUV".contains(letter))
        && *second != b'O'
        && ![*b"BG", *b"GB", *b"NK", *b"KN", *b"TN", *b"NT", *b"ZZ"].contains(&prefix)
}

/// The postcode with one space before its inward part, when area and form are
/// such as Royal Mail gives out.
pub(super) fn postcode(value: &str) -> Option<String> {
    let value = capitals(value);
    let (outward, inward) = value.split_at_checked(value.len().checked_sub(3)?)?;
    let letters = outward.bytes().take_while(u8::is_ascii_uppercase).count();
    let area = outward.get(..letters)?;
    let district = outward.get(letters..)?.as_bytes();
    let district_fits = match district {
        [digit] => digit.is_ascii_digit(),
        [digit, second] => digit.is_ascii_digit() && second.is_ascii_alphanumeric(),
        _ => false,
    };
    let [sector, unit @ ..] = inward.as_bytes() else { return None };
    let inward_fits = sector.is_ascii_digit()
        && unit.iter().all(|letter| letter.is_ascii_uppercase() && !b"CIKMOV".contains(letter));
    (POSTCODE_AREAS.binary_search(&area).is_ok() && district_fits && inward_fits)
        .then(|| format!("{outward} {inward}"))
}

/// A number of the United Kingdom's plan as +44…, whichever way written.
pub(super) fn telephone(value: &str) -> Option<String> {
    let significant = value.replace("(0)", "");
    let digits = digits(&significant);
    let national = if significant.trim_start().starts_with('+') {
        digits.strip_prefix("44")?
    } else if let Some(international) = digits.strip_prefix("00") {
        international.strip_prefix("44")?
    } else {
        digits.strip_prefix('0')?
    };
    let fits = match national.as_bytes() {
        [b'1', second, ..] => *second != b'0' && matches!(national.len(), 9 | 10),
        [b'2', second, ..] => b"03489".contains(second) && national.len() == 10,
        [b'3', second, ..] => b"0347".contains(second) && national.len() == 10,
        [b'7', second, ..] => *second != b'0' && national.len() == 10,
        [b'8', ..] => matches!(national.len(), 9 | 10),
        _ => false,
    };
    fits.then(|| format!("+44{national}"))
}

/// A SNOMED CT identifier: Verhoeff's check digit, and a partition that
/// names a concept, a description or a relationship.
pub(super) fn is_snomed_ct(digits: &str) -> bool {
    let Some(partition) = digits.len().checked_sub(3).and_then(|at| digits.get(at..at + 2)) else {
        return false;
    };
    let long = matches!(partition, "10" | "11" | "12");
    (long && digits.len() >= 11 || matches!(partition, "00" | "01" | "02"))
        && (6..=18).contains(&digits.len())
        && !digits.starts_with('0')
        && passes_verhoeff(digits)
}

/// An ICD-10 code with its dot.
pub(super) fn icd10(value: &str) -> Option<String> {
    let value = capitals(value);
    let (category, detail) = value.split_at_checked(3)?;
    match category.as_bytes() {
        [letter, tens, units]
            if letter.is_ascii_uppercase()
                && *letter != b'U'
                && tens.is_ascii_digit()
                && units.is_ascii_digit()
                && detail.len() <= 2
                && detail.bytes().all(|digit| digit.is_ascii_digit()) => {}
        _ => return None,
    }
    Some(if detail.is_empty() { category.to_owned() } else { format!("{category}.{detail}") })
}

fn passes_modulus_11(octets: &[u8; 10]) -> bool {
    let [body @ .., check] = octets;
    let sum: u32 = body
        .iter()
        .zip((2..=10).rev())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    match 11 - sum % 11 {
        11 => *check == b'0',
        10 => false,
        expected => u32::from(check - b'0') == expected,
    }
}

/// ISO/IEC 7812-1 annex B.
fn passes_luhn(octets: &[u8; 10]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let digits = octets.iter().rev().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| if at % 2 == 1 { doubled(digit) } else { digit })
        .sum();
    sum.is_multiple_of(10)
}

fn starts_with_a_day(digits: &str) -> bool {
    let pair = |from: usize| digits.get(from..from + 2).and_then(|pair| pair.parse::<u8>().ok());
    let longest = match pair(2) {
        Some(2) => 29,
        Some(4 | 6 | 9 | 11) => 30,
        Some(1..=12) => 31,
        _ => return false,
    };
    pair(0).is_some_and(|day| (1..=longest).contains(&day))
}

fn passes_verhoeff(digits: &str) -> bool {
    // The dihedral group of order 10 and Verhoeff's permutation of it.
    const PRODUCT: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTED: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let place = |row: &[u8; 10], digit: u8| row.get(usize::from(digit)).copied();
    digits
        .bytes()
        .rev()
        .zip(PERMUTED.iter().cycle())
        .try_fold(0, |sum, (octet, permutation)| {
            let digit = place(permutation, octet.checked_sub(b'0')?)?;
            place(PRODUCT.get(usize::from(sum))?, digit)
        })
        .is_some_and(|sum: u8| sum == 0)
}

/// Sorted, for the binary search.
const POSTCODE_AREAS: [&str; 124] = [
    "AB", "AL", "B", "BA", "BB", "BD", "BH", "BL", "BN", "BR", "BS", "BT", "CA", "CB", "CF", "CH",
    "CM", "CO", "CR", "CT", "CV", "CW", "DA", "DD", "DE", "DG", "DH", "DL", "DN", "DT", "DY", "E",
    "EC", "EH", "EN", "EX", "FK", "FY", "G", "GL", "GU", "GY", "HA", "HD", "HG", "HP", "HR", "HS",
    "HU", "HX", "IG", "IM", "IP", "IV", "JE", "KA", "KT", "KW", "KY", "L", "LA", "LD", "LE", "LL",
    "LN", "LS", "LU", "M", "ME", "MK", "ML", "N", "NE", "NG", "NN", "NP", "NR", "NW", "OL", "OX",
    "PA", "PE", "PH", "PL", "PO", "PR", "RG", "RH", "RM", "S", "SA", "SE", "SG", "SK", "SL", "SM",
    "SN", "SO", "SP", "SR", "SS", "ST", "SW", "SY", "TA", "TD", "TF", "TN", "TQ", "TR", "TS", "TW",
    "UB", "W", "WA", "WC", "WD", "WF", "WN", "WR", "WS", "WV", "YO", "ZE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_service_number_is_told_by_range_and_check_digit() {
        assert_eq!(HealthServiceNumber::of("9990000018"), Some(HealthServiceNumber::NhsTestRange));
        assert_eq!(HealthServiceNumber::of("9990000019"), None);
        for same in ["0000000000", "4444444444", "6666666666", "7777777777"] {
            assert_eq!(HealthServiceNumber::of(same), None, "{same}");
        }
        for short in ["", "999000001", "99900000181", "999000001x"] {
            assert_eq!(HealthServiceNumber::of(short), None, "{short}");
        }
    }

    #[test]
    fn every_service_has_its_range_and_no_other_is_issued() {
        let mut seen = [0_usize; 4];
        for prefix in 0..1000 {
            for rest in 0..200 {
                let number = format!("{prefix:03}{:07}", rest * 31 + 7);
                match (HealthServiceNumber::of(&number), prefix) {
                    (Some(HealthServiceNumber::Nhs), 400..=499 | 600..=799) => seen[0] += 1,
                    (Some(HealthServiceNumber::NhsTestRange), 999) => seen[1] += 1,
                    (Some(HealthServiceNumber::Chi), 10..=319) => seen[2] += 1,
                    (Some(HealthServiceNumber::Hc), 320..=399) => seen[3] += 1,
                    (None, _) => {}
                    (other, _) => panic!("{number}: {other:?}"),
                }
            }
        }
        assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
    }

    #[test]
    fn a_chi_number_has_either_check_digit_and_others_have_one() {
        let with = |body: &str| {
            (0..10)
                .filter(|check| HealthServiceNumber::of(&format!("{body}{check}")).is_some())
                .count()
        };
        assert_eq!(with("010160123"), 2);
        assert_eq!(with("400000001"), 1);
        assert!(passes_luhn(b"1992739878"));
        assert!(!passes_luhn(b"1992739877"));
    }

    #[test]
    fn a_chi_number_begins_with_a_day_of_the_calendar() {
        assert!(starts_with_a_day("2902"));
        assert!(!starts_with_a_day("3002"));
        assert!(!starts_with_a_day("3104"));
        assert!(!starts_with_a_day("0113"));
        assert!(!starts_with_a_day("0000"));
    }

    #[test]
    fn a_national_insurance_number_has_letters_that_are_given_out() {
        assert!(is_national_insurance_number("AB 12 34 56 C"));
        for wrong in [
            "QQ123456C",
            "GB123456C",
            "DA123456C",
            "AO123456C",
            "AB123456E",
            "AB12345C",
            "A1123456C",
        ] {
            assert!(!is_national_insurance_number(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_postcode_has_an_area_that_exists() {
        assert_eq!(postcode("sw1a1aa").as_deref(), Some("SW1A 1AA"));
        assert_eq!(postcode("LS2 7EB").as_deref(), Some("LS2 7EB"));
        for wrong in ["QQ1 1AA", "LS2 7CB", "LS2", "", "1LS 7EB", "LSX 7EB"] {
            assert_eq!(postcode(wrong), None, "{wrong}");
        }
        assert!(POSTCODE_AREAS.is_sorted());
    }

    #[test]
    fn a_telephone_number_reads_the_same_however_written() {
        for written in
            ["020 7946 0018", "+44 20 7946 0018", "+44 (0)20 7946 0018", "0044 20 79460018"]
        {
            assert_eq!(telephone(written).as_deref(), Some("+442079460018"), "{written}");
        }
        for wrong in ["12345", "+1 202 555 0123", "010 7946 0018", "0999 123 4567"] {
            assert_eq!(telephone(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_snomed_code_passes_verhoeff_and_names_its_partition() {
        for code in ["73211009", "44054006", "195967001", "22298006"] {
            assert!(is_snomed_ct(code), "{code}");
        }
        for wrong in ["73211008", "12345", "73211049", ""] {
            assert!(!is_snomed_ct(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_icd_code_is_written_with_its_dot() {
        assert_eq!(icd10("e119").as_deref(), Some("E11.9"));
        assert_eq!(icd10("I10").as_deref(), Some("I10"));
        assert_eq!(icd10("U11.9"), None);
    }
}

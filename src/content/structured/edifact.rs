//! EDIFACT interchanges (ISO 9735) as the NHS sends them: pathology and
//! radiology reports (NHS002, NHS003), registrations (FHS001).

use std::borrow::Cow;

use super::{
    labels::{self, NHS_NUMBER},
    people::{self, Name},
    rendering::Lines,
};

pub(super) fn is_interchange(text: &str) -> bool {
    let text = text.trim_start();
    ["UNA", "UNB"].iter().any(|name| {
        text.strip_prefix(name)
            .and_then(|rest| rest.chars().next())
            .is_some_and(|c| !c.is_alphanumeric() && !c.is_whitespace())
    })
}

pub(super) fn render(source: &str, lines: &mut Lines<'_>) {
    let text = source.trim_start();
    let (delimiters, body) = Delimiters::of(text);
    for segment in delimiters.split(body, delimiters.terminator, usize::MAX) {
        Segment::of(delimiters, segment.trim()).render(lines);
    }
}

/// The characters that the service string advice, UNA, names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Delimiters {
    component: char,
    element: char,
    release: char,
    terminator: char,
}

impl Delimiters {
    /// As advised, or as usual; and what follows the advice.
    fn of(text: &str) -> (Self, &str) {
        let usual = Self { component: ':', element: '+', release: '?', terminator: '\'' };
        let Some(advice) = text.strip_prefix("UNA") else { return (usual, text) };
        let mut characters = advice.chars();
        let mut next = || characters.next().filter(|c| !c.is_alphanumeric());
        let (Some(component), Some(element), Some(_), Some(release), Some(_), Some(terminator)) =
            (next(), next(), next(), next(), next(), next())
        else {
            return (usual, advice);
        };
        (Self { component, element, release, terminator }, characters.as_str())
    }

    /// Splits where a character stands that is not released.
    fn split(self, text: &str, at: char, most: usize) -> impl Iterator<Item = &str> {
        let mut rest = Some(text);
        let mut left = most;
        std::iter::from_fn(move || {
            let text = rest?;
            left = left.saturating_sub(1);
            if left == 0 {
                return rest.take();
            }
            let mut released = false;
            for (place, character) in text.char_indices() {
                if character == at && !released {
                    rest = text.get(place + character.len_utf8()..);
                    return text.get(..place);
                }
                released = character == self.release && !released;
            }
            rest = None;
            Some(text)
        })
    }

    fn plain(self, text: &str) -> Cow<'_, str> {
        if !text.contains(self.release) {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            plain.extend(if character == self.release {
                characters.next()
            } else {
                Some(character)
            });
        }
        Cow::Owned(plain)
    }
}

struct Segment<'s> {
    delimiters: Delimiters,
    name: &'s str,
    elements: Vec<&'s str>,
}

impl<'s> Segment<'s> {
    fn of(delimiters: Delimiters, segment: &'s str) -> Self {
        let mut elements = delimiters.split(segment, delimiters.element, MOST_ELEMENTS);
        let name = elements.next().unwrap_or_default();
        Self { delimiters, name, elements: elements.collect() }
    }

    /// An element, counted from 1; empty where there is none.
    fn element(&self, number: usize) -> &'s str {
        self.elements.get(number - 1).copied().unwrap_or_default()
    }

    fn components(&self, number: usize) -> Vec<Cow<'s, str>> {
        self.delimiters
            .split(self.element(number), self.delimiters.component, MOST_COMPONENTS)
            .map(|component| self.delimiters.plain(component))
            .collect()
    }

    fn component(&self, number: usize, index: usize) -> Cow<'s, str> {
        self.components(number).get(index).cloned().unwrap_or_default()
    }

    fn joined(&self, number: usize, between: &str) -> String {
        let components = self.components(number);
        people::joined(components.iter().map(AsRef::as_ref), between)
    }

    fn render(&self, lines: &mut Lines<'_>) {
        let shown: &[usize] = match (self.name, self.component(1, 0).as_ref()) {
            ("S01" | "S02" | "S06" | "S07", _) => {
                lines.gap();
                &[1]
            }
            ("PNA", _) => self.person(lines),
            ("DTM", kind) => {
                let label = if kind == "329" { "Date of birth" } else { "Date" };
                let value = self.component(1, 1);
                lines.labelled(label, &labels::date(&value), lines.place(self.element(1)));
                &[1]
            }
            ("ADR", _) => self.address(lines, 2, 4),
            ("NAD", "PAT") => self.address(lines, 3, 8),
            ("PDI", _) => {
                lines.labelled("Sex", &self.sex(), lines.place(self.element(1)));
                &[1]
            }
            ("FTX", kind) => {
                let label = if kind == "CID" { "Clinical information" } else { "Note" };
                lines.labelled(label, &self.joined(4, " "), lines.place(self.element(4)));
                &[1, 4]
            }
            ("CIN", _) => {
                lines.labelled(
                    "Clinical information",
                    &self.joined(2, " "),
                    lines.place(self.element(2)),
                );
                &[2]
            }
            ("INV", _) => {
                let [code, system, display] = [0, 1, 3].map(|index| self.component(2, index));
                let text = labels::coded(&display, &system, &code);
                lines.labelled("Investigation", &text, lines.place(self.element(2)));
                &[1, 2]
            }
            ("RSL", _) => self.result(lines),
            ("SPC", _) => {
                lines.labelled("Specimen", &self.joined(2, " "), lines.place(self.element(2)));
                &[1, 2]
            }
            _ => &[],
        };
        for (index, element) in self.elements.iter().enumerate() {
            let number = index + 1;
            if !shown.contains(&number) {
                let label = format!("{} {number}", self.name);
                lines.labelled(&label, &self.joined(number, " "), lines.place(element));
            }
        }
    }

    /// `PNA+PAT+9990000018:OPI+++SU:EXAMPLE+FO:JANE+TI:MRS`
    fn person(&self, lines: &mut Lines<'_>) -> &'static [usize] {
        let is_patient = self.element(1) == "PAT";
        let (number, kind) = (self.component(2, 0), self.component(2, 1));
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let label = match kind.as_ref() {
            "OPI" if digits == 10 => NHS_NUMBER,
            _ if is_patient => "Patient identifier",
            _ => "Identifier",
        };
        lines.labelled(label, &number, lines.place(self.element(2)));
        let pieces: Vec<_> =
            (5..=10).map(|at| (self.component(at, 0), self.component(at, 1))).collect();
        let of = |wanted: &[&str]| {
            let fits = |(kind, _): &&(Cow<'_, str>, Cow<'_, str>)| wanted.contains(&kind.as_ref());
            pieces.iter().filter(fits).map(|(_, name)| name.as_ref()).collect::<Vec<_>>()
        };
        let name = Name {
            prefix: of(&["TI"]),
            given: of(&["FO", "MI", "FS"]),
            family: of(&["SU"]),
            suffix: Vec::new(),
        };
        let label = if is_patient { "Patient name" } else { "Name" };
        lines.labelled(label, &name.full(), lines.place(self.element(5)));
        &[1, 2, 5, 6, 7, 8, 9, 10]
    }

    /// The lines of an address, and the postcode in an element of its own.
    fn address(&self, lines: &mut Lines<'_>, first: usize, postcode: usize) -> &'static [usize] {
        let components = self.components(first);
        let code = self.joined(postcode, " ");
        let is_line = |component: &&Cow<'_, str>| !matches!(component.as_ref(), "US" | "?");
        let pieces = components.iter().filter(is_line).map(AsRef::as_ref).chain([code.as_str()]);
        lines.labelled("Address", &people::joined(pieces, ", "), lines.place(self.element(first)));
        if first == 2 { &[2, 4] } else { &[1, 3, 8] }
    }

    fn sex(&self) -> Cow<'s, str> {
        match self.component(1, 0).as_ref() {
            "1" => Cow::Borrowed("male"),
            "2" => Cow::Borrowed("female"),
            _ => self.component(1, 0),
        }
    }

    /// `RSL+NV+11.9:7++:::ng/mL+HI`, `RSL+CV+::375211000000108:921::normal`
    fn result(&self, lines: &mut Lines<'_>) -> &'static [usize] {
        let value = match self.element(1) {
            "CV" => {
                let [code, system, display] = [2, 3, 5].map(|index| self.component(2, index));
                labels::coded(&display, &system, &code)
            }
            _ => self.component(2, 0).into_owned(),
        };
        let (units, flag) = (self.joined(4, " "), self.joined(5, " "));
        let text = people::joined([value.as_str(), units.as_str(), flag.as_str()], " ");
        lines.labelled("Result", &text, lines.place(self.element(2)));
        &[1, 2, 4, 5]
    }
}

/// A segment of the reports has 10 at most.
const MOST_ELEMENTS: usize = 100;
const MOST_COMPONENTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> String {
        let mut lines = Lines::of(source);
        render(source, &mut lines);
        lines.finish().text
    }

    #[test]
    fn a_patient_is_read_out_of_a_report() {
        let read = read(
            "UNB+UNOA:2+A+B'\nS07+07'\nPNA+PAT+9990000018:OPI+++SU:O?'EXAMPLE+FO:JANE+TI:MRS'\n\
             DTM+329:19610304:102'\nADR++US:1 HIGH STREET::LEEDS++LS1 1AA'INV+MQ+42R4.:911::Serum ferritin'\
             RSL+NV+11++:::ng/mL+LO'FTX+CID+++TIRED ALL THE TIME:low Hb'",
        );
        for line in [
            "NHS number: 9990000018",
            "Patient name: MRS JANE O'EXAMPLE",
            "Date of birth: 1961-03-04",
            "Address: 1 HIGH STREET, LEEDS, LS1 1AA",
            "Investigation: Serum ferritin (Read 42R4.)",
            "Result: 11 ng/mL LO",
            "Clinical information: TIRED ALL THE TIME low Hb",
        ] {
            assert!(read.lines().any(|found| found == line), "{line} is not in\n{read}");
        }
    }

    #[test]
    fn the_delimiters_advised_are_used() {
        let read = read("UNA|*.! ~UNB*X~PNA*PAT*9990000018|OPI***SU|EXAMPLE~");
        assert!(read.contains("NHS number: 9990000018\nPatient name: EXAMPLE\n"), "{read}");
        assert!(is_interchange("UNA:+.? '"));
        assert!(!is_interchange("UNABLE to attend") && !is_interchange("UNB is down"));
    }

    #[test]
    fn a_coded_result_says_what_it_means() {
        let read = read("UNB+X'RSL+CV+::375211000000108:921::Test normal (finding)'");
        assert!(
            read.contains("Result: Test normal (finding) (SNOMED CT 375211000000108)"),
            "{read}"
        );
    }
}

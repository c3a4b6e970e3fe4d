//! The patients a person may act for, and how they are told apart.

use time::{Date, Month};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The most words of a search that count.
const MOST_WORDS: usize = 6;

/// The most signs of a name that are searched.
const MOST_SIGNS: usize = 300;

/// What a person is to a patient, as an administrator has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The patient.
    Own,
    /// Somebody who acts for the patient, such as a parent.
    Proxy,
    /// Somebody who treats the patient.
    CareTeam,
}

impl Tie {
    /// Every tie.
    pub const ALL: [Self; 3] = [Self::Own, Self::Proxy, Self::CareTeam];

    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Proxy => "proxy",
            Self::CareTeam => "care-team",
        }
    }

    /// Reads the word of a registration.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tie| tie.as_str() == text)
    }
}

/// A patient that a person may act for at one FHIR server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// The URL of the FHIR server.
    pub audience: String,
    /// The id of the Patient there.
    pub patient: String,
    /// What the person is to the patient.
    pub tie: Tie,
    /// What the patient is called.
    pub name: String,
    /// When the patient was born.
    pub birth_date: Option<Date>,
    /// A number by which people know the patient, such as that of a medical record.
    pub identifier: Option<String>,
    /// Visits that an app can be shown.
    pub encounters: Vec<Visit>,
}

/// A visit of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The id of the Encounter.
    pub id: String,
    /// What it was.
    pub title: String,
    /// When it was.
    pub date: Option<Date>,
}

impl Relationship {
    /// The text in which a search looks for its words.
    #[must_use]
    pub fn folded(&self) -> String {
        let date = self.birth_date.map(written).unwrap_or_default();
        // One sign can stand for twenty when it is taken apart.
        let name: String = folded(&self.name).chars().take(MOST_SIGNS).collect();
        folded(&format!("{name} {} {date}", self.identifier.as_deref().unwrap_or_default()))
    }
}

/// A text in lower case, without accents, its words parted by one space: who types "jose" finds "José".
#[must_use]
pub fn folded(text: &str) -> String {
    let plain = text.nfkd().filter(|sign| !is_combining_mark(*sign)).flat_map(char::to_lowercase);
    let plain: String = plain.map(|sign| if sign == ',' { ' ' } else { sign }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a search, each to be found at the beginning of a word.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    folded(text).split(' ').filter(|word| !word.is_empty()).take(MOST_WORDS).map(str::to_owned).collect()
}

/// Whether each word of a search begins a word of a folded text.
#[must_use]
pub fn has_words(folded: &str, words: &[String]) -> bool {
    words.iter().all(|word| folded.split(' ').any(|known| known.starts_with(word.as_str())))
}

/// Reads a day (FHIR R4, `date` to the day).
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-').map(|part| (part.len(), part));
    let mut next = |length| {
        let (_, digits) = parts.next().filter(|(known, _)| *known == length)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    (parts.next().is_none() && date.year() > 0).then_some(date)
}

/// A day as FHIR writes it.
#[must_use]
pub fn written(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A day, a month or a year in words, which nobody reads in another order; what is none stays as it is.
#[must_use]
pub fn in_words(date: &str) -> String {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month.and_then(|month| Month::try_from(month.parse::<u8>().ok()?).ok());
    match (year, month, day.and_then(|day| day.parse::<u8>().ok())) {
        (Some(year), Some(month), Some(day)) => format!("{day} {month} {year}"),
        (Some(year), Some(month), None) => format!("{month} {year}"),
        (_, _, _) => date.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_a_name_however_it_is_written() {
        let patient = Relationship {
            audience: "https://fhir.example/r4".to_owned(),
            patient: "silva-1961".to_owned(),
            tie: Tie::CareTeam,
            name: "Silva,  María José".to_owned(),
            birth_date: parse_date("1961-04-02"),
            identifier: Some("MRN-0042".to_owned()),
            encounters: Vec::new(),
        };
        assert_eq!(patient.folded(), "silva maria jose mrn-0042 1961-04-02");
        for found in ["maria", "MARÍA silva", "jos", "  mrn-0042 ", "1961", "silva 1961-04", ""] {
            assert!(has_words(&patient.folded(), &words(found)), "{found}");
        }
        for other in ["aria", "maria 1987", "0042", "silvana", "%", "_aria"] {
            assert!(!has_words(&patient.folded(), &words(other)), "{other}");
        }
        assert_eq!(words(&"a ".repeat(100)).len(), 6);
    }

    #[test]
    fn a_day_is_read_as_it_is_written_and_nothing_else_is_a_day() {
        for day in ["1961-04-02", "2024-02-29", "0001-01-01"] {
            assert_eq!(written(parse_date(day).unwrap()), day);
        }
        for bad in [
            "",
            "1961",
            "1961-04",
            "1961-4-2",
            "1961-13-01",
            "2023-02-29",
            "1961-04-02T00:00:00Z",
            "+961-04-02",
            "1961-04-02-01",
            "0000-01-01",
            "-961-04-02",
            "1961-+4-02",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_is_told_in_words() {
        for (date, words) in [
            ("1961-04-02", "2 April 1961"),
            ("1961-04", "April 1961"),
            ("1961", "1961"),
            ("soon", "soon"),
            ("1961-13-01", "1961-13-01"),
        ] {
            assert_eq!(in_words(date), words);
        }
    }

    #[test]
    fn ties_are_read_back() {
        for tie in Tie::ALL {
            assert_eq!(Tie::parse(tie.as_str()), Some(tie));
        }
        assert_eq!(Tie::parse("care_team"), None);
    }
}

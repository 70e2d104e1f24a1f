//! The languages a tag line may be written in.

/// By its code of BCP 47.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    #[default]
    English,
    Welsh,
    Irish,
    Gaelic,
}

impl Language {
    /// The code in the name of a file; English has none there.
    pub(super) fn of_suffix(suffix: &str) -> Option<Self> {
        let known = LANGUAGES.iter().find(|(code, _)| *code == suffix);
        known.map(|(_, language)| *language).filter(|language| *language != Self::English)
    }

    pub(super) fn code(self) -> &'static str {
        LANGUAGES.iter().find(|(_, language)| *language == self).map_or("", |(code, _)| *code)
    }

    /// What stands between the name of a tag line and `.txt`.
    pub(in crate::policy) fn suffix(self) -> String {
        match self {
            Self::English => String::new(),
            other => format!(".{}", other.code()),
        }
    }
}

pub(in crate::policy) const LANGUAGES: [(&str, Language); 4] = [
    ("en", Language::English),
    ("cy", Language::Welsh),
    ("ga", Language::Irish),
    ("gd", Language::Gaelic),
];

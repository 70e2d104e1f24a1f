//! Faults in a file a person has written: where, what, and what to write
//! instead. All faults of all files are gathered and shown at once.

mod clip;

use std::{fmt, ops::Range, sync::Arc};

/// A file as it was read, for showing its text around a fault.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As the reader knows it: relative to where the command was given.
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// The line of an octet, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, for documents and programs: `rule-unknown-disposition`.
    pub code: &'static str,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    pub file: Arc<SourceFile>,
    /// Octets of the file that are underlined; absent for the whole file.
    pub span: Option<Range<usize>>,
    /// What stands at the underlined place, or was expected there.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// All faults found, in the order of files and places.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

/// Whether to draw for a terminal or a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    Colour,
    Plain,
}

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    pub fn extend(&mut self, others: Diagnostics) {
        self.0.extend(others.0);
    }

    pub fn extend_one(&mut self, diagnostic: Option<Diagnostic>) {
        self.0.extend(diagnostic);
    }

    /// By file, then by place: the order in which a reader mends them.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|diagnostic| {
            let start = diagnostic.span.as_ref().map_or(0, |span| span.start);
            (diagnostic.file.path.clone(), start, diagnostic.code)
        });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Everything as a person reads it, the text underlined.
    pub fn render(&self, rendering: Rendering) -> String {
        let theme = match rendering {
            Rendering::Colour => miette::GraphicalTheme::unicode(),
            Rendering::Plain => miette::GraphicalTheme::unicode_nocolor(),
        };
        let drawer =
            miette::GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
        let mut drawn = String::new();
        for diagnostic in &self.0 {
            // Writing to a String cannot fail.
            let _ = drawer.render_report(&mut drawn, &diagnostic.report());
            drawn.push('\n');
        }
        drawn
    }
}

impl Diagnostic {
    /// The line the fault stands on, counted from 1.
    pub fn line(&self) -> usize {
        self.file.line(self.span.as_ref().map_or(0, |span| span.start))
    }

    fn report(&self) -> Report {
        let mut diagnostic = self.clone();
        let clipped = self.span.as_ref().and_then(|span| clip::clip(&self.file.text, span));
        let text = match clipped {
            Some((text, span)) => {
                diagnostic.span = Some(span);
                text
            }
            None => self.file.text.clone(),
        };
        Report { diagnostic, text: miette::NamedSource::new(&self.file.path, text) }
    }
}

/// On one line: `rules.toml:12: error[code]: message (label)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let (path, line) = (&self.file.path, self.line());
        write!(out, "{path}:{line}: {severity}[{}]: {}", self.code, self.message)?;
        if let Some(help) = &self.help {
            write!(out, " ({help})")?;
        }
        Ok(())
    }
}

/// A diagnostic as miette draws it.
#[derive(Debug)]
struct Report {
    diagnostic: Diagnostic,
    text: miette::NamedSource<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.diagnostic.span {
            Some(_) => out.write_str(&self.diagnostic.message),
            // Without text to underline, only this says which file it is.
            None => write!(out, "{}: {}", self.diagnostic.file.path, self.diagnostic.message),
        }
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        let help = self.diagnostic.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let span = self.diagnostic.span.clone()?;
        let label = Some(self.diagnostic.label.clone());
        Some(Box::new(std::iter::once(miette::LabeledSpan::new_with_span(label, span))))
    }
}

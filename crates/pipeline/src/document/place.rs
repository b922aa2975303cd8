//! Places in the files of a bundle, and the findings about them.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Level};

/// A range of bytes in one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which of the [`Sources`].
    pub file: u32,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last one.
    pub end: u32,
}

/// The texts of all files, with the means to turn a [`Place`] into a line and a column.
pub struct Sources<'t> {
    files: Vec<Source<'t>>,
}

struct Source<'t> {
    name: &'t str,
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> Sources<'t> {
    /// The files of a bundle, by name.
    pub fn new(files: &'t BTreeMap<String, String>) -> Sources<'t> {
        let source =
            |(name, text): (&'t String, &'t String)| Source { name, text, line_starts: line_starts(text) };
        Sources { files: files.iter().map(source).collect() }
    }

    /// The number of the file called `name`.
    pub fn number(&self, name: &str) -> Option<u32> {
        let number = self.files.binary_search_by(|source| source.name.cmp(name)).ok()?;
        u32::try_from(number).ok()
    }

    /// The name of a file.
    pub fn name(&self, file: u32) -> &'t str {
        self.files[file as usize].name
    }

    /// The text of a file.
    pub fn text(&self, file: u32) -> &'t str {
        self.files[file as usize].text
    }

    /// The text at a place.
    pub fn slice(&self, place: Place) -> &'t str {
        self.text(place.file).get(place.start as usize..place.end as usize).unwrap_or("")
    }

    /// The line of a place, from 1.
    pub fn line(&self, place: Place) -> usize {
        self.files[place.file as usize].line_starts.partition_point(|&start| start <= place.start as usize)
    }

    fn diagnostic(&self, place: Place, code: Code, message: String) -> Diagnostic {
        let source = &self.files[place.file as usize];
        let line = self.line(place);
        let line_start = source.line_starts[line - 1];
        let rest = &source.text[line_start..];
        let text = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        let column = |byte: u32| {
            let length = (byte as usize - line_start).min(text.len());
            text.get(..length).map_or(0, |before| before.chars().count()) + 1
        };
        let (column, end_column) = (column(place.start), column(place.end));
        let (source_column, excerpt) = excerpt(text, column);
        Diagnostic {
            file: source.name.to_owned(),
            line,
            column,
            end_column,
            level: Level::Error,
            code,
            message,
            label: None,
            notes: Vec::new(),
            help: None,
            source: excerpt,
            source_column,
        }
    }
}

/// Where lines begin: behind a line feed, or behind a carriage return that stands alone, as in YAML.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = |at: &usize| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect()
}

/// How many findings are reported: more don't help anyone, and a hostile file may have a hundred thousand.
const FINDINGS_MAX: usize = 200;

/// Cuts texts that a hostile file made long.
fn shorten(diagnostic: &mut Diagnostic) {
    const TEXT_MAX: usize = 600;
    let texts =
        [&mut diagnostic.message].into_iter().chain(&mut diagnostic.label).chain(&mut diagnostic.help);
    for text in texts.chain(&mut diagnostic.notes) {
        if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
            text.truncate(end);
            text.push('…');
        }
    }
}

/// The part of a line that is worth showing for a place at `column`, and the column it begins at.
fn excerpt(line: &str, column: usize) -> (usize, String) {
    const SHOWN: usize = 240;
    if line.len() <= SHOWN {
        return (1, line.to_owned());
    }
    let start = column.saturating_sub(SHOWN / 2).max(1);
    (start, line.chars().skip(start - 1).take(SHOWN).collect())
}

/// Collects all that is wrong, so that a check can report it at once (law L4).
pub struct Findings<'t> {
    /// Where the places are.
    pub sources: Sources<'t>,
    list: Vec<Diagnostic>,
    /// How many of them are errors. Warnings take no room from these.
    errors: usize,
    /// How many more there are than are reported.
    more: usize,
    /// Whether the last one is reported.
    is_last_told: bool,
    /// What is written about one that isn't told.
    untold: Diagnostic,
}

/// How many findings there were at some time.
#[derive(Clone, Copy)]
pub struct Mark {
    told: usize,
    more: usize,
}

impl<'t> Findings<'t> {
    /// No findings yet about `sources`.
    pub fn new(sources: Sources<'t>) -> Findings<'t> {
        let untold = Diagnostic::of_file("", Code::Syntax, "");
        Findings { sources, list: Vec::new(), errors: 0, more: 0, is_last_told: false, untold }
    }

    /// Adds an error; the caller may add a label, notes and help to it.
    pub fn error(&mut self, place: Place, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        let is_told = !self.is_full();
        self.errors += usize::from(is_told);
        self.add(is_told, Level::Error, place, code, message.into())
    }

    /// Adds something that may be meant as it is.
    pub fn warning(&mut self, place: Place, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        let is_told = self.list.len() - self.errors < FINDINGS_MAX;
        self.add(is_told, Level::Warning, place, code, message.into())
    }

    fn add(
        &mut self,
        is_told: bool,
        level: Level,
        place: Place,
        code: Code,
        message: String,
    ) -> &mut Diagnostic {
        self.is_last_told = is_told;
        match is_told {
            true => self.list.push(Diagnostic { level, ..self.sources.diagnostic(place, code, message) }),
            false => self.more += 1,
        }
        self.last()
    }

    /// The finding that was added last.
    pub fn last(&mut self) -> &mut Diagnostic {
        match self.list.last_mut().filter(|_| self.is_last_told) {
            Some(last) => last,
            None => &mut self.untold,
        }
    }

    /// How many findings there are, to come back to with [`Findings::forget_since`].
    pub fn mark(&self) -> Mark {
        Mark { told: self.list.len(), more: self.more }
    }

    /// Forgets all findings since a mark.
    pub fn forget_since(&mut self, mark: Mark) {
        self.list.truncate(mark.told);
        self.errors = self.list.iter().filter(|finding| finding.is_error()).count();
        self.more = mark.more;
    }

    /// Whether errors are only counted from now on.
    pub fn is_full(&self) -> bool {
        self.errors >= FINDINGS_MAX
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many findings there are.
    pub fn count(&self) -> usize {
        self.list.len() + self.more
    }

    /// All findings, by file and place, each once. Where there are too many, errors go before warnings.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.iter_mut().for_each(shorten);
        self.list.sort();
        self.list.dedup();
        let errors = self.list.iter().filter(|finding| finding.is_error()).count();
        let (mut room, before) = (FINDINGS_MAX - errors, self.list.len());
        self.list.retain(|finding| {
            let is_told = finding.is_error() || room > 0;
            room -= usize::from(is_told && !finding.is_error());
            is_told
        });
        let more = self.more + before - self.list.len();
        if let Some(last) = self.list.last_mut().filter(|_| more > 0) {
            last.note(format!("there are {more} more findings; fix these first"));
        }
        self.list
    }
}

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
    /// How many more there are than are reported.
    more: usize,
    /// What is written about one that isn't told.
    untold: Diagnostic,
}

impl<'t> Findings<'t> {
    /// No findings yet about `sources`.
    pub fn new(sources: Sources<'t>) -> Findings<'t> {
        Findings { sources, list: Vec::new(), more: 0, untold: Diagnostic::of_file("", Code::Syntax, "") }
    }

    /// Adds an error; the caller may add a label, notes and help to it.
    pub fn error(&mut self, place: Place, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        if !self.is_full() {
            let diagnostic = self.sources.diagnostic(place, code, message.into());
            self.list.push(diagnostic);
        } else {
            self.more += 1;
        }
        self.last()
    }

    /// The finding that was added last.
    pub fn last(&mut self) -> &mut Diagnostic {
        match self.list.last_mut().filter(|_| self.more == 0) {
            Some(last) => last,
            None => &mut self.untold,
        }
    }

    /// Forgets all findings but the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.list.truncate(count);
        self.more = count - self.list.len();
    }

    /// Whether findings are only counted from now on.
    pub fn is_full(&self) -> bool {
        self.list.len() >= FINDINGS_MAX
    }

    /// How many findings there are.
    pub fn count(&self) -> usize {
        self.list.len() + self.more
    }

    /// All findings, by file and place, each once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.iter_mut().for_each(shorten);
        self.list.sort();
        self.list.dedup();
        if let Some(last) = self.list.last_mut().filter(|_| self.more > 0) {
            last.note(format!("there are {} more findings; fix these first", self.more));
        }
        self.list
    }
}

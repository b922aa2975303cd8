//! Diagnostics: what is wrong with a pipeline, where, why, and what to do about it.

use serde::Serialize;

mod code;
mod draw;
mod explain;

pub use code::Code;
pub use draw::render;

/// One finding of a check. Serialised, it is one record of `motet check --json`.
///
/// Lines and columns count from 1, columns in characters; the end column is the one behind the last
/// character. A finding about a file as a whole has line 1, column 1 and an empty `source`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: String,
    /// The line where the place begins.
    pub line: usize,
    /// The column where the place begins.
    pub column: usize,
    /// The column behind the place; a place of several lines ends with its first line.
    pub end_column: usize,
    /// Whether the pipeline can't run because of it.
    pub level: Level,
    /// The rule, stable from version to version.
    pub code: Code,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What the place holds, or what was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Why it is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The text of the line, for drawing; of a very long line, the part around the place.
    pub source: String,
    /// The column where `source` begins; 1 unless the line is very long.
    pub source_column: usize,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The pipeline can't run.
    Error,
    /// The pipeline can run, but perhaps not here, or not as meant.
    Warning,
}

impl Diagnostic {
    /// An error about a file as a whole.
    pub fn of_file(file: &str, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: file.to_owned(),
            line: 1,
            column: 1,
            end_column: 1,
            level: Level::Error,
            code,
            message: message.into(),
            label: None,
            notes: Vec::new(),
            help: None,
            source: String::new(),
            source_column: 1,
        }
    }

    /// Whether the pipeline can't run because of it.
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }

    /// Says what the place holds, or what was probably meant.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Diagnostic {
        self.label = Some(label.into());
        self
    }

    /// Adds a reason.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Labels the place with the word that was probably meant, if there is one.
    pub fn did_you_mean(&mut self, word: Option<&str>) -> &mut Diagnostic {
        if let Some(word) = word {
            self.label = Some(format!("did you mean `{word}`?"));
        }
        self
    }
}

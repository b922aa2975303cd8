//! Doubts: what nobody need mend before a good pipeline can run somewhere, and somebody should know.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::render::line::{Line, Tone};

/// A warning that isn't about what a pipeline says: about this machine, the project's settings, or the lock file.
pub struct Doubt {
    pub code: &'static str,
    pub message: String,
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    /// The place in words.
    pub place: String,
    pub help: String,
}

impl Doubt {
    /// Message, place and help, a line each.
    pub fn lines(&self) -> [Line; 3] {
        [
            self.headline(),
            Line::of(Tone::Plain, format!("  {}", self.place)),
            Line::of(Tone::Plain, format!("  {}", self.help)),
        ]
    }

    /// The message alone.
    pub fn headline(&self) -> Line {
        Line::of(Tone::Doubtful, "warning").plain(format!(": {}", self.message))
    }

    /// The same for programs, in the form of a finding.
    pub fn record(&self) -> Json {
        json!({
            "file": self.file, "line": self.line, "column": self.column, "end_column": self.column,
            "level": "warning", "code": self.code, "message": self.message, "help": self.help, "source": "",
        })
    }
}

//! The terminal, or what is there instead of one: how wide, how colourful, how lively.
//!
//! All that the program writes goes through here, and only what was made visible gets past:
//! [`Line`]s are, texts are on their way, and JSON stays the same JSON.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::OnceLock;

use motet::language::diagnostic::render;
use motet::language::{Diagnostic, visible};
use serde::Serialize;

use crate::arguments::Color;
use crate::render::line::{Line, Look, Symbols};
use crate::render::table::Table;

/// Where lines go. Data goes to standard output, all else to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// How data looks.
    pub out: Look,
    /// How all else looks.
    pub err: Look,
    /// Whether standard error can be redrawn.
    pub is_live: bool,
}

static DATA_LOST: OnceLock<io::Error> = OnceLock::new();

/// The width where there is no terminal to ask.
const WIDTH_USUAL: usize = 100;

/// Below this, tables are of no use; lines are cut at it.
const WIDTH_MIN: usize = 30;

/// More than anybody types to say yes.
const ANSWER_BYTES_MAX: u64 = 1000;

impl Terminal {
    pub fn new(color: Color) -> Terminal {
        let symbols = if speaks_utf8() { Symbols::UNICODE } else { Symbols::ASCII };
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let colors = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                is_terminal && !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
            }
        };
        let (out, err) = (io::stdout(), io::stderr());
        let look = |is_terminal: bool, size: Option<(usize, usize)>| Look {
            color: colors(is_terminal),
            width: size.map_or(WIDTH_USUAL, |(width, _)| width.max(WIDTH_MIN)),
            cuts: is_terminal,
            symbols,
        };
        Terminal {
            out: look(out.is_terminal(), size_of(&out)),
            err: look(err.is_terminal(), size_of(&err)),
            is_live: err.is_terminal() && !is_dumb,
        }
    }

    /// The size of the terminal at standard error now: columns and rows.
    pub fn size(&self) -> (usize, usize) {
        size_of(&io::stderr()).unwrap_or((self.err.width, 24))
    }

    /// Writes text or JSON to standard output.
    pub fn data(&self, text: &str) {
        write_data(&visible(text));
    }

    /// Why standard output didn't take all data, if it didn't.
    pub fn data_lost(&self) -> Option<&'static io::Error> {
        DATA_LOST.get()
    }

    /// Writes a line to standard output.
    pub fn data_line(&self, line: &Line) {
        write_data(&format!("{}\n", line.paint(self.out.color)));
    }

    /// Writes a table to standard output, as wide as there is room.
    pub fn data_table(&self, table: &Table) {
        let lines = table.lines(self.out.cut_at(), &self.out.symbols);
        lines.iter().for_each(|line| self.data_line(line));
    }

    /// Writes text to standard error.
    pub fn note(&self, text: &str) {
        write_note(&visible(text));
    }

    /// Writes a line to standard error.
    pub fn note_line(&self, line: &Line) {
        write_note(&format!("{}\n", line.paint(self.err.color)));
    }

    /// Asks a question on the terminal; says whether the answer was yes. Nothing if there is no terminal.
    pub fn ask(&self, question: &str) -> Option<bool> {
        let input = io::stdin();
        if !input.is_terminal() || !self.err.cuts {
            return None;
        }
        self.note(question);
        let mut answer = String::new();
        // An answer that can't be read is no yes.
        let _ = input.lock().take(ANSWER_BYTES_MAX).read_line(&mut answer);
        Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Draws findings to standard error.
    pub fn note_findings(&self, findings: &[Diagnostic]) {
        write_note(&render(findings, self.err.color));
    }

    /// Writes lines to standard error over the `rows` last ones, in one piece, so that nothing flickers.
    pub fn draw_over(&self, rows: usize, lines: &[Line]) {
        let mut text = String::from("\x1b[?2026h");
        if rows > 0 {
            text.push_str(&format!("\x1b[{rows}A"));
        }
        text.push('\r');
        for line in lines {
            text.push_str("\x1b[2K");
            text.push_str(&line.paint(self.err.color));
            text.push('\n');
        }
        text.push_str("\x1b[J\x1b[?2026l");
        write_note(&text);
    }
}

/// A reader that has gone away is no error: there is nobody left to tell. A disk that is full is one; it
/// is told at the end, since no reader may break a run.
fn write_data(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Only the first reason is kept.
            let _ = DATA_LOST.set(error);
        }
        _ => {}
    }
}

fn write_note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Much data that goes to standard output, in pieces that are worth a call of the system.
pub struct Stream {
    terminal: Terminal,
    text: String,
}

/// How large a piece is.
const PIECE_BYTES: usize = 64 * 1024;

impl Stream {
    pub fn new(terminal: Terminal) -> Stream {
        Stream { terminal, text: String::new() }
    }

    /// Adds a line.
    pub fn line(&mut self, line: &Line) {
        self.text(&line.paint(self.terminal.out.color));
    }

    /// Adds a line of plain text.
    pub fn text(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        if self.text.len() >= PIECE_BYTES {
            self.flush();
        }
    }

    /// Adds a line of JSON. Of a long one only pieces are in memory.
    pub fn json(&mut self, source: &impl Serialize) {
        serde_json::to_writer(JsonPieces(self), source).expect("what is told is plain data");
        self.text("");
    }

    /// The same, in as many lines as it has parts.
    pub fn pretty_json(&mut self, source: &impl Serialize) {
        serde_json::to_writer_pretty(JsonPieces(self), source).expect("what is shown is plain data");
        self.text("");
    }

    /// Writes what was added up to now.
    pub fn flush(&mut self) {
        if !self.text.is_empty() {
            self.terminal.data(&self.text);
            self.text.clear();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Takes JSON as it is written: texts in pieces that are texts themselves.
struct JsonPieces<'s>(&'s mut Stream);

impl Write for JsonPieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.text.push_str(std::str::from_utf8(bytes).map_err(io::Error::other)?);
        if self.0.text.len() >= PIECE_BYTES {
            Stream::flush(self.0);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn size_of(stream: &impl std::os::fd::AsFd) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// Whether the locale promises that more than ASCII is shown well.
fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    // Without a locale the machine says nothing; today's terminals and files are UTF-8.
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

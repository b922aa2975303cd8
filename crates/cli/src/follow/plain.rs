//! Plain lines, for pipes and logs.

use motet::report::PublicEvent;

use super::{Follow, Reader, now};
use crate::render::ending::Ending;
use crate::render::line::Line;
use crate::render::{found, plain};
use crate::terminal::Terminal;

pub struct Plain {
    terminal: Terminal,
}

impl Plain {
    pub fn new(terminal: Terminal) -> Plain {
        Plain { terminal }
    }
}

impl Reader for Plain {
    fn tell(&mut self, follow: &Follow, event: &PublicEvent) {
        if let Some(line) = plain::line(event, follow.reporter.record(), &self.terminal.err) {
            self.terminal.note_line(&line);
        }
    }

    fn caught_up(&mut self, follow: &Follow) {
        self.terminal.note_line(&found::line(follow.reporter.record(), now()));
    }

    fn note(&mut self, line: &Line) {
        self.terminal.note_line(line);
    }

    fn end(&mut self, _: &Follow, ending: &Ending) {
        show_ending(&self.terminal, ending);
    }
}

/// The end: what is said to standard error, the outputs to standard output.
pub fn show_ending(terminal: &Terminal, ending: &Ending) {
    for line in ending.lines(&terminal.err) {
        terminal.note_line(&line);
    }
    for line in ending.outputs(&terminal.out) {
        terminal.data_line(&line);
    }
    if let Some(line) = ending.next(&terminal.err) {
        terminal.note_line(&line);
    }
}

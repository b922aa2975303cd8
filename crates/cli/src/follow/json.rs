//! `--json`: one event a line on standard output, the end of the run last.

use motet::report::PublicEvent;

use super::{Follow, Reader, now};
use crate::render::ending::Ending;
use crate::render::line::Line;
use crate::terminal::Terminal;

pub struct JsonLines {
    terminal: Terminal,
}

impl JsonLines {
    pub fn new(terminal: Terminal) -> JsonLines {
        JsonLines { terminal }
    }
}

impl Reader for JsonLines {
    fn tell(&mut self, _: &Follow, event: &PublicEvent) {
        let line = serde_json::to_string(event).expect("an event is plain data");
        self.terminal.data(&format!("{line}\n"));
    }

    fn caught_up(&mut self, _: &Follow) {}

    fn note(&mut self, line: &Line) {
        self.terminal.note_line(line);
    }

    fn end(&mut self, follow: &Follow, _: &Ending) {
        let line = serde_json::to_string(&follow.reporter.end(now())).expect("an end is plain data");
        self.terminal.data(&format!("{line}\n"));
    }
}

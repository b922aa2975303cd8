//! `--json`: one event a line on standard output, the end of the run last.

use motet::report::{PublicEvent, Reporter};

use super::{Follow, Reader, now};
use crate::render::ending::Ending;
use crate::render::line::Line;
use crate::terminal::{Stream, Terminal};

pub struct JsonLines {
    terminal: Terminal,
    stream: Stream,
}

impl JsonLines {
    pub fn new(terminal: Terminal) -> JsonLines {
        JsonLines { terminal, stream: Stream::new(terminal) }
    }
}

impl Reader for JsonLines {
    fn tell(&mut self, _: &Reporter, event: &PublicEvent) {
        self.stream.json(event);
    }

    fn caught_up(&mut self, _: &Follow) {}

    fn pause(&mut self) {
        self.stream.flush();
    }

    fn note(&mut self, line: &Line) {
        self.terminal.note_line(line);
    }

    fn end(&mut self, follow: &Follow, _: &Ending) {
        self.stream.json(&follow.reporter.end(now()));
        self.stream.flush();
    }
}

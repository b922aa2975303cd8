//! Live lines: redrawn in place on a terminal.

use motet::report::PublicEvent;

use super::plain::show_ending;
use super::{Follow, Reader, now};
use crate::render::ending::Ending;
use crate::render::found;
use crate::render::line::{Line, Look, Tone};
use crate::render::progress::View;
use crate::terminal::Terminal;

pub struct Live {
    terminal: Terminal,
    /// How many lines were drawn last and are to be drawn over.
    drawn: usize,
}

impl Live {
    pub fn new(terminal: Terminal) -> Live {
        Live { terminal, drawn: 0 }
    }

    /// Writes `lines` over those that were drawn last, in one piece, so that nothing flickers.
    fn draw_over(&mut self, lines: &[Line]) {
        let mut text = String::from("\x1b[?2026h");
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        text.push('\r');
        for line in lines {
            text.push_str("\x1b[2K");
            text.push_str(&line.paint(self.terminal.err.color));
            text.push('\n');
        }
        text.push_str("\x1b[J\x1b[?2026l");
        self.terminal.note(&text);
        self.drawn = lines.len();
    }

    fn look(&self) -> (Look, usize) {
        let (width, rows) = self.terminal.size();
        // A line of full width would wrap on some terminals.
        (Look { width: width.saturating_sub(1).max(20), ..self.terminal.err }, rows)
    }
}

impl Reader for Live {
    fn tell(&mut self, _: &Follow, _: &PublicEvent) {}

    fn caught_up(&mut self, follow: &Follow) {
        self.draw_over(&[]);
        self.terminal.note_line(&found::line(follow.reporter.record(), now()));
    }

    fn draw(&mut self, follows: &[Follow]) {
        let (look, rows) = self.look();
        let mut lines = Vec::new();
        for follow in follows.iter().filter(|follow| !follow.is_over && follow.caught_up) {
            let record = follow.reporter.record();
            lines.extend(View { record, score: follow.score.as_ref(), now: now(), look: &look }.lines());
        }
        self.draw_over(&fit(lines, rows.saturating_sub(1)));
    }

    fn note(&mut self, line: &Line) {
        self.draw_over(&[]);
        self.terminal.note_line(line);
    }

    fn end(&mut self, follow: &Follow, ending: &Ending) {
        let (look, _) = self.look();
        let record = follow.reporter.record();
        let view = View { record, score: follow.score.as_ref(), now: ending.now, look: &look };
        self.draw_over(&view.lines());
        self.drawn = 0;
        show_ending(&self.terminal, ending);
    }

    fn is_animated(&self) -> bool {
        true
    }
}

/// The lines that fit: the cursor can't go back to what has scrolled away. The header stays, and the
/// end, where the work is.
fn fit(mut lines: Vec<Line>, rows: usize) -> Vec<Line> {
    if lines.len() <= rows || rows < 4 {
        return lines;
    }
    let hidden = lines.len() - rows + 1;
    lines.splice(1..1 + hidden, [Line::of(Tone::Dim, format!("  … {hidden} more lines"))]);
    lines
}

//! Live lines: redrawn in place on a terminal.

use motet::report::{PublicEvent, Reporter};

use super::plain::show_ending;
use super::{Follow, Reader, now};
use crate::render::ending::Ending;
use crate::render::found;
use crate::render::line::{Line, Look, columns};
use crate::render::progress::View;
use crate::terminal::Terminal;

pub struct Live {
    terminal: Terminal,
    /// How wide the lines are that were drawn last and are to be drawn over.
    drawn: Vec<usize>,
}

impl Live {
    pub fn new(terminal: Terminal) -> Live {
        Live { terminal, drawn: Vec::new() }
    }

    /// Writes `lines` over those that were drawn last.
    fn draw_over(&mut self, lines: &[Line]) {
        self.terminal.draw_over(rows_of(&self.drawn, self.terminal.size().0), lines);
        self.drawn = lines.iter().map(|line| columns(&line.paint(false))).collect();
    }

    fn look(&self) -> (Look, usize) {
        let (width, rows) = self.terminal.size();
        // A line of full width would wrap on some terminals.
        (Look { width: width.saturating_sub(1).max(20), ..self.terminal.err }, rows)
    }
}

impl Reader for Live {
    fn tell(&mut self, _: &Reporter, _: &PublicEvent) {}

    fn shows_events(&self) -> bool {
        false
    }

    fn caught_up(&mut self, follow: &Follow) {
        self.draw_over(&[]);
        self.terminal.note_line(&found::line(follow.reporter.record()));
    }

    fn draw(&mut self, follows: &[Follow]) {
        let (look, rows) = self.look();
        let mut lines = Vec::new();
        // The cursor stays in the last row, and can't go back to what has scrolled away.
        let rows = rows.saturating_sub(1).max(1);
        let shown: Vec<&Follow> = follows.iter().filter(|follow| follow.is_to_be_drawn()).collect();
        for follow in shown.iter().take(rows) {
            let record = follow.reporter.record();
            let view = View { record, score: follow.score.as_ref(), now: now(), is_live: true, look: &look };
            lines.extend(view.lines_within(rows / shown.len().min(rows)));
        }
        self.draw_over(&lines);
    }

    fn note(&mut self, line: &Line) {
        self.draw_over(&[]);
        self.terminal.note_line(line);
    }

    fn end(&mut self, follow: &Follow, ending: &Ending) {
        let (look, _) = self.look();
        let record = follow.reporter.record();
        let view =
            View { record, score: follow.score.as_ref(), now: ending.now, is_live: false, look: &look };
        self.draw_over(&view.lines());
        self.drawn.clear();
        show_ending(&self.terminal, ending);
    }
}

/// How many rows lines take that are `widths` wide: where the terminal has become narrower, it has
/// broken them.
fn rows_of(widths: &[usize], columns: usize) -> usize {
    widths.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_narrower_terminal_has_broken_take_more_rows() {
        assert_eq!(rows_of(&[80, 0, 79], 80), 3);
        assert_eq!(rows_of(&[80, 0, 79], 40), 5);
        assert_eq!(rows_of(&[], 40), 0);
    }
}

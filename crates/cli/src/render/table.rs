//! Tables: rows of cells whose columns line up.

use super::line::{Line, Symbols, Tone, columns};

/// Rows of cells, each with its tone. The last cell of a row may be as long as it likes.
#[derive(Debug, Default)]
pub struct Table {
    has_headings: bool,
    rows: Vec<Vec<(Tone, String)>>,
}

/// Blanks between two columns.
const GAP: usize = 3;

impl Table {
    /// A table with a row of headings.
    pub fn with_headings(headings: &[&str]) -> Table {
        let mut table = Table { has_headings: true, ..Table::default() };
        table.row(headings.iter().map(|heading| (Tone::Dim, (*heading).to_owned())));
        table
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = (Tone, String)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, indented by two, cut at `width`. Columns that are empty everywhere are left out, with
    /// their headings.
    pub fn lines(&self, width: usize, symbols: &Symbols) -> Vec<Line> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; count];
        for row in &self.rows {
            // A last cell that stands alone in its columns must not push the others apart.
            for (index, (_, text)) in row.iter().enumerate() {
                let is_tail = index + 1 == row.len() && index + 1 < count;
                if !is_tail || index == 0 {
                    widths[index] = widths[index].max(columns(text));
                }
            }
        }
        if self.has_headings {
            let below = &self.rows[1..];
            let is_empty =
                |index: usize| below.iter().all(|row| row.get(index).is_none_or(|cell| cell.1.is_empty()));
            (0..count).filter(|index| is_empty(*index)).for_each(|index| widths[index] = 0);
        }
        self.rows.iter().map(|row| line_of(row, &widths).cut(width, symbols)).collect()
    }
}

fn line_of(row: &[(Tone, String)], widths: &[usize]) -> Line {
    let mut line = Line::new().plain("  ");
    let mut column = 2;
    for (index, (tone, text)) in row.iter().enumerate() {
        if widths[index] == 0 {
            continue;
        }
        if line.width() < column {
            let blanks = column - line.width();
            line = line.plain(" ".repeat(blanks));
        }
        line = line.then(*tone, text);
        column += widths[index] + GAP;
    }
    line
}

//! Where the columns of a run's lines begin.

use motet::language::StepPath;
use motet::report::StepRecord;

use super::{View, columns_of};

/// Columns; those that there is no room for are left out.
pub struct Columns {
    pub name_width: usize,
    pub time: Option<usize>,
    pub does: Option<usize>,
    pub state: usize,
}

/// Longer names are cut: to a quarter of the line, if that is more.
const NAME_WIDTH_MAX: usize = 12;

/// Longer operations push the state away.
const DOES_WIDTH_MAX: usize = 26;

/// What a state needs to be understood.
const STATE_WIDTH_MIN: usize = 24;

/// Blanks between two columns.
const GAP: usize = 3;

impl Columns {
    /// Columns in which `steps` have room.
    pub fn of<'v>(view: &View, steps: impl Iterator<Item = (&'v StepPath, &'v StepRecord)>) -> Columns {
        let (mut name, mut time, mut does) = (0, 5, 0);
        for (path, step) in steps {
            name = name.max(columns_of(path.as_str()));
            time = time.max(columns_of(&view.time_of(step)));
            does = does.max(columns_of(&view.does(path, step)));
        }
        let width = view.look.cut_at();
        let name_width = name.min(NAME_WIDTH_MAX.max(width / 4));
        let first = 2 + columns_of(view.look.symbols.done) + 1 + name_width + GAP;
        let second = first + time + GAP;
        let third = second + does.min(DOES_WIDTH_MAX) + GAP;
        let has_room = |state: usize| state + STATE_WIDTH_MIN <= width;
        match () {
            () if has_room(third) => {
                Columns { name_width, time: Some(first), does: Some(second), state: third }
            }
            () if has_room(second) => Columns { name_width, time: Some(first), does: None, state: second },
            () => Columns { name_width, time: None, does: None, state: first },
        }
    }
}

//! Values as the debugger sees them: of a giant the beginning.

use std::cell::Cell;
use std::fmt;

use super::{DEPTH_MAX, Map, Value};

/// How many parts are shown.
const PARTS_MAX: usize = 10_000;

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown { value: self, parts_left: &Cell::new(PARTS_MAX), levels_left: DEPTH_MAX }.fmt(f)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts_left, levels_left) = (&Cell::new(PARTS_MAX), DEPTH_MAX);
        let shown = |value| Shown { value, parts_left, levels_left };
        f.debug_map().entries(self.iter().map(|(name, value)| (name, shown(value)))).finish()
    }
}

/// A value with what may still be shown of it.
struct Shown<'v> {
    value: &'v Value,
    parts_left: &'v Cell<usize>,
    levels_left: usize,
}

impl<'v> Shown<'v> {
    fn inner(&self, value: &'v Value) -> Shown<'v> {
        Shown { value, parts_left: self.parts_left, levels_left: self.levels_left - 1 }
    }

    fn has_parts_left(&self) -> bool {
        self.parts_left.get() > 0
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.has_parts_left() || self.levels_left == 0 {
            return f.write_str("…");
        }
        self.parts_left.set(self.parts_left.get() - 1);
        match self.value {
            Value::Absent => f.write_str("Absent"),
            Value::Null => f.write_str("Null"),
            Value::Bool(value) => f.debug_tuple("Bool").field(value).finish(),
            Value::Number(number) => f.debug_tuple("Number").field(number).finish(),
            Value::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Value::Media(artifact) => f.debug_tuple("Media").field(artifact).finish(),
            Value::List(items) => {
                f.write_str("List(")?;
                let mut list = f.debug_list();
                for item in items.iter() {
                    if !self.has_parts_left() {
                        list.entry(&format_args!("…"));
                        break;
                    }
                    list.entry(&self.inner(item));
                }
                list.finish()?;
                f.write_str(")")
            }
            Value::Map(entries) => {
                f.write_str("Map(")?;
                let mut map = f.debug_map();
                for (name, value) in entries.iter() {
                    if !self.has_parts_left() {
                        map.entry(&format_args!("…"), &format_args!("…"));
                        break;
                    }
                    map.entry(name, &self.inner(value));
                }
                map.finish()?;
                f.write_str(")")
            }
        }
    }
}

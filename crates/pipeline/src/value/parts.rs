//! What is in a value, one after the other.

use super::Value;

/// The parts of a value. On the heap: they may lie deep.
pub(super) struct Parts<'v> {
    whole: Option<&'v Value>,
    /// What is left of the lists and objects around the part that came last.
    around: Vec<Inside<'v>>,
}

enum Inside<'v> {
    List(std::slice::Iter<'v, Value>),
    Map(std::slice::Iter<'v, (String, Value)>),
}

impl<'v> Parts<'v> {
    pub(super) fn of(whole: &'v Value) -> Parts<'v> {
        Parts { whole: Some(whole), around: Vec::new() }
    }

    fn next_inside(&mut self) -> Option<&'v Value> {
        loop {
            let part = match self.around.last_mut()? {
                Inside::List(items) => items.next(),
                Inside::Map(entries) => entries.next().map(|(_, value)| value),
            };
            if part.is_some() {
                return part;
            }
            self.around.pop();
        }
    }
}

impl<'v> Iterator for Parts<'v> {
    type Item = &'v Value;

    fn next(&mut self) -> Option<&'v Value> {
        let part = self.whole.take().or_else(|| self.next_inside())?;
        match part {
            Value::List(items) => self.around.push(Inside::List(items.items.iter())),
            Value::Map(entries) => self.around.push(Inside::Map(entries.entries.iter())),
            _ => {}
        }
        Some(part)
    }
}

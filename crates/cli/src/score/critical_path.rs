//! The critical path: how long a run takes at least, and what goes on at once, if every step takes
//! its usual time and every fan-out has one item.

use std::collections::BTreeMap;

use motet::language::Span;

use super::{Part, Usual};

/// How long the steps take together, each starting as soon as what it waits for is there.
pub fn length(parts: &[Part]) -> Usual {
    let ends =
        |of: fn(&Usual) -> Span| schedule(parts, of).into_iter().map(|(_, end)| end).max().unwrap_or(0);
    Usual { low: Span(ends(|usual| usual.low)), high: Span(ends(|usual| usual.high)), samples: 0 }
}

/// What goes on at the same time where most does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtOnce<'p> {
    /// The names of the steps.
    pub names: Vec<&'p str>,
    /// How many steps and items that is, with what goes on inside each.
    pub count: usize,
    /// Whether it may be more: a list has as many items as it has.
    pub or_more: bool,
}

/// What goes on at the same time where most does.
pub fn at_once(parts: &[Part]) -> AtOnce<'_> {
    // A step of no length still takes its place beside the others.
    let times = schedule(parts, |usual| Span(usual.high.0.max(1)));
    let mut most = AtOnce::default();
    for (at, _) in &times {
        let mut found = AtOnce::default();
        for ((start, end), part) in times.iter().zip(parts) {
            if start <= at && at < end {
                found.add(part);
            }
        }
        if (found.count, found.or_more) > (most.count, most.or_more) {
            most = found;
        }
    }
    most
}

impl<'p> AtOnce<'p> {
    fn add(&mut self, part: &'p Part) {
        let inside = if part.inner.is_empty() {
            AtOnce { count: 1, ..AtOnce::default() }
        } else {
            at_once(&part.inner)
        };
        self.names.push(&part.name);
        self.count += inside.count * part.items_at_once.unwrap_or(1);
        self.or_more |= inside.or_more || part.items_at_once.is_none();
    }
}

/// Start and end of every step, in milliseconds.
fn schedule(parts: &[Part], of: impl Fn(&Usual) -> Span + Copy) -> Vec<(u64, u64)> {
    let index: BTreeMap<&str, usize> =
        parts.iter().enumerate().map(|(index, part)| (part.name.as_str(), index)).collect();
    let mut ends: Vec<Option<u64>> = vec![None; parts.len()];
    let mut open: Vec<usize> = (0..parts.len()).rev().collect();
    while let Some(at) = open.pop() {
        if ends[at].is_some() {
            continue;
        }
        let awaited: Vec<usize> =
            parts[at].waits_for.iter().filter_map(|name| index.get(name.as_str()).copied()).collect();
        let missing: Vec<usize> = awaited.iter().copied().filter(|other| ends[*other].is_none()).collect();
        if missing.is_empty() {
            let start = awaited.iter().filter_map(|other| ends[*other]).max().unwrap_or(0);
            ends[at] = Some(start + of(&parts[at].usual).0);
        } else {
            // A checked plan has no cycles, so what is awaited comes to its end first.
            open.push(at);
            open.extend(missing);
        }
    }
    let span = |at: usize| {
        let end = ends[at].unwrap_or(0);
        (end - of(&parts[at].usual).0.min(end), end)
    };
    (0..parts.len()).map(span).collect()
}

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

/// What goes on at the same time where most does: of several such moments, that at which the first of the
/// steps begins.
pub fn at_once(parts: &[Part]) -> AtOnce<'_> {
    // A step of no length still takes its place beside the others.
    let times = schedule(parts, |usual| Span(usual.high.0.max(1)));
    let together: Vec<Together> = parts.iter().map(Together::of).collect();
    let moments = moments(&times, &together);
    let mut most: Option<(u64, Together)> = None;
    for (at, _) in &times {
        let found = moments[at];
        if most.is_none_or(|(_, most)| found > most) {
            most = Some((*at, found));
        }
    }
    let Some((moment, most)) = most else { return AtOnce::default() };
    let under_way = times.iter().zip(parts).filter(|((start, end), _)| *start <= moment && moment < *end);
    AtOnce {
        names: under_way.map(|(_, part)| part.name.as_str()).collect(),
        count: most.count,
        or_more: most.unknown > 0,
    }
}

/// Nobody counts further, and sums of this don't overflow.
const COUNTED_MAX: usize = 1_000_000_000;

/// How much goes on together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Together {
    /// Steps and items.
    count: usize,
    /// Steps that may be more than is counted.
    unknown: usize,
}

impl Together {
    /// What goes on in a step, where most does.
    fn of(part: &Part) -> Together {
        let inside = match part.inner.is_empty() {
            true => AtOnce { count: 1, ..AtOnce::default() },
            false => at_once(&part.inner),
        };
        Together {
            count: inside.count.saturating_mul(part.items_at_once.unwrap_or(1)).min(COUNTED_MAX),
            unknown: usize::from(inside.or_more || part.items_at_once.is_none()),
        }
    }
}

impl PartialOrd for Together {
    fn partial_cmp(&self, other: &Together) -> Option<std::cmp::Ordering> {
        (self.count, self.unknown > 0).partial_cmp(&(other.count, other.unknown > 0))
    }
}

/// How much goes on at every moment at which a step begins or ends.
fn moments(times: &[(u64, u64)], together: &[Together]) -> BTreeMap<u64, Together> {
    let mut changes: BTreeMap<u64, (Together, Together)> = BTreeMap::new();
    let add = |sum: &mut Together, more: &Together| {
        sum.count += more.count;
        sum.unknown += more.unknown;
    };
    for ((start, end), together) in times.iter().zip(together) {
        add(&mut changes.entry(*start).or_default().0, together);
        add(&mut changes.entry(*end).or_default().1, together);
    }
    let mut now = Together::default();
    let after = |(at, (begun, ended)): (u64, (Together, Together))| {
        add(&mut now, &begun);
        now.count -= ended.count;
        now.unknown -= ended.unknown;
        (at, now)
    };
    changes.into_iter().map(after).collect()
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
        let mut awaited: Vec<usize> =
            parts[at].waits_for.iter().filter_map(|name| index.get(name.as_str()).copied()).collect();
        if parts[at].always {
            // It runs once nothing else does.
            awaited.extend((0..parts.len()).filter(|other| !parts[*other].always));
        }
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

#[cfg(test)]
mod tests {
    use motet::language::bundle::Bundle;
    use motet::language::check::check;
    use motet::language::contract::Catalogue;

    use super::super::{History, Score};
    use super::*;

    fn score(steps: &str) -> Score {
        let text = format!("motet: 1\ninputs: {{ list: {{ type: array }} }}\nsteps:\n{steps}");
        let checked = check(&Bundle::of_text("a.yaml", text), &Catalogue::default());
        Score::new(&checked.plan.expect("the pipeline is good"), &History::new())
    }

    #[test]
    fn the_moment_at_which_most_goes_on_is_found() {
        const NAP: &str = "uses: flow/sleep, with: { duration: 1 }";
        let steps = format!(
            "  a: {{ {NAP} }}\n  b: {{ needs: a, {NAP} }}\n  c: {{ needs: a, each: [1, 2, 3], {NAP} }}\n  d: {{ needs: [b, c], {NAP} }}\n"
        );
        let found = score(&steps);
        assert_eq!(at_once(&found.parts), AtOnce { names: vec!["b", "c"], count: 4, or_more: false });
        let more = score(&(steps + &format!("  e: {{ needs: d, each: '{{{{ inputs.list }}}}', {NAP} }}\n")));
        assert_eq!(at_once(&more.parts).names, ["b", "c"]);
        let last = score(&format!("  a: {{ {NAP} }}\n  b: {{ always: true, {NAP} }}\n"));
        assert_eq!(at_once(&last.parts), AtOnce { names: vec!["a"], count: 1, or_more: false });
        let unknown =
            score(&format!("  a: {{ {NAP} }}\n  b: {{ needs: a, each: '{{{{ inputs.list }}}}', {NAP} }}\n"));
        assert_eq!(at_once(&unknown.parts), AtOnce { names: vec!["b"], count: 1, or_more: true });
    }

    #[test]
    fn what_nobody_can_count_is_not_counted() {
        let inner = (0..12).fold("{ uses: flow/sleep, with: { duration: 1 } }".to_owned(), |inner, _| {
            format!("{{ each: '{{{{ inputs.list }}}}', max_parallel: 1000000, steps: {{ a: {inner} }} }}")
        });
        let found = score(&format!("  a: {inner}\n  b: {inner}\n"));
        assert_eq!(at_once(&found.parts).count, 2 * COUNTED_MAX);
    }
}

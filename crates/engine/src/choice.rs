//! The choice after a failure: the same target again, another one, or none. The only place where a target is
//! chosen.

use motet_pipeline::plan::Target;
use motet_pipeline::{Class, Failure, Timestamp};

use crate::retry;

/// How a step stands at its targets.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'p> {
    /// Its targets: the first, then the fallbacks. Never empty.
    pub targets: &'p [Target],
    /// The present one.
    pub target: usize,
    /// How many attempts at it count.
    pub attempts: u32,
    /// When the step, something around it or the run will have taken as long as it may.
    pub ends_by: Option<Timestamp>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug)]
pub enum Setback<'f> {
    /// An attempt failed, or the target's inputs can't be made.
    Failed(&'f Failure),
    /// Somebody decided that the attempt failed: it isn't made again by itself.
    GivenUp(&'f Failure),
    /// An attempt may not begin: what it needs will not be there, or not before `retry_at`.
    Denied(&'f Failure),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The same target again.
    Again {
        /// Not before this.
        at: Timestamp,
        /// Why, and why then, in words.
        reason: String,
        /// Whether the failed attempt counts.
        counted: bool,
    },
    /// The target at this place.
    Target(usize),
    /// Nothing: the step failed.
    GiveUp,
}

/// Chooses what follows a setback at `now`; `random` draws the length of a pause, if there is one.
///
/// ```
/// # use motet_engine::choice::{Choice, Progress, Setback, choose};
/// # use motet_pipeline::contract::{Catalogue, Contract, Work};
/// # use motet_pipeline::{Bundle, Class, Failure, Timestamp, check::check, plan::Body};
/// # let text = "motet: 1\nsteps: { a: { uses: task/a, fallback: [{ uses: task/a, on: [quota] }] } }";
/// # let catalogue = Catalogue::new([Contract::new("task/a", Work::Task)]);
/// # let plan = check(&Bundle::of_text("a.yaml", text), &catalogue).plan.unwrap();
/// # let Body::Operation(targets) = &plan.root.steps[0].body else { panic!() };
/// let progress = Progress { targets, target: 0, attempts: 1, ends_by: None };
/// let choice = |class| choose(&progress, Setback::Failed(&Failure::new(class, "no")), Timestamp(0), || 0);
/// assert_eq!(choice(Class::Quota), Choice::Target(1));
/// assert_eq!(choice(Class::Content), Choice::GiveUp);
/// ```
pub fn choose(progress: &Progress, setback: Setback, now: Timestamp, random: impl FnOnce() -> u64) -> Choice {
    match setback {
        Setback::Failed(failure) => {
            again(progress, failure, now, random).unwrap_or_else(|| other_target(progress, failure.class))
        }
        Setback::GivenUp(failure) => other_target(progress, failure.class),
        // A target that is free now is better than one that will be.
        Setback::Denied(failure) => match (other_target(progress, failure.class), failure.retry_at) {
            (Choice::GiveUp, Some(at)) if progress.allows(at) => {
                // What is counted is left as it is: nothing was attempted.
                Choice::Again { at, reason: failure.to_string(), counted: true }
            }
            (choice, _) => choice,
        },
    }
}

/// Another attempt at the present target, if its rules ask for one, or it told when to come again.
fn again(
    progress: &Progress,
    failure: &Failure,
    now: Timestamp,
    random: impl FnOnce() -> u64,
) -> Option<Choice> {
    let rule = retry::rule(&progress.targets[progress.target].retry, failure.class);
    // Told to come again, with another key or later: nothing was attempted.
    let counted = !failure.class.is_about_key() || failure.retry_at.is_none();
    let is_spent = rule.is_none_or(|rule| progress.attempts >= rule.attempts);
    if progress.attempts == 0 || (counted && is_spent) {
        return None;
    }
    let (at, reason) = retry::moment(rule, progress.attempts, failure, now, random());
    progress.allows(at).then_some(Choice::Again { at, reason, counted })
}

/// The next fallback that is meant for failures of `class`.
fn other_target(progress: &Progress, class: Class) -> Choice {
    let mut behind = progress.target + 1..progress.targets.len();
    behind.find(|index| progress.targets[*index].on.contains(&class)).map_or(Choice::GiveUp, Choice::Target)
}

impl Progress<'_> {
    /// Whether there is still time at `at`.
    fn allows(&self, at: Timestamp) -> bool {
        self.ends_by.is_none_or(|deadline| at < deadline)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use motet_pipeline::contract::{Catalogue, Contract, Work};
    use motet_pipeline::plan::Body;
    use motet_pipeline::{Bundle, check};

    use super::*;

    const STORY: &str = "
motet: 1
steps:
  a:
    uses: task/a
    retry: { attempts: 2, on: [unavailable, throttled], backoff: 10s, jitter: false }
    fallback:
      - { uses: task/a, on: [quota] }
      - { uses: task/a, on: [quota, unavailable, unknown], retry: { attempts: 2, on: [quota], backoff: 1s, jitter: false } }
";

    #[test]
    fn the_table_of_choices() {
        let catalogue = Catalogue::new([Contract::new("task/a", Work::Task)]);
        let plan = check::check(&Bundle::of_text("a.yaml", STORY), &catalogue).plan.unwrap();
        let Body::Operation(targets) = &plan.root.steps[0].body else { panic!("it is an operation") };
        let mut table = String::new();
        for class in [Class::Unavailable, Class::Throttled, Class::Quota, Class::Unknown, Class::Content] {
            for told in [None, Some(Timestamp(60_000))] {
                for (target, attempts) in [(0, 1), (0, 2), (1, 1), (2, 1), (2, 2)] {
                    for ends_by in [None, Some(Timestamp(30_000))] {
                        let progress = Progress { targets, target, attempts, ends_by };
                        let failure = Failure { retry_at: told, ..Failure::new(class, "no") };
                        let setbacks = [
                            Setback::Failed(&failure),
                            Setback::GivenUp(&failure),
                            Setback::Denied(&failure),
                        ];
                        let [failed, given_up, denied] =
                            setbacks.map(|setback| in_words(&choose(&progress, setback, Timestamp(0), || 0)));
                        let told = told.map_or("", |_| "told 60s");
                        let limit = ends_by.map_or("", |_| "30s left");
                        let _ = writeln!(
                            table,
                            "{:<12} {told:<9} target {target}, attempt {attempts} {limit:<9} {failed:<16} \
                             {given_up:<10} {denied}",
                            class.word()
                        );
                    }
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    fn in_words(choice: &Choice) -> String {
        match choice {
            Choice::Again { at, counted, .. } => {
                format!("again at {}s{}", at.0 / 1000, if *counted { "" } else { "*" })
            }
            Choice::Target(target) => format!("target {target}"),
            Choice::GiveUp => "–".to_owned(),
        }
    }
}

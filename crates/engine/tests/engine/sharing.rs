//! Attempts that would give the same take turns.

use motet_engine::dispatcher::{Bill, Cap, Cause, Claim, Limits, Needs, Shared, Told, Verdicts};
use motet_engine::{AttemptKey, Dispatcher, RunId};
use motet_pipeline::{Digest, StepPath, Timestamp};

fn claim(run: u8) -> Claim {
    let key = AttemptKey { step: StepPath::from_text("voice"), number: 1 };
    Claim { run: RunId::new(format!("run{run}")), key }
}

/// The need of one processor, and of `what`.
fn needs(what: &str) -> Needs {
    Needs { shared: Some(Shared(Digest::of(what.as_bytes()))), ..Needs::processor() }
}

struct Gate(Dispatcher);

impl Gate {
    fn new() -> Gate {
        Gate(Dispatcher::new(Limits::processors(1)))
    }

    /// What it says, in words.
    fn tell(&mut self, told: Told) -> String {
        let Verdicts { looks, grants, denials, .. } = self.0.handle(Timestamp(1), told);
        let looks = looks.iter().map(|(claim, _)| format!("look {}", claim.run));
        let grants = grants.iter().map(|claim| format!("go {}", claim.run));
        let denials = denials.iter().map(|denial| format!("no {}", denial.claim.run));
        looks.chain(grants).chain(denials).collect::<Vec<_>>().join(", ")
    }

    fn wants(&mut self, run: u8, needs: Needs) -> String {
        self.tell(Told::Wanted { claim: claim(run), needs })
    }

    fn misses(&mut self, run: u8) -> String {
        self.tell(Told::Missed { claim: claim(run) })
    }

    fn releases(&mut self, run: u8) -> String {
        self.tell(Told::Released { claim: claim(run) })
    }

    /// Nobody holds anything, and nobody waits.
    fn is_empty(&self) -> bool {
        self.0.held() == 0 && self.0.waiting() == 0
    }
}

#[test]
fn the_second_looks_when_the_first_is_done() {
    let mut gate = Gate::new();
    assert_eq!(gate.wants(1, needs("aah")), "look run1");
    assert_eq!(gate.wants(2, needs("aah")), "");
    assert_eq!(gate.wants(3, needs("aah")), "");
    assert_eq!(gate.wants(4, needs("ooh")), "look run4", "something else has a turn of its own");
    assert_eq!(gate.misses(1), "go run1");
    assert!(gate.0.is_awaited(&claim(1)) && !gate.0.is_awaited(&claim(2)) && !gate.0.is_awaited(&claim(4)));
    assert_eq!(gate.misses(4), "", "the processor is taken");
    assert_eq!(gate.releases(1), "look run2, go run4");
    // It found something.
    assert_eq!(gate.releases(2), "look run3");
    assert_eq!(gate.misses(3), "");
    assert_eq!(gate.releases(4), "go run3");
    assert_eq!(gate.releases(3), "");
    assert!(gate.is_empty());
}

#[test]
fn whoever_is_told_twice_has_one_turn() {
    let mut gate = Gate::new();
    for _ in 0..2 {
        gate.wants(1, needs("aah"));
        gate.wants(2, needs("aah"));
    }
    assert_eq!(gate.0.waiting(), 2);
    assert_eq!(gate.misses(2), "", "it isn't its turn");
    assert_eq!((gate.misses(1), gate.misses(1)), ("go run1".into(), String::new()));
    assert_eq!((gate.releases(1), gate.releases(1)), ("look run2".into(), String::new()));
    assert_eq!(gate.releases(2), "");
    assert!(gate.is_empty());
}

#[test]
fn whoever_is_denied_or_leaves_gives_its_turn_away() {
    let mut gate = Gate::new();
    let cap = Cap { name: "day".into(), limit: "0.01".parse().unwrap() };
    let dear = Bill { amount: "0.60".parse().unwrap(), caps: vec![cap] };
    let dear = Needs { money: Some(Box::new(dear)), ..needs("aah") };
    assert_eq!(gate.wants(1, dear.clone()), "look run1", "there may be one, and that costs nothing");
    assert_eq!(gate.wants(2, needs("aah")), "");
    assert_eq!(gate.misses(1), "look run2, no run1");
    assert_eq!(gate.wants(1, dear), "", "it comes again, behind the others");
    assert_eq!(gate.tell(Told::Forgotten { run: RunId::new("run2") }), "look run1");
    let words = gate.0.handle(Timestamp(1), Told::Missed { claim: claim(1) }).denials;
    assert!(matches!(&words[0].cause, Cause::Budget(words) if words.contains("0.6")), "{words:?}");
    assert!(gate.is_empty());
}

#[test]
fn whoever_asks_for_something_else_gives_its_turn_away() {
    let mut gate = Gate::new();
    gate.wants(1, needs("aah"));
    gate.wants(2, needs("aah"));
    assert_eq!(gate.wants(1, needs("ooh")), "look run2, look run1");
    assert_eq!(gate.misses(1), "go run1");
    assert_eq!(gate.misses(2), "");
    assert_eq!(gate.wants(2, Needs::processor()), "");
    assert_eq!(gate.releases(1), "go run2");
    assert_eq!(gate.releases(2), "");
    assert!(gate.is_empty());
}

#[test]
fn what_is_at_work_when_a_process_comes_back_has_its_turn() {
    let mut gate = Gate::new();
    assert_eq!(gate.wants(2, needs("aah")), "look run2");
    assert_eq!(gate.tell(Told::Held { claim: claim(1), needs: needs("aah") }), "");
    assert_eq!(gate.wants(3, needs("aah")), "");
    assert!(gate.0.is_awaited(&claim(1)));
    assert_eq!(gate.misses(2), "", "it had begun to look, and waits for a processor");
    assert_eq!(gate.releases(1), "go run2");
    assert_eq!(gate.releases(2), "look run3");
    assert_eq!(gate.releases(3), "");
    assert!(gate.is_empty());
}

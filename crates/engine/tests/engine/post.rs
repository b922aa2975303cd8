//! A host with a bad post: whatever it is told to do, and whatever it tells, may come late, twice, and
//! in any order. Nothing is lost for good.

use std::collections::{BTreeMap, BTreeSet};

use motet_engine::dispatcher::{Claim, Limits, PoolLimit, Told};
use motet_engine::{
    AttemptEnd, AttemptEvent, AttemptKey, Command, Dispatcher, Event, Input, Perform, Reaction, Run, Turn,
};
use motet_pipeline::{StepPath, Timestamp};
use proptest::prelude::*;

use crate::scenario::DAWN;

/// Something that is on its way.
#[derive(Clone, Debug)]
enum Letter {
    /// To those who carry commands out.
    Do(Command),
    /// To the run.
    Tell(Input),
}

/// Where all chance comes from.
#[derive(Clone, Debug)]
pub struct Dice {
    rolls: Vec<u16>,
    rolled: usize,
}

pub fn dice() -> impl Strategy<Value = Dice> {
    prop::collection::vec(any::<u16>(), 1..60).prop_map(|rolls| Dice { rolls, rolled: 0 })
}

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.rolled += 1;
        let drawn = usize::from(self.rolls[self.rolled % self.rolls.len()]);
        (drawn + self.rolled / self.rolls.len()) % sides
    }

    /// Whether there was no luck yet, in `sides` throws for one; after a while there is none any more.
    fn strikes(&mut self, sides: usize) -> bool {
        self.rolled < 300 && self.roll(sides) == 0
    }
}

/// So many processors, and a pool for one.
fn limits(processors: usize) -> Limits {
    Limits::processors(processors).with_pool("gpu", PoolLimit { slots: Some(1), rate: None })
}

/// A run, the dispatcher, those who work, and what is on its way between them.
pub struct Post {
    pub run: Run,
    journal: Vec<Turn>,
    now: Timestamp,
    gate: Dispatcher,
    slots: usize,
    letters: Vec<Letter>,
    at_work: BTreeMap<AttemptKey, Perform>,
    /// Attempts whose work has ended, or may not begin any more.
    done: BTreeSet<AttemptKey>,
    dice: Dice,
}

impl Post {
    pub fn open((run, reaction): (Run, Reaction), slots: usize, dice: Dice) -> Post {
        let mut post = Post {
            run,
            journal: Vec::new(),
            now: DAWN,
            gate: Dispatcher::new(limits(slots)),
            slots,
            letters: Vec::new(),
            at_work: BTreeMap::new(),
            done: BTreeSet::new(),
            dice,
        };
        post.take_in(reaction);
        post
    }

    /// Plays the run to its end; attempts end as `end` says. Then no slot is held, and none is wanted.
    pub fn play(&mut self, end: impl Fn(&AttemptKey) -> AttemptEnd) {
        for _ in 0..20_000 {
            if self.dice.strikes(60) {
                self.crash();
            }
            let works = !self.at_work.is_empty() && (self.letters.is_empty() || self.dice.roll(3) == 0);
            if works {
                let which = self.dice.roll(self.at_work.len());
                let key = self.at_work.keys().nth(which).expect("so many are at work").clone();
                let end = end(&key);
                self.finish(key, end);
            } else if !self.letters.is_empty() {
                let which = self.dice.roll(self.letters.len());
                let twice = self.dice.strikes(4);
                let letter =
                    if twice { self.letters[which].clone() } else { self.letters.swap_remove(which) };
                self.deliver(letter);
            } else if let Some(due) = self.run.next_deadline() {
                self.now = self.now.max(due);
                self.tell(Input::Tick);
            } else {
                assert!(self.run.status().is_terminal(), "the run waits for nothing");
                assert_eq!(self.gate.held(), 0, "a slot is never given back");
                assert_eq!(self.gate.waiting(), 0, "a claim is never given back");
                return;
            }
        }
        panic!("the run doesn't end");
    }

    /// Somebody asks to end the run.
    pub fn cancel_some_time(&mut self) {
        self.letters.push(Letter::Tell(Input::Cancel { by: "ada".into(), reason: "enough".into() }));
    }

    /// Somebody asks to cancel these steps, whether there are such ones or not.
    pub fn cancel_steps_some_time(&mut self, steps: &[StepPath]) {
        for step in steps {
            let (by, reason) = ("ada".into(), "enough".into());
            self.letters.push(Letter::Tell(Input::CancelStep { step: step.clone(), by, reason }));
        }
    }

    fn tell(&mut self, input: Input) {
        let reaction = self.run.handle(self.now, input);
        self.take_in(reaction);
    }

    fn take_in(&mut self, reaction: Reaction) {
        self.journal.extend(reaction.turn);
        self.letters.extend(reaction.commands.into_iter().map(Letter::Do));
    }

    fn deliver(&mut self, letter: Letter) {
        match letter {
            Letter::Do(command) => self.carry_out(command),
            Letter::Tell(input) => self.tell(input),
        }
    }

    fn tell_gate(&mut self, told: Told) {
        let verdicts = self.gate.handle(self.now, told);
        verdicts.looks.into_iter().for_each(|(claim, _)| self.tell_gate(Told::Missed { claim }));
        let granted =
            verdicts.grants.into_iter().map(|claim| Input::Granted { key: claim.key, intent: None });
        self.letters.extend(granted.map(Letter::Tell));
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Acquire { key, needs } => self.tell_gate(Told::Wanted { claim: self.claim(key), needs }),
            Command::Release { key } => self.tell_gate(Told::Released { claim: self.claim(key) }),
            Command::Perform(perform) if !self.done.contains(&perform.key) => {
                let key = perform.key.clone();
                if !perform.needs.is_empty() {
                    self.tell_gate(Told::Held {
                        claim: self.claim(key.clone()),
                        needs: perform.needs.clone(),
                    });
                }
                self.at_work.insert(key, *perform);
                let slots = self.at_work.values().filter(|perform| perform.needs.processor).count();
                let pooled = self.at_work.values().filter(|perform| perform.needs.pool.is_some()).count();
                assert!(
                    slots <= self.slots && pooled <= 1,
                    "more slots are in use than there are: {:?}",
                    self.at_work.keys()
                );
            }
            Command::Perform(_) => {}
            Command::Stop { key } if !self.done.contains(&key) => self.finish(key, AttemptEnd::Cancelled),
            Command::Stop { .. } => {}
        }
    }

    fn finish(&mut self, key: AttemptKey, end: AttemptEnd) {
        self.at_work.remove(&key);
        self.done.insert(key.clone());
        self.letters.push(Letter::Tell(Input::Ended { key, end }));
    }

    /// The host dies. What is left is the journal, and the ends that were told already; another host
    /// takes the run up.
    fn crash(&mut self) {
        let graph = self.run.graph().clone();
        self.run = Run::replay(graph, &self.journal).expect("the journal can be replayed");
        self.gate = Dispatcher::new(limits(self.slots));
        self.at_work.clear();
        self.letters.retain(|letter| {
            matches!(
                letter,
                Letter::Tell(Input::Ended { .. } | Input::Cancel { .. } | Input::CancelStep { .. })
            )
        });
        // Whoever is at work has its slots before anybody is let through.
        let is_at_work = |command: &Command| matches!(command, Command::Perform(_));
        let (at_work, others): (Vec<_>, Vec<_>) = self.run.outstanding().into_iter().partition(is_at_work);
        at_work.into_iter().chain(others).for_each(|command| self.carry_out(command));
    }

    fn claim(&self, key: AttemptKey) -> Claim {
        Claim { run: self.run.id().clone(), key }
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.journal.iter().flat_map(|turn| &turn.events)
    }

    /// How each step and item stands.
    pub fn statuses(&self) -> BTreeMap<String, String> {
        let status = |step| self.run.step_status(step).map(|status| status.word().to_owned());
        let known = self.events().filter_map(Event::step);
        known.filter_map(|step| Some((step.to_string(), status(step)?))).collect()
    }

    /// How many attempts each step and item took.
    pub fn attempts(&self) -> BTreeMap<String, u32> {
        let mut attempts = BTreeMap::new();
        for event in self.events() {
            if let Event::Attempt { key: AttemptKey { step, .. }, event: AttemptEvent::Planned { .. } } =
                event
            {
                *attempts.entry(step.to_string()).or_default() += 1;
            }
        }
        attempts
    }
}

//! Laws: what holds after every story, whatever failed in it.

use std::collections::{BTreeMap, BTreeSet};

use motet::RunEnd;
use motet::engine::{AttemptEvent, Event, ParkReason, StepEvent};
use motet::language::money::Basis;
use motet::language::{Span, StepPath};
use motet::store::Charge;
use serde_json::Value as Json;

use crate::play::{End, Played, attempt_of, id_of};
use crate::providers::{KEY, amount};
use crate::stage::agreement::assert_readings_agree_at_the_end;
use crate::story::Story;

/// What is below a millionth of a cent is no difference: the simulator counts in floating point.
const TINY: f64 = 1e-8;

/// Which laws a story broke, in words.
pub fn judge(story: &Story, played: &Played) -> Vec<String> {
    let mut broken = Broken { story, played, words: Vec::new() };
    broken.ends_in_a_said_way();
    broken.sends_no_attempt_twice();
    broken.explains_each_second_charge();
    broken.misses_no_charge();
    broken.exceeds_no_budget();
    broken.pays_once_where_nothing_fails();
    broken.parks_only_what_cannot_be_known();
    broken.tells_no_key();
    // It takes longer than the story.
    if let (0, true, Some(plan)) = (story.seed % 16, broken.words.is_empty(), &played.plan) {
        assert_readings_agree_at_the_end(plan, &id_of(story), &played.turns);
    }
    broken.words
}

struct Broken<'s> {
    story: &'s Story,
    played: &'s Played,
    words: Vec<String>,
}

impl Broken<'_> {
    fn say(&mut self, words: impl Into<String>) {
        self.words.push(words.into());
    }

    fn charge(&self, step: &StepPath, attempt: u32) -> Option<&Charge> {
        self.played.charges.iter().find(|charge| charge.step == *step && charge.attempt == attempt)
    }

    fn ends_in_a_said_way(&mut self) {
        let cancelled = self.story.cancel_after.is_some();
        match &self.played.end {
            End::Over(RunEnd::Cancelled { .. }) if cancelled => {}
            End::Over(RunEnd::Completed { .. } | RunEnd::Failed { .. }) | End::Parked => {}
            end => self.say(format!("it ended {end:?}")),
        }
    }

    /// No number of an attempt leaves twice, and none without a number.
    fn sends_no_attempt_twice(&mut self) {
        let mut seen = BTreeSet::new();
        for line in &self.played.ledger {
            if let Some(violation) = line["violation"].as_str() {
                self.say(violation);
            }
            let key = line["attempt_key"].as_str().unwrap_or("nobody");
            if !seen.insert(key) {
                self.say(format!("{key} was sent twice"));
            }
        }
    }

    fn explains_each_second_charge(&mut self) {
        let mut paid: BTreeMap<StepPath, Vec<u32>> = BTreeMap::new();
        for line in charged(&self.played.ledger) {
            let Some((step, number)) = attempt_of(line) else { continue };
            paid.entry(step).or_default().push(number);
        }
        for (step, numbers) in paid {
            for earlier in &numbers[..numbers.len() - 1] {
                let booked = self.charge(&step, *earlier);
                if !booked.is_some_and(|charge| charge.failed && !charge.cost.is_none()) {
                    self.say(format!(
                        "{step}: attempts {numbers:?} were charged, and {earlier} is booked as {booked:?}"
                    ));
                }
            }
            let good = |number: &&u32| self.charge(&step, **number).is_some_and(|charge| !charge.failed);
            if numbers.iter().filter(good).count() > 1 {
                self.say(format!("{step} was paid twice: attempts {numbers:?}"));
            }
        }
    }

    fn misses_no_charge(&mut self) {
        for line in charged(&self.played.ledger) {
            let Some((step, number)) = attempt_of(line) else { continue };
            let charged = amount(&line["charged_usd"]);
            let booked = self.charge(&step, number).map_or(0.0, booked);
            if booked + TINY < charged && !self.has_run_on(&step, number) {
                let charge = self.charge(&step, number);
                self.say(format!("{step}/{number} was charged {charged}, and is booked as {charge:?}"));
            }
        }
    }

    fn exceeds_no_budget(&mut self) {
        let Some(budget) = self.played.budget else { return };
        let run_on: f64 = self
            .played
            .charges
            .iter()
            .filter(|charge| is_by_time(charge))
            .map(|charge| self.run_on(charge))
            .sum();
        let budget = dollars(budget) + run_on;
        let charged: f64 = self.played.ledger.iter().map(|line| amount(&line["charged_usd"])).sum();
        let booked: f64 = self.played.charges.iter().map(booked).sum();
        if charged > budget + TINY || booked > budget + TINY {
            self.say(format!("{charged} was charged and {booked} is booked of a budget of {budget}"));
        }
    }

    /// By how much a job that is billed by time cost more than was reserved for it: it is cancelled when that is used
    /// up, but goes on until its provider hears of it.
    fn run_on(&self, charge: &Charge) -> f64 {
        let is_its = |line: &&Json| attempt_of(line) == Some((charge.step.clone(), charge.attempt));
        let charged: f64 =
            self.played.ledger.iter().filter(is_its).map(|line| amount(&line["charged_usd"])).sum();
        (charged - dollars(charge.estimate)).max(0.0)
    }

    /// Whether a job that is billed by time ran on, and nobody could be told for how long.
    fn has_run_on(&self, step: &StepPath, attempt: u32) -> bool {
        let charge = self.charge(step, attempt).filter(|charge| is_by_time(charge));
        charge.is_some_and(|charge| charge.cost.basis == Basis::Maybe && self.run_on(charge) > 0.0)
    }

    /// Where nothing fails, each step is paid once, exactly as it is booked; also where processes die, unless a call
    /// can't be asked about.
    fn pays_once_where_nothing_fails(&mut self) {
        if !self.story.is_faultless() {
            return;
        }
        let is_still = self.played.crashes.is_empty();
        if !self.played.end.is_completed() && (is_still || !self.was_unknown()) {
            let end = format!("nothing failed, and it ended {:?}", self.played.end);
            self.say(end);
        }
        let mut paid: BTreeMap<StepPath, u32> = BTreeMap::new();
        for line in charged(&self.played.ledger) {
            let Some((step, number)) = attempt_of(line) else { continue };
            *paid.entry(step.clone()).or_default() += 1;
            let exact = self
                .charge(&step, number)
                .is_some_and(|charge| (booked(charge) - amount(&line["charged_usd"])).abs() < TINY);
            if is_still && !exact {
                let charge = self.charge(&step, number);
                self.say(format!("{step} was charged {} and is booked as {charge:?}", line["charged_usd"]));
            }
        }
        for (step, times) in paid {
            if times > 1 && (is_still || !self.was_unknown()) {
                self.say(format!("nothing failed, and {step} was paid {times} times"));
            }
        }
    }

    /// Whether of some attempt it could not be known what became of it.
    fn was_unknown(&self) -> bool {
        let events = self.played.turns.iter().flat_map(|turn| &turn.events);
        events
            .into_iter()
            .any(|event| matches!(event, Event::Attempt { event: AttemptEvent::Unknown { .. }, .. }))
    }

    fn parks_only_what_cannot_be_known(&mut self) {
        if self.played.end != End::Parked {
            return;
        }
        for (step, reason, message) in self.parked() {
            let is_allowed = match reason {
                ParkReason::Budget => self.played.budget.is_some(),
                // The provider keeps it for an hour.
                ParkReason::Expired => self.story.longest_away() >= Span::minutes(50),
                ParkReason::Unknown => self.cannot_be_known(&step),
                ParkReason::Approval | ParkReason::Stuck => false,
            };
            if !is_allowed {
                self.say(format!("{step} is parked ({}): {message}", reason.word()));
            }
        }
    }

    /// Whether nobody could say what became of the last attempt of `step`: its provider has no list of such calls, or
    /// keeps them no longer, or could not be asked.
    fn cannot_be_known(&self, step: &StepPath) -> bool {
        let Some(charge) = self.played.charges.iter().rev().find(|charge| charge.step == *step) else {
            return false;
        };
        let has_list =
            !["elevenlabs/music", "elevenlabs/scribe"].iter().any(|name| charge.operation.starts_with(name));
        let could_be_asked = !self.played.requests.iter().any(|request| {
            !request["fault"].is_null() && matches!(request["operation"].as_str(), Some("list" | "read"))
        });
        let is_kept = self.story.longest_away() < Span::minutes(50);
        let line =
            self.played.ledger.iter().find(|line| attempt_of(line) == Some((step.clone(), charge.attempt)));
        let had = |fault| line.is_some_and(|line| line["fault"].as_str().unwrap_or_default().contains(fault));
        let is_listed = match charge.operation.split('/').next() {
            // What is queued is in no list, and neither is what it never took.
            Some("fal") => {
                line.is_some_and(|line| !line["job"].is_null()) && !had("slow_queue") && !had("stuck")
            }
            // What isn't made yet is in no list.
            Some("elevenlabs") => !had("stuck"),
            _ => true,
        };
        !(has_list && could_be_asked && is_kept && is_listed)
    }

    /// The steps that wait for somebody at the end, and for what.
    fn parked(&self) -> Vec<(StepPath, ParkReason, String)> {
        let mut parked = BTreeMap::new();
        for event in self.played.turns.iter().flat_map(|turn| &turn.events) {
            match event {
                Event::Step { step, event: StepEvent::Parked { reason, message } } => {
                    parked.insert(step.clone(), (*reason, message.clone()));
                }
                Event::Step { step, .. } => _ = parked.remove(step),
                _ => {}
            }
        }
        parked.into_iter().map(|(step, (reason, message))| (step, reason, message)).collect()
    }

    fn tells_no_key(&mut self) {
        let journal = format!("{:?}", self.played.turns);
        if let Some(at) = journal.find(KEY) {
            self.say(format!("the journal holds a key: {}", &journal[at.saturating_sub(80)..at]));
        }
    }
}

fn charged(ledger: &[Json]) -> impl Iterator<Item = &Json> {
    ledger.iter().filter(|line| amount(&line["charged_usd"]) > 0.0)
}

fn is_by_time(charge: &Charge) -> bool {
    charge.operation == "replicate/stability-ai/sdxl"
}

/// What an attempt is booked with: while it is open, what is reserved for it.
fn booked(charge: &Charge) -> f64 {
    dollars(if charge.ended_at.is_some() { charge.cost.amount } else { charge.estimate })
}

fn dollars(money: motet::language::Money) -> f64 {
    money.to_string().parse().unwrap()
}

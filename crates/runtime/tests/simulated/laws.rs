//! Laws: what holds after every story, whatever failed in it.

use std::collections::{BTreeMap, BTreeSet};

use motet::RunEnd;
use motet::engine::{AttemptEvent, Decision, Event, ParkReason, StepEvent};
use motet::hooks::Receipt;
use motet::language::money::Basis;
use motet::language::value::Map;
use motet::language::{Money, StepPath};
use motet::store::Charge;
use serde_json::Value as Json;

use crate::asked::Asked;
use crate::play::{End, Played, attempt_of, id_of, play};
use crate::providers::{KEY, amount};
use crate::stage::agreement::assert_readings_agree_at_the_end;
use crate::story::{STRANGE_JOB, Story};
use crate::{courtesy, succession};

/// What is below a millionth of a cent is no difference: the simulator counts in floating point.
pub const TINY: f64 = 1e-8;

/// What holds of each run, with the words in which a violation names it.
type Law<'s> = (&'static str, fn(&mut Broken<'s>));

fn laws<'s>() -> [Law<'s>; 13] {
    [
        ("a run ends in a said way", Broken::ends_in_a_said_way),
        ("no attempt is sent twice", Broken::sends_no_attempt_twice),
        ("a second charge is explained", Broken::explains_each_second_charge),
        ("what is paid and gone is not bought again", Broken::buys_nothing_again_that_is_gone),
        ("no charge is missed", Broken::misses_no_charge),
        ("no budget is exceeded", Broken::exceeds_no_budget),
        ("what fails nowhere is paid once", Broken::pays_once_where_nothing_fails),
        ("only what can't be known parks", Broken::parks_only_what_cannot_be_known),
        ("no key is told", Broken::tells_no_key),
        ("no forgery is believed", Broken::believes_no_forgery),
        ("what was promised is kept", Broken::keeps_what_it_promised),
        ("the books agree", Broken::books_all_in_the_same_way),
        ("the bytes of each result are there", Broken::keeps_the_bytes_of_each_result),
    ]
}

/// Plays a story in which all laws hold.
pub fn lawful(story: &Story) -> Played {
    let played = play(story);
    assert_eq!(judge(story, &played), [] as [String; 0]);
    played
}

/// Which laws a story broke, in words: the law, and what broke it.
pub fn judge(story: &Story, played: &Played) -> Vec<String> {
    let mut words = judge_run(story, played);
    if let Some(sequel) = &played.sequel {
        words.extend(judge_run(story, sequel).into_iter().map(|words| format!("{words} (afterwards)")));
    }
    words.extend(succession::judge(story, played));
    words.extend(courtesy::judge(story, played));
    // It takes longer than the story.
    if let (0, true, Some(plan)) = (story.seed % 16, words.is_empty(), &played.plan) {
        assert_readings_agree_at_the_end(plan, &id_of(story), &played.turns);
    }
    words
}

/// Which laws one of its runs broke.
fn judge_run<'s>(story: &'s Story, played: &'s Played) -> Vec<String> {
    let mut words = Vec::new();
    for (law, judge) in laws() {
        let mut broken = Broken { story, played, words: Vec::new() };
        judge(&mut broken);
        words.extend(broken.words.into_iter().map(|words| format!("{law}: {words}")));
    }
    words
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

    /// The charge of the attempt that has the job of a line: of two calls that are alike, each may be taken for the other.
    fn charge_of_job(&self, line: &Json) -> Option<&Charge> {
        let job = line["job"].as_str()?;
        self.played.charges.iter().find(|charge| charge.job.as_deref() == Some(job))
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
            let booked = self.charge_of_job(line).map(|charge| (charge.step.clone(), charge.attempt));
            let Some((step, number)) = booked.or_else(|| attempt_of(line)) else { continue };
            paid.entry(step).or_default().push(number);
        }
        for (step, mut numbers) in paid {
            numbers.sort_unstable();
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

    /// A job that was done, and whose output was never to be had, ends in no failure from which a retry or a fallback follows.
    fn buys_nothing_again_that_is_gone(&mut self) {
        for line in charged(&self.played.ledger) {
            let is_gone =
                line["fault"].as_str().unwrap_or_default().split('+').any(|had| had == "url_expired");
            let Some((step, number)) = attempt_of(line).filter(|_| is_gone) else { continue };
            let (mut is_done, mut is_decided) = (false, false);
            for event in self.played.turns.iter().flat_map(|turn| &turn.events) {
                match event {
                    Event::Attempt { key, event } if key.step == step && key.number == number => {
                        match event {
                            AttemptEvent::Finished {} => is_done = true,
                            AttemptEvent::Unknown { .. } => is_decided = true,
                            AttemptEvent::Failed { failure, abandoned: false, .. }
                                if is_done && !is_decided =>
                            {
                                self.say(format!("{step}/{number} was done and paid, and failed: {failure}"));
                            }
                            _ => {}
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn misses_no_charge(&mut self) {
        for line in charged(&self.played.ledger) {
            let Some((step, number)) = attempt_of(line) else { continue };
            let charged = amount(&line["charged_usd"]);
            let charge = self.charge_of_job(line).or_else(|| self.charge(&step, number));
            if charge.map_or(0.0, booked) + TINY < charged && !self.has_run_on(&step, number) {
                self.say(format!("{step}/{number} was charged {charged}, and is booked as {charge:?}"));
            }
        }
    }

    fn exceeds_no_budget(&mut self) {
        let Some(budget) = self.played.budget else { return };
        let budget = dollars(budget) + run_on(self.played);
        let charged: f64 = self.played.ledger.iter().map(|line| amount(&line["charged_usd"])).sum();
        let booked: f64 = self.played.charges.iter().map(booked).sum();
        if charged > budget + TINY || booked > budget + TINY {
            self.say(format!("{charged} was charged and {booked} is booked of a budget of {budget}"));
        }
    }

    /// Whether a job that is billed by time ran on, and nobody could be told for how long.
    fn has_run_on(&self, step: &StepPath, attempt: u32) -> bool {
        let charge = self.charge(step, attempt).filter(|charge| is_by_time(charge));
        let is_open = |charge: &Charge| charge.ended_at.is_none() || charge.cost.basis == Basis::Maybe;
        charge.is_some_and(|charge| is_open(charge) && run_on_of(self.played, charge) > 0.0)
            && self.was_out_of_reach(step, attempt)
    }

    /// Whether there was a time in which nobody could ask about a job: no process was there, nobody knew of it, or its
    /// provider didn't answer.
    fn was_out_of_reach(&self, step: &StepPath, attempt: u32) -> bool {
        let line = self.played.ledger.iter().find(|line| attempt_of(line) == Some((step.clone(), attempt)));
        let Some(job) = line.and_then(|line| line["job"].as_str()) else { return true };
        let is_about_it = |request: &Json| {
            request["path"].as_str().unwrap_or_default().contains(job)
                || request["headers"]["motet-attempt"]
                    == line.map_or(&Json::Null, |line| &line["attempt_key"]).clone()
        };
        let failed = |request: &Json| !request["fault"].is_null() && is_about_it(request);
        !self.played.crashes.is_empty() || self.played.requests.iter().any(failed)
    }

    /// Where nothing fails, each step is paid once, exactly as it is booked; also where processes die, unless a call
    /// can't be asked about.
    fn pays_once_where_nothing_fails(&mut self) {
        if !self.story.is_faultless() {
            return;
        }
        let is_still = self.played.crashes.is_empty();
        let may_park = !is_still || (self.continues() && self.is_short_of_money());
        let is_parked = may_park && self.played.end == End::Parked;
        if !self.played.end.is_completed() && !is_parked {
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
            let has_no_list =
                self.last_charge(&step).is_some_and(|charge| Asked::of(self.played, charge).has_no_list());
            if times > 1 && (is_still || !has_no_list) {
                self.say(format!("nothing failed, and {step} was paid {times} times"));
            }
        }
    }

    /// Whether it continues from another run, of which the rest of the budget is left.
    fn continues(&self) -> bool {
        self.played.started().is_some_and(|started| started.base.is_some())
    }

    fn parks_only_what_cannot_be_known(&mut self) {
        if self.played.end != End::Parked {
            return;
        }
        for (step, reason, message) in self.parked() {
            let is_allowed = match reason {
                ParkReason::Budget => self.is_short_of_money(),
                ParkReason::Expired => self.has_expired(&step),
                ParkReason::Unknown => self.cannot_be_known(&step) || self.has_a_strange_job(&step),
                ParkReason::Approval | ParkReason::Stuck => false,
            };
            if !is_allowed {
                self.say(format!("{step} is parked ({}): {message}", reason.word()));
            }
        }
    }

    /// Whether nobody could say what became of the last attempt of `step`.
    fn cannot_be_known(&self, step: &StepPath) -> bool {
        let Some(charge) = self.last_charge(step) else { return false };
        let asked = Asked::of(self.played, charge);
        asked.has_no_list() || (!asked.was_shown() && !asked.was_reported())
    }

    /// Whether somebody said that the attempt of `step` has a job that no provider knows.
    fn has_a_strange_job(&self, step: &StepPath) -> bool {
        let events = self.played.turns.iter().flat_map(|turn| &turn.events);
        let mut decisions = events.filter_map(|event| match event {
            Event::Step { step: of, event: StepEvent::Resolved { decision, .. } } if of == step => {
                Some(decision)
            }
            _ => None,
        });
        decisions.any(|decision| *decision == Decision::Job(STRANGE_JOB.into()))
    }

    /// Whether the result of the last attempt of `step` was kept by its provider for less long than nobody fetched it.
    fn has_expired(&self, step: &StepPath) -> bool {
        self.last_charge(step).is_some_and(|charge| Asked::of(self.played, charge).is_forgotten())
    }

    /// Whether a call of the run can cost more than is left: what is open counts with what is reserved for it.
    fn is_short_of_money(&self) -> bool {
        let Some((budget, plan)) = self.played.budget.zip(self.played.plan.as_ref()) else { return false };
        let booked: f64 = self.played.charges.iter().map(booked).sum();
        let total = plan.estimate(&Map::new()).total;
        booked + dollars(total.high.unwrap_or(total.likely)) > dollars(budget) + TINY
    }

    fn last_charge(&self, step: &StepPath) -> Option<&Charge> {
        self.played.charges.iter().rev().find(|charge| charge.step == *step)
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

    /// Whether another call of the same model may be taken for the one with this token: what is uploaded for them has other
    /// addresses, so that bodies needn't be the same.
    fn has_alike(&self, token: &str) -> bool {
        let calls = || self.played.ledger.iter().filter(|line| !line["job"].is_null());
        let ours = calls().find(|line| line["token"] == token);
        ours.is_some_and(|ours| {
            calls().any(|other| other["model"] == ours["model"] && other["token"] != ours["token"])
        })
    }

    /// Nothing comes of what a provider didn't sign, and what it did sign is no forgery.
    fn believes_no_forgery(&mut self) {
        for report in &self.played.reports {
            let is_fair = match report.receipt {
                // Its keys could not be asked for.
                Receipt::NotYet => true,
                Receipt::Forged => report.outgoing.forged,
                Receipt::Recorded | Receipt::Useless => !report.outgoing.forged,
                // Of two calls that are alike each was taken for the other.
                Receipt::OtherJob => !report.outgoing.forged && self.has_alike(report.token()),
                Receipt::Malformed | Receipt::NoProvider | Receipt::TooLarge => false,
            };
            if !is_fair {
                self.say(format!("a report was answered {:?}: {:?}", report.receipt, report.outgoing));
            }
        }
    }

    /// What was answered as recorded is in the journal: of the attempt that it is about something happened until then.
    fn keeps_what_it_promised(&mut self) {
        for report in &self.played.reports {
            if report.receipt != Receipt::Recorded {
                continue;
            }
            let line = self.played.ledger.iter().find(|line| line["token"] == report.token());
            let Some((step, number)) = line.and_then(attempt_of) else {
                self.say(format!("a report of no attempt was recorded: {:?}", report.outgoing));
                continue;
            };
            let turns = self.played.turns.iter().filter(|turn| turn.at <= report.at);
            let is_news = |event: &Event| {
                matches!(event, Event::Attempt { key, event } if key.step == step && key.number == number
                    && !matches!(event, AttemptEvent::Planned { .. } | AttemptEvent::Doubted { .. }))
            };
            if !turns.flat_map(|turn| &turn.events).any(is_news) {
                self.say(format!("{step}/{number}: a report was recorded, and is in no turn"));
            }
        }
    }

    /// What the row of a run says that it cost is what its attempts cost.
    fn books_all_in_the_same_way(&mut self) {
        let Some(row) = &self.played.row else { return };
        let charges: Money = self.played.charges.iter().map(|charge| charge.cost.amount).sum();
        if row.cost != charges {
            self.say(format!("the run cost {}, and its attempts {charges}", row.cost));
        }
    }

    fn keeps_the_bytes_of_each_result(&mut self) {
        if let Some(gone) = self.played.gone.first() {
            self.say(format!("{gone} is a result, and isn't in the store"));
        }
    }

    fn tells_no_key(&mut self) {
        let journal = format!("{:?}", self.played.turns);
        if let Some(at) = journal.find(KEY) {
            self.say(format!("the journal holds a key: {}", &journal[at.saturating_sub(80)..at]));
        }
    }
}

pub fn charged(ledger: &[Json]) -> impl Iterator<Item = &Json> {
    ledger.iter().filter(|line| amount(&line["charged_usd"]) > 0.0)
}

/// How many calls cost something.
pub fn paid(played: &Played) -> usize {
    charged(&played.ledger).count()
}

/// The model of the stories that is billed by the time that its jobs run.
pub const BY_TIME: &str = "replicate/stability-ai/sdxl";

fn is_by_time(charge: &Charge) -> bool {
    charge.operation == BY_TIME
}

/// By how much the jobs that are billed by time cost more than was reserved for them: they are cancelled when that is used
/// up, but go on until their provider hears of it.
pub fn run_on(played: &Played) -> f64 {
    let by_time = played.charges.iter().filter(|charge| is_by_time(charge));
    by_time.map(|charge| run_on_of(played, charge)).sum()
}

fn run_on_of(played: &Played, charge: &Charge) -> f64 {
    let is_its = |line: &&Json| attempt_of(line) == Some((charge.step.clone(), charge.attempt));
    let charged: f64 = played.ledger.iter().filter(is_its).map(|line| amount(&line["charged_usd"])).sum();
    (charged - dollars(charge.estimate)).max(0.0)
}

/// What an attempt is booked with: while it is open, what is reserved for it.
fn booked(charge: &Charge) -> f64 {
    dollars(if charge.ended_at.is_some() { charge.cost.amount } else { charge.estimate })
}

pub fn dollars(money: Money) -> f64 {
    money.to_string().parse().unwrap()
}

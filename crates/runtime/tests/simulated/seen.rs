//! What was seen: in which phases of attempts which faults were met.

use std::collections::{BTreeMap, BTreeSet};

use motet::engine::attempt::Next;
use motet::engine::{AttemptEvent, AttemptKey, Event, Phase, RunEvent, Turn};
use motet::language::Timestamp;
use motet_sim::Fault;

use crate::play::{Played, attempt_of};

/// A phase of an attempt, and what went wrong in it.
pub type Pair = (&'static str, &'static str);

/// The phases of an attempt.
pub const PHASES: [&str; 7] =
    ["planned", "doubtful", "accepted", "running", "fetching", "stopping", "unknown"];

/// That the process dies is a fault, too.
pub const CRASH: &str = "crash";

/// Whether a fault concerns a whole job, and not one request.
pub fn is_of_a_job(fault: &str) -> bool {
    !matches!(
        fault,
        "refuse"
            | "throttle"
            | "throttle_no_hint"
            | "error_before"
            | "error_after"
            | "reply_lost"
            | "bad_json"
            | "html"
    )
}

/// Whether a fault concerns what a provider reports.
pub fn is_report(fault: &str) -> bool {
    fault.starts_with("webhook")
}

/// The faults of which stories are made.
pub fn known_faults() -> Vec<&'static str> {
    Fault::ALL.into_iter().map(Fault::name).collect()
}

/// All pairs that there can be.
pub fn pairs() -> Vec<Pair> {
    let faults = known_faults().into_iter().chain([CRASH]);
    let all = faults.flat_map(|fault| PHASES.map(|phase| (phase, fault)));
    all.filter(|pair| can_be(*pair)).collect()
}

/// Pairs that so few seeds meet that a thousand may miss them.
const RARE: [Pair; 5] = [
    ("planned", "webhook_twice"),
    ("doubtful", "webhook_late"),
    ("doubtful", "webhook_forged"),
    ("running", "webhook_late"),
    ("fetching", "webhook_twice"),
];

fn can_be((phase, fault): Pair) -> bool {
    match (phase, fault) {
        (_, CRASH) => true,
        // By then there is a reply, or what was made is fetched.
        ("planned" | "fetching", "webhook_late") => false,
        // It comes before the end.
        ("fetching", "webhook_forged") => false,
        // The first one has led to the next phase.
        ("doubtful" | "accepted" | "unknown", "webhook_twice") => false,
        (_, fault) if is_report(fault) => true,
        // Nothing is asked and nothing happens while a person decides.
        ("unknown", _) => false,
        // It never ends, or tells how before anything is fetched.
        ("fetching", "stuck" | "job_failed") => false,
        _ => true,
    }
}

/// What a number of stories have shown.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub seeds: u64,
    pub events: u64,
    pub crashes: u64,
    pub faults: u64,
    /// Runs that continued from another, or undid it.
    pub sequels: u64,
    pub pairs: BTreeSet<Pair>,
    pub violations: Vec<(u64, String)>,
}

impl Tally {
    /// Takes in what a story has shown.
    pub fn add(&mut self, seed: u64, played: &Played, violations: Vec<String>) {
        self.seeds += 1;
        if let Some(sequel) = &played.sequel {
            self.sequels += 1;
            self.events += sequel.events();
        }
        self.events += played.events();
        self.crashes += played.crashes.len() as u64;
        let (faults, pairs) = met(played);
        self.faults += faults;
        self.pairs.extend(pairs);
        self.violations.extend(violations.into_iter().map(|words| (seed, words)));
    }

    pub fn join(&mut self, other: Tally) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.sequels += other.sequels;
        self.pairs.extend(other.pairs);
        self.violations.extend(other.violations);
    }

    /// The pairs that were never seen, those aside that are rare.
    pub fn missing(&self) -> Vec<Pair> {
        pairs().into_iter().filter(|pair| !self.pairs.contains(pair) && !RARE.contains(pair)).collect()
    }

    pub fn in_words(&self) -> String {
        let Tally { seeds, events, crashes, faults, sequels, violations, .. } = self;
        let (seen, all) = (self.pairs.len(), pairs().len());
        format!(
            "simulate: {seeds} seeds, {events} events, {crashes} crashes, {faults} faults, {sequels} sequels, {seen} of {all} pairs of \
             phase and fault, {} violations",
            violations.len()
        )
    }
}

/// How many faults were met, and in which phases of attempts.
fn met(played: &Played) -> (u64, BTreeSet<Pair>) {
    let phases = Phases::of(&played.turns);
    let (mut count, mut pairs) = reported(played, &phases);
    let mut attempts = BTreeMap::new();
    for line in &played.ledger {
        let Some((step, number)) = attempt_of(line) else { continue };
        let key = AttemptKey { step, number };
        if let Some(job) = line["job"].as_str() {
            attempts.insert(job.to_owned(), key.clone());
        }
        let faults = line["fault"].as_str().unwrap_or_default().split('+');
        let is_met = |fault: &&str| match *fault {
            // Nobody is told: nothing can be seen of it, so it is met all the time.
            "webhook_lost" => played.reports_are_asked_for,
            fault => is_of_a_job(fault) && !is_report(fault) && !fault.is_empty(),
        };
        for fault in faults.filter(is_met) {
            count += 1;
            pairs.extend(phases.all(&key).map(|phase| (phase, name(fault))));
        }
    }
    for request in &played.requests {
        let Some(fault) = request["fault"].as_str() else { continue };
        count += 1;
        let at = moment(request["at"].as_str().unwrap_or_default());
        let path = request["path"].as_str().unwrap_or_default();
        let phase = match request["operation"].as_str() {
            Some("create") => Some("planned"),
            Some("list") => Some("doubtful"),
            Some("output") => Some("fetching"),
            _ => {
                let job = attempts.iter().find(|(job, _)| path.contains(job.as_str()));
                job.and_then(|(_, key)| phases.at(key, at))
            }
        };
        pairs.extend(phase.map(|phase| (phase, name(fault))));
    }
    for (at, _) in &played.crashes {
        pairs.extend(phases.present(*at).map(|phase| (phase, CRASH)));
    }
    (count, pairs.into_iter().filter(|pair| can_be(*pair)).collect())
}

/// The faults of reports, each in the phase in which the report came.
fn reported(played: &Played, phases: &Phases) -> (u64, BTreeSet<Pair>) {
    let mut pairs = BTreeSet::new();
    let mut count = 0;
    let mut came = BTreeSet::new();
    for report in &played.reports {
        let line = played.ledger.iter().find(|line| line["token"] == report.token());
        let Some((line, (step, number))) = line.and_then(|line| Some((line, attempt_of(line)?))) else {
            continue;
        };
        let is_again = !came.insert((report.token(), report.message()));
        let is_met = |fault: &&str| match *fault {
            "webhook_forged" => report.outgoing.forged,
            "webhook_twice" => is_again,
            fault => fault == "webhook_late" && !report.outgoing.forged,
        };
        for fault in line["fault"].as_str().unwrap_or_default().split('+').filter(is_met) {
            count += 1;
            // What comes of a report has its time.
            let before = Timestamp(report.came.0 - 1);
            let key = AttemptKey { step: step.clone(), number };
            pairs.extend(phases.at(&key, before).map(|phase| (phase, name(fault))));
        }
    }
    (count, pairs)
}

/// The name of a fault, which lives for ever.
fn name(fault: &str) -> &'static str {
    Fault::ALL.iter().map(|known| known.name()).find(|known| *known == fault).expect("the simulator said it")
}

/// A moment as the simulator writes it.
pub fn moment(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().map_or(0, |at| at.as_millisecond()))
}

/// Which attempt was in which phase from when on; nothing once it was over.
struct Phases(BTreeMap<AttemptKey, Vec<(Timestamp, Option<Phase>)>>);

impl Phases {
    fn of(turns: &[Turn]) -> Phases {
        let mut phases = Phases(BTreeMap::new());
        for turn in turns {
            for event in &turn.events {
                phases.note(turn.at, event);
            }
        }
        phases
    }

    fn note(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Attempt { key, event: AttemptEvent::Planned { intent: Some(_), .. } } => {
                self.0.entry(key.clone()).or_default().push((at, Some(Phase::Planned)));
            }
            Event::Attempt { key, event } => {
                let Some(history) = self.0.get_mut(key) else { return };
                let Some((_, Some(phase))) = history.last() else { return };
                match phase.after(event) {
                    Some(Next::Phase(next)) => history.push((at, Some(next))),
                    Some(Next::Over) => history.push((at, None)),
                    None => {}
                }
            }
            Event::Run(RunEvent::Resumed { .. }) => {
                for history in self.0.values_mut() {
                    if matches!(history.last(), Some((_, Some(Phase::Planned)))) {
                        history.push((at, Some(Phase::Doubtful)));
                    }
                }
            }
            _ => {}
        }
    }

    fn all(&self, key: &AttemptKey) -> impl Iterator<Item = &'static str> {
        let history = self.0.get(key).map_or(&[][..], Vec::as_slice);
        history.iter().filter_map(|(_, phase)| phase.as_ref().map(Phase::word))
    }

    fn at(&self, key: &AttemptKey, at: Timestamp) -> Option<&'static str> {
        let history = self.0.get(key)?;
        let (_, phase) = history.iter().rev().find(|(since, _)| *since <= at)?;
        phase.as_ref().map(Phase::word)
    }

    /// The phases in which attempts were at this moment.
    fn present(&self, at: Timestamp) -> impl Iterator<Item = &'static str> {
        self.0.keys().filter_map(move |key| self.at(key, at))
    }
}

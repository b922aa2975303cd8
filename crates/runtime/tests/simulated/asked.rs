//! Asked: what the providers could say of an attempt of which nothing was known, and said.

use motet::engine::{AttemptEvent, Event, StepEvent};
use motet::hooks::Receipt;
use motet::language::{Span, Timestamp};
use motet::store::Charge;
use serde_json::Value as Json;

use crate::play::{Played, attempt_of};
use crate::seen::moment;

/// An attempt, and what was asked about it.
pub struct Asked<'p> {
    played: &'p Played,
    operation: &'p str,
    /// The request, if it reached the provider.
    line: Option<&'p Json>,
    /// When it was planned, and when its step was parked.
    planned: Timestamp,
    parked: Timestamp,
}

/// For how long a provider surely shows a job.
const SHOWN: Span = Span::minutes(57);

/// A job that nothing holds up has begun and ended by then, a film aside.
const SOON: Span = Span::seconds(30);

impl<'p> Asked<'p> {
    pub fn of(played: &'p Played, charge: &'p Charge) -> Asked<'p> {
        let key = (charge.step.clone(), charge.attempt);
        let events = || played.turns.iter().flat_map(|turn| turn.events.iter().map(|event| (turn.at, event)));
        let planned = events().find(|(_, event)| {
            matches!(event, Event::Attempt { key, event: AttemptEvent::Planned { .. } }
                if key.step == charge.step && key.number == charge.attempt)
        });
        let mut parked = events().filter(|(_, event)| {
            matches!(event, Event::Step { step, event: StepEvent::Parked { .. } } if *step == charge.step)
        });
        Asked {
            played,
            operation: &charge.operation,
            line: played.ledger.iter().find(|line| attempt_of(line).as_ref() == Some(&key)),
            planned: planned.map_or(Timestamp(0), |(at, _)| at),
            parked: parked.next_back().map_or(Timestamp(i64::MAX), |(at, _)| at),
        }
    }

    fn provider(&self) -> &str {
        self.operation.split('/').next().unwrap_or_default()
    }

    /// Whether its provider has no list of such calls.
    pub fn has_no_list(&self) -> bool {
        ["elevenlabs/music", "elevenlabs/scribe", "http/request"]
            .iter()
            .any(|name| self.operation.starts_with(name))
    }

    /// Whether its provider may have removed what came of it before anybody fetched it, or it never had an address.
    pub fn is_forgotten(&self) -> bool {
        self.parked.since(self.planned) >= SHOWN || self.has_fault("url_expired")
    }

    /// Whether the simulator did this to its job.
    fn has_fault(&self, fault: &str) -> bool {
        let faults = self.line.and_then(|line| line["fault"].as_str()).unwrap_or_default();
        faults.split('+').any(|had| had == fault)
    }

    /// Whether the provider was asked for its list, answered, and what became of the call followed from that.
    pub fn was_shown(&self) -> bool {
        let job = self.line.filter(|line| !line["job"].is_null());
        match (self.provider(), job) {
            // What it doesn't show twice, it never took.
            ("replicate", None) => self.looks(self.planned) >= 2,
            ("replicate", Some(_)) => self.looks(self.planned) >= 1,
            // What is queued, or at work, may not be in the list yet: that it isn't there says nothing.
            (_, None) => false,
            (_, Some(_)) if self.has_fault("slow_queue") || self.has_fault("stuck") => false,
            // Its history lists no failures.
            ("elevenlabs", Some(_)) if self.has_fault("job_failed") => false,
            (_, Some(job)) => self.looks(moment(job["at"].as_str().unwrap_or_default()).after(SOON)) >= 1,
        }
    }

    /// How often the provider gave its list from `since` on, while it was not known what became of the call.
    fn looks(&self, since: Timestamp) -> usize {
        let until = self.parked.min(self.planned.after(SHOWN));
        let place = format!("/{}/", self.provider());
        let is_look = |request: &&Json| {
            let at = moment(request["at"].as_str().unwrap_or_default());
            request["operation"] == "list"
                && request["status"] == 200
                && request["fault"].is_null()
                && request["path"].as_str().unwrap_or_default().starts_with(&place)
                && (since..until).contains(&at)
                && !self.died_of_it(at)
        };
        self.played.requests.iter().filter(is_look).count()
    }

    /// Whether the process that asked at this moment died before the answer had led to anything durable.
    fn died_of_it(&self, asked: Timestamp) -> bool {
        let soon = asked.after(Span(10));
        self.played.crashes.iter().any(|(died, _)| (asked..soon).contains(died))
    }

    /// Whether the provider reported the end of the call, and was told that this is kept.
    pub fn was_reported(&self) -> bool {
        let token = self.line.map_or(&Json::Null, |line| &line["token"]);
        let is_it = |report: &crate::providers::Delivered| {
            *token == report.token() && report.receipt == Receipt::Recorded
        };
        self.played.reports.iter().any(is_it)
    }
}

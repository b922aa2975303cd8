//! A naive model of data flow: how every step ends, given what comes of each attempt.
//!
//! It walks down the file once and knows nothing of events, time, order, slots or crashes: none of these
//! may make a difference, as long as a failure lets the others go on (`on_failure: finish`).

use std::collections::BTreeMap;

use motet_engine::{AttemptEnd, AttemptKey};
use motet_pipeline::Class;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::pieces::{Fan, Kind, Link, Part, Piece};
use crate::scenario::{bad, ok};

/// What comes of attempts, whenever they are made.
#[derive(Clone, Debug)]
pub struct Fates(Vec<Result<&'static str, Class>>);

impl Fates {
    fn of(&self, step: &str, number: u32) -> Result<&'static str, Class> {
        let draw = step.bytes().fold(number as usize, |sum, byte| sum * 31 % 65_521 + usize::from(byte));
        self.0[draw % self.0.len()]
    }

    pub fn end(&self, key: &AttemptKey) -> AttemptEnd {
        match self.of(key.step.as_str(), key.number) {
            Ok(value) => ok(json!(value)),
            Err(class) => bad(class),
        }
    }
}

pub fn fates() -> impl Strategy<Value = Fates> {
    let fate = prop_oneof![
        4 => prop_oneof![Just(Ok("fine")), Just(Ok("good")), Just(Ok(""))],
        2 => prop::sample::select(&Class::ALL[..]).prop_map(Err),
        2 => prop::sample::select(&Class::RETRY_DEFAULT[..]).prop_map(Err),
    ];
    prop::collection::vec(fate, 1..40).prop_map(Fates)
}

/// How a step or item ends.
#[derive(Clone, Debug)]
enum End {
    Completed(Json),
    /// Completed, though a step inside was blocked.
    Partial(Json),
    Failed {
        tolerated: bool,
    },
    Skipped,
    /// Skipped because a step before it failed, which nothing tolerated.
    Blocked,
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            End::Completed(_) | End::Partial(_) => "completed",
            End::Failed { .. } => "failed",
            End::Skipped | End::Blocked => "skipped",
        }
    }

    /// Whether nobody may go on from here.
    fn is_lost(&self) -> bool {
        matches!(self, End::Failed { tolerated: false } | End::Blocked | End::Partial(_))
    }

    fn outputs(&self) -> Option<&Json> {
        match self {
            End::Completed(outputs) | End::Partial(outputs) => Some(outputs),
            _ => None,
        }
    }

    /// One of its outputs; what is absent is nothing.
    fn output(&self, name: &str) -> Option<Json> {
        self.outputs()?.get(name).cloned()
    }

    fn partial_if(self, blocked: bool) -> End {
        match self {
            End::Completed(outputs) if blocked => End::Partial(outputs),
            end => end,
        }
    }
}

/// What the steps of a piece come to.
pub struct Model<'a> {
    fates: &'a Fates,
    ends: Vec<End>,
    pub statuses: BTreeMap<String, String>,
    pub attempts: BTreeMap<String, u32>,
}

pub fn play<'a>(piece: &Piece, fates: &'a Fates) -> Model<'a> {
    let mut model = Model { fates, ends: Vec::new(), statuses: BTreeMap::new(), attempts: BTreeMap::new() };
    for (number, part) in piece.parts.iter().enumerate() {
        let other = piece.link(number).map(|(link, other)| Other {
            link,
            end: model.ends[other].clone(),
            value: value_of(&piece.parts[other], &model.ends[other]),
            is_status: link == Link::Status || piece.parts[other].gives_status(),
        });
        let end = model.step(&format!("s{number}"), part, other.as_ref());
        model.ends.push(end);
    }
    model
}

/// The step that a part refers to.
struct Other {
    link: Link,
    end: End,
    /// What the reference gives.
    value: Option<Json>,
    /// Whether only its status is asked for, which is never absent.
    is_status: bool,
}

/// What an expression for the output of a step gives.
fn value_of(part: &Part, end: &End) -> Option<Json> {
    match (&part.fan, part.kind) {
        _ if part.gives_status() => Some(json!(end.word())),
        (Some(_), _) => end.output("items"),
        (None, Kind::Group) => end.output("out").filter(|out| !out.is_null()),
        (None, _) => end.output("value"),
    }
}

fn holds(value: &Json) -> bool {
    match value {
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        _ => true,
    }
}

impl Other {
    /// Whether its failure keeps the one that refers to it from running.
    fn blocks(&self) -> bool {
        let order = self.link == Link::Needs;
        self.link != Link::Fallback && (order || !self.is_status) && self.end.is_lost()
    }

    /// What is written as an input.
    fn input(&self) -> Option<Json> {
        match self.link {
            Link::Plain => self.value.clone(),
            Link::Or => Some(self.value.clone().filter(holds).unwrap_or(json!("spare"))),
            Link::Text => self.value.as_ref().map(|value| match value {
                Json::String(text) => json!(format!("see {text}")),
                other => json!(format!("see {other}")),
            }),
            Link::List => Some([json!(1)].into_iter().chain(self.value.clone()).collect()),
            Link::Status => Some(json!(self.end.word())),
            Link::Needs | Link::If | Link::Fallback => Some(json!("x")),
        }
    }
}

impl Model<'_> {
    /// Whether a step failed and nothing tolerates it.
    pub fn is_lost(&self) -> bool {
        self.ends.iter().any(|end| matches!(end, End::Failed { tolerated: false }))
    }

    /// What the run gives if it is not lost.
    pub fn outputs(&self, piece: &Piece) -> Json {
        let named = piece.parts.iter().zip(&self.ends).enumerate();
        named
            .map(|(number, (part, end))| (format!("o{number}"), value_of(part, end).unwrap_or(Json::Null)))
            .collect()
    }

    fn step(&mut self, path: &str, part: &Part, other: Option<&Other>) -> End {
        let per_item = part.fan.as_ref().is_some_and(|fan| fan.per_item);
        let is_written = |other: &&Other| match (other.link, part.kind) {
            (Link::If, _) => !per_item,
            (Link::Needs, _) => true,
            (_, kind) => !matches!(kind, Kind::Sleep(_) | Kind::Fail),
        };
        let other = other.filter(is_written);
        // What a group is given is asked for by a step inside it.
        let here =
            other.filter(|other| part.kind != Kind::Group || matches!(other.link, Link::Needs | Link::If));
        let end = if here.is_some_and(Other::blocks) {
            End::Blocked
        } else if here.is_some_and(|other| other.link == Link::If && !other.value.as_ref().is_some_and(holds))
        {
            End::Skipped
        } else {
            match &part.fan {
                None => self.unit(path, part, other),
                Some(fan) => self.fan(path, part, fan, other),
            }
        };
        let end = match end {
            End::Failed { .. } => End::Failed { tolerated: part.optional },
            end => end,
        };
        self.note(path, end)
    }

    fn note(&mut self, path: &str, end: End) -> End {
        self.statuses.insert(path.to_owned(), end.word().to_owned());
        end
    }

    fn fan(&mut self, path: &str, part: &Part, fan: &Fan, other: Option<&Other>) -> End {
        let mut ends = Vec::new();
        for item in 0..fan.items {
            let path = format!("{path}[{item}]");
            let skipped = fan.per_item && item == 1;
            let end = if skipped { End::Skipped } else { self.unit(&path, part, other) };
            ends.push(self.note(&path, end));
        }
        let items: Vec<_> = ends.iter().filter_map(End::outputs).collect();
        let counted = ends.iter().filter(|end| !matches!(end, End::Skipped)).count();
        let needed = match fan.quorum {
            _ if fan.items == 0 => 0,
            "all" => counted,
            "any" => counted.min(1),
            "50%" => counted.div_ceil(2),
            number => number.parse().expect("a number of items"),
        };
        if items.len() >= needed {
            let blocked = ends.iter().any(|end| matches!(end, End::Partial(_)));
            End::Completed(json!({ "items": items })).partial_if(blocked)
        } else {
            End::Failed { tolerated: false }
        }
    }

    /// A step without its fan-out, or one item.
    fn unit(&mut self, path: &str, part: &Part, other: Option<&Other>) -> End {
        match part.kind {
            Kind::Task | Kind::Processor | Kind::Pooled => self.operation(path, part.retry, other),
            Kind::Transform => match other.map_or(Some(json!("x")), Other::input) {
                Some(value) => End::Completed(json!({ "value": value })),
                None => End::Skipped,
            },
            Kind::Sleep(_) => End::Completed(json!({})),
            Kind::Fail => {
                self.attempts.insert(path.to_owned(), 1);
                End::Failed { tolerated: false }
            }
            Kind::Group => self.group(path, other),
        }
    }

    fn group(&mut self, path: &str, other: Option<&Other>) -> End {
        let [a, b, c] = ["a", "b", "c"].map(|name| format!("{path}/{name}"));
        let own = self.operation(&a, false, None);
        let own = self.note(&a, own);
        let given =
            if other.is_some_and(Other::blocks) { End::Blocked } else { self.operation(&b, false, None) };
        let given = self.note(&b, given);
        let last = if own.is_lost() { End::Blocked } else { self.operation(&c, false, None) };
        let last = self.note(&c, last);
        if [own, given.clone()].iter().any(|end| matches!(end, End::Failed { .. })) {
            return End::Failed { tolerated: false };
        }
        let value = last.output("value").filter(holds);
        let blocked = matches!(given, End::Blocked);
        End::Completed(json!({ "out": value.or(given.output("value")) })).partial_if(blocked)
    }

    /// Attempts at the target and its fallbacks.
    fn operation(&mut self, path: &str, retry: bool, other: Option<&Other>) -> End {
        let found = self.target(path, retry);
        let fallback = other.filter(|other| other.link == Link::Fallback);
        let found = match (found, fallback) {
            (Err(class), Some(other))
                if Class::FALLBACK_DEFAULT.contains(&class) && (other.is_status || !other.end.is_lost()) =>
            {
                self.target(path, retry)
            }
            (found, _) => found,
        };
        match found {
            Ok(value) => End::Completed(json!({ "value": value })),
            Err(_) if fallback.is_some() => End::Completed(json!({ "value": "spare" })),
            Err(_) => End::Failed { tolerated: false },
        }
    }

    fn target(&mut self, path: &str, retry: bool) -> Result<&'static str, Class> {
        for tried in 1.. {
            let number = self.attempts.entry(path.to_owned()).or_default();
            *number += 1;
            let allowed = match self.fates.of(path, *number) {
                Ok(value) => return Ok(value),
                Err(Class::Timeout) if retry => 2,
                Err(Class::Throttled | Class::Unavailable) if retry => 3,
                Err(_) => 1,
            };
            if tried >= allowed {
                return self.fates.of(path, *number);
            }
        }
        unreachable!("attempts are counted")
    }
}

//! Pipelines that chance writes: small, and with most of the language in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;

use crate::scenario::pipeline;

/// How a step refers to one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Plain,
    Or,
    Text,
    List,
    Needs,
    Status,
    If,
    Fallback,
}

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Task,
    Processor,
    /// Needs a processor and a place in a pool.
    Pooled,
    Transform,
    Sleep(u8),
    Fail,
    Group,
}

#[derive(Clone, Debug)]
pub struct Fan {
    pub items: usize,
    pub quorum: &'static str,
    pub early: bool,
    pub max_parallel: Option<usize>,
    pub per_item: bool,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub kind: Kind,
    pub link: Option<(Link, Index)>,
    pub fan: Option<Fan>,
    pub optional: bool,
    pub retry: bool,
    pub timeout: bool,
}

#[derive(Clone, Debug)]
pub struct Piece {
    pub parts: Vec<Part>,
    pub finish: bool,
    pub timeout: bool,
    /// Whether its steps can be undone, and one always runs.
    pub undoes: bool,
}

/// A pipeline, and for every step the one that must be terminal before it starts.
pub struct Written {
    pub text: String,
    pub after: BTreeMap<String, String>,
}

impl Piece {
    /// How a part refers to one before it, and to which.
    pub fn link(&self, number: usize) -> Option<(Link, usize)> {
        self.parts[number].link.filter(|_| number > 0).map(|(link, index)| (link, index.index(number)))
    }

    /// The same, with nothing in it that depends on what comes first.
    pub fn without_races(mut self) -> Piece {
        self.timeout = false;
        self.undoes = false;
        for part in &mut self.parts {
            part.timeout = false;
            part.fan.iter_mut().for_each(|fan| fan.early = false);
        }
        self
    }

    pub fn write(&self) -> Written {
        let on_failure = match (self.undoes, self.finish) {
            (true, _) => "undo",
            (false, true) => "finish",
            (false, false) => "fail",
        };
        let mut text = format!("on_failure: {on_failure}\n");
        if self.timeout {
            text.push_str("timeout: 20m\n");
        }
        text.push_str("steps:\n");
        let mut after = BTreeMap::new();
        for (number, part) in self.parts.iter().enumerate() {
            let link = self.link(number);
            let awaited = link.map(|(_, other)| format!("s{other}"));
            part.write(
                &mut text,
                &format!("s{number}"),
                self.undoes,
                link.map(|(link, other)| (link, self.parts[other].output(other))),
            );
            let asks_items = part.fan.as_ref().is_some_and(|fan| fan.per_item);
            let waiting = match (part.kind, link) {
                (_, None | Some((Link::Fallback, _))) => None,
                (_, Some((Link::If, _))) if asks_items => None,
                (_, Some((Link::If | Link::Needs, _))) => Some(format!("s{number}")),
                (Kind::Sleep(_) | Kind::Fail, _) => None,
                (Kind::Group, _) => Some(format!("s{number}/b")),
                _ => Some(format!("s{number}")),
            };
            after.extend(waiting.zip(awaited));
            if matches!(part.kind, Kind::Group) {
                after.insert(format!("s{number}/c"), format!("s{number}/a"));
            }
        }
        if self.undoes {
            text.push_str(
                "  last: { always: true, uses: task/work, with: { errors: '{{ run.errors }}' } }\n",
            );
        }
        text.push_str("outputs:\n");
        for (number, part) in self.parts.iter().enumerate() {
            let _ = writeln!(text, "  o{number}: \"{{{{ {} }}}}\"", part.output(number));
        }
        Written { text, after }
    }
}

impl Part {
    /// Whether all that can be asked of the step is how it ended.
    pub fn gives_status(&self) -> bool {
        self.fan.is_none() && matches!(self.kind, Kind::Sleep(_))
    }

    /// An expression for what the step gives.
    fn output(&self, number: usize) -> String {
        match (&self.fan, self.kind) {
            (Some(_), _) => format!("steps.s{number}.items"),
            (None, Kind::Group) => format!("steps.s{number}.out"),
            (None, Kind::Sleep(_)) => format!("steps.s{number}.status"),
            (None, _) => format!("steps.s{number}.value"),
        }
    }

    fn write(&self, text: &mut String, name: &str, undoes: bool, link: Option<(Link, String)>) {
        let _ = writeln!(text, "  {name}:");
        let mut line = |words: String| _ = writeln!(text, "    {words}");
        let value = match &link {
            Some((Link::Plain, other)) => format!("\"{{{{ {other} }}}}\""),
            Some((Link::Or, other)) => format!("\"{{{{ {other} or 'spare' }}}}\""),
            Some((Link::Text, other)) => format!("\"see {{{{ {other} }}}}\""),
            Some((Link::List, other)) => format!("[1, \"{{{{ {other} }}}}\"]"),
            Some((Link::Status, other)) => {
                let step = other.rsplit_once('.').map_or("", |(step, _)| step);
                format!("\"{{{{ {step}.status }}}}\"")
            }
            _ => "x".to_owned(),
        };
        match &link {
            Some((Link::Needs, other)) => line(format!("needs: {}", other.split('.').nth(1).unwrap_or(""))),
            Some((Link::If, other)) if self.fan.as_ref().is_none_or(|fan| !fan.per_item) => {
                line(format!("if: \"{{{{ {other} }}}}\""));
            }
            _ => {}
        }
        if let Some(fan) = &self.fan {
            let items: Vec<_> = (0..fan.items).map(|item| item.to_string()).collect();
            // Not written out, since a quorum that a written list can't meet is refused.
            line(format!("each: \"{{{{ [{}] }}}}\"", items.join(", ")));
            line(format!("quorum: {}", fan.quorum));
            line(format!("early: {}", fan.early));
            fan.max_parallel.iter().for_each(|max| line(format!("max_parallel: {max}")));
            if fan.per_item {
                line("if: \"{{ item != 1 }}\"".to_owned());
            }
        }
        if self.optional {
            line("optional: true".to_owned());
        }
        let operation = match self.kind {
            Kind::Task => "task/work",
            Kind::Processor | Kind::Pooled => "media/work",
            Kind::Transform => "data/transform",
            Kind::Sleep(seconds) => {
                return line(format!("uses: flow/sleep\n    with: {{ duration: {seconds} }}"));
            }
            Kind::Fail => return line("uses: flow/fail\n    with: { message: on purpose }".to_owned()),
            Kind::Group => {
                if self.timeout {
                    line("timeout: 90s".to_owned());
                }
                line("steps:".to_owned());
                let undo = if undoes { format!(", {UNDO}") } else { String::new() };
                line(format!("  a: {{ uses: task/work{undo} }}"));
                line(format!("  b: {{ uses: media/work, with: {{ x: {value} }}{undo} }}"));
                line(
                    "  c: { uses: task/work, with: { x: \"{{ steps.a.value }}\" }, optional: true }"
                        .to_owned(),
                );
                return line("outputs: { out: \"{{ steps.c.value or steps.b.value }}\" }".to_owned());
            }
        };
        if undoes && self.kind != Kind::Transform {
            line(UNDO.to_owned());
        }
        line(format!("uses: {operation}"));
        line(format!("with: {{ value: {value} }}"));
        if self.kind == Kind::Pooled {
            line("pool: gpu".to_owned());
        }
        if self.timeout {
            line("timeout: { job: 40s, total: 3m }".to_owned());
        }
        if self.retry {
            line(
                "retry: [{ on: [timeout], attempts: 2, timeout: 2x }, { attempts: 3, backoff: 5s }]"
                    .to_owned(),
            );
        }
        if let Some((Link::Fallback, other)) = &link {
            line(format!(
                "fallback: [{{ uses: media/work, with: {{ value: \"{{{{ {other} }}}}\" }} }}, {{ uses: data/transform, with: {{ value: spare }}, on: any }}]"
            ));
        }
    }
}

/// What undoes a step.
const UNDO: &str = "undo: { uses: task/work, with: { was: '{{ output }}' } }";

fn part() -> impl Strategy<Value = Part> {
    let link = prop_oneof![
        3 => Just(Link::Plain), 2 => Just(Link::Or), 1 => Just(Link::Text), 1 => Just(Link::List), 1 => Just(Link::Needs),
        1 => Just(Link::Status), 1 => Just(Link::If), 2 => Just(Link::Fallback)
    ];
    let kind = prop_oneof![
        4 => Just(Kind::Task), 2 => Just(Kind::Processor), 2 => Just(Kind::Pooled), 1 => Just(Kind::Transform), 1 => (1_u8..90).prop_map(Kind::Sleep),
        1 => Just(Kind::Fail), 2 => Just(Kind::Group)
    ];
    let quorum = prop_oneof![Just("all"), Just("any"), Just("2"), Just("50%")];
    let fan = (0_usize..4, quorum, any::<bool>(), prop::option::of(1_usize..3), any::<bool>()).prop_map(
        |(items, quorum, early, max_parallel, per_item)| Fan { items, quorum, early, max_parallel, per_item },
    );
    let link = prop::option::weighted(0.8, (link, any::<Index>()));
    let policies = (prop::bool::weighted(0.4), any::<bool>(), any::<bool>());
    (kind, link, prop::option::weighted(0.35, fan), policies).prop_map(
        |(kind, link, fan, (optional, retry, timeout))| {
            let optional = optional || matches!(kind, Kind::Fail);
            // A fallback belongs to an operation with work of its own.
            let link = link.filter(|(link, _)| {
                !matches!((link, kind), (Link::Fallback, Kind::Sleep(_) | Kind::Fail | Kind::Group))
            });
            Part { kind, link, fan, optional, retry, timeout }
        },
    )
}

pub fn piece() -> impl Strategy<Value = Piece> {
    let policies = (any::<bool>(), prop::bool::weighted(0.2), any::<bool>());
    (prop::collection::vec(part(), 1..6), policies).prop_map(|(parts, (finish, timeout, undoes))| Piece {
        parts,
        finish,
        timeout,
        undoes,
    })
}

#[test]
fn the_written_pipelines_are_good() {
    // A property over pipelines that nobody may write would prove nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..50 {
        let piece = piece().new_tree(&mut runner).expect("a piece can be drawn").current();
        let _ = pipeline(&piece.write().text).plan();
    }
}

//! The plan as a table, as Mermaid, and as JSON.

use motet::language::contract::Encoding;
use motet::language::estimate::{PlanEstimate, Spread, StepEstimate};
use motet::language::plan::{InputSpec, Timeouts};
use motet::language::{Money, Span, Value};
use serde_json::{Value as Json, json};

use super::line::{Line, Look, Tone, columns};
use super::money::{dollars, range};
use super::table::Table;
use super::words::{brief, count, range as between};
use crate::score::critical_path::{AtOnce, at_once};
use crate::score::{Part, Score, critical_path};

/// What a run of a plan is going to cost, and may.
pub struct Bill<'b> {
    pub estimate: &'b PlanEstimate,
    pub budget: Option<Money>,
}

impl Bill<'_> {
    /// `$0.10 to $0.12 of $2.00`; nothing if no step may cost.
    fn in_words(&self) -> Option<String> {
        if self.estimate.steps.is_empty() {
            return None;
        }
        let unknown =
            if self.estimate.unpriced().next().is_some() { ", and more that nobody knows" } else { "" };
        let budget = self.budget.map_or(String::new(), |budget| format!(" of {}", dollars(budget)));
        Some(format!("{}{unknown}{budget}", range(&self.estimate.total)))
    }

    /// What the step at `path` is going to cost; empty if nothing.
    fn of_step(&self, path: &str) -> String {
        match self.estimate.steps.iter().find(|step| step.step == path) {
            None => String::new(),
            Some(StepEstimate { unpriced: Some(_), .. }) => "price unknown".to_owned(),
            Some(step) => range(&step.spread),
        }
    }
}

/// The whole plan for people.
pub fn lines(score: &Score, bill: &Bill, look: &Look) -> Vec<Line> {
    let together = at_once(&score.parts);
    let length = critical_path::length(&score.parts);
    let mut lines = vec![
        Line::of(Tone::Strong, &score.name)
            .then(Tone::Dim, format!("   {}   ", score.digest_short))
            .plain(format!("{}, {}", score.steps_in_words(), at_once_in_words(&together)))
            .plain(format!("   about {}", between(length.low, length.high)))
            .plain(bill.in_words().map_or(String::new(), |cost| format!("   {cost}"))),
    ];
    lines.extend(score.description.iter().map(|description| Line::of(Tone::Dim, format!("  {description}"))));
    lines.push(Line::new());
    let mut table = Table::with_headings(&["step", "does", "waits for", "usual", "attempts", "cost", ""]);
    add_rows(&score.parts, "", 0, bill, &mut table);
    lines.extend(table.lines(look.cut_at(), &look.symbols));
    lines.push(Line::new());
    let notes = notes(score, bill, &together.names);
    lines.extend(notes.into_iter().flat_map(|(label, parts)| wrapped(label, &parts, look.width)));
    lines
}

fn at_once_in_words(together: &AtOnce) -> String {
    match together.or_more {
        true => format!("{} or more at once", together.count),
        false => format!("up to {} at once", together.count),
    }
}

fn add_rows(parts: &[Part], around: &str, depth: usize, bill: &Bill, table: &mut Table) {
    let indent = "  ".repeat(depth);
    for part in parts {
        let path = if around.is_empty() { part.name.clone() } else { format!("{around}/{}", part.name) };
        let (first, others) = part.does.split_first().expect("a step does something");
        let waits = if part.waits_for.is_empty() { "–".to_owned() } else { some_of(&part.waits_for) };
        let attempts =
            if part.attempts_max == 0 { "–".to_owned() } else { format!("up to {}", part.attempts_max) };
        let attempts = if part.inner.is_empty() { attempts } else { String::new() };
        table.row([
            (Tone::Strong, format!("{indent}{}", part.name)),
            (Tone::Plain, first.clone()),
            (Tone::Plain, waits),
            (Tone::Plain, between(part.usual.low, part.usual.high)),
            (Tone::Plain, attempts),
            (Tone::Plain, bill.of_step(&path)),
            (Tone::Dim, remarks(part)),
        ]);
        if !others.is_empty() {
            let mut text = format!("else {}", others.join(", else "));
            if !part.fallback_waits_for.is_empty() {
                text.push_str(&format!("   then waits for {}", some_of(&part.fallback_waits_for)));
            }
            table.row([(Tone::Plain, String::new()), (Tone::Dim, text)]);
        }
        if let Some(undo) = &part.undo {
            let cost = bill.of_step(&format!("{path}/undo"));
            let [step, waits, usual, attempts] = [(); 4].map(|()| (Tone::Plain, String::new()));
            let text = (Tone::Dim, format!("undone by {undo}"));
            table.row([step, text, waits, usual, attempts, (Tone::Plain, cost)]);
        }
        add_rows(&part.inner, &path, depth + 1, bill, table);
    }
}

/// The names, or of very many the first: the whole table is as wide as its widest cell.
fn some_of(names: &[String]) -> String {
    const SHOWN_MAX: usize = 24;
    match names.get(SHOWN_MAX..) {
        Some(others) if !others.is_empty() => {
            format!("{} and {} more", names[..SHOWN_MAX].join(", "), others.len())
        }
        _ => names.join(", "),
    }
}

fn remarks(part: &Part) -> String {
    let mut remarks = Vec::new();
    let words = |value: &Value| match value.as_list() {
        Some(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        None => brief(value),
    };
    let conversion = part.converts_to.iter().map(|(name, value)| format!("{name} {}", words(value)));
    let conversion: Vec<String> = conversion.collect();
    if !conversion.is_empty() {
        remarks.push(conversion.join(", "));
    }
    remarks.extend(part.each.clone());
    if part.conditional {
        remarks.push("only if its condition holds".to_owned());
    }
    if part.optional {
        remarks.push("may fail".to_owned());
    }
    if part.always {
        remarks.push("at the end, whatever happened".to_owned());
    }
    remarks.extend(part.cache.map(|cache| match cache.ttl {
        Some(ttl) => format!("may come from the cache, at most {ttl} old"),
        None => "may come from the cache".to_owned(),
    }));
    if part.further_keys > 0 {
        let further = count(part.further_keys as usize, "attempt");
        remarks.push(format!("{further} of these only if a key is refused"));
    }
    remarks.extend(part.pools().iter().map(|pool| format!("in the pool {pool}")));
    remarks.join("; ")
}

/// What stands below the table: a label, and what it lists.
fn notes(score: &Score, bill: &Bill, together: &[&str]) -> Vec<(&'static str, Vec<String>)> {
    let mut notes = vec![("inputs", score.inputs.iter().map(input_in_words).collect())];
    if together.len() > 1 {
        notes.push(("at once", together.iter().map(|name| (*name).to_owned()).collect()));
    }
    let mut defaults = Vec::new();
    let mut timeouts = Vec::new();
    let mut encodings = Vec::new();
    for_each_part(&score.parts, "", &mut |path, part| {
        encodings.extend(part.encodings.iter().map(|(operation, encoding)| {
            let is_first = part.does.first() == Some(operation);
            let target = if is_first { String::new() } else { format!(" else {operation}") };
            format!("{path}{target}{}", when_in_words(*encoding))
        }));
        defaults.extend(part.defaults.iter().map(|(name, value)| format!("{path}.{name} {}", brief(value))));
        timeouts.extend(part.timeouts.map(|limits| (path.to_owned(), limits)));
        let others = part.does.iter().skip(1).zip(&part.fallback_timeouts);
        let others = others.filter(|(_, limits)| **limits != Timeouts::default());
        timeouts.extend(others.map(|(operation, limits)| (format!("{path} else {operation}"), *limits)));
    });
    notes.push(("defaults used", defaults));
    notes.push(("pictures are encoded in", encodings));
    notes.extend(notes_of_costs(bill.estimate));
    notes.push(("timeouts", timeouts_in_words(&timeouts, score.timeout)));
    notes.retain(|(_, parts)| !parts.is_empty());
    notes
}

/// ` (if it is given a video)`; nothing if always.
fn when_in_words(encoding: Encoding) -> String {
    match encoding {
        Encoding::Sometimes(when) => format!(" ({when})"),
        Encoding::Always | Encoding::Never => String::new(),
    }
}

/// What isn't known of the costs, and what rests on an assumption.
fn notes_of_costs(estimate: &PlanEstimate) -> [(&'static str, Vec<String>); 2] {
    let unpriced = estimate.unpriced().filter_map(|step| {
        let (operation, reason) = step.unpriced.as_ref()?;
        Some(format!("{} ({operation}: {reason})", step.step))
    });
    let assumed = estimate.steps.iter().filter(|step| step.spread.assumed).map(|step| step.step.clone());
    [("price unknown", unpriced.collect()), ("most rests on an assumption", assumed.collect())]
}

/// `prompt (text)`, `seconds (a whole number) = 4`
fn input_in_words(input: &InputSpec) -> String {
    let secret = if input.sensitive { ", sensitive" } else { "" };
    let default = match &input.default {
        Some(value) if !input.sensitive => format!(" = {}", brief(value)),
        _ if input.required => " required".to_owned(),
        _ => String::new(),
    };
    format!("{} ({}{secret}){default}", input.name, input.ty.phrase())
}

fn timeouts_in_words(timeouts: &[(String, Timeouts)], run: Option<Span>) -> Vec<String> {
    let usual = Timeouts::default();
    let (others, own): (Vec<_>, Vec<_>) = timeouts.iter().partition(|(_, limits)| *limits == usual);
    let mut words: Vec<String> =
        own.iter().map(|(path, limits)| format!("{path} {}", limits_in_words(limits))).collect();
    if !others.is_empty() {
        let others = if words.is_empty() { "every step" } else { "every other step" };
        words.push(format!("{others} {}", usual.job));
    }
    words.push(run.map_or("none for the run".to_owned(), |limit| format!("the run {limit}")));
    words
}

/// `30m (reply 30m, queue 30m)`: how long the work may take, and what else isn't as usual.
fn limits_in_words(limits: &Timeouts) -> String {
    let usual = Timeouts::default();
    let phases = [
        ("connection", limits.connect, usual.connect),
        ("reply", limits.request, usual.request),
        ("queue", limits.queue, usual.queue),
    ];
    let others = phases.iter().filter(|(_, limit, usual)| limit != usual);
    let others: Vec<String> = others.map(|(phase, limit, _)| format!("{phase} {limit}")).collect();
    if others.is_empty() { limits.job.to_string() } else { format!("{} ({})", limits.job, others.join(", ")) }
}

fn for_each_part<'s>(parts: &'s [Part], around: &str, visit: &mut impl FnMut(&str, &'s Part)) {
    for part in parts {
        let path = if around.is_empty() { part.name.clone() } else { format!("{around}/{}", part.name) };
        visit(&path, part);
        for_each_part(&part.inner, &path, visit);
    }
}

/// `label: a, b, c`, broken where it is too wide.
fn wrapped(label: &str, parts: &[String], width: usize) -> Vec<Line> {
    let indent = columns(label) + 4;
    let mut lines = Vec::new();
    let mut line = Line::new().then(Tone::Dim, format!("  {label}: "));
    // The line knows its width, but only by counting it.
    let mut filled = indent;
    let mut is_empty = true;
    for (index, part) in parts.iter().enumerate() {
        let comma = if index + 1 < parts.len() { "," } else { "" };
        let piece = format!("{part}{comma}");
        if !is_empty && filled + columns(&piece) + 1 > width {
            lines.push(std::mem::take(&mut line).plain(""));
            line = Line::new().plain(" ".repeat(indent));
            filled = indent;
            is_empty = true;
        }
        filled += columns(&piece) + usize::from(!is_empty);
        line = line.plain(if is_empty { piece } else { format!(" {piece}") });
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The graph as a Mermaid flow chart.
pub fn mermaid(score: &Score) -> String {
    let mut text = String::from("flowchart LR\n");
    add_mermaid(&score.parts, "", 1, &mut text);
    text
}

fn add_mermaid(parts: &[Part], around: &str, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let id = |name: &str| format!("{around}{name}");
    for part in parts {
        let each = if part.each.is_some() { "<br/>each item" } else { "" };
        if part.inner.is_empty() {
            text.push_str(&format!(
                "{indent}{}[\"{}<br/>{}{each}\"]\n",
                id(&part.name),
                part.name,
                part.does[0]
            ));
        } else {
            text.push_str(&format!("{indent}subgraph {}[\"{}{each}\"]\n", id(&part.name), part.name));
            add_mermaid(&part.inner, &format!("{}_", id(&part.name)), depth + 1, text);
            text.push_str(&format!("{indent}end\n"));
        }
    }
    for part in parts {
        for waited in &part.waits_for {
            text.push_str(&format!("{indent}{} --> {}\n", id(waited), id(&part.name)));
        }
        for waited in &part.fallback_waits_for {
            text.push_str(&format!("{indent}{} -. fallback .-> {}\n", id(waited), id(&part.name)));
        }
    }
}

fn spread_json(spread: &Spread) -> Json {
    json!({ "low": spread.low, "likely": spread.likely, "high": spread.high, "assumed": spread.assumed })
}

fn bill_json(bill: &Bill) -> Json {
    let step = |step: &StepEstimate| {
        let mut record = spread_json(&step.spread);
        record["step"] = json!(step.step);
        record["operation"] = json!(step.operation);
        let unpriced = step.unpriced.as_ref();
        record["unpriced"] =
            json!(unpriced.map(|(operation, reason)| json!({ "operation": operation, "reason": reason })));
        record
    };
    let mut record = spread_json(&bill.estimate.total);
    record["budget"] = json!(bill.budget);
    record["steps"] = bill.estimate.steps.iter().map(step).collect();
    record
}

/// The plan for programs.
pub fn json(score: &Score, bill: &Bill) -> Json {
    let length = critical_path::length(&score.parts);
    let together = at_once(&score.parts);
    json!({
        "name": score.name,
        "description": score.description,
        "digest": score.digest,
        "inputs": score.inputs.iter().map(input_json).collect::<Vec<_>>(),
        "steps": score.parts.iter().map(part_json).collect::<Vec<_>>(),
        "at_once": together.names,
        "at_once_count": together.count,
        "at_once_or_more": together.or_more,
        "critical_path": { "low_ms": length.low.0, "high_ms": length.high.0 },
        "timeout_ms": score.timeout.map(|limit| limit.0),
        "estimate": bill_json(bill),
        "on_failure": score.on_failure,
    })
}

fn input_json(input: &InputSpec) -> Json {
    let default = input.default.as_ref().filter(|_| !input.sensitive);
    json!({
        "name": input.name, "type": input.ty.to_string(), "required": input.required,
        "default": default.map(|value| value.to_json()), "sensitive": input.sensitive,
        "description": input.description,
    })
}

fn part_json(part: &Part) -> Json {
    let defaults: serde_json::Map<String, Json> =
        part.defaults.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    let mut record = json!({
        "name": part.name,
        "does": part.does,
        "description": part.description,
        "waits_for": part.waits_for,
        "fallback_waits_for": part.fallback_waits_for,
        "each": part.each,
        "conditional": part.conditional,
        "optional": part.optional,
        "always": part.always,
        "undo": part.undo,
        "usual": {
            "low_ms": part.usual.low.0, "high_ms": part.usual.high.0,
            "from": if part.usual.samples > 0 { "history" } else { "contract" },
            "samples": part.usual.samples,
        },
        "attempts_max": part.attempts_max,
        "defaults": defaults,
        "converts_to": part.converts_to.iter().map(|(name, value)| (name.clone(), value.to_json())).collect::<serde_json::Map<_, _>>(),
        "encodings": part.encodings.iter().map(encoding_json).collect::<Vec<_>>(),
        "timeouts": part.timeouts.map(|limits| limits_json(&limits)),
        "fallback_timeouts": part.fallback_timeouts.iter().map(limits_json).collect::<Vec<_>>(),
        "pools": part.pools(),
        "total_timeout_ms": part.total_timeout.map(|limit| limit.0),
        "steps": part.inner.iter().map(part_json).collect::<Vec<_>>(),
    });
    if part.further_keys > 0 {
        record["further_keys"] = json!(part.further_keys);
    }
    if let Some(cache) = part.cache {
        record["cache"] = json!({ "ttl_ms": cache.ttl.map(|ttl| ttl.0) });
    }
    record
}

/// Whether a target encodes pictures, for programs.
fn encoding_json((operation, encoding): &(String, Encoding)) -> Json {
    let (word, when) = match encoding {
        Encoding::Never => ("never", None),
        Encoding::Always => ("always", None),
        Encoding::Sometimes(when) => ("sometimes", Some(when)),
    };
    json!({ "operation": operation, "encodes": word, "when": when })
}

/// The limits for programs.
pub fn limits_json(limits: &Timeouts) -> Json {
    let Timeouts { connect, request, queue, job } = limits;
    json!({ "connect_ms": connect.0, "request_ms": request.0, "queue_ms": queue.0, "job_ms": job.0 })
}

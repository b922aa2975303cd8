//! Policies, as they are written: conditions, checks, retries, timeouts, fallbacks.

use std::collections::BTreeSet;

use super::super::node::{At, Kind, Node};
use super::super::place::Findings;
use super::super::written::{Shape, Written};
use super::super::{Check, Fallback, Retry, Timeout, words};
use super::fields::Fields;
use super::{step, value};
use crate::Class;
use crate::diagnostic::Code;
use crate::plan::{Cache, OnUnknown, TimeoutChange};

/// Reads a condition: one expression, or plainly true or false.
pub fn read_condition(node: &Node, what: &str, findings: &mut Findings) -> Option<Written> {
    if value::is_doubtful_boolean(node, findings) {
        return None;
    }
    let written = Written::read(node, findings);
    let Shape::Scalar { text, template } = &written.shape else {
        if !written.is_broken() {
            let message = format!("{what} must be one expression, and this is {}", node.kind_word());
            findings.error(node.place, Code::BadValue, message).help("write \"{{ … }}\"");
        }
        return None;
    };
    let boolean = template.as_literal().is_some_and(|value| value.as_bool().is_some());
    if boolean || is_one_expression(text) {
        return Some(written);
    }
    let finding = findings.error(node.place, Code::BadValue, format!("{what} must be one expression"));
    if text.contains("{{") || text.contains("{%") {
        finding.note("a text with an expression in it always counts as true");
        finding.help("put all of it between one pair of braces: \"{{ … }}\"");
    } else if node.kind_word() == "text" && !text.trim().is_empty() {
        finding.help(format!("write it as an expression: \"{{{{ {} }}}}\"", text.trim()));
    } else {
        finding.help("write true, false or \"{{ … }}\"");
    }
    None
}

/// Whether the text is `{{ … }}` and nothing else.
fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
}

/// Reads checks: one or a list, each an expression or a map.
pub fn read_checks(node: &Node, findings: &mut Findings) -> Vec<Check> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| read_check(item, findings)).collect(),
        _ => read_check(node, findings).into_iter().collect(),
    }
}

fn read_check(node: &Node, findings: &mut Findings) -> Option<Check> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Check { that: read_condition(node, "`check`", findings)?, message: None });
    }
    let fields = Fields::read(node, "a check", words::CHECK, findings)?;
    let message = fields.get("message").map(|node| Written::read(node, findings));
    let Some(that) = fields.get("that") else {
        findings
            .error(fields.first_key, Code::MissingKey, "the check doesn't say what must hold")
            .help("add `that: \"{{ … }}\"`");
        return None;
    };
    Some(Check { that: read_condition(that, "`that`", findings)?, message })
}

/// Reads `retry`: one rule or a list of them. A rule whose classes were all named before never holds,
/// and is reported.
pub fn read_retry(node: &Node, findings: &mut Findings) -> Vec<Retry> {
    let Kind::List(items) = &node.kind else {
        return read_retry_rule(node, findings).into_iter().collect();
    };
    let (mut rules, mut named): (Vec<Retry>, BTreeSet<Class>) = Default::default();
    for item in items {
        let Some(rule) = read_retry_rule(item, findings) else { continue };
        let classes = rule.on.as_deref().unwrap_or(&Class::RETRY_DEFAULT);
        if classes.iter().all(|class| named.contains(class)) {
            findings
                .error(
                    item.place,
                    Code::BadValue,
                    "this rule never applies: rules above it cover its classes",
                )
                .note("the first rule whose `on` has the failure's class applies");
        }
        named.extend(classes);
        rules.push(rule);
    }
    rules
}

fn read_retry_rule(node: &Node, findings: &mut Findings) -> Option<Retry> {
    let fields = Fields::read(node, "a retry rule", words::RETRY, findings)?;
    let attempts =
        fields.get("attempts").and_then(|node| value::integer(node, "`attempts`", 1, 100, findings));
    let mut duration = |key| fields.get(key).and_then(|node| value::duration(node, findings));
    let (backoff, max_backoff) = (duration("backoff"), duration("max_backoff"));
    if let (Some(node), Some(least), Some(most)) = (fields.get("max_backoff"), backoff, max_backoff)
        && most < least
    {
        findings
            .error(
                node.place,
                Code::BadValue,
                format!("the longest pause, {most}, is shorter than the first, {least}"),
            )
            .help("set `max_backoff` to at least `backoff`");
    }
    Some(Retry {
        on: fields.get("on").and_then(|node| value::classes(node, findings)),
        attempts: attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        backoff,
        factor: fields.get("factor").and_then(|node| value::number(node, "`factor`", 1.0, 100.0, findings)),
        max_backoff,
        jitter: fields.get("jitter").and_then(|node| value::boolean(node, "`jitter`", findings)),
        timeout: fields.get("timeout").and_then(|node| read_timeout_change(node, findings)),
    })
}

fn read_timeout_change(node: &Node, findings: &mut Findings) -> Option<TimeoutChange> {
    let text = node.scalar().map_or("", |scalar| &scalar.text);
    let factor = text.strip_suffix('x').and_then(|factor| factor.trim().parse::<f64>().ok());
    match factor {
        Some(factor) if (0.1..=100.0).contains(&factor) => Some(TimeoutChange::Times(factor)),
        Some(_) => {
            findings.error(node.place, Code::BadValue, format!("`{text}` is not between 0.1x and 100x"));
            None
        }
        None => value::duration(node, findings).map(TimeoutChange::To),
    }
}

/// Reads `timeout`: a duration, which is that of the job, or a map.
pub fn read_timeout(node: &Node, findings: &mut Findings) -> Timeout {
    if !matches!(node.kind, Kind::Map(_)) {
        return Timeout { job: value::duration(node, findings), ..Timeout::default() };
    }
    let Some(fields) = Fields::read(node, "a timeout", words::TIMEOUT, findings) else {
        return Timeout::default();
    };
    let mut read = |key| fields.get(key).and_then(|node| value::duration(node, findings));
    Timeout {
        connect: read("connect"),
        request: read("request"),
        queue: read("queue"),
        job: read("job"),
        total: read("total"),
    }
}

/// Reads `on_unknown`.
pub fn read_on_unknown(node: &Node, findings: &mut Findings) -> Option<OnUnknown> {
    match value::word(node, "`on_unknown`", words::ON_UNKNOWN, findings)? {
        "park" => Some(OnUnknown::Park),
        "retry" => Some(OnUnknown::Retry),
        _ => Some(OnUnknown::Fail),
    }
}

/// Reads `cache`: true, false, or a map.
pub fn read_cache(node: &Node, findings: &mut Findings) -> Option<Cache> {
    if !matches!(node.kind, Kind::Map(_)) {
        let is_on = value::boolean(node, "`cache`", findings)?;
        return is_on.then(Cache::default);
    }
    let fields = Fields::read(node, "`cache`", words::CACHE, findings)?;
    Some(Cache { ttl: fields.get("ttl").and_then(|node| value::duration(node, findings)) })
}

/// Reads `fallback`: a list of targets.
pub fn read_fallbacks(node: &Node, findings: &mut Findings) -> Vec<Fallback> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| read_fallback(item, findings)).collect(),
        Kind::Unreadable => Vec::new(),
        Kind::Map(_) => read_fallback(node, findings).into_iter().collect(),
        Kind::Scalar(_) => {
            findings
                .error(node.place, Code::BadValue, "`fallback` must be a list of targets, and this is text")
                .help("write `fallback: [{ uses: … }]`");
            Vec::new()
        }
    }
}

fn read_fallback(node: &Node, findings: &mut Findings) -> Option<Fallback> {
    let fields = Fields::read(node, "a fallback", words::FALLBACK, findings)?;
    let Some(uses) = fields.get("uses") else {
        findings
            .error(fields.first_key, Code::MissingKey, "the fallback doesn't say what it uses")
            .help("add `uses: <operation>`");
        return None;
    };
    let name = value::text(uses, "`uses`", findings)?;
    Some(Fallback {
        uses: At { value: name, place: uses.place },
        with: fields.get("with").map_or(Some(Vec::new()), |node| step::read_with(node, findings))?,
        on: fields.get("on").and_then(|node| value::classes(node, findings)),
        retry: fields.get("retry").map(|node| read_retry(node, findings)),
        timeout: fields.get("timeout").map(|node| read_target_timeout(node, findings)).unwrap_or_default(),
        pool: fields.get("pool").and_then(|node| read_pool(node, findings)),
    })
}

/// Reads the `timeout` of one target of a step.
pub fn read_target_timeout(node: &Node, findings: &mut Findings) -> Timeout {
    if let Some(total) = node.get("total") {
        findings
            .error(total.place, Code::MisplacedKey, "`total` can't be used for one target")
            .note("it is the time over all attempts at all targets")
            .help("write it at the step's own `timeout`");
    }
    Timeout { total: None, ..read_timeout(node, findings) }
}

/// Reads `pool`: the name of one.
pub fn read_pool(node: &Node, findings: &mut Findings) -> Option<At<String>> {
    Some(At { value: value::text(node, "`pool`", findings)?, place: node.place })
}

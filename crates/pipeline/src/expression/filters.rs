//! Filters: the allow-list of what may stand after `|`.

mod format;
mod lists;
mod numbers;
mod objects;
mod texts;

pub(super) use lists::sorted;

use super::bounds::{Budget, Outcome, wrong};
use super::operators::is_true;
use super::signature::{Given, Signature};
use crate::Value;

/// A filter of the language.
#[derive(Debug)]
pub(super) struct Filter {
    pub signature: Signature,
    /// Whether something missing may be given to it; it counts as absent.
    pub takes_missing: bool,
    /// Whether it gives something for what is absent, instead of being absent too.
    takes_absent: bool,
    apply: Apply,
}

type Apply = fn(Value, &Given, &mut Budget) -> Outcome<Value>;

const fn filter(
    name: &'static str,
    parameters: &'static [&'static str],
    required: usize,
    apply: Apply,
) -> Filter {
    let signature = Signature::new(name, parameters, required);
    Filter { signature, takes_missing: false, takes_absent: false, apply }
}

const fn plain(name: &'static str, apply: Apply) -> Filter {
    filter(name, &[], 0, apply)
}

/// A filter that hands what comes after its first `positional` arguments on to another one.
const fn with_more(positional: usize, mut filter: Filter) -> Filter {
    filter.signature.positional = positional;
    filter.signature.more = true;
    filter
}

const fn taking_absent(mut filter: Filter) -> Filter {
    filter.takes_absent = true;
    filter
}

const fn taking_missing(mut filter: Filter) -> Filter {
    filter.takes_missing = true;
    filter.takes_absent = true;
    filter
}

/// Names of arguments are those of Jinja, where it has the filter.
static FILTERS: [Filter; 49] = [
    plain("abs", numbers::abs),
    filter("batch", &["linecount", "fill_with"], 1, lists::batch),
    plain("capitalize", texts::capitalize),
    taking_absent(plain("count", lists::length)),
    taking_missing(filter("d", &["default_value", "boolean"], 1, default)),
    taking_missing(filter("default", &["default_value", "boolean"], 1, default)),
    filter("dictsort", &["case_sensitive", "by", "reverse"], 0, objects::dictsort),
    plain("first", lists::first),
    plain("flatten", lists::flatten),
    filter("float", &["default"], 0, numbers::float),
    with_more(0, plain("format", format::format)),
    plain("fromjson", texts::fromjson),
    filter("groupby", &["attribute", "default", "case_sensitive"], 1, lists::groupby),
    filter("indent", &["width", "first"], 0, texts::indent),
    filter("int", &["default"], 0, numbers::int),
    plain("items", objects::items),
    filter("join", &["d", "attribute"], 0, lists::join),
    plain("keys", objects::keys),
    plain("last", lists::last),
    taking_absent(plain("length", lists::length)),
    plain("lines", texts::lines),
    taking_absent(plain("list", lists::list)),
    plain("lower", texts::lower),
    with_more(1, filter("map", &["filter", "attribute", "default"], 0, lists::map)),
    filter("max", &["case_sensitive", "attribute"], 0, lists::max),
    filter("min", &["case_sensitive", "attribute"], 0, lists::min),
    with_more(1, filter("reject", &["test"], 0, lists::reject)),
    with_more(2, filter("rejectattr", &["attribute", "test"], 1, lists::rejectattr)),
    filter("replace", &["old", "new", "count"], 2, texts::replace),
    plain("reverse", lists::reverse),
    filter("round", &["precision", "method"], 0, numbers::round),
    with_more(1, filter("select", &["test"], 0, lists::select)),
    with_more(2, filter("selectattr", &["attribute", "test"], 1, lists::selectattr)),
    filter("slice", &["slices", "fill_with"], 1, lists::slice),
    plain("slug", texts::slug),
    filter("sort", &["reverse", "case_sensitive", "attribute"], 0, lists::sort),
    filter("split", &["separator", "count"], 0, texts::split),
    plain("string", texts::string),
    filter("sum", &["attribute", "start"], 0, lists::sum),
    plain("title", texts::title),
    filter("tojson", &["indent"], 0, texts::tojson),
    filter("trim", &["chars"], 0, texts::trim),
    filter("truncate", &["length", "killwords", "end"], 1, texts::truncate),
    filter("unique", &["case_sensitive", "attribute"], 0, lists::unique),
    plain("upper", texts::upper),
    plain("urlencode", texts::urlencode),
    plain("values", objects::values),
    plain("wordcount", texts::wordcount),
    filter("words", &["count", "end"], 0, texts::words),
];

/// The filter called `name`.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    FILTERS.iter().find(|filter| filter.signature.name == name)
}

/// The names of all filters.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FILTERS.iter().map(|filter| filter.signature.name)
}

impl Filter {
    /// Applies it. What is absent stays absent, and so does what is worked out with something absent.
    pub fn call(&self, input: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
        let hindered =
            (input.is_absent() && !self.takes_absent) || (given.any_absent() && !self.takes_missing);
        if hindered { Ok(Value::Absent) } else { (self.apply)(input, given, budget) }
    }
}

/// `value | default(other)`: the other if there is no value; with `true` also if it is empty.
fn default(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    let also_empty = given.at(1).is_some_and(is_true);
    if value.is_absent() || (also_empty && !is_true(&value)) {
        return Ok(given.at(0).cloned().unwrap_or(Value::Absent));
    }
    Ok(value)
}

/// The argument at `position` as a whole number.
fn whole(given: &Given, position: usize, what: &str) -> Outcome<Option<i64>> {
    match given.at(position) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => wrong(format!("`{what}` takes a whole number, not {}", value.phrase())),
        },
    }
}

/// The argument at `position` as a count of at least one.
fn count(given: &Given, position: usize, what: &str) -> Outcome<Option<usize>> {
    match whole(given, position, what)? {
        None => Ok(None),
        Some(number) => match usize::try_from(number) {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => wrong(format!("`{what}` takes a number from 1 on")),
        },
    }
}

/// The argument at `position` as text.
fn text_at<'g>(given: &'g Given, position: usize, what: &str) -> Outcome<Option<&'g str>> {
    match given.at(position) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => wrong(format!("`{what}` takes a text, not {}", other.phrase())),
    }
}

//! What a run of a plan is going to cost, as far as that is known before it begins.

mod differing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differing::{has_cost, items_differ, may_cost};

use crate::expression::{Context, Template};
use crate::plan::{Body, Each, Plan, Scope, Step, Target};
use crate::price::{Estimate, Facts};
use crate::value::Map;
use crate::{Money, Value};

/// How many items are estimated one by one, in all lists together. Of a list that is longer than what is left of
/// them, each costs what one costs of which nothing is known.
const ITEMS_MAX: usize = 10_000;

/// What a run is going to cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanEstimate {
    /// All of it, as far as it is known.
    pub total: Spread,
    /// What each step is going to cost that may cost anything, in the order of the plan.
    pub steps: Vec<StepEstimate>,
}

/// What a step is going to cost, with all of its items.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEstimate {
    /// The step: names with `/` between them, without keys of items.
    pub step: String,
    /// The operation of its first target.
    pub operation: String,
    /// How much, as far as it is known.
    pub spread: Spread,
    /// Why the price isn't known of one of its targets: the operation and the reason.
    pub unpriced: Option<(String, String)>,
    /// Whether what it costs follows from what isn't known yet: the output of an earlier step, or the length of a list.
    pub follows: bool,
}

/// An amount that isn't known yet, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The least.
    pub low: Money,
    /// What it usually is.
    pub likely: Money,
    /// The most, if no further attempt is made; nothing if there is no bound, because nobody knows how many items
    /// there will be.
    pub high: Option<Money>,
    /// Whether the most rests on an assumption.
    pub assumed: bool,
}

impl Default for Spread {
    fn default() -> Spread {
        Spread::from(Estimate::NOTHING)
    }
}

impl From<Estimate> for Spread {
    fn from(estimate: Estimate) -> Spread {
        let Estimate { low, likely, high, assumed } = estimate;
        Spread { low, likely, high: Some(high), assumed }
    }
}

impl Spread {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Spread) -> Spread {
        Spread {
            low: self.low + other.low,
            likely: self.likely + other.likely,
            high: self.high.zip(other.high).map(|(one, other)| one + other),
            assumed: self.assumed || other.assumed,
        }
    }

    /// One of them, and the first usually.
    fn or(self, other: Spread) -> Spread {
        Spread {
            low: self.low.min(other.low),
            likely: self.likely,
            high: self.high.zip(other.high).map(|(one, other)| one.max(other)),
            assumed: self.assumed || other.assumed,
        }
    }

    /// Whether it costs nothing for certain.
    pub fn is_nothing(&self) -> bool {
        self.high == Some(Money::ZERO)
    }
}

impl PlanEstimate {
    /// The steps of which nobody knows the price.
    pub fn unpriced(&self) -> impl Iterator<Item = &StepEstimate> {
        self.steps.iter().filter(|step| step.unpriced.is_some())
    }
}

impl Plan {
    /// What a run with these inputs is going to cost. Inputs that aren't given yet widen it.
    pub fn estimate(&self, inputs: &Map) -> PlanEstimate {
        self.estimate_by(inputs, Estimator::default())
    }

    /// The same, with so many items assumed of each list whose length isn't known yet, so that there is always a most.
    pub fn estimate_with_items(&self, inputs: &Map, items: u64) -> PlanEstimate {
        self.estimate_by(inputs, Estimator { assumed_items: Some(items), ..Estimator::default() })
    }

    fn estimate_by(&self, inputs: &Map, mut estimator: Estimator) -> PlanEstimate {
        let defaults = self.inputs.iter().filter(|input| !inputs.contains_key(&input.name));
        let mut known = inputs.clone();
        for input in defaults {
            if let Some(default) = &input.default {
                known.insert(input.name.clone(), default.clone());
            }
        }
        let names = Names { inputs: Arc::new(known), items: BTreeMap::new() };
        let total = estimator.scope(&self.root, &names, "");
        PlanEstimate { total, steps: estimator.steps }
    }
}

/// What is known of the names of expressions.
#[derive(Clone, Default)]
struct Names {
    inputs: Arc<Map>,
    items: BTreeMap<String, Value>,
}

struct Estimator {
    steps: Vec<StepEstimate>,
    places: BTreeMap<String, usize>,
    /// How many items a list has whose length isn't known; without it there is no most.
    assumed_items: Option<u64>,
    /// How many lists of unknown length there are around the step that is looked at.
    unknown_lists: u32,
    /// For how many items it is looked at together.
    together: u64,
    /// How many more items may be looked at one by one.
    items_left: usize,
}

impl Default for Estimator {
    fn default() -> Estimator {
        Estimator {
            steps: Vec::new(),
            places: BTreeMap::new(),
            assumed_items: None,
            unknown_lists: 0,
            together: 1,
            items_left: ITEMS_MAX,
        }
    }
}

impl Estimator {
    fn scope(&mut self, scope: &Scope, names: &Names, path: &str) -> Spread {
        scope.steps.iter().fold(Spread::default(), |sum, step| sum.and(self.step(step, names, path)))
    }

    fn step(&mut self, step: &Step, names: &Names, around: &str) -> Spread {
        if !has_cost(step) {
            return Spread::default();
        }
        let path = if around.is_empty() { step.name.clone() } else { format!("{around}/{}", step.name) };
        let all = match &step.each {
            None => self.once(step, names, &path),
            Some(each) => match names.value(&each.list).as_ref().and_then(Value::as_list) {
                Some(items) => self.items(step, each, items, names, &path),
                None => {
                    self.unknown_lists += 1;
                    let one = self.once(step, &names.without(&each.item_name), &path);
                    self.unknown_lists -= 1;
                    one.of_unknown_number(self.assumed_items)
                }
            },
        };
        // Whether it runs is known only then, and a tolerated one may cost nothing.
        if step.condition.is_some() { Spread { low: Money::ZERO, ..all } } else { all }
    }

    /// All items of a list that is known: one by one where they may differ, else together.
    fn items(&mut self, step: &Step, each: &Each, items: &[Value], names: &Names, path: &str) -> Spread {
        let left = self.items_left.checked_sub(items.len()).filter(|_| items_differ(step, &each.item_name));
        let Some(left) = left else {
            let (number, around) = (items.len() as u64, self.together);
            self.together = around.saturating_mul(number);
            let one = self.once(step, &names.without(&each.item_name), path);
            self.together = around;
            return one.times(number);
        };
        self.items_left = left;
        let item = |(index, item): (usize, &Value)| {
            let mut names = names.clone();
            names.items.insert(each.item_name.clone(), item.clone());
            names.items.insert("index".into(), Value::from(index as i64));
            self.once(step, &names, path)
        };
        items.iter().enumerate().map(item).fold(Spread::default(), Spread::and)
    }

    /// One run of a step, or of one item of it.
    fn once(&mut self, step: &Step, names: &Names, path: &str) -> Spread {
        let undo = step.undo.as_ref().map_or_else(Spread::default, |undo| self.undo(undo, names, path));
        let own = match &step.body {
            Body::Operation(targets) => self.operation(targets, names, path, false),
            Body::Group(scope) => self.scope(scope, names, path),
            Body::Pipeline { inputs, with, scope, .. } => {
                let given = with.iter().filter_map(|(name, value)| Some((name.clone(), names.value(value)?)));
                let mut known: Map = given.collect();
                for input in inputs.iter().filter(|input| !with.iter().any(|(name, _)| *name == input.name)) {
                    if let Some(default) = &input.default {
                        known.insert(input.name.clone(), default.clone());
                    }
                }
                self.scope(scope, &Names { inputs: Arc::new(known), items: BTreeMap::new() }, path)
            }
        };
        own.and(undo)
    }

    /// What it may cost to undo a step: usually nothing.
    fn undo(&mut self, undo: &Step, names: &Names, path: &str) -> Spread {
        self.operation(undo.body.targets(), names, &format!("{path}/{}", undo.name), true)
    }

    /// What a call of `targets` costs, which perhaps isn't made at all.
    fn operation(&mut self, targets: &[Target], names: &Names, path: &str, is_undo: bool) -> Spread {
        let Some(first) = targets.first() else { return Spread::default() };
        let mut spread = None;
        let mut unpriced = None;
        let mut follows = self.unknown_lists > 0;
        for target in targets.iter().filter(|target| may_cost(target)) {
            let own = std::ptr::eq(target, first);
            let known = Known::of(target, (!own).then_some(first), names);
            follows |= target.contract.price.as_ref().is_some_and(|price| price.depends_on(&known.unknown));
            match known.estimate(target) {
                Ok(estimate) => {
                    let estimate = Spread::from(estimate);
                    let before = spread.or((!own).then(Spread::default));
                    spread = Some(before.map_or(estimate, |before: Spread| before.or(estimate)));
                }
                Err(reason) => _ = unpriced.get_or_insert((target.contract.operation.clone(), reason)),
            }
        }
        if spread.is_none() && unpriced.is_none() {
            return Spread::default();
        }
        let spread = spread.unwrap_or_default();
        let spread =
            if is_undo { Spread { low: Money::ZERO, likely: Money::ZERO, ..spread } } else { spread };
        let place = *self.places.entry(path.to_owned()).or_insert(self.steps.len());
        if place == self.steps.len() {
            let (step, operation) = (path.to_owned(), first.contract.operation.clone());
            let spread = Spread::default();
            self.steps.push(StepEstimate { step, operation, spread, unpriced: None, follows: false });
        }
        let all = (0..self.unknown_lists).fold(spread, |all, _| all.of_unknown_number(self.assumed_items));
        let entry = &mut self.steps[place];
        entry.spread = entry.spread.and(all.times(self.together));
        entry.follows |= follows;
        if entry.unpriced.is_none() {
            entry.unpriced = unpriced;
        }
        spread
    }
}

impl Spread {
    /// So much for each of `number` items.
    fn times(self, number: u64) -> Spread {
        let times = |amount: Money| Money::from_units(amount.units().saturating_mul(number.into()));
        let Spread { low, likely, high, assumed } = self;
        Spread { low: times(low), likely: times(likely), high: high.map(times), assumed }
    }

    /// So much for each of a number of items that nobody knows: as many as are assumed, if any are.
    fn of_unknown_number(self, assumed: Option<u64>) -> Spread {
        let times = |amount: Money| {
            let units = amount.units().saturating_mul(assumed.unwrap_or(0).into());
            (assumed.is_some() || amount.is_zero()).then_some(Money::from_units(units))
        };
        Spread {
            low: Money::ZERO,
            high: self.high.and_then(times),
            assumed: self.assumed || assumed.is_some(),
            ..self
        }
    }
}

/// What is known of the inputs of one call.
struct Known {
    given: Map,
    unknown: BTreeSet<String>,
}

impl Known {
    /// Of a call of `target`. A fallback inherits what the first target is given.
    fn of(target: &Target, first: Option<&Target>, names: &Names) -> Known {
        let mut known = Known { given: Map::new(), unknown: BTreeSet::new() };
        let inherited = first.into_iter().flat_map(|first| &first.with);
        for (name, template) in inherited.chain(&target.with) {
            known.given.remove(name);
            known.unknown.remove(name);
            match names.value(template) {
                Some(value) => _ = known.given.insert(name.clone(), value),
                None => _ = known.unknown.insert(name.clone()),
            }
        }
        known
    }

    /// What the call is going to cost, or why nobody knows.
    fn estimate(&self, target: &Target) -> Result<Estimate, String> {
        let (contract, job) = (&target.contract, Some(target.timeouts.job));
        let facts = Facts { contract, given: &self.given, unknown: &self.unknown, job };
        contract.estimate(&facts).map_err(|unpriced| unpriced.reason)
    }
}

impl Names {
    fn without(&self, item: &str) -> Names {
        let mut names = self.clone();
        names.items.remove(item);
        names.items.remove("index");
        names
    }

    /// The value of a template, if all that it refers to is known.
    fn value(&self, template: &Template) -> Option<Value> {
        if let Some(value) = template.as_literal() {
            return Some(value.clone());
        }
        let is_known = |path: &[String]| match path {
            [root, name, ..] if root == "inputs" => self.inputs.contains_key(name),
            [root, ..] => self.items.contains_key(root),
            [] => false,
        };
        if !template.references().iter().all(|reference| is_known(&reference.path)) {
            return None;
        }
        let mut context = Context::default();
        context.values.insert("inputs".into(), Value::Map(self.inputs.clone()));
        for (name, value) in &self.items {
            context.values.insert(name.clone(), value.clone());
        }
        template.evaluate(&context).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Call, CallForm, Catalogue, Contract, Parameter, Work};
    use crate::price::{Amount, Factor, Measure, Price, Range, Source, Tariff, Unit};
    use crate::{Bundle, Type, check};

    /// A model that costs $0.01 for each image, of at most four.
    fn painter() -> Contract {
        let count = Factor {
            from: vec![Source::of("count", Measure::Number)],
            otherwise: Range::new(Amount::whole(1), Amount::whole(1), Amount::whole(4)),
            rounded_up: false,
            rough: false,
        };
        let mut contract = Contract::new("lab/painter", Work::Model)
            .input(Parameter::required("prompt", Type::Text))
            .input(Parameter::optional("count", Type::Integer).range(1.0, 4.0).default(1_i64))
            .output("image", Type::Any)
            .call(Call::paid(CallForm::Job));
        let tariff = Tariff::new(Unit::Image, 1, "0.01".parse().unwrap());
        contract.price = Some(Price::of(tariff).counted(Unit::Image, vec![count]));
        contract
    }

    fn estimate(steps: &str, inputs: Map) -> String {
        in_words(&plan(steps).estimate(&inputs))
    }

    fn plan(steps: &str) -> Plan {
        let unpriced = Contract::new("lab/secret", Work::Model)
            .output("image", Type::Any)
            .call(Call::paid(CallForm::Direct));
        let mut list = Contract::new("task/list", Work::Task).output("items", Type::list(Type::Integer));
        list.open_inputs = true;
        let text = format!(
            "motet: 1\ninputs: {{ n: {{ type: integer, default: 2 }}, shots: {{ type: array, default: [a, b, c] }} }}\n\
             steps:\n{steps}"
        );
        let checked =
            check::check(&Bundle::of_text("a.yaml", &text), &Catalogue::new([painter(), unpriced, list]));
        checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
    }

    fn in_words(estimate: &PlanEstimate) -> String {
        let words = |spread: &Spread| {
            let high = spread.high.map_or("∞".to_owned(), |high| high.to_string());
            format!("{}–{}–{high}", spread.low, spread.likely)
        };
        let mut lines = vec![words(&estimate.total)];
        lines.extend(estimate.steps.iter().map(|step| {
            let unpriced =
                step.unpriced.as_ref().map_or(String::new(), |(operation, _)| format!(" ({operation}?)"));
            let follows = if step.follows { " follows" } else { "" };
            format!("{}: {}{unpriced}{follows}", step.step, words(&step.spread))
        }));
        lines.join(", ")
    }

    #[test]
    fn a_run_costs_what_its_steps_cost_as_far_as_their_inputs_are_known() {
        let constant = "  a: { uses: lab/painter, with: { prompt: x, count: 3 } }";
        assert_eq!(estimate(constant, Map::new()), "0.03–0.03–0.03, a: 0.03–0.03–0.03");
        let of_input = "  a: { uses: lab/painter, with: { prompt: x, count: '{{ inputs.n }}' } }";
        assert_eq!(estimate(of_input, Map::new()), "0.02–0.02–0.02, a: 0.02–0.02–0.02");
        let given = [("n".to_owned(), Value::from(4_i64))].into_iter().collect();
        assert_eq!(estimate(of_input, given), "0.04–0.04–0.04, a: 0.04–0.04–0.04");
        let of_step = "  l: { uses: task/list }\n  \
                       a: { uses: lab/painter, with: { prompt: x, count: '{{ steps.l.items[0] }}' } }";
        assert_eq!(estimate(of_step, Map::new()), "0.01–0.01–0.04, a: 0.01–0.01–0.04 follows");
    }

    #[test]
    fn items_of_a_known_list_are_counted_and_those_of_an_unknown_one_have_no_bound() {
        let known = "  a: { each: '{{ inputs.shots }}', uses: lab/painter, with: { prompt: '{{ item }}', count: '{{ index + 1 }}' } }";
        assert_eq!(estimate(known, Map::new()), "0.06–0.06–0.06, a: 0.06–0.06–0.06");
        let unknown = "  l: { uses: task/list }\n  \
                       a: { each: '{{ steps.l.items }}', steps: { b: { uses: lab/painter, with: { prompt: x } } } }";
        assert_eq!(estimate(unknown, Map::new()), "0–0.01–∞, a/b: 0–0.01–∞ follows");
    }

    #[test]
    fn items_that_cost_the_same_are_counted_however_many_there_are() {
        let thousand = "range(1000)";
        let nested = |count: &str| {
            format!(
                "  a: {{ each: '{{{{ {thousand} }}}}', as: x, steps: {{ b: {{ each: '{{{{ {thousand} }}}}', as: y, steps: {{ \
                 c: {{ each: '{{{{ {thousand} }}}}', as: z, uses: lab/painter, with: {{ prompt: 'take {{{{ x + y + z }}}}', \
                 count: '{{{{ {count} }}}}' }} }} }} }} }} }}"
            )
        };
        let all = "20000000–20000000–20000000";
        assert_eq!(estimate(&nested("inputs.n"), Map::new()), format!("{all}, a/b/c: {all}"));
        let all = "25000000–25000000–25000000";
        assert_eq!(estimate(&nested("z % 4 + 1"), Map::new()), format!("{all}, a/b/c: {all}"));
        // Where each item around matters too, some are looked at one by one, and the rest by what one may cost.
        let all = "10000120–10000120–39999880";
        assert_eq!(
            estimate(&nested("(x + y + z) % 4 + 1"), Map::new()),
            format!("{all}, a/b/c: {all} follows")
        );
        // The lists inside follow from the items around them.
        let triangle = "  a: { each: '{{ range(4) }}', as: x, steps: { b: { each: '{{ range(x) }}', \
                        uses: lab/painter, with: { prompt: x } } } }";
        assert_eq!(estimate(triangle, Map::new()), "0.06–0.06–0.06, a/b: 0.06–0.06–0.06");
        // A name that an inner list hides is another one.
        let hidden = "  a: { each: '{{ range(3000) }}', steps: { b: { each: '{{ range(1, 5) }}', \
                      uses: lab/painter, with: { prompt: x, count: '{{ item }}' } } } }";
        assert_eq!(estimate(hidden, Map::new()), "300–300–300, a/b: 300–300–300");
        let free =
            "  a: { each: '{{ range(100000) }}', uses: data/transform, with: { value: '{{ item }}' } }";
        assert_eq!(estimate(free, Map::new()), "0–0–0");
    }

    #[test]
    fn with_items_assumed_there_is_a_most_also_of_lists_in_lists() {
        let of_ten = |steps: &str| in_words(&plan(steps).estimate_with_items(&Map::new(), 10));
        let unknown = "  l: { uses: task/list }\n  \
                       a: { each: '{{ steps.l.items }}', uses: lab/painter, with: { prompt: x } }";
        assert_eq!(of_ten(unknown), "0–0.01–0.1, a: 0–0.01–0.1 follows");
        let nested = "  l: { uses: task/list }\n  \
                      a: { each: '{{ inputs.shots }}', steps: { b: { each: '{{ steps.l.items }}', as: it, \
                      uses: lab/painter, with: { prompt: x } } } }";
        assert_eq!(of_ten(nested), "0–0.03–0.3, a/b: 0–0.03–0.3 follows");
        let known = "  a: { each: '{{ inputs.shots }}', uses: lab/painter, with: { prompt: x } }";
        assert_eq!(of_ten(known), "0.03–0.03–0.03, a: 0.03–0.03–0.03");
    }

    #[test]
    fn conditions_fallbacks_and_unknown_prices_widen_it() {
        let maybe = "  a: { if: '{{ inputs.n > 1 }}', uses: lab/painter, with: { prompt: x } }";
        assert_eq!(estimate(maybe, Map::new()), "0–0.01–0.01, a: 0.01–0.01–0.01");
        let dearer = "  a: { uses: lab/painter, with: { prompt: x }, fallback: [{ uses: lab/painter, with: { count: 4 } }] }";
        assert_eq!(estimate(dearer, Map::new()), "0.01–0.01–0.04, a: 0.01–0.01–0.04");
        let secret = "  a: { uses: lab/secret }\n  b: { uses: lab/painter, with: { prompt: x } }";
        assert_eq!(estimate(secret, Map::new()), "0.01–0.01–0.01, a: 0–0–0 (lab/secret?), b: 0.01–0.01–0.01");
    }
}

//! A run under hand-driven time: a pipeline as text, a host made of three sets, and checks after every
//! turn that hold for any run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motet_engine::dispatcher::{Cause, Needs};
use motet_engine::event::{Base, Resends};
use motet_engine::{
    Act, Allowance, AttemptEnd, AttemptKey, Command, Earlier, Event, Graph, Input, Intent, Outlook, Past,
    Perform, Phase, Prospect, Reaction, Run, RunId, RunStarted, RunStatus, Turn, event, rehearse,
};
use motet_pipeline::contract::{Call, CallForm, Catalogue, Contract, Doubt, Feature, Parameter, Work};
use motet_pipeline::failure::Known;
use motet_pipeline::price::{Price, Tariff, Unit};
use motet_pipeline::value::Map;
use motet_pipeline::{
    Bundle, Class, Cost, Digest, Failure, Outcome, Plan, Span, StepPath, Timestamp, Type, Value, check,
    inputs,
};
use serde_json::{Value as Json, json};

/// When every scenario begins.
pub const DAWN: Timestamp = Timestamp(1_800_000_000_000);

/// What a scenario begins with.
pub struct Setting {
    bundle: Bundle,
    inputs: Json,
    seed: u64,
    turn_bytes: Option<usize>,
    allowance: Allowance,
    resends: Resends,
    keep: fn(String) -> String,
    no_cache: bool,
    base: Option<(Base, Earlier)>,
}

/// A pipeline that consists of the lines of `text`, below the version key.
pub fn pipeline(text: &str) -> Setting {
    let text = format!("motet: 1\n{}", unindent(text));
    let bundle = Bundle::of_text("story.yaml", &text);
    Setting {
        bundle,
        inputs: json!({}),
        seed: 7,
        turn_bytes: None,
        allowance: Allowance::default(),
        resends: Resends::default(),
        keep: |pin| pin,
        no_cache: false,
        base: None,
    }
}

/// Starts a run without inputs.
pub fn start(text: &str) -> Scenario {
    pipeline(text).start()
}

impl Setting {
    /// Another file that the pipeline uses.
    pub fn file(mut self, name: &str, text: &str) -> Setting {
        self.bundle.files.insert(name.into(), format!("motet: 1\n{}", unindent(text)));
        self
    }

    pub fn inputs(mut self, inputs: Json) -> Setting {
        self.inputs = inputs;
        self
    }

    pub fn seed(mut self, seed: u64) -> Setting {
        self.seed = seed;
        self
    }

    /// What the run may spend, asked for where it is started.
    pub fn budget(mut self, limit: &str) -> Setting {
        self.allowance.limit = Some(limit.parse().expect("an amount"));
        self
    }

    /// What a step may spend of it.
    pub fn quoted(mut self, step: &str, limit: &str) -> Setting {
        self.allowance.quoted.insert(step.into(), limit.parse().expect("an amount"));
        self
    }

    /// Sends calls again of which nobody can tell, if they are so cheap.
    pub fn resends(mut self, below: &str, total: &str) -> Setting {
        let amount = |text: &str| text.parse().expect("an amount");
        self.resends = Resends { below: amount(below), total: amount(total) };
        self
    }

    /// Has turns of about this many bytes.
    pub fn turns_of(mut self, bytes: usize) -> Setting {
        self.turn_bytes = Some(bytes);
        self
    }

    /// Continues from an earlier run, and does `again` with what depends on it again, and `fresh` with another seed.
    pub fn after(mut self, before: &Scenario, again: &[&str], fresh: &[&str]) -> Setting {
        let paths = |texts: &[&str]| texts.iter().map(|text| StepPath::from_text(text)).collect();
        let run = before.run.id().clone();
        let base = Base {
            root: run.clone(),
            root_at: before.run.started_at(),
            run: run.clone(),
            spent: before.run.cost(),
            again: paths(again),
            fresh: paths(fresh),
            undo: false,
        };
        let mut earlier = Earlier::new();
        let mut finished = earlier.begin(&run, before.run.graph());
        before.journal.iter().for_each(|turn| finished.add(turn));
        earlier.forget(&base, &Graph::new(Arc::new(self.plan())));
        self.base = Some((base, earlier));
        self
    }

    /// What would become of each step of a run that continues from `before`, in words.
    pub fn rehearses(self, before: &Scenario) -> Vec<String> {
        let earlier = Arc::new(self.base.clone().expect("it continues from a run").1);
        let mut past = Past::default();
        before.journal.iter().for_each(|turn| past.add(before.run.graph(), turn));
        let (run, _) = self.start_run();
        let outlooks = rehearse(run.graph(), run.started().clone(), &earlier, &past, DAWN);
        let in_words = |Outlook { step, prospect }: Outlook| match prospect {
            Prospect::Reused(from) => format!("{step} of {}", from.run),
            Prospect::Runs { why, .. } => format!("{step} runs: {why:?}"),
            Prospect::DependsOn(steps) => {
                format!("{step} after {}", steps.iter().map(StepPath::as_str).collect::<Vec<_>>().join(", "))
            }
            Prospect::Evaluated => format!("{step} at once"),
            Prospect::Ends(status) => format!("{step} {}", status.word()),
        };
        outlooks.into_iter().map(in_words).collect()
    }

    /// Starts a run that undoes what `before` did.
    pub fn undo(self, before: &[&Scenario]) -> Scenario {
        let base = before.last().expect("something is undone");
        let mut setting = self.after(base, &[], &[]);
        let (base, _) = setting.base.as_mut().expect("it was set a moment ago");
        base.undo = true;
        let told: Vec<Vec<Turn>> = before.iter().map(|story| story.journal.clone()).collect();
        let (graph, started) = setting.started();
        let before: Vec<&[Turn]> = told.iter().map(Vec::as_slice).collect();
        let made = Run::start_undo(graph, started, &before, DAWN).expect("the journals can be read");
        Scenario::of(made, Watch::Closely, told)
    }

    /// Takes nothing from other runs.
    pub fn without_cache(mut self) -> Setting {
        self.no_cache = true;
        self
    }

    /// Has the plan kept as another version would have kept it.
    pub fn kept(mut self, keep: fn(String) -> String) -> Setting {
        self.keep = keep;
        self
    }

    /// The plan as a store gives it again: all that an engine needs of a plan must have been kept.
    pub fn plan(&self) -> Plan {
        let checked = check::check(&self.bundle, &catalogue());
        let plan = checked.plan.unwrap_or_else(|| {
            let found: Vec<_> = checked.diagnostics.iter().map(|found| found.message.clone()).collect();
            panic!("the pipeline of the scenario is wrong: {found:#?}")
        });
        let pin = (self.keep)(plan.pin());
        Plan::link(&pin, Digest::of(pin.as_bytes())).expect("what was checked can be linked")
    }

    pub fn start(self) -> Scenario {
        self.start_watched(Watch::Closely)
    }

    pub fn start_watched(self, watch: Watch) -> Scenario {
        Scenario::of(self.start_run(), watch, Vec::new())
    }

    /// Starts a run that somebody else drives.
    pub fn start_run(self) -> (Run, Reaction) {
        let earlier = self.base.as_ref().map(|(_, earlier)| Arc::new(earlier.clone()));
        let (graph, started) = self.started();
        Run::start_from(graph, started, earlier, DAWN)
    }

    fn started(self) -> (Arc<Graph>, RunStarted) {
        let plan = self.plan();
        let given: Map = match Value::from(self.inputs) {
            Value::Map(given) => (*given).clone(),
            other => panic!("inputs are an object, not {other:?}"),
        };
        let accepted = inputs::accept(&plan.inputs, given).expect("the inputs fit");
        let base = self.base.clone().map(|(base, _)| base);
        let started = RunStarted {
            schema: event::SCHEMA,
            run: RunId::new(if self.base.is_some() { "sequel" } else { "story" }),
            pipeline: plan.name.clone(),
            plan: plan.digest,
            inputs: Value::Map(accepted.into()),
            seed: self.seed,
            user: Some("ada".into()),
            budget: self.allowance.limit,
            quoted: self.allowance.quoted,
            resends: self.resends,
            labels: BTreeMap::new(),
            no_cache: self.no_cache,
            base: base.map(Box::new),
        };
        let plan = Arc::new(plan);
        let graph = match self.turn_bytes {
            Some(bytes) => Graph::with_turns_of(bytes, plan),
            None => Graph::new(plan),
        };
        (graph, started)
    }
}

/// The operations of all scenarios. Those that take `anything` give any `value`.
pub fn catalogue() -> Catalogue {
    let anything = |name: &str, work| {
        let mut contract = Contract::new(name, work).output("value", Type::Any);
        contract.open_inputs = true;
        contract.open_outputs = true;
        contract
    };
    let model = |name: &str| {
        Contract::new(name, Work::Model)
            .input(Parameter::required("prompt", Type::Text))
            .input(Parameter::optional("seed", Type::Integer))
            .output("text", Type::Text)
    };
    let priced = |name: &str, form, price: &str| {
        let mut contract = anything(name, Work::Model).call(Call::paid(form));
        contract.price = Some(Price::flat(price.parse().expect("a price")));
        contract
    };
    let second = Tariff::new(Unit::GpuSecond, 1, "0.001".parse().expect("a price"));
    let timed = anything("lab/timed", Work::Model).call(Call::paid(CallForm::Job));
    let timed = timed.usually(1.0, 4.0).priced(Price::of(second));
    Catalogue::new([
        priced("lab/cheap", CallForm::Job, "0.04"),
        priced("lab/dear", CallForm::Job, "0.60"),
        timed,
        anything("task/work", Work::Task),
        Contract { features: BTreeSet::from([Feature::Reusable]), ..anything("task/same", Work::Task) },
        model("lab/drawn").call(Call::paid(CallForm::Job)),
        anything("media/work", Work::Processor),
        anything("lab/job", Work::Model).call(Call::paid(CallForm::Job)),
        anything("lab/answer", Work::Model).call(Call::paid(CallForm::Direct)),
        Contract {
            price: Some(Price::flat("0.01".parse().expect("a price"))),
            ..anything("lab/order", Work::Request).call(Call::paid(CallForm::Direct))
        },
        anything("lab/request", Work::Request).call(Call::paid(CallForm::Direct)),
        anything("lab/safe", Work::Model).call(Call {
            repeatable: true,
            failure_costs: Known::No,
            ..Call::paid(CallForm::Job)
        }),
        model("lab/first")
            .input(Parameter::optional("style", Type::Text).default("plain"))
            .input(Parameter::optional("mood", Type::Text)),
        model("lab/second").input(Parameter::optional("style", Type::Text).default("vivid")),
        model("lab/third")
            .input(Parameter::optional("mood", Type::Text))
            .input(Parameter::optional("length", Type::Number).range(1.0, 9.0)),
        Contract::new("lab/native", Work::Model)
            .input(Parameter::optional("size", Type::Text).default("square"))
            .input(Parameter::optional("width", Type::Integer).stands_for("size"))
            .input(Parameter::required("text", Type::Text))
            .input(Parameter::optional("prompt", Type::Text).stands_for("text"))
            .input(Parameter::optional("seed", Type::Integer).doubted(Doubt::Name)),
    ])
}

/// How closely a run is looked at after every turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Its state, its parts and its journal tell the same, to the last field.
    Closely,
    /// Its parts and its journal tell the same.
    Loosely,
    /// Not at all.
    Not,
}

/// A run and a host that does nothing by itself.
pub struct Scenario {
    pub run: Run,
    /// The journals of the runs that it undoes.
    before: Vec<Vec<Turn>>,
    watch: Watch,
    pub now: Timestamp,
    pub journal: Vec<Turn>,
    /// Attempts under way.
    pub working: BTreeMap<AttemptKey, Perform>,
    /// Attempts that were told to stop.
    pub stopping: BTreeSet<AttemptKey>,
    /// Attempts that asked for a slot.
    pub queueing: BTreeSet<AttemptKey>,
    /// What each of them needs.
    pub needing: BTreeMap<AttemptKey, Needs>,
    /// How often the request of each attempt was sent.
    pub sent: BTreeMap<AttemptKey, usize>,
}

pub fn key(step: &str, number: u32) -> AttemptKey {
    AttemptKey { step: StepPath::from_text(step), number }
}

/// A good end that gives `value`.
pub fn ok(value: Json) -> AttemptEnd {
    AttemptEnd::Succeeded(Outcome::of(Value::map([("value", Value::from(value))])))
}

/// A good end with these outputs.
pub fn outputs(outputs: Json) -> AttemptEnd {
    AttemptEnd::Succeeded(Outcome::of(Value::from(outputs)))
}

/// A bad end.
pub fn bad(class: Class) -> AttemptEnd {
    AttemptEnd::Failed { failure: Failure::new(class, "it broke"), cost: Cost::NONE }
}

pub fn span(text: &str) -> Span {
    text.parse().expect("a scenario writes times that can be read")
}

impl Scenario {
    fn of((run, reaction): (Run, Reaction), watch: Watch, before: Vec<Vec<Turn>>) -> Scenario {
        let mut scenario = Scenario {
            run,
            before,
            watch,
            now: DAWN,
            journal: Vec::new(),
            working: BTreeMap::new(),
            stopping: BTreeSet::new(),
            queueing: BTreeSet::new(),
            needing: BTreeMap::new(),
            sent: BTreeMap::new(),
        };
        scenario.take_in(reaction);
        scenario.comes_to_rest();
        scenario
    }

    /// The run that the journal tells of.
    fn replayed(&self) -> Run {
        let before: Vec<&[Turn]> = self.before.iter().map(Vec::as_slice).collect();
        let graph = self.run.graph().clone();
        Run::replay_after(graph, &before, &self.journal).expect("the journal can be replayed")
    }

    /// Tells the run something, now.
    pub fn tell(&mut self, input: Input) -> &mut Scenario {
        if let Input::Denied { key, .. } = &input {
            // Whoever is denied waits no more.
            self.queueing.remove(key);
        }
        let reaction = self.run.handle(self.now, input);
        self.take_in(reaction);
        self.comes_to_rest()
    }

    /// What didn't fit into the last turn is done in the next ones. A call whose way is free begins at once.
    pub fn comes_to_rest(&mut self) -> &mut Scenario {
        let is_free = |needs: &Needs| {
            !needs.processor && needs.pool.is_none() && needs.money.is_none() && needs.shared.is_none()
        };
        let free = self.needing.iter().find(|(key, needs)| self.queueing.contains(key) && is_free(needs));
        if let Some(key) = free.map(|(key, _)| key.clone()) {
            self.needing.remove(&key);
            // Requests of `lab/request` mean the same however often they are sent.
            let is_request = |prospect: &Perform| prospect.contract.operation == "lab/request";
            let intent = Intent { repeatable: true, ..Intent::default() };
            let intent = self.run.prospect(&key).filter(is_request).map(|_| intent.into());
            return self.tell(Input::Granted { key, intent });
        }
        while self.run.next_deadline().is_some_and(|due| due <= self.now) {
            let reaction = self.run.handle(self.now, Input::Tick);
            self.take_in(reaction);
        }
        self
    }

    pub fn take_in(&mut self, reaction: Reaction) {
        if let Some(turn) = reaction.turn {
            assert!(!turn.events.is_empty(), "a turn is never empty");
            self.journal.push(turn);
        }
        for command in reaction.commands {
            match command {
                Command::Perform(perform) => {
                    self.queueing.remove(&perform.key);
                    let (is_new, key) = (perform.act == Act::Work, perform.key.clone());
                    if perform.act == Act::Submit {
                        *self.sent.entry(key.clone()).or_default() += 1;
                    }
                    let twice = self.working.insert(key, *perform);
                    assert!(!is_new || twice.is_none(), "an attempt is begun once");
                }
                Command::Stop { key } => {
                    let was = self.working.remove(&key);
                    // That its end is no longer awaited, or that nobody looks for it any more, may be told of a call
                    // whatever it came to.
                    let is_given_up = |phase: &Phase| matches!(phase, Phase::Stopping { given_up: true, .. });
                    if self.run.phase(&key).is_some_and(|phase| !is_given_up(phase)) {
                        assert!(was.is_some(), "{key} is told to stop, and isn't under way");
                        self.stopping.insert(key);
                    }
                }
                Command::Acquire { key, needs } => {
                    self.needing.insert(key.clone(), needs);
                    self.queueing.insert(key);
                }
                Command::Release { key } => _ = self.queueing.remove(&key),
            }
        }
        if self.watch != Watch::Not {
            self.check_invariants();
        }
    }

    /// What holds after every turn of any run.
    fn check_invariants(&mut self) {
        let graph = self.run.graph().clone();
        let replayed = self.replayed();
        let parts = self.run.parts();
        let read = Run::from_parts(graph, &parts).expect("the parts can be read");
        assert!(replayed.parts() == parts, "replayed and live are the same");
        assert!(read.parts() == parts, "equal states have equal bytes");
        if self.watch == Watch::Closely {
            assert_eq!(format!("{replayed:?}"), format!("{:?}", self.run), "replayed and live are the same");
            assert_eq!(format!("{read:?}"), format!("{:?}", self.run), "the parts are the whole state");
        }
        let (mut working, mut stopping, mut queueing) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for command in self.run.outstanding() {
            match command {
                Command::Perform(perform) => _ = working.insert(perform.key),
                Command::Stop { key } => _ = stopping.insert(key),
                Command::Acquire { key, .. } => _ = queueing.insert(key),
                Command::Release { key } => panic!("nothing is at work that gives back {key}"),
            }
        }
        // A reply that is awaited needs nothing to be done, nor does what can't be known.
        let awaits_reply = |key: &&AttemptKey| {
            let phase = self.run.phase(key);
            !matches!(
                phase,
                Some(Phase::Unknown { .. } | Phase::Stopping { job: None, doubtful: false, .. }) | None
            )
        };
        let mine: BTreeSet<_> = self.working.keys().filter(awaits_reply).cloned().collect();
        assert_eq!(working, mine, "what is outstanding is what is under way");
        assert_eq!(stopping, self.stopping, "what is outstanding is what was told to stop");
        assert_eq!(queueing, self.queueing, "what is outstanding is what waits for a slot");
        if self.run.status().is_terminal() {
            assert!(
                mine.is_empty() && self.stopping.is_empty() && self.queueing.is_empty(),
                "{mine:?} is under way in a run that is over: {:#?}",
                self.journal
            );
            assert_eq!(self.run.next_deadline(), None, "nothing is due once a run is over");
        }
    }

    /// The attempt of `step` that is under way ends well and gives `value`.
    pub fn ends(&mut self, step: &str, value: Json) -> &mut Scenario {
        self.comes_to(step, ok(value))
    }

    /// The attempt of `step` that is under way ends badly.
    pub fn fails(&mut self, step: &str, class: Class) -> &mut Scenario {
        self.comes_to(step, bad(class))
    }

    /// The attempt of `step` that is under way, or was told to stop, comes to this end.
    pub fn comes_to(&mut self, step: &str, end: AttemptEnd) -> &mut Scenario {
        let of_step = |key: &&AttemptKey| key.step.as_str() == step;
        let key = self.working.keys().find(of_step).or_else(|| self.stopping.iter().find(of_step)).cloned();
        let key = key.unwrap_or_else(|| panic!("no attempt of {step} is under way: {:?}", self.flights()));
        self.ends_as(key, end)
    }

    /// An attempt, whether it is under way or not, comes to this end.
    #[track_caller]
    pub fn ends_as(&mut self, key: AttemptKey, end: AttemptEnd) -> &mut Scenario {
        self.working.remove(&key);
        self.stopping.remove(&key);
        self.tell(Input::Ended { key, end })
    }

    /// Everything that was told to stop has stopped.
    pub fn drains(&mut self) -> &mut Scenario {
        while let Some(key) = self.stopping.first().cloned() {
            self.ends_as(key, AttemptEnd::Cancelled);
        }
        self
    }

    /// The attempt of `step` that waits for a slot gets it; if none does, its first attempt is told so.
    pub fn grants(&mut self, step: &str) -> &mut Scenario {
        let waiting = self.queueing.iter().find(|key| key.step.as_str() == step).cloned();
        self.tell(Input::Granted { key: waiting.unwrap_or_else(|| key(step, 1)), intent: None })
    }

    /// The attempt of `step` that waits will not get what it needs.
    pub fn denies(&mut self, step: &str, failure: Failure) -> &mut Scenario {
        let waiting = self.queueing.iter().find(|key| key.step.as_str() == step).cloned();
        let cause = Cause::Failure(failure);
        self.tell(Input::Denied { key: waiting.expect("it waits"), cause })
    }

    pub fn cancels(&mut self, reason: &str) -> &mut Scenario {
        self.tell(Input::Cancel { by: "ada".into(), reason: reason.into() })
    }

    pub fn cancels_step(&mut self, step: &str, reason: &str) -> &mut Scenario {
        let step = StepPath::from_text(step);
        self.tell(Input::CancelStep { step, by: "ada".into(), reason: reason.into() })
    }

    /// Time passes; the run is told at every moment at which something is due.
    pub fn advances(&mut self, length: &str) -> &mut Scenario {
        let end = self.now.after(span(length));
        while let Some(due) = self.run.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tell(Input::Tick);
        }
        self.now = end;
        self.tell(Input::Tick)
    }

    /// Time passes and the run is told only then, as after a host was busy.
    pub fn leaps(&mut self, length: &str) -> &mut Scenario {
        self.now = self.now.after(span(length));
        self.tell(Input::Tick)
    }

    /// Nobody drives the run for so long; then somebody takes it up.
    pub fn rests(&mut self, length: &str) -> &mut Scenario {
        self.now = self.now.after(span(length));
        self.tell(Input::Resume { away: span(length) })
    }

    /// The process dies after its last turn was kept, and another one takes the run up.
    pub fn crashes(&mut self) -> &mut Scenario {
        self.run = self.replayed();
        (self.working, self.stopping, self.queueing) = Default::default();
        self.issue_outstanding();
        self.comes_to_rest()
    }

    /// The process dies, and another one takes the run up as it should: it says so first.
    pub fn restarts(&mut self) -> &mut Scenario {
        self.run = self.replayed();
        let Reaction { turn, .. } = self.run.handle(self.now, Input::Resume { away: Span(0) });
        self.journal.extend(turn);
        (self.working, self.stopping, self.queueing) = Default::default();
        self.issue_outstanding();
        self.check_invariants();
        self.comes_to_rest()
    }

    fn issue_outstanding(&mut self) {
        for command in self.run.outstanding() {
            match command {
                Command::Perform(perform) => _ = self.working.insert(perform.key.clone(), *perform),
                Command::Stop { key } => _ = self.stopping.insert(key),
                Command::Acquire { key, .. } => _ = self.queueing.insert(key),
                Command::Release { .. } => {}
            }
        }
    }

    /// Attempts under way, such as `still#1`.
    pub fn flights(&self) -> Vec<String> {
        self.working.keys().map(ToString::to_string).collect()
    }

    /// Asserts which attempts are under way.
    #[track_caller]
    pub fn works_on<const N: usize>(&mut self, attempts: [&str; N]) -> &mut Scenario {
        assert_eq!(self.flights(), attempts);
        self
    }

    /// Asserts which attempts were told to stop and haven't ended yet.
    #[track_caller]
    pub fn stops<const N: usize>(&mut self, attempts: [&str; N]) -> &mut Scenario {
        assert_eq!(self.stopping.iter().map(ToString::to_string).collect::<Vec<_>>(), attempts);
        self
    }

    /// Asserts the status of a step or item.
    #[track_caller]
    pub fn finds(&mut self, step: &str, status: &str) -> &mut Scenario {
        let found = self.run.step_status(&StepPath::from_text(step)).map(|status| status.word());
        assert_eq!(found, Some(status), "the status of {step}");
        self
    }

    /// Asserts that the run completed, with these outputs.
    #[track_caller]
    pub fn gives(&mut self, expected: Json) -> &mut Scenario {
        let RunStatus::Completed { outputs } = self.run.status() else {
            panic!("the run is {:?}; under way: {:?}", self.run.status(), self.flights())
        };
        assert_eq!(serde_json::to_value(outputs).unwrap(), expected);
        self
    }

    /// Asserts that the run failed: at which step (or none), of what class.
    #[track_caller]
    pub fn is_lost(&mut self, at: &str, of: Class) -> &mut Scenario {
        let RunStatus::Failed { step, failure } = self.run.status() else {
            panic!("the run is {:?}; under way: {:?}", self.run.status(), self.flights())
        };
        assert_eq!((step.as_ref().map_or("", |step| step.as_str()), failure.class), (at, of), "{failure}");
        self
    }

    /// The message with which the run failed.
    #[track_caller]
    pub fn last_words(&self) -> String {
        match self.run.status() {
            RunStatus::Failed { failure, .. } => failure.message.clone(),
            other => panic!("the run is {other:?}"),
        }
    }

    /// The resolved inputs of the attempt under way.
    #[track_caller]
    pub fn inputs_of(&self, step: &str) -> Json {
        let mut found = self.working.values().filter(|perform| perform.key.step.as_str() == step);
        let perform = found.next().unwrap_or_else(|| panic!("no attempt of {step} is under way"));
        serde_json::to_value(&perform.inputs).unwrap()
    }

    /// How long the attempt under way may take from now on.
    #[track_caller]
    pub fn time_left(&self, step: &str) -> Span {
        let mut found = self.working.values().filter(|perform| perform.key.step.as_str() == step);
        found.next().expect("an attempt is under way").deadline.since(self.now)
    }

    /// All events so far.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.journal.iter().flat_map(|turn| &turn.events)
    }

    /// The events about a step so far, without their fields: `step_ready`, `attempt_planned`, …
    pub fn story_of(&self, step: &str) -> Vec<String> {
        let of_step = self.events().filter(|event| event.step().is_some_and(|path| path.as_str() == step));
        of_step.map(word).collect()
    }

    /// The fields of the last event of this name.
    #[track_caller]
    pub fn last(&self, event: &str) -> Json {
        let found = self.events().filter(|other| word(other) == event).last();
        let found = found.unwrap_or_else(|| panic!("there was no {event}"));
        serde_json::to_value(found).unwrap()[event].clone()
    }

    /// How many events of this name there were.
    pub fn count(&self, event: &str) -> usize {
        self.events().filter(|other| word(other) == event).count()
    }
}

/// The name of an event in the journal.
pub fn word(event: &Event) -> String {
    let json = serde_json::to_value(event).expect("an event is plain data");
    json.as_object().and_then(|object| object.keys().next()).expect("an event is named").clone()
}

/// The text without the indentation of its first line.
fn unindent(text: &str) -> String {
    let text = text.trim_start_matches('\n').trim_end();
    let margin = text.len() - text.trim_start().len();
    text.lines().map(|line| format!("{}\n", line.get(margin..).unwrap_or(""))).collect()
}

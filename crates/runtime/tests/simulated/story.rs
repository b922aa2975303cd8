//! Stories: what a seed makes happen.

use motet::engine::Decision;
use motet::language::{Money, Span};
use motet::settings::MoneySettings;
use serde_json::{Value as Json, json};

use crate::dice::Dice;
use crate::life::Doom;
use crate::seen::{CRASH, PHASES, Pair, is_of_a_job, is_report, known_faults, pairs};
use crate::sequel::{self, Sequel};

/// What happens.
#[derive(Clone, Debug)]
pub struct Story {
    pub seed: u64,
    /// The pipeline's text.
    pub pipeline: String,
    /// What goes wrong at the providers: a scenario of the simulator.
    pub scenario: String,
    pub money: MoneySettings,
    pub budget: Option<Budget>,
    /// The processes that die; the one after them lives to the end.
    pub lives: Vec<Passing>,
    /// When somebody cancels the run, in milliseconds.
    pub cancel_after: Option<u64>,
    /// Whether it is only a step of it that is cancelled.
    pub cancels_step: bool,
    /// Whether that is the first of those that aren't over, and not the last.
    pub cancels_first: bool,
    /// What a person decides about parked steps, one after the other.
    pub decisions: Vec<Decision>,
    /// Whether the store is in a folder.
    pub on_disk: bool,
    /// Whether the providers can report to us.
    pub reports: bool,
    /// How much later than they are made the replies to paid requests come.
    pub lag: Span,
    /// What somebody does once the run is over.
    pub sequel: Option<Sequel>,
}

/// A process that dies.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    pub doom: Doom,
    /// How long nobody is there then.
    pub away: Span,
}

/// What a run may spend, in terms of what its plan says that it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// The most that it costs if nothing fails.
    High,
    /// So many hundredths of what is likely.
    Likely(u32),
}

impl Story {
    /// Nothing goes wrong with `pipeline`.
    pub fn of(pipeline: &str) -> Story {
        Story {
            seed: 7,
            pipeline: pipeline.to_owned(),
            scenario: String::new(),
            money: MoneySettings::default(),
            budget: None,
            lives: Vec::new(),
            cancel_after: None,
            cancels_step: false,
            cancels_first: false,
            decisions: Vec::new(),
            on_disk: false,
            reports: false,
            lag: Span(0),
            sequel: None,
        }
    }

    /// The story of a seed. In the middle of each is a pair of phase and fault, in turn; even and odd seeds have them all.
    pub fn of_seed(seed: u64) -> Story {
        let mut dice = Dice::new(seed);
        let pairs = pairs();
        let pair = pairs[(seed / 2 % pairs.len() as u64) as usize];
        // Of every eighth nothing fails, and of half of these no process dies either.
        let (is_quiet, is_still) = (seed % 8 == 3, seed % 16 == 3);
        let needs = if is_quiet { Needs::default() } else { Needs::of(pair) };
        let pipeline = pipeline(&mut dice, needs, is_quiet);
        let mut story = Story::of(&sequel::with_recovery(seed, &pipeline, is_quiet));
        story.sequel = Sequel::of_seed(seed);
        story.seed = seed;
        if !is_quiet {
            story.scenario = scenario(&mut dice, pair, needs);
            story.decisions = decisions(&mut dice);
            story.cancels_step = seed % 5 < 2;
            story.cancel_after = (needs.stops || dice.chance(8)).then(|| dice.below(90_000));
            story.cancels_first = seed % 3 == 1;
        }
        if !is_still {
            story.lives = lives(&mut dice, pair, is_quiet);
        }
        story.money.resend_below = *dice.pick(&[Money::ZERO, cents(5), cents(5), cents(100)]);
        if needs.parks {
            story.money.resend_below = Money::ZERO;
        }
        story.money.resend_total = *dice.pick(&[cents(1), cents(50), cents(500)]);
        story.budget = match dice.below(4) {
            0 => None,
            1 if !is_quiet => Some(Budget::Likely(70 + dice.below(80) as u32)),
            _ => Some(Budget::High),
        };
        story.on_disk = seed % 64 == 5;
        story.reports = (is_report(pair.1) && !is_quiet) || dice.chance(35);
        if !is_quiet && (needs.lags || dice.chance(5)) {
            story.lag = *dice.pick(&[Span::seconds(12), Span::seconds(200)]);
        }
        if !is_quiet {
            story.meddle(&mut dice);
        }
        story
    }

    /// What few stories would come to by themselves: somebody cancels one of two that share a call, or names a job that there
    /// isn't; and a piece of music, about which nobody can be asked, may be sent again once, and not twice.
    fn meddle(&mut self, dice: &mut Dice) {
        if self.pipeline.contains(r#""seed":"#) && dice.chance(60) {
            (self.cancel_after, self.cancels_step) = (Some(dice.below(4_000)), true);
            self.cancels_first = true;
            // After a restart nobody knows who waits for whom.
            self.lives.clear();
        }
        if self.pipeline.contains("music_v1") && dice.chance(50) {
            self.money.resend_total = cents(3);
        }
        if let Some(decision) = self.decisions.first_mut().filter(|_| dice.chance(30)) {
            *decision = Decision::Job(STRANGE_JOB.to_owned());
        }
    }

    /// Whether nothing fails and nobody interferes.
    pub fn is_faultless(&self) -> bool {
        self.scenario.is_empty() && self.cancel_after.is_none()
    }
}

/// A job that no provider has.
pub const STRANGE_JOB: &str = "nobodys-job";

fn cents(cents: i128) -> Money {
    Money::from_units(cents * 10_000_000_000)
}

/// What a story needs so that an attempt comes into a phase.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    /// Replies of paid requests are lost.
    doubts: bool,
    /// The run is cancelled, or jobs take longer than they may.
    stops: bool,
    /// A call can't be asked about.
    parks: bool,
    /// Reports come before the replies to the requests.
    lags: bool,
}

impl Needs {
    fn of((phase, fault): Pair) -> Needs {
        let lags = phase == "planned" && is_report(fault);
        Needs { doubts: phase == "doubtful", stops: phase == "stopping", parks: phase == "unknown", lags }
    }
}

const MINUTE: u64 = 60_000;

/// How long nobody is there after a crash.
const AWAY: [Span; 8] = [
    Span(0),
    Span(50),
    Span::seconds(3),
    Span::seconds(40),
    Span::minutes(3),
    Span::minutes(25),
    Span::minutes(70),
    Span::minutes(26 * 60),
];

fn lives(dice: &mut Dice, pair: Pair, is_quiet: bool) -> Vec<Passing> {
    let is_focus = pair.1 == CRASH && !is_quiet;
    let count = if is_focus { 1 + dice.below(4) } else { dice.below(4) };
    // What is deleted meanwhile is a fault.
    let away = if is_quiet { &AWAY[..5] } else { &AWAY[..] };
    let short = |dice: &mut Dice| if dice.chance(80) { *dice.pick(&away[..5]) } else { *dice.pick(away) };
    let doom = |dice: &mut Dice| match dice.below(10) {
        0 => Doom::After(dice.below(5 * MINUTE)),
        1 => Doom::Taken,
        _ => Doom::Moment(1 + dice.below(1 + dice.clone().below(60))),
    };
    (0..count).map(|_| Passing { doom: doom(dice), away: short(dice) }).collect()
}

fn decisions(dice: &mut Dice) -> Vec<Decision> {
    let decision = |dice: &mut Dice| if dice.chance(50) { Decision::Send } else { Decision::Fail };
    let count = if dice.chance(40) { 1 + dice.below(3) } else { 0 };
    (0..count).map(|_| decision(dice)).collect()
}

/// The kinds of requests in which a fault is met in a phase.
fn requests_in(phase: &str) -> &'static [&'static str] {
    match phase {
        "planned" => &["create"],
        "doubtful" | "unknown" => &["list"],
        "fetching" => &["read", "output"],
        "stopping" => &["cancel", "read"],
        _ => &["read"],
    }
}

/// What keeps whoever asks in a phase from knowing before a report comes.
fn hindrances(phase: &str) -> Vec<Json> {
    let fails = |rate: f64| json!({ "fault": "error_before", "on": requests_in(phase), "rate": rate });
    match phase {
        "planned" => Vec::new(),
        "doubtful" => vec![fails(1.0)],
        // Nobody asks for so long.
        "unknown" => vec![fails(1.0), json!({ "fault": "slow_queue", "rate": 0.7 })],
        "running" => vec![json!({ "fault": "stuck", "rate": 0.5 })],
        _ => vec![fails(0.8)],
    }
}

fn scenario(dice: &mut Dice, pair: Pair, needs: Needs) -> String {
    let (phase, fault) = pair;
    let mut faults: Vec<Json> = Vec::new();
    if needs.doubts || needs.parks {
        faults.push(
            json!({ "fault": dice.pick(&["reply_lost", "error_after", "html"]), "first": 1 + dice.below(3) }),
        );
    }
    if fault != CRASH {
        let mut rule = json!({ "fault": fault });
        match dice.below(3) {
            0 => rule["rate"] = json!(0.6),
            1 => rule["first"] = json!(1 + dice.below(4)),
            _ => rule["rate"] = json!(0.25),
        }
        if !is_of_a_job(fault) {
            rule["on"] = json!(requests_in(phase));
        }
        if is_of_a_job(fault) && phase == "planned" {
            // Only where the reply is the result.
            rule["provider"] = json!("elevenlabs");
        }
        faults.push(rule);
    }
    if is_report(fault) {
        faults.extend(hindrances(phase));
    }
    for _ in 0..dice.below(4) {
        let fault = *dice.pick(&known_faults());
        let mut rule = json!({ "fault": fault, "rate": *dice.pick(&[0.03, 0.1, 0.2]) });
        if !is_of_a_job(fault) {
            rule["on"] = json!(requests_in(PHASES[dice.below(PHASES.len() as u64) as usize]));
        }
        faults.push(rule);
    }
    json!({ "faults": faults }).to_string()
}

/// A pipeline of some steps at the three providers.
fn pipeline(dice: &mut Dice, needs: Needs, is_quiet: bool) -> String {
    let mut steps = serde_json::Map::new();
    let mut policies = Policies { dice, needs, is_quiet };
    match policies.dice.below(4) {
        0 => policies.shots(&mut steps),
        1 => policies.sounds(&mut steps),
        _ => policies.film(&mut steps),
    }
    let on_failure = if dice.chance(30) { "finish" } else { "fail" };
    let mut document = json!({ "motet": 1, "name": "story", "on_failure": on_failure });
    document["steps"] = steps.into();
    document.to_string()
}

struct Policies<'d> {
    dice: &'d mut Dice,
    needs: Needs,
    is_quiet: bool,
}

impl Policies<'_> {
    /// A picture, from which a film is made beside its voice.
    fn film(&mut self, steps: &mut serde_json::Map<String, Json>) {
        let still = self.picture("a boat");
        steps.insert("still".into(), still);
        let clip = self.clip("{{ steps.still.image }}");
        steps.insert("clip".into(), clip);
        let voice = self.voice("Here it sails, past the harbour.");
        steps.insert("voice".into(), voice);
        if self.dice.chance(40) {
            steps.insert("extra".into(), {
                let mut extra = self.voice("The end.");
                extra["if"] = json!(*self.dice.pick(&[true, true, false]));
                extra["optional"] = json!(true);
                extra
            });
        }
        let with = json!({ "video": "{{ steps.clip.video }}", "audio": "{{ steps.voice.audio }}" });
        steps.insert("film".into(), json!({ "uses": "task/merge", "with": with }));
    }

    /// A film for each of some shots, two of which may be alike.
    fn shots(&mut self, steps: &mut serde_json::Map<String, Json>) {
        let count = 2 + self.dice.below(3) as usize;
        let mut prompts: Vec<String> = (0..count).map(|at| format!("shot {at}")).collect();
        if self.dice.chance(40) {
            prompts[1] = prompts[0].clone();
        }
        let still = self.picture("{{ item }}");
        let mut inside = serde_json::Map::from_iter([("still".to_owned(), still)]);
        if self.dice.chance(60) {
            inside.insert("clip".into(), self.clip("{{ steps.still.image }}"));
        }
        let output =
            if inside.contains_key("clip") { "{{ steps.clip.video }}" } else { "{{ steps.still.image }}" };
        let mut shots = json!({ "each": prompts, "steps": inside, "outputs": { "it": output } });
        if self.dice.chance(50) {
            shots["quorum"] = json!(*self.dice.pick(&["any", "50%"]));
            shots["early"] = json!(self.dice.chance(30));
        }
        if self.dice.chance(30) {
            shots["max_parallel"] = json!(1 + self.dice.below(2));
        }
        steps.insert("shots".into(), shots);
    }

    /// Speech that is written down again, and music.
    fn sounds(&mut self, steps: &mut serde_json::Map<String, Json>) {
        let voice = self.voice("To be or not to be.");
        steps.insert("voice".into(), voice);
        let words = json!({ "uses": "elevenlabs/scribe_v1", "with": { "audio": "{{ steps.voice.audio }}" } });
        let words = self.with_policies(words, None);
        steps.insert("words".into(), words);
        if self.dice.chance(60) || self.needs.parks {
            let with = json!({ "prompt": "slow strings", "duration": 4 });
            let free = json!({ "uses": "task/hush" });
            let music =
                self.with_policies(json!({ "uses": "elevenlabs/music_v1", "with": with }), Some(free));
            steps.insert("music".into(), music);
        }
        let picture = self.picture("a stage");
        steps.insert("cover".into(), picture);
    }

    fn picture(&mut self, prompt: &str) -> Json {
        let models = [
            json!({ "uses": "replicate/black-forest-labs/flux-schnell", "with": { "prompt": prompt, "output_format": "png", "aspect_ratio": "1:1" } }),
            json!({ "uses": "fal/fal-ai/flux/schnell", "with": { "prompt": prompt, "output_format": "png", "aspect_ratio": "1:1" } }),
            json!({ "uses": "replicate/stability-ai/sdxl", "with": { "prompt": prompt, "width": 512, "height": 512 } }),
        ];
        let model = self.dice.pick(&models).clone();
        let others = [
            json!({ "uses": "fal/fal-ai/flux/schnell" }),
            json!({ "uses": "replicate/black-forest-labs/flux-schnell" }),
            json!({ "uses": "task/card" }),
        ];
        let fallback = self.dice.pick(&others).clone();
        self.with_policies(model, Some(fallback))
    }

    fn clip(&mut self, image: &str) -> Json {
        let models = [
            json!({ "uses": "replicate/bytedance/seedance-1-lite", "with": { "prompt": "it moves", "image": image, "duration": 2, "resolution": "480p" } }),
            json!({ "uses": "fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video", "with": { "prompt": "it moves", "image": image, "duration": 5 } }),
        ];
        let at = self.dice.below(2) as usize;
        let fallback = models[1 - at].clone();
        self.with_policies(models[at].clone(), Some(fallback))
    }

    fn voice(&mut self, text: &str) -> Json {
        let models = [
            json!({ "uses": "elevenlabs/eleven_turbo_v2_5", "with": { "text": text } }),
            json!({ "uses": "replicate/elevenlabs/turbo-v2.5", "with": { "text": text } }),
        ];
        let at = if self.dice.chance(70) { 0 } else { 1 };
        let others = [json!({ "uses": "task/hush" }), json!({ "uses": models[1 - at]["uses"] })];
        let fallback = self.dice.pick(&others).clone();
        self.with_policies(models[at].clone(), Some(fallback))
    }

    /// A step with what is to be done when it fails.
    fn with_policies(&mut self, mut step: Json, fallback: Option<Json>) -> Json {
        // Films take longer than other jobs.
        step["timeout"] = json!({ "job": "8m", "queue": "8m" });
        if self.is_quiet {
            return step;
        }
        if self.dice.chance(60) {
            step["retry"] = json!({ "attempts": 1 + self.dice.below(4), "backoff": "2s" });
            if self.dice.chance(25) {
                step["retry"]["on"] = json!(["unavailable", "timeout", "bad_output", "throttled"]);
            }
        }
        if let Some(mut fallback) = fallback.filter(|_| self.dice.chance(50)) {
            if self.dice.chance(25) {
                fallback["on"] = json!(["any"]);
            }
            step["fallback"] = json!([fallback]);
        }
        if self.dice.chance(25) {
            step["on_unknown"] = json!(*self.dice.pick(&["park", "retry", "fail"]));
        }
        if self.dice.chance(if self.needs.stops || self.needs.parks { 40 } else { 10 }) {
            let job = *self.dice.pick(&["1s", "5s", "30s"]);
            step["timeout"] =
                json!({ "job": job, "queue": *self.dice.pick(&["2s", "3m"]), "request": "20s" });
        }
        step
    }
}

/// The same story with these faults of the simulator.
pub fn with_faults(story: Story, faults: &Json) -> Story {
    Story { scenario: json!({ "faults": faults }).to_string(), ..story }
}

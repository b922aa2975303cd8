//! Plays a story: process after process, until the run is over or waits for somebody.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet::engine::dispatcher::PoolLimit;
use motet::engine::{Event, RunId, RunStarted, StepEvent, StepStatus, Turn};
use motet::language::contract::{Contract, Parameter, Work as Kind};
use motet::language::value::Map;
use motet::language::{Artifact, MediaKind, Money, Plan, Span, StepPath, Timestamp, Type, Value};
use motet::operation::{Operation, WorkError};
use motet::store::{Charge, RunRow, RunStatus, StepRow, Store};
use motet::world::virtual_time::run;
use motet::world::{SharedWorld, World};
use motet::{Builder, Error, Motet, Outcome, Pipeline, RunEnd, RunHandle, StartOptions, Task, Work};
use serde_json::Value as Json;

use crate::life::{Life, MortalWorld};
use crate::providers::{Delivered, Providers};
use crate::sequel::LANE;
use crate::stage::EPOCH;
use crate::stage::altered::Altered;
use crate::stage::network::PUBLIC;
use crate::story::{Budget, Passing, Story};

/// What is left of a story.
pub struct Played {
    pub end: End,
    pub row: Option<RunRow>,
    pub plan: Option<Arc<Plan>>,
    pub turns: Vec<Turn>,
    pub charges: Vec<Charge>,
    pub ledger: Vec<Json>,
    pub requests: Vec<Json>,
    /// What the providers reported to us, if they could.
    pub reports: Vec<Delivered>,
    pub reports_are_asked_for: bool,
    /// What the run was allowed to spend.
    pub budget: Option<Money>,
    /// The run that continues from it, if there is one.
    pub sequel: Option<Box<Played>>,
    /// Artifacts of results whose bytes aren't in the store.
    pub gone: Vec<String>,
    /// When processes died, and for how long nobody was there then.
    pub crashes: Vec<(Timestamp, Span)>,
}

impl Played {
    /// What the run was started with.
    pub fn started(&self) -> Option<&RunStarted> {
        self.turns.first()?.started()
    }

    /// How many events happened to it.
    pub fn events(&self) -> u64 {
        self.turns.iter().map(|turn| turn.events.len() as u64).sum()
    }
}

/// How a story ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Over(RunEnd),
    Parked,
    /// It went on for days.
    Never,
    /// A process said that it can't go on.
    Broken(String),
}

impl End {
    pub fn is_completed(&self) -> bool {
        matches!(self, End::Over(RunEnd::Completed { .. }))
    }
}

/// Where a store is.
enum Place {
    Memory(Store),
    Folder(tempfile::TempDir),
}

/// How long a run that is parked is waited for, and how often.
const PATIENCE: (Duration, u32) = (Duration::from_secs(3600), 100);

pub fn id_of(story: &Story) -> RunId {
    RunId::new(format!("story-{}", story.seed))
}

/// Plays a story against providers of its own.
pub fn play(story: &Story) -> Played {
    let lag = Duration::from_millis(story.lag.0);
    play_at(story, &Providers::new(story.seed, &story.scenario).lagging(lag))
}

pub fn play_at(story: &Story, providers: &Providers) -> Played {
    let place = match story.on_disk {
        false => Place::Memory(Store::in_memory().unwrap()),
        true => Place::Folder(tempfile::tempdir().unwrap()),
    };
    let mut stage = Stage { story, providers, place, begin: EPOCH, pipeline: None, sequel: None };
    let mut crashes = Vec::new();
    let mut lives = story.lives.iter();
    let end = loop {
        let passing = lives.next();
        match stage.live(passing, crashes.len()) {
            (_, Some(end)) => break end,
            (at, None) => {
                let away = passing.map_or(Span(0), |passing| passing.away);
                crashes.push((at, away));
                stage.begin = at.after(away);
                providers.report_to_nobody(at, stage.begin);
            }
        }
    };
    stage.gather(end, crashes)
}

struct Stage<'s> {
    story: &'s Story,
    providers: &'s Providers,
    place: Place,
    /// When the next process begins.
    begin: Timestamp,
    pipeline: Option<Pipeline>,
    /// The run that continues from the first, and how it ended.
    sequel: Option<(RunId, End)>,
}

impl Stage<'_> {
    /// A process; when it ends, and how the run ended, if that didn't come before.
    fn live(&mut self, passing: Option<&Passing>, number: usize) -> (Timestamp, Option<End>) {
        run(async {
            let life = Life::new(passing.map_or(crate::life::Doom::Never, |passing| passing.doom));
            let seed = self.story.seed.wrapping_mul(31).wrapping_add(number as u64);
            let world = self.providers.world(self.begin, seed, &life);
            let world: SharedWorld = Arc::new(Altered(MortalWorld::new(world, life.clone())));
            let builder = self.providers.builder_of(number, self.story.money).world(world.clone());
            let builder = builder.pool(LANE, PoolLimit { slots: Some(1), rate: None });
            let end = tokio::select! {
                biased;
                () = life.death() => None,
                end = self.tell(builder, &world, &life) => Some(end),
            };
            (world.now(), end)
        })
    }

    async fn tell(&mut self, builder: Builder, clock: &SharedWorld, life: &Arc<Life>) -> End {
        let builder = match &self.place {
            Place::Memory(store) => builder.shared_store(store.clone()),
            Place::Folder(folder) => builder.store(folder.path()),
        };
        let free = Free::default();
        let motet = match free.add_to(builder).open().await {
            Ok(motet) => motet,
            Err(error) => return End::Broken(error.to_string()),
        };
        free.0.get_or_init(|| motet.store().clone());
        if self.story.reports {
            motet.await_hooks(Some(PUBLIC)).await;
            tokio::spawn(self.providers.clone().report_to(motet.clone(), clock.clone(), life.clone()));
        }
        // The same text is the same pipeline in each process.
        let read = || motet.load_text(&self.story.pipeline).unwrap_or_else(|error| panic!("{error}"));
        let pipeline = self.pipeline.get_or_insert_with(read).clone();
        let options = StartOptions {
            id: Some(id_of(self.story)),
            budget: self.story.budget.map(|budget| allowed(budget, pipeline.plan())),
            allow_unpriced: true,
            ..StartOptions::default()
        };
        let run = match motet.start_with(&pipeline, Map::new(), options).await {
            Ok(started) => started.run,
            Err(error) => return End::Broken(error.to_string()),
        };
        let cancel_at = self.story.cancel_after.map(|ms| EPOCH.after(Span(ms)));
        let told = async {
            let end = self.await_end(&motet, &run, &**clock, cancel_at).await?;
            let sequel = match (&end, self.story.sequel) {
                (End::Over(_), Some(sequel)) => sequel.begin(&motet, run.id()).await?,
                _ => None,
            };
            let sequel = match sequel {
                Some(run) => Some((run.id().clone(), self.await_end(&motet, &run, &**clock, None).await?)),
                None => None,
            };
            Ok::<_, Error>((end, sequel))
        };
        match told.await {
            Ok((end, sequel)) => {
                self.sequel = sequel;
                end
            }
            Err(error) => End::Broken(error.to_string()),
        }
    }

    async fn await_end(
        &self,
        motet: &Motet,
        run: &RunHandle,
        clock: &dyn World,
        cancel_at: Option<Timestamp>,
    ) -> Result<End, Error> {
        let mut decisions = self.story.decisions.iter();
        let mut hours = 0..PATIENCE.1;
        let mut cancels = cancel_at.is_some();
        while hours.next().is_some() {
            tokio::select! {
                biased;
                end = run.wait() => return end.map(End::Over),
                () = clock.sleep_until(cancel_at.unwrap_or(EPOCH)), if cancels => {
                    self.cancel(motet, run).await?;
                    cancels = false;
                    continue;
                }
                () = tokio::time::sleep(PATIENCE.0) => {}
            }
            let status = motet.store().run(run.id())?.map(|row| row.status);
            if status != Some(RunStatus::Parked) {
                continue;
            }
            let Some(decision) = decisions.next() else { return Ok(End::Parked) };
            for row in motet.store().steps(run.id())? {
                if row.status == StepStatus::Parked {
                    // What is parked for money can't be decided so.
                    let _ = run.resolve(&row.path, decision.clone(), "somebody").await;
                }
            }
        }
        Ok(End::Never)
    }

    /// Somebody cancels the run, or the step or item of it that stands last, or first, and isn't over.
    async fn cancel(&self, motet: &Motet, run: &RunHandle) -> Result<(), Error> {
        let steps = motet.store().steps(run.id())?;
        let open: Vec<_> = steps.iter().filter(|row| !row.status.is_terminal()).collect();
        let holds_others =
            |row: &StepRow| open.iter().any(|other| other.path != row.path && row.path.holds(&other.path));
        let first = || open.iter().find(|row| !holds_others(row));
        let chosen = if self.story.cancels_first { first() } else { open.last() };
        match chosen.filter(|_| self.story.cancels_step) {
            // It may end meanwhile.
            Some(row) => match run.cancel_step(&row.path, "somebody", "enough").await {
                Err(Error::NotCancelled { .. }) | Ok(()) => Ok(()),
                Err(error) => Err(error),
            },
            None => run.cancel("somebody", "enough").await,
        }
    }

    fn gather(self, end: End, crashes: Vec<(Timestamp, Span)>) -> Played {
        let store = match &self.place {
            Place::Memory(store) => store.clone(),
            Place::Folder(folder) => Store::open_read_only(folder.path()).unwrap(),
        };
        let first = id_of(self.story);
        let mut played = self.act(&store, &first, end, &crashes);
        if let Some((run, end)) = &self.sequel {
            let mut sequel = self.act(&store, run, end.clone(), &crashes);
            let is_its = |line: &Json| run_of(line) == Some(run.as_str());
            sequel.ledger.retain(is_its);
            let tokens: Vec<Json> = sequel.ledger.iter().map(|line| line["token"].clone()).collect();
            sequel.reports.retain(|report| tokens.iter().any(|token| *token == report.token()));
            played.ledger.retain(|line| !is_its(line));
            played.reports.retain(|report| tokens.iter().all(|token| *token != report.token()));
            played.sequel = Some(Box::new(sequel));
        }
        played
    }

    /// What is left of a run, with all that was asked of the providers.
    fn act(&self, store: &Store, run: &RunId, end: End, crashes: &[(Timestamp, Span)]) -> Played {
        let row = store.run(run).unwrap();
        let turns = if row.is_some() { store.turns(run).unwrap() } else { Vec::new() };
        let mut charges = Vec::new();
        let add = |charge| {
            charges.push(charge);
            true
        };
        store.charges(Some(run), Timestamp(0), add).unwrap();
        Played {
            end,
            row,
            plan: self.pipeline.as_ref().map(|pipeline| pipeline.plan().clone()),
            charges,
            ledger: self.providers.ledger(),
            requests: self.providers.requests(),
            reports: self.providers.delivered(),
            reports_are_asked_for: self.story.reports,
            budget: turns.first().and_then(|turn| turn.started()?.budget),
            sequel: None,
            gone: gone(store, &turns),
            crashes: crashes.to_vec(),
            turns,
        }
    }
}

/// The artifacts of results whose bytes aren't in the store.
fn gone(store: &Store, turns: &[Turn]) -> Vec<String> {
    let mut gone = Vec::new();
    for event in turns.iter().flat_map(|turn| &turn.events) {
        let Event::Step { step, event: StepEvent::Completed { output: Some(output), .. } } = event else {
            continue;
        };
        output.for_each_artifact(&mut |artifact| {
            if store.length_of(&artifact.digest) != Some(artifact.bytes) {
                gone.push(format!("{} of {step}", artifact.digest));
            }
        });
    }
    gone
}

/// What a run may spend, in terms of what its plan says that it costs.
fn allowed(budget: Budget, plan: &Plan) -> Money {
    let total = plan.estimate(&Map::new()).total;
    match budget {
        Budget::High => total.high.unwrap_or(total.likely),
        Budget::Likely(percent) => Money::from_units(total.likely.units() * i128::from(percent) / 100),
    }
}

/// What a run can do without paying, in a second each: a card in the place of a picture, a film of it, silence, and
/// putting a film together.
#[derive(Clone, Default)]
struct Free(Arc<OnceLock<Store>>);

impl Free {
    fn add_to(&self, builder: Builder) -> Builder {
        let [image, audio, video] = [MediaKind::Image, MediaKind::Audio, MediaKind::Video].map(Type::media);
        let merge = Contract::new("task/merge", Kind::Task)
            .input(Parameter::required("video", video.clone()))
            .input(Parameter::optional("audio", audio.clone()))
            .output("video", video);
        let card = Contract::new("task/card", Kind::Task).output("image", image);
        let clip = Contract::new("task/clip", Kind::Task).output("video", Type::media(MediaKind::Video));
        let hush = Contract::new("task/hush", Kind::Task).output("audio", audio);
        let revert = Contract::new("task/revert", Kind::Task);
        [card, clip, hush, merge, revert]
            .into_iter()
            .fold(builder, |builder, contract| builder.add_task(Task::with_contract(contract, self.clone())))
    }

    fn kept(&self, bytes: &[u8], kind: MediaKind, mime: &str) -> Value {
        let kept = self.0.get().expect("it is open").put_bytes(bytes).unwrap();
        let side = (kind == MediaKind::Image).then_some(1);
        let duration = (kind == MediaKind::Audio).then_some(0.01);
        Value::from(Artifact {
            digest: kept.digest,
            kind,
            mime: mime.to_owned(),
            bytes: bytes.len() as u64,
            width: side,
            height: side,
            duration,
            fps: None,
            has_audio: None,
        })
    }
}

impl Operation for Free {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let free = self.clone();
        Box::pin(async move {
            work.pause(Span::seconds(1)).await;
            let output = match work.contract().operation.as_str() {
                "task/card" => [("image", free.kept(CARD, MediaKind::Image, "image/png"))],
                "task/hush" => [("audio", free.kept(HUSH, MediaKind::Audio, "audio/wav"))],
                "task/clip" => [("video", free.kept(CLIP, MediaKind::Video, "video/mp4"))],
                "task/revert" => return Ok(Outcome::of(Value::map([] as [(&str, Value); 0]))),
                _ => [("video", work.inputs().get("video").cloned().unwrap_or(Value::Absent))],
            };
            Ok(Outcome::of(Value::map(output)))
        })
    }
}

/// A picture of one pixel.
const CARD: &[u8] = include_bytes!("../fixtures/pixel.png");

/// A hundredth of a second without a sound: what has a length has a price.
const HUSH: &[u8] = &hush();

const fn hush() -> [u8; 124] {
    let head =
        *b"RIFF\x74\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x50\0\0\0";
    let (mut whole, mut at) = ([0x80; 124], 0);
    while at < head.len() {
        whole[at] = head[at];
        at += 1;
    }
    whole
}

/// The first box of a film.
const CLIP: &[u8] = b"\0\0\0\x18ftypisom\0\0\0\0isommp41";

/// The run of an attempt, by its mark.
pub fn run_of(line: &Json) -> Option<&str> {
    line["attempt_key"].as_str()?.split_once('/').map(|(run, _)| run)
}

/// The step and the number of an attempt, by its mark.
pub fn attempt_of(line: &Json) -> Option<(StepPath, u32)> {
    let (_, rest) = line["attempt_key"].as_str()?.split_once('/')?;
    let (path, number) = rest.rsplit_once('/')?;
    Some((StepPath::from_text(path), number.parse().ok()?))
}

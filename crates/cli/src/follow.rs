//! Following runs to their end: what happens goes to one reader, which shows it in its way.

mod json;
mod live;
mod plain;

use std::path::PathBuf;
use std::time::Duration;

use motet::Error;
use motet::engine::{ParkReason, RunId};
use motet::follow::Happening;
use motet::language::{Plan, Timestamp};
use motet::outputs::OutputFile;
use motet::report::{ArtifactPlaces, PublicEvent, Reporter};
use motet::session::{Followed, Session};
use motet::settings::StorePlace;
use motet::store::{RunStatus, StoreError};
pub use motet::world::live::now;
use tokio::sync::mpsc;

use crate::arguments::FollowFlags;
use crate::exit::Exit;
use crate::notice;
use crate::problem::Problem;
use crate::project::{Project, out_folder, pinned_pipeline, typed_command};
use crate::render::ending::Ending;
use crate::render::line::{Line, Tone};
use crate::render::words::unreal_line;
use crate::score::shortage::command_to_fund;
use crate::score::{Score, history};
use crate::stop::{Haste, Stop};
use crate::terminal::Terminal;

/// One run that is followed.
pub struct Follow {
    pub reporter: Reporter,
    pub score: Option<Score>,
    /// Whether all that happened before it was followed has been taken in.
    caught_up: bool,
    is_over: bool,
    /// Whether it is not followed any more though nobody asked for that: the store failed, or the run
    /// can't be resumed.
    is_lost: bool,
    /// Whether the store isn't where it was, so that nobody can say what is kept.
    is_store_gone: bool,
}

/// Shows what happens to runs. Only shows: nothing that it does changes a run.
pub trait Reader {
    /// Something happened to the run that `reporter` tells of.
    fn tell(&mut self, reporter: &Reporter, event: &PublicEvent);
    /// Whether it shows events one by one, and not only where runs stand.
    fn shows_events(&self) -> bool {
        true
    }
    /// All that had happened before to a run that was found has been told.
    fn caught_up(&mut self, follow: &Follow);
    /// Nothing more happens for now: what was told is to be seen.
    fn pause(&mut self) {}
    /// Time to draw, if it draws: several times a second, whatever happens.
    fn draw(&mut self, _: &[Follow]) {}
    /// Something that concerns all runs.
    fn note(&mut self, line: &Line);
    /// A run is over, or nobody drives it any more. Its outputs lie in `files`.
    fn end(&mut self, follow: &Follow, ending: &Ending);
}

/// What runs are followed with.
pub struct Following<'f> {
    project: &'f Project,
    session: &'f Session,
    terminal: &'f Terminal,
    json: bool,
    /// Where outputs are laid out, if they are.
    out: Option<PathBuf>,
    /// When the runs were asked for: what happened before is not told again, but summed up.
    since: Timestamp,
}

/// How often is drawn: often enough to be lively, whatever number of items ends in between.
const FRAME: Duration = Duration::from_millis(125);

impl<'f> Following<'f> {
    /// Follows what is asked for from now on, as the user wants it.
    ///
    /// # Errors
    /// When the working folder isn't there any more.
    pub fn new(
        project: &'f Project,
        session: &'f Session,
        terminal: &'f Terminal,
        flags: &FollowFlags,
    ) -> Result<Following<'f>, Problem> {
        let out = out_folder(flags, &project.settings)?;
        Ok(Following { project, session, terminal, json: flags.json, out, since: now() })
    }

    /// Follows `runs` to their ends, then releases the store; or until the user stops it.
    ///
    /// # Errors
    /// When the outputs can't be laid out, or the store fails.
    pub async fn follow(self, runs: Vec<Followed>, stop: Stop) -> Result<Exit, Problem> {
        if let (Some(line), false) = (unreal_line(self.session.store().world()?), self.json) {
            self.terminal.note_line(&line);
        }
        stop.attend().await;
        self.stop_in_order(&stop, runs.len());
        let exit = self.watch(runs, stop).await?;
        if exit != Exit::Interrupted {
            self.session.clone().close().await;
        }
        Ok(exit)
    }

    /// Starts runs and follows them to their ends, at most `at_once` at a time, then releases the store; or until the user
    /// stops it. One that can't be started is told of, and keeps no other from it.
    ///
    /// # Errors
    /// As [`Following::follow`].
    pub async fn follow_each(
        self,
        mut starts: Vec<impl Future<Output = Result<Followed, Error>>>,
        at_once: usize,
        stop: Stop,
    ) -> Result<Exit, Problem> {
        stop.attend().await;
        self.stop_in_order(&stop, starts.len());
        let mut exit = Exit::Good;
        while !starts.is_empty() {
            let mut runs = Vec::new();
            for start in starts.drain(..at_once.min(starts.len())) {
                match start.await {
                    Ok(run) => runs.push(run),
                    Err(error) => exit = exit.worst(self.refused(&error.into())),
                }
            }
            exit = exit.worst(self.watch(runs, stop.clone()).await?);
            if stop.haste() != Haste::None {
                return Ok(Exit::Interrupted);
            }
        }
        self.session.clone().close().await;
        Ok(exit)
    }

    fn refused(&self, problem: &Problem) -> Exit {
        match self.json {
            true => self.terminal.data(&format!("{}\n", problem.record())),
            false => problem.show(self.terminal, false),
        }
        problem.exit
    }

    async fn watch(&self, runs: Vec<Followed>, mut stop: Stop) -> Result<Exit, Problem> {
        let mut reader = self.reader();
        let mut follows: Vec<Follow> =
            runs.iter().map(|followed| self.begin(&followed.run, followed.found)).collect();
        let (mut happenings, mut notices) = (all_happenings(runs), notice::listen());
        let mut haste = Haste::None;
        let mut frames = tokio::time::interval(FRAME);
        frames.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = happenings.recv() => match told {
                    None => break,
                    Some((index, happening)) => {
                        // What was said before it is shown before it.
                        while let Ok(line) = notices.try_recv() {
                            reader.note(&line);
                        }
                        self.take_in(&mut follows[index], happening, &mut *reader)?;
                        while let Ok((index, happening)) = happenings.try_recv() {
                            self.take_in(&mut follows[index], happening, &mut *reader)?;
                        }
                        reader.pause();
                        if follows.iter().all(|follow| follow.is_over) {
                            break;
                        }
                    }
                },
                more = stop.hastens(haste) => {
                    haste = more;
                    if haste == Haste::AtOnce {
                        reader.note(&self.aborted_line(&follows));
                        return Ok(Exit::Interrupted);
                    }
                    if self.is_animated() {
                        reader.note(&self.stopping_line(follows.len()));
                    }
                }
                Some(line) = notices.recv() => reader.note(&line),
                _ = frames.tick(), if self.is_animated() => reader.draw(&follows),
            }
        }
        for follow in follows.iter_mut().filter(|follow| !follow.is_over) {
            self.end(follow, &mut *reader)?;
        }
        Ok(follows.iter().map(exit_of).fold(Exit::Good, Exit::worst))
    }

    /// Has the work stopped in order once that is asked for, also while nobody reads what is shown of it.
    fn stop_in_order(&self, stop: &Stop, runs: usize) {
        let (mut stop, session, terminal) = (stop.clone(), self.session.clone(), *self.terminal);
        let line = (!self.is_animated()).then(|| self.stopping_line(runs));
        tokio::spawn(async move {
            if stop.hastens(Haste::None).await == Haste::Orderly {
                if let Some(line) = line {
                    terminal.note_line(&line);
                }
                session.interrupt().await;
            }
        });
    }

    fn reader(&self) -> Box<dyn Reader + Send> {
        match self.json {
            true => Box::new(json::JsonLines::new(*self.terminal)),
            false if self.is_animated() => Box::new(live::Live::new(*self.terminal)),
            false => Box::new(plain::Plain::new(*self.terminal)),
        }
    }

    /// Whether lines are drawn again while time passes.
    fn is_animated(&self) -> bool {
        self.terminal.is_live && !self.json
    }

    fn begin(&self, run: &RunId, found: bool) -> Follow {
        let store = self.session.store();
        // Whoever drives the run says what is wrong with its plan.
        let pipeline = pinned_pipeline(store, self.session.catalogue(), run).ok().flatten();
        let places = match self.project.place {
            StorePlace::Folder(_) => ArtifactPlaces::in_store(store.clone()),
            StorePlace::Memory => ArtifactPlaces::nowhere(),
        };
        let plan: Option<&Plan> = pipeline.as_ref().map(|pipeline| &**pipeline.plan());
        Follow {
            reporter: Reporter::new(run.clone(), plan, places),
            score: plan.map(|plan| Score::new(plan, &history(plan, Some(store)))),
            caught_up: !found,
            is_over: false,
            is_lost: false,
            is_store_gone: false,
        }
    }

    fn take_in(
        &self,
        follow: &mut Follow,
        happening: Option<Happening>,
        reader: &mut dyn Reader,
    ) -> Result<(), Problem> {
        let Some(happening) = happening else {
            return if follow.is_over { Ok(()) } else { self.end(follow, reader) };
        };
        if let Happening::StoreFailed(error) = &happening {
            follow.is_store_gone = matches!(
                **error,
                StoreError::Replaced { .. }
                    | StoreError::Deleted { .. }
                    | StoreError::LogRemoved { .. }
                    | StoreError::Lost { .. }
            );
        }
        if matches!(happening, Happening::StoreFailed(_) | Happening::Lost(_)) {
            follow.is_lost = true;
            // There is nothing to sum up: it isn't gone on with.
            follow.caught_up = true;
            if follow.reporter.record().started_at == Timestamp::default() {
                self.read_kept(follow);
            }
        }
        let is_past = matches!(&happening, Happening::Turn(turn) if turn.at < self.since);
        if !is_past {
            follow.catch_up(reader);
        }
        if follow.caught_up && reader.shows_events() {
            follow.reporter.tell_each(&happening, now(), |reporter, event| reader.tell(reporter, &event));
        } else {
            follow.reporter.note(&happening);
        }
        if follow.reporter.record().status.is_final() || self.is_at_rest(follow, &happening)? {
            self.end(follow, reader)?;
        }
        Ok(())
    }

    /// Takes in what the store holds of a run that can't be gone on with, as far as it can be read.
    fn read_kept(&self, follow: &mut Follow) {
        let (store, run) = (self.session.store(), follow.reporter.record().run.clone());
        let Ok(Some(pipeline)) = pinned_pipeline(store, self.session.catalogue(), &run) else { return };
        let Ok(Some(row)) = store.run(&run) else { return };
        let places = follow.reporter.places().clone();
        if let Ok(kept) = Reporter::of_kept(store, &row, Some(&**pipeline.plan()), places) {
            follow.reporter = kept;
        }
    }

    /// Whether the run is parked, and not only was: it isn't over, but nothing happens to it before somebody
    /// decides something.
    fn is_at_rest(&self, follow: &Follow, happening: &Happening) -> Result<bool, StoreError> {
        let record = follow.reporter.record();
        let Happening::Turn(turn) = happening else { return Ok(false) };
        if record.status != RunStatus::Parked {
            return Ok(false);
        }
        let row = self.session.store().run(&record.run)?;
        Ok(row.is_some_and(|row| row.status == RunStatus::Parked && row.turns == turn.number))
    }

    fn end(&self, follow: &mut Follow, reader: &mut dyn Reader) -> Result<(), Problem> {
        follow.is_over = true;
        follow.catch_up(reader);
        let record = follow.reporter.record();
        let mut files: Vec<OutputFile> = Vec::new();
        if let (RunStatus::Completed, Some(out)) = (record.status, &self.out) {
            files = motet::outputs::lay_out(self.session.store(), &record.run, out)?;
            for file in &files {
                if let Some(artifact) = &file.artifact {
                    follow.reporter.places_mut().add_copy(artifact.digest, file.path.clone());
                }
            }
        }
        let is_kept = matches!(self.project.place, StorePlace::Folder(_)) && !follow.is_store_gone;
        let ending = Ending {
            record: follow.reporter.record(),
            files: &files,
            places: follow.reporter.places(),
            is_kept,
            driver: self.session.owner(),
            to_fund: self.command_to_fund(follow),
            now: now(),
        };
        reader.end(follow, &ending);
        Ok(())
    }

    /// What goes on with a run that is parked for money.
    fn command_to_fund(&self, follow: &Follow) -> Option<String> {
        let record = follow.reporter.record();
        let is_short = record.status == RunStatus::Parked && is_for_money(follow);
        is_short.then(|| command_to_fund(self.session.store(), &record.run))
    }

    fn stopping_line(&self, runs: usize) -> Line {
        let text = match self.session.owner() {
            Some(pid) => format!("no longer following: process {pid} continues the run"),
            None => format!(
                "stopping: what is done is kept, {} can be resumed (again: abort at once)",
                if runs == 1 { "the run" } else { "the runs" }
            ),
        };
        Line::of(Tone::Doubtful, text)
    }

    fn aborted_line(&self, follows: &[Follow]) -> Line {
        let mut open = follows.iter().filter(|follow| !follow.is_over);
        let resume = match (self.session.owner(), open.next(), open.next()) {
            (None, Some(only), None) => {
                let run = only.reporter.record().run.short();
                format!(", resume it: {}", typed_command(format!("resume {run}")))
            }
            (None, Some(_), Some(_)) => format!(", resume them: {}", typed_command("resume")),
            _ => String::new(),
        };
        Line::of(Tone::Doubtful, format!("aborted: what is done is kept{resume}"))
    }
}

/// How many happenings wait to be shown: few, for turns may be large.
const HAPPENINGS_MAX: usize = 16;

/// What happens to any of the runs, with the run's place among them; nothing once a run is told in full.
fn all_happenings(runs: Vec<Followed>) -> mpsc::Receiver<(usize, Option<Happening>)> {
    let (tell, happenings) = mpsc::channel(HAPPENINGS_MAX);
    for (index, mut followed) in runs.into_iter().enumerate() {
        let tell = tell.clone();
        tokio::spawn(async move {
            while let Some(happening) = followed.next().await {
                if tell.send((index, Some(happening))).await.is_err() {
                    return;
                }
            }
            // Nobody listens any more once the program ends.
            let _ = tell.send((index, None)).await;
        });
    }
    happenings
}

impl Follow {
    /// Whether there is something to draw: it has begun, and isn't over.
    fn is_to_be_drawn(&self) -> bool {
        !self.is_over && self.caught_up && self.reporter.record().started_at > Timestamp::default()
    }

    /// Sums up what had happened to a run that was found.
    fn catch_up(&mut self, reader: &mut dyn Reader) {
        if !self.caught_up {
            self.caught_up = true;
            reader.tell(&self.reporter, &self.reporter.found(now()));
            reader.caught_up(self);
        }
    }
}

/// Whether a parked run waits for money.
fn is_for_money(follow: &Follow) -> bool {
    follow.reporter.record().reason.as_deref() == Some(ParkReason::Budget.word())
}

/// How the program ends for a run that was followed.
fn exit_of(follow: &Follow) -> Exit {
    match follow.reporter.record().status {
        RunStatus::Completed => Exit::Good,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Cancelled => Exit::Cancelled,
        RunStatus::Parked if is_for_money(follow) => Exit::OutOfMoney,
        RunStatus::Parked => Exit::Parked,
        RunStatus::Queued | RunStatus::Running if follow.is_lost => Exit::Machine,
        RunStatus::Queued | RunStatus::Running => Exit::Interrupted,
    }
}

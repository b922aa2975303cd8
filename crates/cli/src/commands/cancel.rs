//! `motet cancel`: a run, or one step of it, is asked to end.

use motet::language::StepPath;
use motet::report::{ArtifactPlaces, Reporter};
use motet::session::Followed;
use motet::store::{RunRow, RunStatus};
use motet::{Error, Pipeline, Session};

use crate::arguments::{self, FollowFlags};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::{Project, find_run, typed_command, user_name};
use crate::render::billing;
use crate::render::line::{Line, Tone};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn cancel(asked: arguments::Cancel, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let row = find_run(&project.read_store(&terminal)?, &asked.run)?;
    if row.status.is_final() {
        say(&terminal, format!("{} is {} already; nothing to cancel", row.id.short(), row.status));
        return Ok(Exit::Good);
    }
    let cancelling = Cancelling { project, row, terminal };
    match (asked.path, asked.reason) {
        (None, reason) => cancelling.cancel_run(reason.as_deref()).await,
        (Some(step), reason) => cancelling.cancel_step(&step, &reason.unwrap_or_default(), stop).await,
    }
}

/// A run that isn't over, in its project.
struct Cancelling {
    project: Project,
    row: RunRow,
    terminal: Terminal,
}

impl Cancelling {
    async fn cancel_run(self, reason: Option<&str>) -> Result<Exit, Problem> {
        let Cancelling { project, row, terminal } = self;
        let short = row.id.short();
        let session = project.open_session(terminal).await?;
        let reason = reason.unwrap_or("cancelled on the command line");
        let run = session.cancel(row.id.as_str(), &user_name(), reason).await?;
        let reporter = follow_until(&session, session.follow(run.as_str()).await?, |_| false).await;
        let status = session.store().run(&run)?.map_or(row.status, |row| row.status);
        session.close().await;
        match status {
            RunStatus::Cancelled => say(&terminal, format!("{short} is cancelled; what is done is kept")),
            other if other.is_final() => {
                say(&terminal, format!("{short} was {other} before it could be cancelled"));
            }
            _ => {
                let problem = Problem::new(
                    Exit::Machine,
                    format!("{short} was asked to end, but no process drives it"),
                );
                let resume = typed_command(format!("resume {short}"));
                return Err(problem.line(format!("resume it, and it will end: {resume}")));
            }
        }
        billing::lines(reporter.record()).iter().for_each(|line| terminal.note_line(line));
        Ok(Exit::Good)
    }

    /// Cancels a step, and waits until its calls have ended. A run that nobody else drives continues here.
    async fn cancel_step(self, step: &StepPath, reason: &str, stop: Stop) -> Result<Exit, Problem> {
        let Cancelling { project, row, terminal } = self;
        let short = row.id.short();
        let session = project.open_session(terminal).await?;
        let followed = match session.cancel_step(row.id.as_str(), step, &user_name(), reason).await {
            Ok(followed) => followed,
            Err(Error::NotCancelled { status, .. }) if status != "not there" => {
                say(&terminal, format!("{step} of {short} is {status} already; nothing to cancel"));
                session.close().await;
                return Ok(Exit::Good);
            }
            Err(error) => return Err(error.into()),
        };
        if session.owner().is_none() {
            say(&terminal, format!("{step} of {short} is cancelled"));
            let follow = FollowFlags::default();
            let following = Following::new(&project, &session, &terminal, &follow)?;
            return following.follow(vec![followed], stop).await;
        }
        let turns = session.store().run(&row.id)?.map_or(0, |row| row.turns);
        let has_stopped = |reporter: &Reporter| !reporter.record().has_open_calls(step);
        let mut seen = 0;
        let reporter = follow_until(&session, followed, |reporter| {
            seen += 1;
            seen >= turns && has_stopped(reporter)
        })
        .await;
        session.close().await;
        say(&terminal, format!("{step} of {short} is cancelled"));
        billing::lines(reporter.record()).iter().for_each(|line| terminal.note_line(line));
        Ok(Exit::Good)
    }
}

/// Follows a run until it is over or has come to where `is_far_enough`, asked after each turn.
async fn follow_until(
    session: &Session,
    mut followed: Followed,
    mut is_far_enough: impl FnMut(&Reporter) -> bool,
) -> Reporter {
    let run = followed.run.clone();
    let pipeline = Pipeline::of_run(session.store(), session.catalogue(), &run).ok();
    let plan = pipeline.as_ref().map(|pipeline| &**pipeline.plan());
    let mut reporter = Reporter::new(run, plan, ArtifactPlaces::nowhere());
    while let Some(happening) = followed.next().await {
        reporter.note(&happening);
        let is_turn = matches!(happening, motet::follow::Happening::Turn(_));
        if reporter.record().status.is_final() || is_turn && is_far_enough(&reporter) {
            break;
        }
    }
    reporter
}

fn say(terminal: &Terminal, words: String) {
    terminal.note_line(&Line::of(Tone::Plain, words));
}

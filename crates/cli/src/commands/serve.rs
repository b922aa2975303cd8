//! `motet serve`: an owner that stays. It drives all runs of the store and hears what providers report.

use motet::engine::RunId;
use motet::session::Session;
use motet::settings::{Settings, StorePlace, webhook_url};
use motet::{Error, Motet};
use motet_server::Listener;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::arguments;
use crate::exit::Exit;
use crate::problem::{Problem, reason_of};
use crate::project::{Project, shown_path, typed_command};
use crate::render::line::{Line, Tone};
use crate::render::words::{count, unreal_line};
use crate::stop::{Haste, Stop};
use crate::terminal::Terminal;

/// The most runs that can't be resumed and are named.
const NAMED_MAX: usize = 10;

pub async fn serve(asked: arguments::Serve, terminal: Terminal, mut stop: Stop) -> Result<Exit, Problem> {
    let mut project = Project::find(None, &asked.store)?;
    if asked.sim.is_some() {
        project = project.in_world(&asked.world(), &asked.store)?;
    }
    let hooks_at = address_of_hooks(&asked, &project.settings)?;
    let session = project.open_session_of(&asked.adopt, terminal).await?;
    stop.attend().await;
    let Some(motet) = owned(&session, &terminal, &mut stop).await? else { return Ok(Exit::Good) };
    let served = Serving { asked, terminal, project, session: session.clone(), motet, hooks_at };
    let exit = served.serve(stop).await;
    if exit.is_err() {
        session.close().await;
    }
    exit
}

/// Where providers are to report, if anywhere.
fn address_of_hooks(asked: &arguments::Serve, settings: &Settings) -> Result<Option<String>, Problem> {
    let typed = asked.webhook_url.as_deref().map(webhook_url).transpose();
    let typed = typed.map_err(|why| Problem::usage(format!("--webhook-url {why}")))?;
    let url = typed.or_else(|| settings.webhook.url.clone());
    Ok(url.map(|url| url.as_str().trim_end_matches('/').to_owned()))
}

/// The store, once this process drives it; nothing if it was asked to end before.
async fn owned(session: &Session, terminal: &Terminal, stop: &mut Stop) -> Result<Option<Motet>, Problem> {
    if let Some(pid) = session.owner() {
        let words = format!("process {pid} drives the store: waiting until it ends");
        terminal.note_line(&Line::of(Tone::Doubtful, words));
    }
    tokio::select! {
        motet = session.own() => Ok(Some(motet?)),
        _ = stop.hastens(Haste::None) => {
            session.interrupt().await;
            Ok(None)
        }
    }
}

struct Serving {
    asked: arguments::Serve,
    terminal: Terminal,
    project: Project,
    session: Session,
    motet: Motet,
    hooks_at: Option<String>,
}

impl Serving {
    async fn serve(self, mut stop: Stop) -> Result<Exit, Problem> {
        let listen = self.asked.listen;
        let listener = Listener::at(listen).await.map_err(|error| {
            Problem::new(Exit::Machine, format!("failed to listen at {listen}: {}", reason_of(&error)))
                .line("choose another place: motet serve --listen 127.0.0.1:0")
        })?;
        // Before runs continue: what they begin is reported.
        self.motet.await_hooks(self.hooks_at.as_deref()).await;
        let resumed = self.resume().await?;
        // And once all of them are taken up, before anybody is answered: what is reported of them is no news of the past.
        self.motet.await_hooks(self.hooks_at.as_deref()).await;
        let (url, ended) = (listener.url(), CancellationToken::new());
        let is_exposed = !listener.is_loopback();
        let face = tokio::spawn(listener.serve(self.motet.clone(), ended.clone()));
        self.say_ready(&url, resumed)?;
        if is_exposed {
            self.terminal.note_line(&Line::of(Tone::Doubtful, exposed_words(&url)));
        }
        tokio::select! {
            _ = stop.hastens(Haste::None) => {}
            error = self.motet.until_undriven() => return Err(error.into()),
        }
        let words = "stopping: what is done is kept, the runs can be resumed (again: abort at once)";
        self.terminal.note_line(&Line::of(Tone::Doubtful, words));
        let leaving = async {
            ended.cancel();
            // Whatever it ended with, nobody is answered any more.
            let _ = face.await;
            self.session.interrupt().await;
        };
        tokio::select! {
            () = leaving => Ok(Exit::Good),
            _ = stop.hastens(Haste::Orderly) => Ok(Exit::Interrupted),
        }
    }

    /// Has all unfinished runs driven, names those that can't be, and says how many are.
    async fn resume(&self) -> Result<usize, Problem> {
        let mut resumed = 0;
        let mut lost: Vec<(RunId, Error)> = Vec::new();
        for (run, outcome) in self.session.resume_all().await? {
            match outcome {
                Ok(()) => resumed += 1,
                Err(error) if error.is_of_one_run() => lost.push((run, error)),
                Err(error) => return Err(error.into()),
            }
        }
        for (run, error) in lost.iter().take(NAMED_MAX) {
            let words = format!("run {} can't be resumed: {}", run.short(), error.what());
            self.terminal.note_line(&Line::of(Tone::Doubtful, words));
        }
        if let Some(more) = lost.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            let words = format!("{} more can't be resumed: {}", more, typed_command("runs"));
            self.terminal.note_line(&Line::of(Tone::Doubtful, words));
        }
        Ok(resumed)
    }

    /// The one line that says where it listens.
    fn say_ready(&self, url: &str, resumed: usize) -> Result<(), Problem> {
        let store = match &self.project.place {
            StorePlace::Folder(folder) => Some(folder),
            StorePlace::Memory => None,
        };
        let world = self.motet.store().world().map_err(Error::from)?;
        if self.asked.json {
            let record = json!({
                "url": url,
                "webhook_url": self.hooks_at,
                "store": store.map(|folder| folder.display().to_string()),
                "pid": std::process::id(),
                "resumed": resumed,
            });
            self.terminal.data(&format!("{record}\n"));
            return Ok(());
        }
        let simulated = self.project.settings.is_simulated().then_some(motet::store::World::Simulated);
        unreal_line(world.or(simulated)).iter().for_each(|line| self.terminal.note_line(line));
        let store = store.map_or_else(|| "a store in memory".to_owned(), |folder| shown_path(folder));
        let hooks = match &self.hooks_at {
            Some(address) => format!("webhooks at {address}"),
            None => "no webhooks, providers are polled".to_owned(),
        };
        let words = format!("serving {store} at {url}, {hooks}, {} resumed", count(resumed, "run"));
        self.terminal.data_line(&Line::of(Tone::Plain, words));
        Ok(())
    }
}

fn exposed_words(url: &str) -> String {
    format!(
        "{url} can be reached from other machines: they can use /hooks/… (signed deliveries alone count) and /healthz, nothing else"
    )
}

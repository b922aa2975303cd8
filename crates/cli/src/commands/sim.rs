//! `motet sim`: simulated providers, until the process is ended.

use motet::reading::read_file;
use motet_sim::{Scenario, Serving, serve};

use crate::arguments;
use crate::exit::Exit;
use crate::problem::{Problem, reason_of, reason_unread};
use crate::project::shown_path;
use crate::stop::{Haste, Stop};
use crate::terminal::Terminal;

/// A scenario is written by people.
const SCENARIO_BYTES_MAX: u64 = 1 << 20;

pub async fn sim(asked: arguments::Sim, terminal: Terminal, mut stop: Stop) -> Result<Exit, Problem> {
    let scenario = asked.scenario.as_deref().map(|path| {
        let shown = shown_path(path);
        let unreadable = |why: String| Problem::usage(format!("failed to read {shown}: {why}"));
        let bytes = read_file(path, SCENARIO_BYTES_MAX);
        let bytes = bytes.map_err(|unread| unreadable(reason_unread(&unread)))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
        Scenario::parse(&text).map_err(|error| Problem::usage(format!("{shown}: {error}")))
    });
    let serving = Serving {
        port: asked.port,
        seed: asked.seed,
        speed: asked.speed,
        scenario: scenario.transpose()?,
        dir: asked.dir.clone(),
        separate_ports: asked.separate_ports,
    };
    let server = serve(serving).await.map_err(|error| {
        Problem::new(Exit::Machine, format!("the simulator can't begin: {}", reason_of(&error)))
    })?;
    let line = serde_json::to_string(server.addresses()).expect("addresses are plain data");
    terminal.data(&format!("{line}\n"));
    stop.attend().await;
    tokio::select! {
        () = server.wait() => {}
        _ = stop.hastens(Haste::None) => {}
    }
    Ok(Exit::Good)
}

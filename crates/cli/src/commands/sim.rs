//! `motet sim`: simulated providers, until the process is ended.

use motet_sim::{Scenario, Serving, serve};

use crate::arguments;
use crate::exit::Exit;
use crate::problem::{Problem, reason_of};
use crate::project::shown_path;
use crate::stop::{Haste, Stop};
use crate::terminal::Terminal;

pub async fn sim(asked: arguments::Sim, terminal: Terminal, mut stop: Stop) -> Result<Exit, Problem> {
    let scenario = asked.scenario.as_deref().map(|path| {
        let shown = shown_path(path);
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::usage(format!("failed to read {shown}: {}", reason_of(&error))))?;
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

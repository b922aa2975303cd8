//! `motet-sim`: a simulator as a process. It prints one JSON line when it is ready.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use motet_sim::{Scenario, Serving, serve};

const USAGE: &str =
    "usage: motet-sim [--port N] [--seed N] [--scenario FILE] [--speed X] [--dir DIR] [--separate-ports]";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("motet-sim: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = serve(serving(std::env::args().skip(1))?).await?;
    println!("{}", serde_json::to_string(server.addresses())?);
    server.wait().await;
    Ok(())
}

fn serving(mut arguments: impl Iterator<Item = String>) -> Result<Serving, Box<dyn Error>> {
    let mut serving = Serving::default();
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match name.as_str() {
            "--port" => serving.port = value()?.parse()?,
            "--seed" => serving.seed = value()?.parse()?,
            "--speed" => serving.speed = value()?.parse()?,
            "--scenario" => serving.scenario = Some(Scenario::parse(&std::fs::read_to_string(value()?)?)?),
            "--dir" => serving.dir = Some(PathBuf::from(value()?)),
            "--separate-ports" => serving.separate_ports = true,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(serving)
}

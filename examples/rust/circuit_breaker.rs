//! Circuit breaker: a provider that fails again and again is left alone for a while.
//!
//! Written by hand this is a class with three states around every call, in each process anew. Here every provider has one breaker for all runs
//! of a store, kept over restarts: five failures in a row open it for a minute, then one call at a time tries, and two good ones close it.
//! While it is open, a step with a fallback takes that at once; any other waits instead of failing.
//!
//! The provider is simulated (`skytells/outage.scenario.yaml`), and time is virtual: the minutes of the outage pass at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use motet::language::Timestamp;
use motet::settings::{ProviderSettings, Settings};
use motet::world::World;
use motet::world::virtual_time::{self, VirtualWorld};
use motet::world::wire;
use motet::{Error, Motet, Pipeline, RunEnd, StartOptions};
use motet_sim::{Answer, Bases, Body, Options, Provider, Reply, Request, Scenario, Sim};
use serde_json::json;

const OUTAGE: &str = include_str!("../skytells/outage.scenario.yaml");

/// A picture, or nothing.
const PICTURE: &str = r#"
motet: 1
name: picture
steps:
  picture: { uses: fal/fal-ai/flux/schnell, with: { prompt: a lighthouse }, retry: { attempts: 1 } }
"#;

/// A picture, whatever fal does.
const WITH_FALLBACK: &str = r#"
motet: 1
name: with-fallback
steps:
  picture:
    uses: fal/fal-ai/flux/schnell
    with: { prompt: a lighthouse }
    retry: { attempts: 1 }
    fallback: [{ uses: task/placeholder }]
"#;

/// Where the simulator is reached in this world.
const ORIGIN: &str = "https://sim.example";

/// The settings with the simulator in the place of fal.
fn settings() -> Settings {
    let (bases, registry) = (Bases::under(ORIGIN), motet::providers::Registry::default());
    let roles = registry.get("fal").expect("it comes with Motet").profile().bases.keys();
    let url = |role: &String| Some((role.clone(), bases.get(Provider::Fal, role).parse().ok()?));
    let fal = ProviderSettings { base_urls: roles.filter_map(url).collect(), ..ProviderSettings::default() };
    Settings { providers: BTreeMap::from([("fal".to_owned(), fal)]), ..Settings::usual("") }
}

/// What the simulator answers to a request of this world.
async fn answer(
    sim: Arc<Mutex<Sim>>,
    now: Timestamp,
    request: wire::Request,
) -> Result<wire::Reply, wire::Fault> {
    let wire::Request { method, url, headers, body, .. } = request;
    let query = url.query().map_or(String::new(), |query| format!("?{query}"));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let body = body.read().await.expect("it is in memory").into();
    let path = format!("{}{query}", url.path());
    let request = Request { method: method.word().to_owned(), path, headers, body };
    let now = jiff::Timestamp::from_millisecond(now.0).expect("a moment of this century");
    let reply = sim.lock().expect("nobody panics with it").handle(now, &request);
    match reply {
        Reply::Answer(Answer { after, status, headers, body: Body::Whole(bytes) }) => {
            tokio::time::sleep(after).await;
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Ok(wire::Reply::of(status, &headers, bytes))
        }
        _ => Err(wire::Fault::new(wire::Phase::Connect, wire::Cause::Refused)),
    }
}

/// Plays a pipeline once, and says how it ended, how long that took, and how the breaker stands then.
async fn play(
    motet: &Motet,
    world: &VirtualWorld,
    pipeline: &Pipeline,
    sim: &Mutex<Sim>,
) -> Result<(), Error> {
    let asked = || sim.lock().expect("nobody panics with it").ledger(jiff::Timestamp::UNIX_EPOCH).len();
    let (began, before) = (world.now(), asked());
    let options = StartOptions { new: true, ..StartOptions::default() };
    let end = motet.start_with(pipeline, (), options).await?.run.wait().await?;
    let told = match end {
        RunEnd::Completed { degraded: true, .. } => "made by the fallback".to_owned(),
        RunEnd::Completed { .. } => "made by fal".to_owned(),
        RunEnd::Failed { failure, .. } => failure.class.to_string(),
        other => format!("{other:?}"),
    };
    let states =
        settings().provider_states(&motet.store().gate()?, &motet.store().open_calls()?, world.now());
    let fal = states.into_iter().find(|state| state.provider == "fal").and_then(|state| state.breaker);
    let minutes = world.now().since(began).0 / 60_000;
    let breaker = if fal.is_some() { "open" } else { "closed" };
    println!("{told:<22} waited {minutes} min, asked {} times; breaker {breaker}", asked() - before);
    Ok(())
}

fn main() -> Result<(), Error> {
    virtual_time::run(async {
        let scenario = Scenario::parse(OUTAGE).expect("the scenario is right");
        let options = Options { bases: Bases::under(ORIGIN), scenario, ..Options::default() };
        let sim = Arc::new(Mutex::new(Sim::new(options)));
        let clock = VirtualWorld::new(Timestamp(1_800_000_000_000), 1);
        let network = sim.clone();
        let world = VirtualWorld::new(Timestamp(1_800_000_000_000), 1);
        let world = world.with_network(move |request| answer(network.clone(), clock.now(), request));
        let world = Arc::new(world);
        let motet = Motet::builder()
            .world(world.clone())
            .settings(&settings())
            .environment(|name| (name == "FAL_KEY").then(|| "a-key".to_owned()))
            .task("placeholder", |_, _: serde_json::Map<String, serde_json::Value>| async {
                Ok(json!("grey"))
            })
            .open()
            .await?;
        let picture = motet.load_text(PICTURE)?;
        let with_fallback = motet.load_text(WITH_FALLBACK)?;
        for _ in 0..5 {
            play(&motet, &world, &picture, &sim).await?;
        }
        play(&motet, &world, &with_fallback, &sim).await?;
        for _ in 0..4 {
            play(&motet, &world, &picture, &sim).await?;
        }
        Ok(())
    })
}

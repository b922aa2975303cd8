//! Simulated providers, as the network of a virtual world.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use motet::language::Timestamp;
use motet::settings::{MoneySettings, ProviderSettings, Settings};
use motet::world::virtual_time::VirtualWorld;
use motet::world::wire;
use motet::{Builder, Motet};
use motet_sim::{Answer, Bases, Body, Options, Reply, Request, Scenario, Sim};
use serde_json::Value as Json;

use crate::life::Life;
use crate::stage::EPOCH;

const ORIGIN: &str = "https://sim.example";

/// How the keys of providers begin: no text may hold one.
pub const KEY: &str = "key-of-";

/// What a network makes of a reply.
pub type Twist = Arc<dyn Fn(&Request, Reply) -> Reply + Send + Sync>;

/// Simulated providers, and what they were asked.
#[derive(Clone)]
pub struct Providers {
    sim: Arc<Mutex<Sim>>,
    twist: Option<Twist>,
}

impl Providers {
    pub fn new(seed: u64, scenario: &str) -> Providers {
        let scenario =
            if scenario.is_empty() { Scenario::default() } else { Scenario::parse(scenario).unwrap() };
        let options = Options { seed, bases: Bases::under(ORIGIN), scenario, ..Options::default() };
        Providers { sim: Arc::new(Mutex::new(Sim::new(options))), twist: None }
    }

    /// The same behind a network that changes replies.
    pub fn twisted(self, twist: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> Providers {
        Providers { twist: Some(Arc::new(twist)), ..self }
    }

    /// The paid requests, as the simulator has them in its ledger.
    pub fn ledger(&self) -> Vec<Json> {
        // Long after, when all that is charged is known.
        self.sim.lock().unwrap().ledger(moment(Timestamp(EPOCH.0 + 90 * 86_400_000)))
    }

    /// The most recent requests of any kind.
    pub fn requests(&self) -> Vec<Json> {
        self.sim.lock().unwrap().requests()
    }

    /// What was charged, in dollars.
    pub fn charged(&self) -> f64 {
        self.ledger().iter().map(|line| amount(&line["charged_usd"])).sum()
    }

    /// A world that begins at `begin`, for a process that lives as `life` says.
    pub fn world(&self, begin: Timestamp, seed: u64, life: &Arc<Life>) -> VirtualWorld {
        let (providers, life) = (self.clone(), life.clone());
        let began = tokio::time::Instant::now();
        VirtualWorld::new(begin, seed).with_network(move |request| {
            let (providers, life) = (providers.clone(), life.clone());
            async move {
                life.moment().await;
                let asked = read(request).await;
                let passed = i64::try_from(began.elapsed().as_millis()).unwrap();
                let now = moment(Timestamp(begin.0 + passed));
                let reply = providers.sim.lock().unwrap().handle(now, &asked);
                let reply = providers.twist.iter().fold(reply, |reply, twist| twist(&asked, reply));
                if asked.headers.iter().any(|(name, _)| name == "motet-attempt") {
                    life.taken().await;
                }
                life.moment().await;
                give(reply).await
            }
        })
    }

    /// What a library needs to reach these providers and nobody else.
    pub fn builder(&self, money: MoneySettings) -> Builder {
        Motet::builder().settings(&settings(money)).environment(|name| Some(format!("{KEY}{name}")))
    }
}

fn settings(money: MoneySettings) -> Settings {
    let bases = Bases::under(ORIGIN);
    let registry = motet::providers::Registry::default();
    let urls = |name: &str| -> ProviderSettings {
        let provider = motet_sim::Provider::by_name(name).unwrap();
        let roles = registry.get(name).unwrap().profile().bases.keys();
        let urls = roles.map(|role| (role.to_owned(), bases.get(provider, role)));
        let urls = urls.filter(|(_, url)| !url.is_empty());
        let base_urls = urls.map(|(role, url)| (role, url.parse().unwrap())).collect();
        ProviderSettings { base_urls, ..ProviderSettings::default() }
    };
    let names = ["replicate", "fal", "elevenlabs"];
    let providers = names.into_iter().map(|name| (name.to_owned(), urls(name))).collect();
    Settings { providers, money, ..Settings::usual("") }
}

pub fn amount(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0.0)
}

fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap()
}

async fn read(request: wire::Request) -> Request {
    let wire::Request { method, url, headers, body, .. } = request;
    let query = url.query().map_or(String::new(), |query| format!("?{query}"));
    let header = |(name, value): &(hyper::header::HeaderName, hyper::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().to_owned())
    };
    Request {
        method: method.word().to_owned(),
        path: format!("{}{query}", url.path()),
        headers: headers.iter().map(header).collect(),
        body: body.read().await.unwrap().into(),
    }
}

async fn give(reply: Reply) -> Result<wire::Reply, wire::Fault> {
    let broken = |phase| wire::Fault::new(phase, wire::Cause::Broken);
    match reply {
        Reply::Refused => Err(wire::Fault::new(wire::Phase::Connect, wire::Cause::Refused)),
        Reply::Lost { after } => {
            tokio::time::sleep(after).await;
            Err(broken(wire::Phase::Wait))
        }
        Reply::Answer(Answer { after, status, headers, body }) => {
            tokio::time::sleep(after).await;
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            match body {
                Body::Whole(bytes) => Ok(wire::Reply::of(status, &headers, bytes)),
                Body::Stream(pieces) => {
                    let bytes: Vec<u8> =
                        pieces.iter().filter_map(|piece| piece.bytes.clone()).flatten().collect();
                    Ok(wire::Reply::of(status, &headers, bytes))
                }
                Body::Cut { bytes, .. } => {
                    let mut reply = wire::Reply::of(status, &headers, Vec::new());
                    let pieces = [Ok(bytes), Err(broken(wire::Phase::Body))];
                    reply.body = futures_util::stream::iter(pieces).boxed();
                    Ok(reply)
                }
            }
        }
    }
}

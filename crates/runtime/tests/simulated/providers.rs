//! Simulated providers, as the network of a virtual world.

use std::sync::{Arc, Mutex};

use motet::language::Timestamp;
use motet::settings::{MoneySettings, Settings};
use motet::world::virtual_time::VirtualWorld;
use motet::{Builder, Motet};
use motet_sim::{Reply, Request, Sim};
use serde_json::Value as Json;

use crate::life::Life;
use crate::stage::{EPOCH, network};

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
        Providers { sim: Arc::new(Mutex::new(network::sim(seed, scenario))), twist: None }
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
                let asked = network::read(request).await;
                let passed = i64::try_from(began.elapsed().as_millis()).unwrap();
                let now = moment(Timestamp(begin.0 + passed));
                let reply = providers.sim.lock().unwrap().handle(now, &asked);
                let reply = providers.twist.iter().fold(reply, |reply, twist| twist(&asked, reply));
                if asked.headers.iter().any(|(name, _)| name == "motet-attempt") {
                    life.taken().await;
                }
                life.moment().await;
                network::give(reply).await
            }
        })
    }

    /// What a library needs to reach these providers and nobody else.
    pub fn builder(&self, money: MoneySettings) -> Builder {
        Motet::builder().settings(&settings(money)).environment(|name| Some(format!("{KEY}{name}")))
    }
}

fn settings(money: MoneySettings) -> Settings {
    Settings { providers: network::settings(), money, ..Settings::usual("") }
}

pub fn amount(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0.0)
}

fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap()
}

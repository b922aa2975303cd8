//! Simulated providers, as the network of a virtual world.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use motet::hooks::Receipt;
use motet::language::Timestamp;
use motet::settings::{Key, KeySource, MoneySettings, Settings};
use motet::world::virtual_time::VirtualWorld;
use motet::world::{SharedWorld, World};
use motet::{Builder, Motet};
use motet_sim::{Outgoing, Reply, Request, Sim};
use serde_json::Value as Json;
use tokio::sync::Notify;

use crate::life::Life;
use crate::stage::network::deliver;
use crate::stage::{EPOCH, network};

/// How the keys of providers begin: no text may hold one.
pub const KEY: &str = "key-of-";

/// What a network makes of a reply.
pub type Twist = Arc<dyn Fn(&Request, Reply) -> Reply + Send + Sync>;

/// Simulated providers, what they were asked and what they reported.
#[derive(Clone)]
pub struct Providers {
    sim: Arc<Mutex<Sim>>,
    twist: Option<Twist>,
    /// How much later than they are made the replies to paid requests come.
    lag: Duration,
    /// The names of the keys that each of them has in each process; as usual if none is said. The last ones stay.
    keys: Vec<&'static [&'static str]>,
    /// Something may be to be reported.
    asked: Arc<Notify>,
    reports: Arc<Mutex<Reports>>,
}

/// What the providers report.
#[derive(Default)]
struct Reports {
    /// What was sent, and whose answer isn't there yet.
    on_the_way: BTreeSet<u64>,
    delivered: Vec<Delivered>,
}

/// A report that reached us.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// When it came.
    pub came: Timestamp,
    /// When it was answered.
    pub at: Timestamp,
    pub outgoing: Outgoing,
    /// What became of it.
    pub receipt: Receipt,
}

impl Delivered {
    /// The token of the call that it is about.
    pub fn token(&self) -> &str {
        self.outgoing.url.split_once("token=").map_or("", |(_, token)| token)
    }

    /// The name of the message: the same however often it comes.
    pub fn message(&self) -> &str {
        let names = ["webhook-id", "x-fal-webhook-request-id"];
        let header = self.outgoing.headers.iter().find(|(name, _)| names.contains(&name.as_str()));
        header.map_or("", |(_, value)| value)
    }
}

impl Providers {
    pub fn new(seed: u64, scenario: &str) -> Providers {
        Providers {
            sim: Arc::new(Mutex::new(network::sim(seed, scenario))),
            twist: None,
            lag: Duration::ZERO,
            keys: Vec::new(),
            asked: Arc::default(),
            reports: Arc::default(),
        }
    }

    /// The same whose replies to paid requests come so much later than they are made.
    pub fn lagging(self, lag: Duration) -> Providers {
        Providers { lag, ..self }
    }

    /// The same with these keys for each of them, process by process.
    pub fn with_keys(self, keys: &[&'static [&'static str]]) -> Providers {
        Providers { keys: keys.to_vec(), ..self }
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

    /// The reports that reached us, in order.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.reports.lock().unwrap().delivered.clone()
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
                providers.asked.notify_one();
                if asked.headers.iter().any(|(name, _)| name == "motet-attempt") {
                    life.taken().await;
                    tokio::time::sleep(providers.lag).await;
                }
                life.moment().await;
                network::give(reply).await
            }
        })
    }

    /// Delivers what is due, as long as the process lives.
    pub async fn report_to(self, motet: Motet, clock: SharedWorld, life: Arc<Life>) {
        loop {
            let (due, next) = {
                let mut sim = self.sim.lock().unwrap();
                (sim.advance(moment(clock.now())), sim.next())
            };
            for outgoing in due {
                self.reports.lock().unwrap().on_the_way.insert(outgoing.number);
                let (providers, motet) = (self.clone(), motet.clone());
                let (clock, life) = (clock.clone(), life.clone());
                tokio::spawn(async move { providers.report(outgoing, &motet, &*clock, &life).await });
            }
            let next = next.map_or(Timestamp(i64::MAX), |at| Timestamp(at.as_millisecond() + 1));
            tokio::select! {
                () = clock.sleep_until(next) => {}
                () = self.asked.notified() => {}
            }
        }
    }

    async fn report(&self, outgoing: Outgoing, motet: &Motet, clock: &dyn World, life: &Life) {
        life.moment().await;
        let came = clock.now();
        let receipt = deliver(motet, &outgoing).await;
        let at = clock.now();
        self.reports.lock().unwrap().delivered.push(Delivered {
            came,
            at,
            outgoing: outgoing.clone(),
            receipt,
        });
        life.moment().await;
        self.answered(clock.now(), outgoing.number, Some(receipt.status()));
    }

    fn answered(&self, at: Timestamp, number: u64, status: Option<u16>) {
        self.reports.lock().unwrap().on_the_way.remove(&number);
        self.sim.lock().unwrap().delivered(moment(at), number, status);
        self.asked.notify_one();
    }

    /// Nobody is there from `died` until `begin`: what is reported meanwhile is lost, or is reported again.
    pub fn report_to_nobody(&self, died: Timestamp, begin: Timestamp) {
        let unanswered = self.reports.lock().unwrap().on_the_way.clone();
        unanswered.into_iter().for_each(|number| self.answered(died, number, None));
        loop {
            let next = self.sim.lock().unwrap().next().map(|at| Timestamp(at.as_millisecond() + 1));
            let Some(at) = next.filter(|at| *at < begin) else { return };
            let due = self.sim.lock().unwrap().advance(moment(at));
            due.into_iter().for_each(|outgoing| self.answered(at.max(died), outgoing.number, None));
        }
    }

    /// What a library needs to reach these providers and nobody else.
    pub fn builder(&self, money: MoneySettings) -> Builder {
        self.builder_of(0, money)
    }

    /// The same in the process of this number.
    pub fn builder_of(&self, process: usize, money: MoneySettings) -> Builder {
        let mut settings = Settings { providers: network::settings(), money, ..Settings::usual("") };
        let keys = self.keys.get(process).or(self.keys.last()).copied().unwrap_or_default();
        for (provider, set) in &mut settings.providers {
            let names = keys.iter().map(|key| format!("{provider}-{key}"));
            set.keys = names.map(|name| Key { source: KeySource::Environment(name.clone()), name }).collect();
        }
        Motet::builder().settings(&settings).environment(|name| Some(format!("{KEY}{name}")))
    }
}

pub fn amount(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0.0)
}

fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap()
}

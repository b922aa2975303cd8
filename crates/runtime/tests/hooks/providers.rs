//! Simulated providers that report, in a virtual world.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use motet::hooks::Receipt;
use motet::settings::{KeySource, Settings};
use motet::world::virtual_time::VirtualWorld;
use motet::{Builder, Motet};
use motet_sim::{Answer, Body, Outgoing, Reply, Request, Sim};
use serde_json::Value as Json;

use crate::stage::network::{PUBLIC, deliver};
use crate::stage::{EPOCH, network};

/// How often the providers look whether something is to be reported.
const TICK: Duration = Duration::from_millis(20);

/// A report that was delivered: when, which, and what became of it.
pub type Delivered = (Duration, Outgoing, Receipt);

#[derive(Clone)]
pub struct Providers {
    sim: Arc<Mutex<Sim>>,
    began: tokio::time::Instant,
    /// How much later than they are made the replies to paid requests come.
    lag: Duration,
    delivered: Arc<Mutex<Vec<Delivered>>>,
    /// What the workspace at ElevenLabs signs with.
    secret: Option<String>,
}

impl Providers {
    pub fn new(seed: u64, scenario: &str) -> Providers {
        Providers {
            sim: Arc::new(Mutex::new(network::sim(seed, scenario))),
            began: tokio::time::Instant::now(),
            lag: Duration::ZERO,
            delivered: Arc::default(),
            secret: None,
        }
    }

    /// The same with a webhook set up in the workspace at ElevenLabs.
    pub fn with_workspace(mut self) -> Providers {
        let settings = serde_json::json!({ "settings": {
            "auth_type": "hmac", "name": "motet", "webhook_url": format!("{PUBLIC}/hooks/elevenlabs"),
        } });
        let request = Request {
            method: "POST".to_owned(),
            path: "/elevenlabs/v1/workspace/webhooks".to_owned(),
            headers: vec![
                ("xi-api-key".to_owned(), "key-of-ELEVENLABS_API_KEY".to_owned()),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: settings.to_string().into(),
        };
        let reply = self.sim.lock().unwrap().handle(self.now(), &request);
        let Reply::Answer(Answer { body: Body::Whole(body), .. }) = reply else { panic!("{reply:?}") };
        let told: Json = serde_json::from_slice(&body).unwrap();
        self.secret = Some(told["webhook_secret"].as_str().unwrap().to_owned());
        self
    }

    pub fn lagging(self, lag: Duration) -> Providers {
        Providers { lag, ..self }
    }

    pub fn now(&self) -> jiff::Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        jiff::Timestamp::from_millisecond(EPOCH.0 + passed).unwrap()
    }

    pub fn ledger(&self) -> Vec<Json> {
        let week = jiff::SignedDuration::from_hours(7 * 24);
        self.sim.lock().unwrap().ledger(self.now() + week)
    }

    /// How many requests there were of a kind, at a provider.
    pub fn count(&self, provider: &str, kind: &str) -> usize {
        self.times(provider, kind).len()
    }

    /// When they came, since the beginning.
    pub fn times(&self, provider: &str, kind: &str) -> Vec<Duration> {
        let requests = self.sim.lock().unwrap().requests();
        let of_it = |line: &Json| line["path"].as_str().unwrap().starts_with(&format!("/{provider}/"));
        let is_it = |line: &&Json| of_it(line) && line["operation"] == kind;
        let at = |line: &Json| line["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let since = |line| Duration::from_millis(u64::try_from(at(line).as_millisecond() - EPOCH.0).unwrap());
        requests.iter().filter(is_it).map(since).collect()
    }

    /// What was delivered so far.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.delivered.lock().unwrap().clone()
    }

    /// What became of what was delivered, in order.
    pub fn receipts(&self) -> Vec<&'static str> {
        self.delivered().iter().map(|(_, _, receipt)| receipt.word()).collect()
    }

    /// A library that reaches these providers, and that they report to.
    pub async fn open(&self, builder: Builder) -> Motet {
        let motet = self.open_alone(builder).await;
        motet.await_hooks(Some(PUBLIC)).await;
        let (providers, reached) = (self.clone(), motet.clone());
        tokio::spawn(async move { providers.report_to(reached).await });
        motet
    }

    /// A library that reaches these providers.
    pub async fn open_alone(&self, builder: Builder) -> Motet {
        let mut settings = Settings { providers: network::settings(), ..Settings::usual("") };
        let secret = self.secret.clone();
        if secret.is_some() {
            let source = KeySource::Environment("HOOKS".to_owned());
            settings.webhook.secrets.insert("elevenlabs".to_owned(), source);
        }
        let builder = builder.settings(&settings).environment(move |name| match (name, &secret) {
            ("HOOKS", Some(secret)) => Some(secret.clone()),
            _ => Some(format!("key-of-{name}")),
        });
        builder.world(Arc::new(self.world())).open().await.unwrap()
    }

    fn world(&self) -> VirtualWorld {
        let providers = self.clone();
        VirtualWorld::new(EPOCH, 7).with_network(move |request| {
            let providers = providers.clone();
            async move {
                let asked = network::read(request).await;
                let reply = providers.sim.lock().unwrap().handle(providers.now(), &asked);
                if asked.headers.iter().any(|(name, _)| name == "motet-attempt") {
                    tokio::time::sleep(providers.lag).await;
                }
                network::give(reply).await
            }
        })
    }

    /// Delivers what is due, as long as anybody is there.
    async fn report_to(self, motet: Motet) {
        while motet.is_driving() {
            let due = self.sim.lock().unwrap().advance(self.now());
            for outgoing in due {
                let (providers, motet) = (self.clone(), motet.clone());
                tokio::spawn(async move {
                    let receipt = deliver(&motet, &outgoing).await;
                    let number = outgoing.number;
                    providers.delivered.lock().unwrap().push((providers.began.elapsed(), outgoing, receipt));
                    let status = Some(receipt.status());
                    providers.sim.lock().unwrap().delivered(providers.now(), number, status);
                });
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

//! Simulated providers that report, in a virtual world.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use motet::hooks::{Delivery, Receipt};
use motet::language::Timestamp;
use motet::settings::{KeySource, ProviderSettings, Settings};
use motet::world::virtual_time::VirtualWorld;
use motet::world::wire;
use motet::{Builder, Motet};
use motet_sim::{Answer, Bases, Body, Options, Outgoing, Reply, Request, Scenario, Sim};
use serde_json::Value as Json;

/// When these stories begin.
pub const EPOCH: Timestamp = Timestamp(1_800_000_000_000);

/// Where Motet is reached.
pub const PUBLIC: &str = "https://motet.example";

const ORIGIN: &str = "https://sim.example";

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
        let scenario =
            if scenario.is_empty() { Scenario::default() } else { Scenario::parse(scenario).unwrap() };
        let options = Options { seed, bases: Bases::under(ORIGIN), scenario, ..Options::default() };
        Providers {
            sim: Arc::new(Mutex::new(Sim::new(options))),
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
        let requests = self.sim.lock().unwrap().requests();
        let of_it = |line: &Json| line["path"].as_str().unwrap().starts_with(&format!("/{provider}/"));
        let is_it = |line: &&Json| of_it(line) && line["operation"] == kind;
        requests.iter().filter(is_it).count()
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
        let bases = Bases::under(ORIGIN);
        let registry = motet::providers::Registry::default();
        let roles = |name: &str| -> ProviderSettings {
            let provider = motet_sim::Provider::by_name(name).unwrap();
            let roles = registry.get(name).unwrap().profile().bases.keys();
            let urls = roles.map(|role| (role.to_owned(), bases.get(provider, role)));
            let urls = urls.filter(|(_, url)| !url.is_empty());
            let base_urls = urls.map(|(role, url)| (role, url.parse().unwrap())).collect();
            ProviderSettings { base_urls, ..ProviderSettings::default() }
        };
        let names = ["replicate", "fal", "elevenlabs"];
        let providers = names.into_iter().map(|name| (name.to_owned(), roles(name))).collect();
        let mut settings = Settings { providers, ..Settings::usual("") };
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
                let asked = read(request).await;
                let reply = providers.sim.lock().unwrap().handle(providers.now(), &asked);
                if asked.headers.iter().any(|(name, _)| name == "motet-attempt") {
                    tokio::time::sleep(providers.lag).await;
                }
                give(reply).await
            }
        })
    }

    /// Delivers what is due, as long as anybody looks.
    async fn report_to(self, motet: Motet) {
        loop {
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

/// The delivery as it reaches the server.
pub fn delivery_of(outgoing: &Outgoing) -> (String, Delivery) {
    let rest = outgoing.url.strip_prefix(PUBLIC).expect("it is ours");
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let provider = path.strip_prefix("/hooks/").expect("it is a hook").to_owned();
    let Outgoing { headers, body, .. } = outgoing;
    (provider, Delivery { query: query.to_owned(), headers: headers.clone(), body: body.to_vec() })
}

pub async fn deliver(motet: &Motet, outgoing: &Outgoing) -> Receipt {
    let (provider, delivery) = delivery_of(outgoing);
    motet.deliver(&provider, delivery).await
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
            let bytes = match body {
                Body::Whole(bytes) => bytes,
                Body::Stream(pieces) => pieces
                    .iter()
                    .filter_map(|piece| piece.bytes.clone())
                    .flatten()
                    .collect::<Vec<u8>>()
                    .into(),
                Body::Cut { bytes, .. } => {
                    let mut reply = wire::Reply::of(status, &headers, Vec::new());
                    let pieces = [Ok(bytes), Err(broken(wire::Phase::Body))];
                    reply.body = futures_util::stream::iter(pieces).boxed();
                    return Ok(reply);
                }
            };
            Ok(wire::Reply::of(status, &headers, bytes))
        }
    }
}

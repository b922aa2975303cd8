//! Simulated providers as the network of a virtual world.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use motet::Motet;
use motet::hooks::{Delivery, Receipt};
use motet::settings::ProviderSettings;
use motet::world::wire;
use motet_sim::{Answer, Bases, Body, Options, Outgoing, Reply, Request, Scenario, Sim};

/// Where Motet is reached.
pub const PUBLIC: &str = "https://motet.example";

/// Where the providers are reached.
const ORIGIN: &str = "https://sim.example";

/// Providers at which what `scenario` says goes wrong; nothing does if it is empty.
pub fn sim(seed: u64, scenario: &str) -> Sim {
    let scenario = if scenario.is_empty() { Scenario::default() } else { Scenario::parse(scenario).unwrap() };
    Sim::new(Options { seed, bases: Bases::under(ORIGIN), scenario, ..Options::default() })
}

/// The settings by which they are asked in the place of the real ones.
pub fn settings() -> BTreeMap<String, ProviderSettings> {
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
    let any = bases.get(motet_sim::Provider::Http, "any").parse().unwrap();
    let web = ProviderSettings { stand_in: Some(any), ..ProviderSettings::default() };
    let providers = ["replicate", "fal", "elevenlabs"].map(|name| (name.to_owned(), urls(name)));
    providers.into_iter().chain([("http".to_owned(), web)]).collect()
}

/// A request as the providers read it.
pub async fn read(request: wire::Request) -> Request {
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

/// What comes of their reply, when it comes.
pub async fn give(reply: Reply) -> Result<wire::Reply, wire::Fault> {
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

/// A report as it reaches the server, and the provider that it is said to be of.
pub fn delivery_of(outgoing: &Outgoing) -> (String, Delivery) {
    let rest = outgoing.url.strip_prefix(PUBLIC).expect("it is ours");
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let provider = path.strip_prefix("/hooks/").expect("it is a hook").to_owned();
    let Outgoing { headers, body, .. } = outgoing;
    (provider, Delivery { query: query.to_owned(), headers: headers.clone(), body: body.to_vec() })
}

/// Brings a report.
pub async fn deliver(motet: &Motet, outgoing: &Outgoing) -> Receipt {
    let (provider, delivery) = delivery_of(outgoing);
    motet.deliver(&provider, delivery).await
}

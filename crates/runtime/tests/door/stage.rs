//! Doors for tests: a provider with two addresses, settings as somebody writes them, keys in an environment of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet::Settings;
use motet::door::{Builder, Door, Errand};
use motet::providers::adapter::Profile;
use motet::providers::http::{Address, Body, Header, Request};
use motet::store::Store;
use motet::world::SharedWorld;
use motet::world::live::LiveWorld;

/// What no one but the provider may see. It has letters that JSON, URLs and base64 write differently.
pub const KEY: &str = "planted/key+1\"äöü-0123456789abcdef";

/// A second one.
pub const SPARE: &str = "planted-spare-key-0123456789";

/// A provider that is asked at two addresses.
pub fn vendor() -> Profile {
    let bases = [("api", "https://api.vendor.example"), ("queue", "https://queue.vendor.example/v2")];
    Profile {
        name: "vendor".to_owned(),
        bases: BTreeMap::from(bases.map(|(role, url)| (role.to_owned(), url.to_owned()))),
        credential_hosts: vec!["*.vendor.example".to_owned()],
        output_hosts: vec!["*.media.example".to_owned()],
        keys: vec!["VENDOR_KEY".to_owned()],
        ..Profile::default()
    }
}

/// Any server of the web.
pub fn web() -> Profile {
    Profile { name: "http".to_owned(), ..Profile::default() }
}

/// What `text` says as `motet.toml`.
pub fn settings(text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("motet.toml");
    std::fs::write(&file, text).unwrap();
    Settings::load(&file).unwrap().vouched()
}

/// A door in `world` with these settings, to an environment with both keys.
pub fn builder(world: SharedWorld, store: Store, text: &str) -> Builder {
    let environment = |name: &str| match name {
        "VENDOR_KEY" => Some(KEY.to_owned()),
        "SPARE_KEY" | "WEATHER" => Some(SPARE.to_owned()),
        _ => None,
    };
    Door::builder(world, store)
        .providers([&vendor(), &web()])
        .settings(&settings(text))
        .environment(environment)
}

/// A door to the real world with these settings.
pub fn door(text: &str) -> Door {
    builder(Arc::new(LiveWorld::default()), Store::in_memory().unwrap(), text).build().unwrap()
}

/// A door whose provider has all of its addresses at `url`.
pub fn door_to(url: &str) -> Door {
    door(&at(url))
}

/// Settings by which the provider has all of its addresses at `url`.
pub fn at(url: &str) -> String {
    format!("[providers.vendor]\nbase_url = '{url}'\n")
}

/// The one paid request.
pub fn create() -> Request {
    Request::post(Address::provider("vendor", "api", "/create?wait=1"))
        .header(Header::secret("authorization", "Key ", "VENDOR_KEY"))
        .body(Body::bytes("application/json", *br#"{"prompt":"a boat"}"#))
}

/// A request that reads, without a key.
pub fn read(url: &str) -> Request {
    Request::get(Address::Url(url.to_owned()))
}

/// `request` of the provider.
pub fn of(request: Request) -> Errand {
    Errand::new("vendor", request)
}

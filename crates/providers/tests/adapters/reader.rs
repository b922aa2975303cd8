//! The readers of all adapters, and what holds of whatever they are given.

use motet_providers::Registry;
use motet_providers::hook::Hook;
use motet_providers::http::Reply;

use crate::calls;
use crate::fixture::{self, Fixture, NOW};

/// One fixture for each reader of each provider.
pub fn readers() -> Vec<Fixture> {
    let mut fixtures = fixture::all();
    fixtures.sort_by_key(|fixture| (fixture.call.clone(), fixture.read.clone()));
    fixtures.dedup_by_key(|fixture| (fixture.call.clone(), fixture.read.clone()));
    fixtures
}

/// Reads `reply` as each of these readers would, and looks at what is told.
pub fn read_by_all(readers: &[Fixture], reply: &Reply) {
    for reader in readers {
        let told = reader.told_of(reply.clone());
        assert!(!told.contains("hush"), "{told}");
        check(&told);
    }
}

/// A failure is one line of some length.
pub fn check(told: &str) {
    if let Some(failure) = told.strip_prefix("Err: ") {
        let message = failure.lines().next().unwrap_or_default();
        assert!(message.chars().count() < 400, "{message}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
}

/// What is read in replies beside what fixtures are for: limits, costs, descriptions of models, and what a webhook says
/// whose signature fits.
pub fn read_besides(reply: &Reply) {
    for provider in Registry::default().iter() {
        provider.pace(reply);
        provider.used(reply);
        for id in ["fal-ai/flux/dev", "owner/name"] {
            if let Err(failure) = provider.read_description(id, reply.clone()) {
                check(&format!("Err: {failure}"));
            }
        }
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&reply.body) else { return };
    for call in ["flux", "flux_dev", "scribe_job"].map(calls::call) {
        let hook = Hook { token: None, job: "job".to_owned(), delivery: None, body: body.clone(), at: NOW };
        if let Err(failure) = calls::provider(&call).read_hook(&call, hook) {
            check(&format!("Err: {failure}"));
        }
    }
}

//! Connections: names that are looked up once and held against the reach, TCP, and TLS by ring.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures_util::future::BoxFuture;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::outgoing::OwnBody;
use crate::world::wire::{Cause, Reach};

pub(super) type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// After so long without a byte the other side is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// What makes connections within `reach`.
pub(super) fn to(reach: Reach, with_tls: bool) -> Connector {
    let mut tcp = HttpConnector::new_with_resolver(Resolver(reach));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls(with_tls));
    let schemes = if with_tls { builder.https_only() } else { builder.https_or_http() };
    schemes.enable_http1().wrap_connector(tcp)
}

/// The machine's root certificates (or those that `SSL_CERT_FILE` names). Where there are none, or they aren't
/// `needed`, no server is believed: each TLS connection fails, and says so.
fn tls(needed: bool) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        let builder = ClientConfig::builder_with_provider(provider.clone());
        builder.with_safe_default_protocol_versions().expect("ring speaks TLS 1.2 and 1.3")
    };
    let rooted = needed.then(|| builder().with_native_roots().ok()).flatten();
    rooted.unwrap_or_else(|| builder().with_root_certificates(RootCertStore::empty())).with_no_client_auth()
}

/// Looks up names, and gives only the addresses that are within reach. It is the connection's own look-up, so
/// that nothing can change between the check and the use. (An address in place of a name doesn't come here: the
/// door has looked at it.)
#[derive(Clone)]
pub(super) struct Resolver(Reach);

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = LookUp;
    type Future = BoxFuture<'static, Result<Self::Response, LookUp>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookUp>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(LookUp::Failed)?;
            let found: Vec<SocketAddr> = found.collect();
            let within: Vec<SocketAddr> =
                found.iter().copied().filter(|address| reach.allows(address.ip())).collect();
            match (found.first(), within.is_empty()) {
                (None, _) => Err(LookUp::Failed(io::Error::other("it has no address"))),
                (Some(other), true) => Err(LookUp::OutOfReach(*other)),
                (Some(_), false) => Ok(within.into_iter()),
            }
        })
    }
}

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUp {
    #[error("{0}")]
    Failed(#[source] io::Error),
    #[error("its address is {}", .0.ip())]
    OutOfReach(SocketAddr),
}

/// What an error of hyper is about, and the words at its root. They hold nothing of the request.
pub(super) fn cause_of(error: &(dyn Error + 'static)) -> (Cause, String) {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(error);
        // An I/O error hides what it was made of.
        let inner = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    let cause = chain.iter().find_map(|error| cause_of_one(*error)).unwrap_or(Cause::Broken);
    (cause, chain.last().map(ToString::to_string).unwrap_or_default())
}

fn cause_of_one(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<LookUp>() {
        return Some(match error {
            LookUp::Failed(_) => Cause::Unresolved,
            LookUp::OutOfReach(_) => Cause::OutOfReach,
        });
    }
    if error.is::<OwnBody>() {
        return Some(Cause::Unread);
    }
    if error.is::<rustls::Error>() {
        return Some(Cause::Tls);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return error.is_parse().then_some(Cause::Malformed);
    }
    let is_refused =
        |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused && error.get_ref().is_none();
    error.downcast_ref::<io::Error>().filter(|error| is_refused(error)).map(|_| Cause::Refused)
}

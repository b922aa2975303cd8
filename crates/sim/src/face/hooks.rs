//! Sends webhooks when they are due and reports their outcome to the machine.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Shared;
use crate::Outgoing;

/// The most webhooks sent at the same time.
const AT_A_TIME: usize = 256;
/// The wait if no webhook is planned.
const IDLE: Duration = Duration::from_secs(3600);

type Sender = Client<HttpConnector, Full<Bytes>>;

pub(super) async fn send_all(shared: Arc<Shared>) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let sender: Sender = Client::builder(TokioExecutor::new()).build(connector);
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut sending = JoinSet::new();
    loop {
        while sending.try_join_next().is_some() {}
        // If the state can't be saved, no webhooks are sent, and requests fail too.
        let Ok((due, next)) = shared.change(|sim, now| (sim.advance(now), sim.next())) else { return };
        for outgoing in due {
            let (shared, sender, places) = (Arc::clone(&shared), sender.clone(), Arc::clone(&places));
            sending.spawn(async move {
                let _place = places.acquire_owned().await;
                let status = send(&sender, &outgoing).await;
                let told = shared.change(|sim, now| sim.delivered(now, outgoing.number, status));
                if told.is_ok() {
                    shared.news.notify_one();
                }
            });
        }
        let wait = next.map_or(IDLE, |next| {
            Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default()
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.news.notified() => {}
        }
    }
}

/// The status of the answer; `None` if there is none. HTTPS is not supported.
async fn send(sender: &Sender, outgoing: &Outgoing) -> Option<u16> {
    let mut request = hyper::Request::post(&outgoing.url);
    for (name, value) in &outgoing.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(outgoing.body.clone())).ok()?;
    let answered = tokio::time::timeout(outgoing.timeout, async {
        let response = sender.request(request).await.ok()?;
        let status = response.status().as_u16();
        // Reads the answer, so that the connection can be reused.
        let _ = http_body_util::Limited::new(response.into_body(), 64 << 10).collect().await;
        Some(status)
    });
    answered.await.ok().flatten()
}

//! Webhooks: a provider reports, and whoever listens hands the report in here.

use motet_engine::{Found, Input};
use motet_pipeline::Span;
use motet_providers::hook::Delivery;
use tokio::sync::oneshot;

use super::Motet;
use crate::Error;
use crate::driver::Message;
use crate::models::delivery::{Receipt, Verdict};

/// How long a delivery waits until it is known what becomes of it: providers wait for ten seconds at least.
const PATIENCE: Span = Span::seconds(8);

impl Motet {
    /// From now on, jobs of providers that can are reported to `address`/hooks/PROVIDER: whoever listens there calls
    /// [`Motet::deliver`]. Jobs are then asked for rarely. Without an address, none are reported that are begun from
    /// now on. Returns when the driver knows.
    pub async fn await_hooks(&self, address: Option<&str>) {
        let (heard, is_heard) = oneshot::channel();
        let address = address.map(|address| address.trim_end_matches('/').to_owned());
        self.post(Message::AwaitHooks { address, heard });
        // A driver that is gone awaits nothing.
        let _ = is_heard.await;
    }

    /// Takes what somebody has delivered for `provider`: the query, the headers and the body of the request as they
    /// came. Nothing of it is believed before its signature is verified. It says what became of it once that is known
    /// and, where it is news, durable.
    pub async fn deliver(&self, provider: &str, delivery: Delivery) -> Receipt {
        let hands = self.hands();
        let (verdict, warning) = hands.models.deliver(provider, delivery).await;
        warning.iter().for_each(|warning| hands.warn(warning));
        let (answer, unasked) = match verdict {
            Verdict::Now(receipt) => return receipt,
            Verdict::Wait { answer, unasked } => (answer, unasked),
        };
        if let Some((run, key, job)) = unasked {
            let input = Input::Reconciled { key, found: Found::Job(job) };
            self.post(Message::Input { run, input });
        }
        let late = hands.world.sleep_until(hands.world.now().after(PATIENCE));
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Receipt::NotYet),
            () = late => Receipt::NotYet,
        }
    }

    /// Whether this process drives its store: the store keeps what happens, and the driver is there.
    pub fn is_driving(&self) -> bool {
        !self.inner.mail.is_closed() && !self.inner.standing.has_failed()
    }

    /// Completes when this process drives nothing any more, and says why: the store keeps nothing more, the driver
    /// panicked, or it was closed.
    pub async fn until_undriven(&self) -> Error {
        tokio::select! {
            () = self.inner.standing.is_failed() => {}
            () = self.is_left() => {}
        }
        self.inner.standing.why_nothing_is_driven()
    }
}

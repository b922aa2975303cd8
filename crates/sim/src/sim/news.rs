//! Webhooks: planned when a job is opened, sent when they are due.

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Kept, Sim};
use crate::elevenlabs::ElevenLabs;
use crate::fal::Fal;
use crate::job::Job;
use crate::replicate::Replicate;
use crate::scenario::{Fault, Provider};
use crate::webhook::{self, Delivery, Outgoing};

/// The delay of `webhook_late`.
const LATE: Duration = Duration::from_secs(180);

impl Sim {
    /// The webhooks that are due. Send each of them and report its outcome with [`Sim::delivered`].
    pub fn advance(&mut self, now: Timestamp) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        while let Some(entry) = self.state.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let delivery = entry.remove();
            self.state.due_of.remove(&delivery.number);
            match self.payload(&delivery, now) {
                Some(payload) => {
                    outgoing.push(self.send(&delivery, &payload, now));
                    self.state.on_the_way.insert(delivery.number, delivery);
                }
                None => self.keep(Kept::Delivered(delivery.number)),
            }
        }
        outgoing
    }

    /// When the next webhook is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.state.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// Reports the outcome of a webhook: its status, or `None` if there was no answer.
    pub fn delivered(&mut self, now: Timestamp, number: u64, status: Option<u16>) {
        let Some(mut delivery) = self.state.on_the_way.remove(&number) else { return };
        let arrived = status.is_some_and(|status| (200..300).contains(&status));
        match webhook::retry_after(&delivery, status).filter(|_| !arrived && !delivery.forged) {
            Some(wait) => {
                delivery.attempt += 1;
                delivery.due = now + self.scaled(wait);
                self.schedule(delivery);
            }
            None => self.keep(Kept::Delivered(number)),
        }
    }

    pub(super) fn plan_news(&mut self, number: u64) {
        let job = self.job(number).clone();
        let Some(hook) = &job.hook else { return };
        if job.has(Fault::WebhookLost) {
            return;
        }
        let moments = match job.provider {
            Provider::Replicate => Replicate::news(&job),
            _ => job.ended().map(|at| ("completed", at)).into_iter().collect(),
        };
        for (event, at) in moments {
            if hook.events.iter().any(|wanted| wanted == event) {
                self.plan_delivery(&job, event, at);
            }
        }
    }

    /// Replaces the planned webhooks of a cancelled job.
    pub(super) fn plan_end(&mut self, number: u64) {
        let job = self.job(number).clone();
        let planned: Vec<u64> = self
            .state
            .due
            .values()
            .filter(|delivery| delivery.job == number)
            .map(|delivery| delivery.number)
            .collect();
        for delivery in planned {
            self.apply(Kept::Delivered(delivery));
        }
        let wanted =
            job.hook.as_ref().is_some_and(|hook| hook.events.iter().any(|event| event == "completed"));
        if let Some(at) = job.ended().filter(|_| wanted && !job.has(Fault::WebhookLost)) {
            self.plan_delivery(&job, "completed", at);
        }
    }

    fn plan_delivery(&mut self, job: &Job, event: &str, at: Timestamp) {
        let late = if job.has(Fault::WebhookLate) { self.scaled(LATE) } else { SignedDuration::ZERO };
        let due = at + late;
        let number = self.count();
        let message = match job.provider {
            Provider::Replicate => format!("msg_{}", self.chance().word("message", number)),
            _ => job.id.clone(),
        };
        let delivery = Delivery {
            number,
            provider: job.provider,
            job: job.number,
            url: job.hook.as_ref().map(|hook| hook.url.clone()).unwrap_or_default(),
            event: event.to_owned(),
            message,
            due,
            attempt: 0,
            forged: false,
            is_last: event == "completed",
            secret: self.endpoint_secret(job),
        };
        if job.has(Fault::WebhookForged) {
            let number = self.count();
            let earlier = due - self.scaled(Duration::from_millis(500));
            let forged = Delivery { number, forged: true, due: earlier.max(job.created), ..delivery.clone() };
            self.schedule(forged);
        }
        if job.has(Fault::WebhookTwice) {
            let number = self.count();
            let again = due + self.scaled(Duration::from_millis(700));
            self.schedule(Delivery { number, due: again, ..delivery.clone() });
        }
        self.schedule(delivery);
    }

    fn endpoint_secret(&self, job: &Job) -> Option<String> {
        let url = &job.hook.as_ref()?.url;
        let endpoint = self
            .state
            .endpoints
            .values()
            .find(|endpoint| endpoint.url == *url && endpoint.account == job.account);
        endpoint.map(|endpoint| endpoint.secret.clone())
    }

    fn schedule(&mut self, delivery: Delivery) {
        self.apply(Kept::Delivery(Box::new(delivery)));
    }

    /// The body of a webhook when it is sent; `None` if the job was deleted.
    fn payload(&self, delivery: &Delivery, now: Timestamp) -> Option<Value> {
        let job = self.state.jobs.get(delivery.job as usize)?;
        let at = match job.ended() {
            Some(ended) if delivery.event == "completed" => ended.max(now),
            // An event before the end shows the job as it was then.
            _ => delivery.due.min(now),
        };
        if job.deleted {
            return None;
        }
        Some(match delivery.provider {
            Provider::Replicate => Replicate::payload(self, job, at, delivery.forged),
            Provider::Fal => Fal::payload(self, job, at, delivery.forged),
            Provider::ElevenLabs => ElevenLabs::payload(self, job, at, delivery.forged),
            Provider::Http => return None,
        })
    }

    fn send(&self, delivery: &Delivery, payload: &Value, now: Timestamp) -> Outgoing {
        let body = Bytes::from(payload.to_string());
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(webhook::sign(delivery, &body, now));
        Outgoing {
            number: delivery.number,
            provider: delivery.provider,
            url: delivery.url.clone(),
            headers,
            body,
            timeout: Duration::from_secs(15),
            forged: delivery.forged,
        }
    }
}

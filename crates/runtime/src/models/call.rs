//! Calls: what an adapter is given of an attempt, and what is fixed of it before it leaves.

use std::collections::BTreeMap;

use motet_engine::{Intent, RunId};
use motet_pipeline::contract::Work as WorkKind;
use motet_pipeline::failure::Known;
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Class, Failure, StepPath, Value};
use motet_providers::adapter::Call;
use motet_providers::catalogue::Native;
use motet_providers::http::{Limits, Request};
use motet_store::World;

use super::remote::ModelCalls;
use crate::work::Work;

/// A call that is about to be made.
pub(super) struct Draft {
    pub(super) call: Call,
    pub(super) intent: Intent,
    /// What is to be uploaded before.
    pub(super) uploads: Vec<(Artifact, Request)>,
}

impl ModelCalls {
    /// What the attempt will be made with.
    pub(super) fn draft(&self, work: &Work) -> Result<Draft, Failure> {
        self.refuse_unsimulated(work)?;
        let Native { inputs, .. } = self.listing.native(&work.input_map())?;
        let now = work.hands.world.now();
        let credentials = self.models.door.credentials(self.provider_name());
        let credential = self.models.keys.choose(&credentials, now).cloned().unwrap_or_default();
        let token = format!("{:032x}", work.hands.world.token());
        let is_job = work.contract().has_jobs();
        // What is recorded has no webhooks, and neither has what is answered from that.
        let may_report = self.provider.profile().has_hooks && is_job && !work.hands.is_taped;
        let mut intent = Intent {
            provider: self.provider_name().to_owned(),
            credential,
            token,
            at: Some(now),
            hook: self.models.hooks.address_for(self.provider_name()).filter(|_| may_report),
            ..Intent::default()
        };
        let call = self.call(work, &intent, inputs);
        intent.repeatable = self.provider.is_repeatable(&call);
        let artifacts = artifacts_of(&call.inputs);
        let upload = |artifact: Artifact| Some((artifact.clone(), self.provider.upload(&call, &artifact)?));
        let uploads = artifacts.into_iter().filter_map(upload).collect();
        Ok(Draft { call, intent, uploads })
    }

    /// In a simulated run nothing reaches a server that isn't simulated.
    fn refuse_unsimulated(&self, work: &Work) -> Result<(), Failure> {
        let is_real =
            work.contract().work == WorkKind::Request && !self.models.door.is_stood_in(self.provider_name());
        match work.hands.reality {
            World::Simulated if is_real => Err(Failure::invalid(
                "this run is simulated, and its simulator answers for no server that a pipeline names: nothing was \
                 sent. Begin a newer simulator with `motet sim`",
            )),
            _ => Ok(()),
        }
    }

    /// The call of an attempt that was recorded: the same as when it was planned.
    pub(super) fn recorded(&self, work: &Work) -> Result<(Call, Vec<String>), Failure> {
        let missing = || Failure::invalid("nothing was recorded of what the request is made with");
        let intent = work.intent().ok_or_else(missing)?;
        // A job that is to be cancelled has no inputs any more, and needs none.
        let Native { inputs, warnings } = match work.inputs() {
            Value::Map(_) => self.listing.native(&work.input_map())?,
            _ => Native::default(),
        };
        Ok((self.call(work, intent, inputs), warnings))
    }

    /// The same of a call that has left. Without it nobody can tell what came of the job, which goes on all the same.
    pub(super) fn left(&self, work: &Work) -> Result<(Call, Vec<String>), Failure> {
        let unknown = |failure| Failure { class: Class::Unknown, billed: Known::Maybe, ..failure };
        self.recorded(work).map_err(unknown)
    }

    /// The request of a call that was recorded: to the byte what it was then.
    pub(super) fn request_of(&self, work: &Work, call: &Call) -> Result<Request, Failure> {
        let request = self.provider.submit(call)?;
        if work.intent().and_then(|intent| intent.body) == Some(request.body.digest()) {
            return Ok(request);
        }
        let message = "this version of Motet would send another request than the one that was recorded";
        Err(Failure::invalid(message))
    }

    fn call(&self, work: &Work, intent: &Intent, inputs: Map) -> Call {
        let timeouts = work.timeouts();
        let limits =
            Limits { connect_ms: timeouts.connect.0, request_ms: timeouts.request.0, ..Limits::default() };
        Call {
            model: self.listing.model.clone(),
            inputs,
            files: intent.uploads.clone(),
            token: intent.token.clone(),
            mark: mark_of(work.run(), work.step(), work.attempt()),
            credential: intent.credential.clone(),
            hook_url: intent.hook.clone(),
            stop_after: Some(motet_pipeline::Span(timeouts.queue.0.saturating_add(timeouts.job.0))),
            limits,
        }
    }
}

/// What `Motet-Attempt` says.
pub(super) fn mark_of(run: &RunId, step: &StepPath, attempt: u32) -> String {
    format!("{run}/{step}/{attempt}")
}

/// All artifacts in `inputs`, each once.
fn artifacts_of(inputs: &Map) -> Vec<Artifact> {
    let mut found = BTreeMap::new();
    for value in inputs.values() {
        value.for_each_artifact(&mut |artifact| _ = found.insert(artifact.digest, (**artifact).clone()));
    }
    found.into_values().collect()
}

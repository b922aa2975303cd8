//! The trait of a provider: how its models are asked, as pure functions of requests and replies.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Digest, Failure, Span, Timestamp, Usage};

use crate::answer::{Cancelled, Listed, News, SearchPage, Submitted, Uploaded};
use crate::catalogue::Entry;
use crate::hook::{Delivery, Hook, HookKey, HookKeys, HookRefused};
use crate::http::{Header, Limits, Reply, Request};
use crate::model::Model;
use crate::pace::Pace;

/// A provider. It is registered by its name, and there is no branch for it anywhere else.
///
/// All functions are pure and total: a reply may hold any bytes, and becomes news or a [`Failure`], never a panic.
/// None sends anything, and none decides whether something is sent again.
///
/// A call goes this way, with the parts in brackets where the provider has them:
/// [`upload`](Provider::upload) for each artifact, [`submit`](Provider::submit), then
/// [`poll`](Provider::poll) or [`read_hook`](Provider::read_hook) until the job has ended, then
/// [`fetch`](Provider::fetch) if the news is [`News::Ready`]. When nobody can tell whether `submit` arrived,
/// [`search`](Provider::search) asks.
pub trait Provider: Send + Sync + 'static {
    /// What holds for all of its models.
    fn profile(&self) -> &Profile;

    /// What makes `file` reachable for the provider before the call; `None` if it is sent within the call.
    fn upload(&self, _call: &Call, _file: &Artifact) -> Option<Request> {
        None
    }

    /// Where the uploaded file is.
    fn read_upload(&self, _call: &Call, _file: &Artifact, _reply: Reply) -> Result<Uploaded, Failure> {
        Err(Failure::invalid("this provider takes no uploads"))
    }

    /// The one request that may cost. It carries `Motet-Attempt`, and the call's token in whatever the provider shows
    /// again.
    ///
    /// # Errors
    /// `invalid`, where no request can be made of these inputs.
    fn submit(&self, call: &Call) -> Result<Request, Failure>;

    /// What came of it: a job, or the answer.
    ///
    /// # Errors
    /// A refusal in the provider's own shape with its class; `unknown` where the work may have been taken.
    fn read_submitted(&self, call: &Call, reply: Reply) -> Result<Submitted, Failure>;

    /// Whether the request of `call` means the same however often it is sent, so that one without a reply may be sent
    /// again.
    fn is_repeatable(&self, _call: &Call) -> bool {
        false
    }

    /// Asks how `job` is; `None` where every call is answered at once.
    fn poll(&self, _call: &Call, _job: &str) -> Option<Request> {
        None
    }

    /// How the job is.
    ///
    /// # Errors
    /// The question failed and tells nothing of the job: it is to be asked again. A job that failed is
    /// [`News::Failed`]. `gone` says that the provider doesn't know the job now; right after it was made that may
    /// change.
    fn read_poll(&self, _call: &Call, _job: &str, _reply: Reply) -> Result<News, Failure> {
        Err(Failure::invalid("this provider has no jobs"))
    }

    /// Asks for the answer of a job that is [`News::Ready`].
    fn fetch(&self, call: &Call, job: &str) -> Option<Request> {
        self.poll(call, job)
    }

    /// The answer. A job that failed may be known by this reply only.
    ///
    /// # Errors
    /// As for [`read_poll`](Provider::read_poll).
    fn read_fetched(&self, call: &Call, job: &str, reply: Reply) -> Result<News, Failure> {
        self.read_poll(call, job, reply)
    }

    /// Stops the job at the provider; `None` where that can't be done.
    fn cancel(&self, _call: &Call, _job: &str) -> Option<Request> {
        None
    }

    /// What came of it.
    ///
    /// # Errors
    /// The request failed and tells nothing of the job.
    fn read_cancelled(&self, _call: &Call, _job: &str, _reply: Reply) -> Result<Cancelled, Failure> {
        Ok(Cancelled::Impossible)
    }

    /// Asks for what the provider has taken since `since`, to find a call of which nobody can tell whether it arrived,
    /// or to read the state of many jobs at once. `page` is the [`SearchPage::next`] of the page before. `None` where
    /// the provider has no such list for this model.
    fn search(&self, _call: &Call, _since: Timestamp, _page: Option<&str>) -> Option<Request> {
        None
    }

    /// What a job has used so far by this reply to [`Provider::poll`], [`Provider::fetch`] or [`Provider::cancel`], where
    /// also what fails or is cancelled is billed by that.
    fn used(&self, _reply: &Reply) -> Usage {
        Usage::default()
    }

    /// From when on that list shows a call of this model. What is not in it before that proves nothing.
    fn listed(&self, _call: &Call) -> Listed {
        Listed::Taken
    }

    /// What the provider has taken, each with whether it can be this call.
    ///
    /// # Errors
    /// The question failed and tells nothing.
    fn read_search(&self, _call: &Call, _reply: Reply) -> Result<SearchPage, Failure> {
        Ok(SearchPage::default())
    }

    /// Whether `delivery` comes from the provider, by its signature over the raw bytes, and what it is about. Nothing
    /// of the body is read before.
    ///
    /// # Errors
    /// Why it is refused, and whether fresher keys may change that.
    fn verify_hook(
        &self,
        _delivery: Delivery,
        _keys: &HookKeys,
        _now: Timestamp,
    ) -> Result<Hook, HookRefused> {
        Err(HookRefused::Unsupported)
    }

    /// What a verified delivery says of the job of `call`.
    ///
    /// # Errors
    /// It tells nothing that can be used: the job is to be polled.
    fn read_hook(&self, _call: &Call, _hook: Hook) -> Result<News, Failure> {
        Err(Failure::invalid("this provider sends no webhooks"))
    }

    /// Asks for the keys that webhooks are signed with, by the credential `credential`; `None` where only the user can
    /// give them, or there are none.
    fn hook_keys(&self, _credential: &str) -> Option<Request> {
        None
    }

    /// The keys.
    ///
    /// # Errors
    /// The question failed.
    fn read_hook_keys(&self, _reply: Reply) -> Result<Vec<HookKey>, Failure> {
        Ok(Vec::new())
    }

    /// Asks for what the provider publishes of the model that it calls `id`: of its version `version`, or of the usual
    /// one. `None` where it publishes nothing from which a description can be made.
    fn describe(&self, _id: &str, _version: Option<&str>, _credential: &str) -> Option<Request> {
        None
    }

    /// The model, as the catalogue has it.
    ///
    /// # Errors
    /// The question failed, or what came describes no model that can be used.
    fn read_description(&self, _id: &str, _reply: Reply) -> Result<Entry, Failure> {
        Err(Failure::invalid("this provider publishes no descriptions of its models"))
    }

    /// What a reply tells of the limits of the credential.
    fn pace(&self, reply: &Reply) -> Pace {
        Pace::of(reply)
    }
}

/// What holds for all models of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its name: the first part of `uses`.
    pub name: String,
    /// Its base URLs by role, without a slash at the end. A request names a role, and the settings may put another
    /// place in for it.
    pub bases: BTreeMap<String, String>,
    /// The hosts that may be given its credentials, beside those of the base URLs. `*.example.com` stands for all
    /// hosts below `example.com`.
    pub credential_hosts: Vec<String>,
    /// The hosts that outputs are downloaded from, in the same form. Empty for any public host.
    pub output_hosts: Vec<String>,
    /// The names of its keys as its own SDK reads them, the usual one first.
    pub keys: Vec<String>,
    /// How long the provider keeps a finished job and what it made, at least. A search behind that proves nothing.
    pub retention: Option<Span>,
    /// Whether jobs may be reported by webhook.
    pub has_hooks: bool,
    /// Whether [`Provider::search`] lists the jobs of all models, each with how far it is: then many are asked for at once.
    pub lists_jobs: bool,
    /// The limits that it publishes.
    pub rates: Rates,
}

impl Profile {
    /// Whether `host` is on one of the lists of hosts above. Hosts are compared without regard to case, and a `*`
    /// stands for at least one label.
    ///
    /// ```
    /// use motet_providers::adapter::Profile;
    /// let list = ["api.example.com".to_owned(), "*.example.net".to_owned()];
    /// assert!(Profile::lists(&list, "API.example.com") && Profile::lists(&list, "a.b.example.net"));
    /// assert!(!Profile::lists(&list, "example.net") && !Profile::lists(&list, "evilexample.net"));
    /// ```
    pub fn lists(hosts: &[String], host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        hosts.iter().any(|listed| match listed.strip_prefix('*') {
            Some(below) => host.len() > below.len() && host.ends_with(below),
            None => *listed == host,
        })
    }
}

/// Limits that a provider publishes, for one credential. What replies say corrects them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Requests in a minute that make something.
    pub creates_per_minute: Option<u32>,
    /// All other requests in a minute.
    pub reads_per_minute: Option<u32>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
}

/// One call of a model: all that an adapter may know of it. It is frozen with the attempt, so that the same requests
/// come of it after a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The model.
    pub model: Arc<Model>,
    /// The model's own inputs. Media are artifacts.
    pub inputs: Map,
    /// Where the provider can read an artifact, for those that were uploaded. The bytes of all others are sent within
    /// the request.
    pub files: BTreeMap<Digest, String>,
    /// The correlation token: names this attempt, and can't be guessed. Letters, digits, `-` and `_`.
    pub token: String,
    /// What `Motet-Attempt` says: `<run>/<path>/<n>`.
    pub mark: String,
    /// The name of the credential that is used, such as `FAL_KEY`.
    pub credential: String,
    /// Where webhooks of this provider are awaited, without a query; the adapter adds the token. `None`: no webhook is
    /// asked for.
    pub hook_url: Option<String>,
    /// After so much time the provider is to stop the job by itself, where it can: the most that a job can cost of
    /// which nobody knows.
    pub stop_after: Option<Span>,
    /// The limits of the request that submits.
    pub limits: Limits,
}

impl Call {
    /// Where the webhook of this call is to be sent: the address with the token in its query.
    pub fn hook_address(&self) -> Option<String> {
        self.hook_url.as_ref().map(|url| format!("{url}?token={}", self.token))
    }

    /// The header that every request carries that may cost. Of the mark all that can't stand in a header is written as
    /// `%XX`, and so is `%`.
    pub fn attempt_header(&self) -> Header {
        let mut value = String::with_capacity(self.mark.len());
        for byte in self.mark.bytes() {
            match byte {
                b'!'..=b'~' if byte != b'%' => value.push(char::from(byte)),
                _ => value.push_str(&format!("%{byte:02X}")),
            }
        }
        Header::text("motet-attempt", value)
    }

    /// The native input `name`, if it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.inputs.get(name)?.as_str()
    }
}

//! What stands below the help of each command.

pub const BEGIN: &str = "Begin with:
  motet init film && cd film
  motet run film.yaml

Exit codes: 0 completed, 1 failed, 2 bad usage or check failed, 3 cancelled, 4 parked,
5 parked for money, 6 store, disk or tool failed, 130 interrupted (resumable).";

pub const CHECK: &str = "Examples:
  motet check film.yaml parts/*.yaml
  motet check --explain type";

pub const PLAN: &str = "Examples:
  motet plan film.yaml
  motet plan film.yaml --input prompt=\"a boat\"
  motet plan film.yaml --quote quote.json
  motet plan film.yaml --against 7Q2K --input voice=nova    what a fork would reuse
  motet plan film.yaml --mermaid > film.mmd";

pub const LOCK: &str = "Examples:
  motet lock film.yaml              writes motet.lock; keep it with the pipeline
  motet check film.yaml             warns of what has changed since
  motet lock film.yaml --update     records what is there now";

pub const RUN: &str = "Examples:
  motet run film.yaml
  motet run film.yaml --input prompt=\"a boat\" --input script=@script.txt
  motet run film.yaml --inputs inputs.json --out films --label team=film
  motet run film.yaml --budget 2.50
  motet run film.yaml --quote quote.json
  motet run film.yaml --json | jq -r 'select(.success) | .outputs'";

pub const RESOLVE: &str = "Examples:
  motet resolve 7Q2K still send
  motet resolve 7Q2K 'shots[2]/clip' job=gm3qorzdhgbfurvjtvhg6dckhu";

pub const RESUME: &str = "Examples:
  motet resume          all unfinished runs
  motet resume 7Q2K     the run whose id ends with 7Q2K
  motet resume 7Q2K --budget 5";

pub const RETRY: &str = "Examples:
  motet retry 7Q2K                      the steps and items that failed, and what depends on them
  motet retry 7Q2K --from 'shots[2]'    this item and what depends on it as well";

pub const FORK: &str = "Examples:
  motet fork 7Q2K --input voice=nova
  motet fork 7Q2K --pipeline film.yaml
  motet fork 7Q2K --fresh 'shots[2]/still'";

pub const DEAD: &str = "Examples:
  motet dead list --class throttled --newer-than 1d
  motet dead redrive --provider replicate --older-than 1h
  motet dead discard --pipeline draft --why \"nobody needs the drafts\"";

pub const GC: &str = "Examples:
  motet gc --older-than 30d --dry-run
  motet gc --older-than 30d --status completed,cancelled
  motet gc --keep-bytes 10GB --yes
  motet gc 7Q2K

Without a run or an option, only files that nothing uses any more are removed.
A run is never deleted while another run that continues from it is kept. A run
whose results the cache may still give is deleted only if it is named, or with --cached.";

pub const UNDO: &str = "Examples:
  motet undo 7Q2K                       what its steps say under `undo`, in reverse order
  motet undo 7Q2K --budget 0.50";

pub const RUNS: &str = "Examples:
  motet runs --status failed --limit 5
  motet runs --pipeline film --label team=film --json";

pub const SHOW: &str = "Examples:
  motet show
  motet show 7Q2K
  motet show 7Q2K --step 'shots[2]/still'
  motet show 7Q2K --items shots --status failed
  motet show 7Q2K --timeline";

pub const CANCEL: &str = "Examples:
  motet cancel 7Q2K
  motet cancel 7Q2K clip --reason 'too slow'
  motet cancel 7Q2K 'shots[k3]/still'

Jobs are cancelled at providers that can do that. Calls that may still be billed
are listed.";

pub const COSTS: &str = "Examples:
  motet costs
  motet costs 7Q2K --by model
  motet costs --by day --json";

pub const SIM: &str = "Examples:
  motet run film.yaml --sim                    with a simulator of its own
  motet sim --port 8700 --seed 7
  motet run film.yaml --sim=http://127.0.0.1:8700
  curl http://127.0.0.1:8700/_sim/ledger       what was charged";

pub const SERVE: &str = "Examples:
  motet serve                          listens on this machine alone
  motet serve --webhook-url https://motet.example
  motet serve --listen 0.0.0.0:8477 --json
  motet serve --sim                    with simulated providers

It resumes all unfinished runs, drives those that `motet run` starts in other
processes, and answers POST /hooks/PROVIDER and GET /healthz. Providers report
jobs if webhook.url in motet.toml, or --webhook-url, says where they reach it;
without that they are polled. One line on standard output says that it is ready.";

pub const TRUST: &str = "Examples:
  motet trust              show what the project here asks for, then ask
  motet trust films --yes
  motet trust --list
  motet trust --revoke films

A cloned project has no powers of its own. Programs that its motet.toml names,
folders outside of the project, and more processors than this machine has are
used only once they are trusted, and until the file changes. MOTET_TRUST=1
trusts every project for one command.";

pub const STORE: &str = "Examples:
  motet store backup /backups/monday";

pub const COMPLETIONS: &str = "Examples:
  motet completions bash > ~/.local/share/bash-completion/completions/motet
  motet completions fish > ~/.config/fish/completions/motet.fish";

pub const MODELS_ADD: &str = "Examples:
  motet models add nightmareai/real-esrgan
  motet models add fal-ai/flux/dev
What its schema can't say (its price, how long it takes) is listed, and can be written into the file.";

pub const SCHEMA: &str = "Examples:
  motet schema > motet.schema.json
Then, as the first line of a pipeline, for editors with the YAML language server:
  # yaml-language-server: $schema=motet.schema.json";

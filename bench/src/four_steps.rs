//! The pipeline that all engines are compared by: image → (video ∥ audio) → merge, with steps that do
//! nothing, or wait, and give 200 bytes.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use motet::language::Type;
use motet::language::contract::{Contract, Parameter, Work as Kind};
use motet::operation::{Operation, WorkError};
use motet::{Builder, Motet, Outcome, Pipeline, Task, Value, Work};

/// The text of the pipeline.
pub const TEXT: &str = r#"
motet: 1
name: four-steps
inputs: { n: integer }
steps:
  image: { uses: task/step, with: { from: "{{ inputs.n }}" } }
  video: { uses: task/step, with: { from: "{{ steps.image.result }}" } }
  audio: { uses: task/step, with: { from: "{{ steps.image.result }}" } }
  merge: { uses: task/step, with: { from: "{{ steps.video.result }}", also: "{{ steps.audio.result }}" } }
outputs: { result: "{{ steps.merge.result }}" }
"#;

/// Gives 200 bytes after a while.
struct Step {
    wait: Duration,
    result: Value,
}

impl Operation for Step {
    fn perform(&self, _work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let (wait, output) = (self.wait, Value::map([("result", self.result.clone())]));
        async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Ok(Outcome::of(output))
        }
        .boxed()
    }
}

/// A store in `folder` whose steps take `wait`.
pub async fn open(folder: &Path, wait: Duration) -> Motet {
    builder(folder, wait).open().await.expect("a fresh folder")
}

/// What such a store is made of, for more tasks to be added.
pub fn builder(folder: &Path, wait: Duration) -> Builder {
    let contract = Contract::new("task/step", Kind::Task)
        .summary("Gives 200 bytes.")
        .input(Parameter::required("from", Type::Any))
        .input(Parameter::optional("also", Type::Any))
        .output("result", Type::Text);
    let step = Step { wait, result: Value::from("r".repeat(200)) };
    let task = Task::with_contract(contract, step);
    Motet::builder().store(folder).add_task(task)
}

/// The checked pipeline.
pub fn pipeline(motet: &Motet) -> Pipeline {
    motet.load_text(TEXT).expect("the pipeline is good")
}

//! The graphs of plans: one a digest, for all runs of the plan, whether they are started or resumed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use motet_engine::Graph;
use motet_pipeline::Digest;

/// The graphs that some run or pipeline still holds.
#[derive(Debug, Default)]
pub(super) struct Graphs(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    graphs: HashMap<Digest, Weak<Graph>>,
    /// With so many entries, those that nobody holds any more are swept.
    sweep_at: usize,
}

/// So many entries are never worth a look.
const SWEEP_MIN: usize = 64;

impl Graphs {
    /// The graph of the plan with this digest, if somebody holds it.
    pub(super) fn get(&self, plan: &Digest) -> Option<Arc<Graph>> {
        self.table(|table| table.graphs.get(plan).and_then(Weak::upgrade))
    }

    /// The graph that all runs of the plan of `graph` share: this one, if there is none yet.
    pub(super) fn share(&self, graph: &Arc<Graph>) -> Arc<Graph> {
        let plan = graph.plan().digest;
        self.table(|table| {
            if let Some(shared) = table.graphs.get(&plan).and_then(Weak::upgrade) {
                return shared;
            }
            if table.graphs.len() >= table.sweep_at.max(SWEEP_MIN) {
                table.graphs.retain(|_, graph| graph.strong_count() > 0);
                table.sweep_at = 2 * table.graphs.len();
            }
            table.graphs.insert(plan, Arc::downgrade(graph));
            graph.clone()
        })
    }

    fn table<T>(&self, look: impl FnOnce(&mut Table) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use motet_pipeline::bundle::Bundle;
    use motet_pipeline::contract::Catalogue;

    use super::*;
    use crate::Pipeline;

    fn pipeline(name: usize) -> Pipeline {
        let text =
            format!("motet: 1\nname: n{name}\nsteps: {{ a: {{ uses: flow/fail, with: {{ message: m }} }} }}");
        let catalogue = Catalogue::new(motet_pipeline::builtin::contracts());
        Pipeline::from_bundle(Bundle::of_text("a.yaml", text), &catalogue).unwrap()
    }

    #[test]
    fn a_plan_has_one_graph_as_long_as_somebody_holds_it() {
        let graphs = Graphs::default();
        let (first, second) = (pipeline(1), pipeline(1));
        let shared = graphs.share(first.graph());
        assert!(Arc::ptr_eq(&shared, &graphs.share(second.graph())));
        let plan = first.plan().digest;
        assert!(Arc::ptr_eq(&shared, &graphs.get(&plan).unwrap()));
        drop((first, shared));
        assert!(graphs.get(&plan).is_none());
        assert!(Arc::ptr_eq(second.graph(), &graphs.share(second.graph())));
    }

    #[test]
    fn graphs_that_nobody_holds_leave_nothing_behind() {
        let graphs = Graphs::default();
        for name in 0..10 * SWEEP_MIN {
            graphs.share(pipeline(name).graph());
        }
        assert!(graphs.table(|table| table.graphs.len()) <= SWEEP_MIN);
    }
}

//! What the names of an expression stand for, at a step of a run.

use std::collections::BTreeMap;

use motet_pipeline::Value;
use motet_pipeline::expression::{Context, EvaluationError, StepView, Template};
use motet_pipeline::plan::{Body, Scope as PlanScope, StepRef};

use crate::node::{NodeId, StepStatus};
use crate::run::Run;

impl Run {
    /// Evaluates a template of the step `id` (or item).
    pub(crate) fn evaluate(&self, template: &Template, id: NodeId) -> Result<Value, EvaluationError> {
        match template.as_literal() {
            Some(value) => Ok(value.clone()),
            None => match self.undone_by(id) {
                // What undoes a step stands where that step stands.
                Some(undone) => self.evaluate_with_output(template, undone, &self.made_at(undone)),
                None => self.work_out(template, &self.context(template, self.scope_node(id), id)),
            },
        }
    }

    /// Evaluates a template that may also name `output`.
    pub(crate) fn evaluate_with_output(
        &self,
        template: &Template,
        id: NodeId,
        output: &Value,
    ) -> Result<Value, EvaluationError> {
        let mut context = self.context(template, self.scope_node(id), id);
        context.values.insert("output".into(), output.clone());
        self.work_out(template, &context)
    }

    /// Evaluates a template that stands inside the node `scope`, such as an output of a group.
    pub(crate) fn evaluate_inside(
        &self,
        template: &Template,
        scope: NodeId,
    ) -> Result<Value, EvaluationError> {
        self.work_out(template, &self.context(template, scope, scope))
    }

    /// Evaluates a template for each of `items`.
    pub(crate) fn evaluate_each(
        &self,
        template: &Template,
        id: NodeId,
        items: &[Value],
    ) -> Result<Vec<Value>, EvaluationError> {
        let (values, units) = template.evaluate_each(self.context_of(template, id), items);
        self.effort.add(units);
        values
    }

    /// Every evaluation counts for the turn.
    pub(crate) fn work_out(&self, template: &Template, context: &Context) -> Result<Value, EvaluationError> {
        let (value, units) = template.evaluate_counted(context);
        self.effort.add(units);
        value
    }

    /// What a template of the step `id` may name.
    pub(crate) fn context_of(&self, template: &Template, id: NodeId) -> Context {
        self.context(template, self.scope_node(id), id)
    }

    /// Only what the template refers to is put in.
    fn context(&self, template: &Template, scope: NodeId, id: NodeId) -> Context {
        let mut context = Context::default();
        for reference in template.references() {
            let Some(root) = reference.path.first() else { continue };
            match root.as_str() {
                "steps" => {
                    let Some(name) = reference.path.get(1) else { continue };
                    if let Some(step) = self.plan_scope(scope).names.get(name) {
                        context
                            .steps
                            .entry(name.clone())
                            .or_insert_with(|| self.view(self.resolve(scope, *step)));
                    }
                }
                "inputs" => {
                    context.values.entry("inputs".into()).or_insert_with(|| self.inputs_of(scope));
                }
                "run" => {
                    context.values.entry("run".into()).or_insert_with(|| self.run_value());
                }
                _ => {}
            }
        }
        self.add_items(&mut context.values, id);
        context
    }

    fn plan_scope(&self, scope: NodeId) -> &PlanScope {
        match self.node(scope).step {
            None => &self.graph.plan().root,
            Some(_) => self.graph.scope_inside(self.step_id(scope)).expect("a scope node has steps inside").0,
        }
    }

    /// The node of a step that is named from inside `scope`.
    pub(crate) fn resolve(&self, scope: NodeId, step: StepRef) -> NodeId {
        let mut around = scope;
        for _ in 0..step.up {
            around = self.scope_node(around);
        }
        let scope =
            self.node(around).scope.as_ref().expect("a step runs only while the scopes around it are open");
        scope.first.offset(step.index)
    }

    /// The same, if the scopes around are still there.
    pub(crate) fn find_awaited(&self, scope: NodeId, step: StepRef) -> Option<NodeId> {
        let around = (0..step.up).fold(scope, |around, _| self.scope_node(around));
        let scope = self.node(around).scope.as_ref()?;
        (step.index < scope.steps as usize).then(|| scope.first.offset(step.index))
    }

    fn view(&self, id: NodeId) -> StepView {
        let node = self.node(id);
        StepView {
            status: node.status.word(),
            error: node.failure.as_ref().map(|failure| (failure.class, failure.message.clone())),
            output: node.output.clone().filter(|_| node.status == StepStatus::Completed),
        }
    }

    /// The nearest inputs around: those of the file that the scope belongs to.
    fn inputs_of(&self, scope: NodeId) -> Value {
        let mut around = scope;
        loop {
            if let Some(inputs) = self.node(around).scope.as_ref().and_then(|scope| scope.inputs.clone()) {
                return inputs;
            }
            around = self.scope_node(around);
        }
    }

    fn run_value(&self) -> Value {
        let started = &self.started;
        let (root, at) = match &started.base {
            Some(base) => (&base.root, base.root_at),
            None => (&started.run, self.started_at),
        };
        let mut run = vec![
            ("id", Value::from(root.as_str())),
            ("user", started.user.as_deref().map_or(Value::Null, Value::from)),
            (
                "labels",
                Value::map(started.labels.iter().map(|(key, value)| (key.as_str(), value.as_str().into()))),
            ),
            ("started_at", Value::from(at.to_string())),
        ];
        if let Some(closing) = &self.closing {
            run.push(("status", closing.ending.word().into()));
            run.push(("errors", self.errors(&closing.ending)));
        }
        Value::map(run)
    }

    /// Adds the items of the fan-outs around `id`, the nearest winning. An inlined file doesn't see
    /// those around it.
    fn add_items(&self, values: &mut BTreeMap<String, Value>, id: NodeId) {
        let mut at = id;
        while at != NodeId::ROOT {
            let node = self.node(at);
            if let Some(index) = node.item {
                let step = self.graph.step(self.step_id(at));
                let each = self.node(node.parent).each.as_ref().expect("an item's parent is fanned out");
                if let Some(policy) = &step.each {
                    let item = each.items.value(index as usize);
                    values.entry(policy.item_name.clone()).or_insert_with(|| item.clone());
                    values.entry("index".into()).or_insert_with(|| Value::from(index));
                }
            }
            let around = self.scope_node(at);
            if around != NodeId::ROOT {
                let step = self.graph.step(self.step_id(around));
                if matches!(step.body, Body::Pipeline { .. }) {
                    return;
                }
            }
            at = around;
        }
    }
}

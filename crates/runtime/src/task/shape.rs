//! The shape of a type: what of a contract its schema tells, and how values pass through it.

use std::collections::BTreeMap;

use motet_pipeline::contract::Parameter;
use motet_pipeline::value::{BadJson, Map};
use motet_pipeline::{Class, Type, Value};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::TaskError;

/// Whether a type is taken or given: serde may write it in another way than it reads it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Taken,
    Given,
}

/// How a type stands as the inputs or outputs of an operation.
pub(super) struct Shape {
    schema: Json,
    form: Form,
    /// The names of its fields, for an object.
    names: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `()`: no parameters.
    Nothing,
    /// Its fields are the parameters.
    Object,
    /// It is the one parameter `value`.
    Single,
}

const VALUE: &str = "value";

impl Shape {
    pub(super) fn of<T: JsonSchema>(side: Side) -> Shape {
        let settings = SchemaSettings::draft2020_12();
        let settings = match side {
            Side::Taken => settings.for_deserialize(),
            Side::Given => settings.for_serialize(),
        };
        let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        let form = match Type::from_schema(&schema) {
            Type::Null => Form::Nothing,
            Type::Object { .. } => Form::Object,
            Type::OneOf(options) if options.iter().all(|option| matches!(option, Type::Object { .. })) => {
                Form::Object
            }
            _ => Form::Single,
        };
        let mut shape = Shape { schema, form, names: Vec::new() };
        if form == Form::Object {
            shape.names = shape.fields().into_keys().collect();
        }
        shape
    }

    /// The first line of what the type's documentation says.
    pub(super) fn description(&self) -> &str {
        let description = self.schema.get("description").and_then(Json::as_str);
        description.and_then(|text| text.lines().next()).unwrap_or_default()
    }

    /// Whether fields that have no name of their own may be there.
    pub(super) fn is_open(&self) -> bool {
        let more = |branch: &&Json| branch.get("additionalProperties").is_some_and(|more| *more != false);
        self.form == Form::Object && self.branches().iter().any(more)
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        match self.form {
            Form::Nothing => Vec::new(),
            Form::Single => {
                let ty = Type::from_schema(&self.schema);
                let parameter =
                    if ty.accepts(&Value::Null).is_ok() { Parameter::optional } else { Parameter::required };
                vec![self.limited(parameter(VALUE, ty), &[&self.schema])]
            }
            Form::Object => {
                let fields = self.fields().into_iter();
                fields.map(|(name, field)| self.limited(field.parameter(&name), &field.schemas)).collect()
            }
        }
    }

    pub(super) fn outputs(&self) -> BTreeMap<String, Type> {
        match self.form {
            Form::Nothing => BTreeMap::new(),
            Form::Single => BTreeMap::from([(VALUE.to_owned(), Type::from_schema(&self.schema))]),
            Form::Object => {
                self.fields().into_iter().map(|(name, field)| (name, field.given_type())).collect()
            }
        }
    }

    /// The objects that a value may be: one, or the variants of an enum.
    fn branches(&self) -> Vec<&Json> {
        fn collect<'s>(root: &'s Json, schema: &'s Json, found: &mut Vec<&'s Json>) {
            let schema = follow(root, schema);
            found.extend(schema.get("properties").or(schema.get("type")).map(|_| schema));
            for choice in ["oneOf", "anyOf"] {
                let options = schema.get(choice).and_then(Json::as_array);
                options.into_iter().flatten().for_each(|option| collect(root, option, found));
            }
        }
        let mut found = Vec::new();
        collect(&self.schema, &self.schema, &mut found);
        found
    }

    fn fields(&self) -> BTreeMap<String, Field<'_>> {
        let typed = Type::from_schema(&all_required(&self.schema));
        let branches = self.branches();
        let mut fields = BTreeMap::new();
        for branch in &branches {
            for (name, schema) in branch.get("properties").and_then(Json::as_object).into_iter().flatten() {
                let required = branches.iter().all(|branch| requires(branch, name));
                let ty = || typed.field(name).unwrap_or(Type::Any);
                let field = fields.entry(name.clone());
                field
                    .or_insert_with(|| Field { schemas: Vec::new(), ty: ty(), required })
                    .schemas
                    .push(schema);
            }
        }
        fields
    }

    /// Adds to `parameter` what its schema says besides the type.
    fn limited(&self, mut parameter: Parameter, schemas: &[&Json]) -> Parameter {
        let values: Option<Vec<_>> = schemas.iter().map(|schema| self.only_values(schema)).collect();
        parameter.one_of = values.unwrap_or_default().concat();
        let [schema] = schemas else { return parameter };
        let told = follow(&self.schema, schema);
        let number = |words: [&str; 3]| words.into_iter().find_map(|word| told.get(word)?.as_f64());
        parameter.min = number(["minimum", "minLength", "minItems"]);
        parameter.max = number(["maximum", "maxLength", "maxItems"]);
        let default = schema.get("default").filter(|default| !default.is_null());
        parameter.default = default.cloned().map(Value::from);
        let description = schema.get("description").or(told.get("description")).and_then(Json::as_str);
        parameter.description = description.unwrap_or_default().to_owned();
        parameter
    }

    /// The values of an enum; nothing if other values fit as well.
    fn only_values(&self, schema: &Json) -> Option<Vec<Value>> {
        let schema = follow(&self.schema, schema);
        if let Some(value) = schema.get("const") {
            return Some(vec![value.clone().into()]);
        }
        if let Some(values) = schema.get("enum").and_then(Json::as_array) {
            return Some(values.iter().cloned().map(Value::from).collect());
        }
        if schema.get("type").is_some_and(|word| word == "null") {
            return Some(vec![Value::Null]);
        }
        let options = schema.get("oneOf").or(schema.get("anyOf"))?.as_array()?;
        let values: Option<Vec<_>> = options.iter().map(|option| self.only_values(option)).collect();
        Some(values?.concat())
    }

    /// Reads the resolved inputs of an attempt.
    pub(super) fn read<T: DeserializeOwned>(&self, inputs: &Value) -> Result<T, TaskError> {
        let taken = match self.form {
            Form::Nothing => &Value::Null,
            Form::Object => inputs,
            Form::Single => inputs.get(VALUE).unwrap_or(&Value::Null),
        };
        serde_path_to_error::deserialize(taken.reader()).map_err(|error| {
            let place = match (self.form, error.path().to_string()) {
                (Form::Single, path) if path == "." => VALUE.to_owned(),
                (Form::Single, path) if path.starts_with('[') => format!("{VALUE}{path}"),
                (Form::Single, path) => format!("{VALUE}.{path}"),
                (_, path) => path,
            };
            let reason = error.into_inner();
            let message = match place.as_str() {
                "." => format!("the input can't be read: {reason}"),
                place => format!("the input `{place}` can't be read: {reason}"),
            };
            TaskError::new(Class::Invalid, message)
        })
    }

    /// What an attempt gives, as a map that has all that the contract names.
    pub(super) fn write<T: Serialize>(&self, output: &T) -> Result<Map, TaskError> {
        let written = Value::of(output).map_err(unwritten)?;
        let mut entries = match (self.form, written) {
            (Form::Nothing, _) => Map::new(),
            (Form::Single, value) => Map::from([(VALUE.to_owned(), value)]),
            (Form::Object, Value::Map(entries)) => std::sync::Arc::unwrap_or_clone(entries),
            (Form::Object, other) => {
                let found = other.kind_word();
                let message = format!("the output is an object by its schema, and is {found} as written");
                return Err(TaskError::new(Class::BadOutput, message));
            }
        };
        for name in &self.names {
            if !entries.contains_key(name) {
                entries.insert(name.clone(), Value::Null);
            }
        }
        Ok(entries)
    }
}

/// What a task gave can't be written down.
fn unwritten(bad: BadJson) -> TaskError {
    let class = match bad {
        BadJson::NoJson(_) => Class::BadOutput,
        BadJson::Excess { .. } => Class::TooLarge,
    };
    TaskError::new(class, format!("the output can't be written as JSON: {bad}"))
}

/// One field of an object type.
struct Field<'s> {
    /// What each of the objects says of it; never empty.
    schemas: Vec<&'s Json>,
    ty: Type,
    required: bool,
}

impl Field<'_> {
    fn parameter(&self, name: &str) -> Parameter {
        match self.required {
            true => Parameter::required(name, self.ty.clone()),
            false => Parameter::optional(name, self.ty.clone()),
        }
    }

    fn given_type(self) -> Type {
        if self.required { self.ty } else { Type::one_of([self.ty, Type::Null]) }
    }
}

fn requires(branch: &Json, name: &str) -> bool {
    let names = branch.get("required").and_then(Json::as_array);
    names.is_some_and(|names| names.iter().any(|required| required == name))
}

/// What `schema` refers to, or itself.
fn follow<'s>(root: &'s Json, schema: &'s Json) -> &'s Json {
    let reference = schema.get("$ref").and_then(Json::as_str);
    let target = reference.and_then(|reference| root.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(schema)
}

/// The schema with every field of the outermost objects required, so that their types don't say
/// "or null" for what may only be left out.
fn all_required(schema: &Json) -> Json {
    let mut schema = schema.clone();
    if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
        schema["required"] = properties.keys().cloned().collect();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(Json::Array(options)) = schema.get_mut(choice) {
            options.iter_mut().for_each(|option| *option = all_required(option));
        }
    }
    schema
}

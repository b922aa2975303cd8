use proptest::prelude::*;

use super::super::{filters, predicates};
use super::context;
use crate::expression::{Template, TypeScope};
use crate::value::Compared;
use crate::{Type, Value};

const LEAVES: [&str; 36] = [
    "inputs.prompt",
    "inputs.seconds",
    "inputs.rate",
    "inputs.big",
    "inputs.huge",
    "inputs.tags",
    "inputs.deep",
    "inputs.deep.list",
    "inputs.nothing",
    "inputs.empty",
    "inputs.pairs",
    "inputs.missing",
    "inputs.json",
    "inputs.nope",
    "inputs",
    "item",
    "index",
    "steps.still",
    "steps.still.image",
    "steps.still.image.width",
    "steps.still.image.height",
    "steps.still.items",
    "steps.music.audio",
    "steps.voice.error",
    "steps.voice.status",
    "steps.nope",
    "0",
    "1",
    "-3",
    "2.5",
    "1e300",
    "9007199254740993",
    "'ä b'",
    "''",
    "none",
    "true",
];

const OPERATORS: [&str; 19] = [
    "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or",
    "if",
];

/// Expressions that the grammar allows, sensible or not.
fn arb_expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES.to_vec()).prop_map(str::to_owned);
    let filters: Vec<_> = filters::names().collect();
    let tests: Vec<_> = predicates::names().collect();
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let arguments = prop::collection::vec(inner.clone(), 0..3).prop_map(|arguments| arguments.join(", "));
        prop_oneof![
            (inner.clone(), prop::sample::select(OPERATORS.to_vec()), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(then, test, otherwise)| format!("({then} if {test} else {otherwise})")),
            (inner.clone(), prop::sample::select(filters.clone()), arguments.clone())
                .prop_map(|(input, filter, arguments)| format!("({input}) | {filter}({arguments})")),
            (inner.clone(), prop::sample::select(filters.clone()))
                .prop_map(|(input, filter)| format!("({input}) | {filter}")),
            (inner.clone(), prop::sample::select(filters.clone()))
                .prop_map(|(input, filter)| format!("({input}) | map('{filter}')")),
            (inner.clone(), prop::sample::select(tests.clone()), arguments.clone())
                .prop_map(|(input, test, arguments)| format!("(({input}) is {test}({arguments}))")),
            (inner.clone(), prop::sample::select(tests.clone()))
                .prop_map(|(input, test)| format!("({input}) | select('{test}')")),
            (inner.clone(), inner.clone()).prop_map(|(of, key)| format!("({of})[{key}]")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(of, start, step)| format!("({of})[{start}::{step}]")),
            (inner.clone(), "url|a|width|length").prop_map(|(of, name)| format!("({of}).{name}")),
            inner.clone().prop_map(|of| format!("(not {of})")),
            inner.clone().prop_map(|of| format!("(-({of}))")),
            arguments.clone().prop_map(|items| format!("[{items}]")),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| format!("{{{key}: {value}}}")),
            arguments.prop_map(|arguments| format!("range({arguments})")),
        ]
    })
}

fn arb_template() -> impl Strategy<Value = String> {
    prop_oneof![
        arb_expression().prop_map(|expression| format!("{{{{ {expression} }}}}")),
        (arb_expression(), arb_expression()).prop_map(|(a, b)| format!("a {{{{ {a} }}}} b {{{{ {b} }}}}")),
        (arb_expression(), arb_expression(), arb_expression()).prop_map(|(list, test, printed)| format!(
            "{{% for x in {list} if {test} %}}{{{{ x ~ {printed} }}}}{{{{ loop.index }}}}{{% else %}}none{{% endfor %}}"
        )),
        (arb_expression(), arb_expression()).prop_map(|(value, test)| format!(
            "{{% set x, y = {value} %}}{{% if {test} %}}{{{{ x }}}}{{% else %}}{{{{ y }}}}{{% endif %}}"
        )),
    ]
}

/// Texts that are hardly templates at all.
fn arb_nonsense() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "raw", "endraw", "for", "in", "if", "else",
            "endif", "endfor", "set", "with", "steps", ".", "|", "(", ")", "[", "]", "{", "}", "'", "\"",
            "\\", "\\u{", "1", "0x", "1e", "**", "~", ",", ":", "=", "not", "is", "import", "block", "call",
            "macro", "do", "é", "\n", " ",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Numbers that are, or nearly are, the same in another form.
fn arb_number() -> impl Strategy<Value = Value> {
    const CLOSE: [i128; 9] = [0, 2, 100, 1 << 53, 1 << 62, 1 << 63, 1 << 64, -(1 << 53), -(1 << 63)];
    let close = (prop::sample::select(CLOSE.to_vec()), -2..=2_i128).prop_map(|(to, by)| to + by);
    let whole =
        |number: i128| i64::try_from(number).map(Value::from).or(u64::try_from(number).map(Value::from));
    prop_oneof![
        close.clone().prop_map(move |number| whole(number).unwrap_or(Value::from(number as f64))),
        close.prop_map(|number| Value::from(number as f64)),
        prop::sample::select(vec![-0.0, 0.5, 2.5, 1e2, 1e300, -1e300, f64::MIN_POSITIVE])
            .prop_map(Value::from),
    ]
}

fn arb_value_of_numbers() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![8 => arb_number(), 1 => Just(Value::from("2")), 1 => Just(Value::from(true))];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Value::list),
            inner.clone().prop_map(|value| Value::map([("$absent", value)])),
            inner.prop_map(|value| Value::map([("n", value)])),
        ]
    })
}

fn types_of_context() -> TypeScope {
    let context = context();
    let values = context.values.iter().map(|(name, value)| (name.clone(), Type::of(value)));
    let steps = context
        .steps
        .iter()
        .map(|(name, view)| (name.clone(), view.output.as_ref().map_or(Type::Any, Type::of)));
    TypeScope { values: values.collect(), steps: steps.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_an_expression_calls_equal_has_the_same_bytes_for_digests(
        one in arb_value_of_numbers(),
        other in arb_value_of_numbers(),
    ) {
        let mut context = context();
        let written = [&one, &other].map(|value| serde_json::to_string(&Compared(value)).unwrap());
        context.values.insert("item".into(), one);
        context.values.insert("index".into(), other);
        let equal = Template::text("{{ item == index }}").unwrap().evaluate(&context).unwrap();
        prop_assert_eq!(equal.as_bool().unwrap(), written[0] == written[1], "{:?}", written);
    }

    #[test]
    fn any_template_gives_the_same_value_twice_and_one_of_its_type(source in arb_template()) {
        let Ok(template) = Template::text(&source) else { return Ok(()) };
        let first = template.evaluate(&context());
        prop_assert_eq!(&first, &template.evaluate(&context()));
        let (ty, _) = template.infer(&types_of_context());
        if let Ok(value) = first && !value.is_absent() {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            // Types don't say what may be absent, and an absent entry is dropped from its object.
            let misfit = ty.accepts(&value).err().filter(|message| !message.contains("is missing"));
            prop_assert_eq!(misfit, None, "{} is {}", text, ty);
        }
    }

    #[test]
    fn nonsense_is_refused_or_works_but_never_panics(source in arb_nonsense()) {
        match Template::text(&source) {
            Ok(template) => {
                let _ = template.evaluate(&context());
                let _ = template.infer(&types_of_context());
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    prop_assert!(source.get(fault.span).is_some());
                }
            }
        }
    }
}

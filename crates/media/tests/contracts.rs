//! The contracts: what `plan`, `check` and the documentation show of each operation.

use motet_media::{contracts, plan};
use motet_pipeline::contract::{Parameter, Work};
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Class, Digest, Failure, MediaKind, Value};
use proptest::prelude::*;

fn drawn(parameter: &Parameter) -> String {
    let mut text = format!("  {}: {}", parameter.name, parameter.ty);
    if let Some(default) = &parameter.default {
        text += &format!(" = {}", default.to_json());
    } else if parameter.required {
        text += " (required)";
    }
    if let (Some(min), Some(max)) = (parameter.min, parameter.max) {
        text += &format!(" [{min}, {max}]");
    }
    if !parameter.one_of.is_empty() {
        let words: Vec<_> = parameter.one_of.iter().filter_map(Value::as_str).collect();
        text += &format!(" {{{}}}", words.join("|"));
    }
    text + "\n    " + &parameter.description
}

#[test]
fn every_operation_says_what_it_takes_and_gives() {
    let text: Vec<_> = contracts()
        .iter()
        .map(|contract| {
            let inputs: Vec<_> = contract.inputs.iter().map(drawn).collect();
            let outputs: Vec<_> =
                contract.outputs.iter().map(|(name, ty)| format!("  > {name}: {ty}")).collect();
            format!(
                "{}: {}\n{}\n{}\n",
                contract.operation,
                contract.summary,
                inputs.join("\n"),
                outputs.join("\n")
            )
        })
        .collect();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(text.join("\n")) });
}

#[test]
fn every_parameter_is_described_and_its_default_fits() {
    for contract in contracts() {
        assert_eq!(contract.work, Work::Processor);
        for parameter in &contract.inputs {
            let name = format!("{} {}", contract.operation, parameter.name);
            assert!(parameter.description.ends_with('.'), "{name}: {:?}", parameter.description);
            assert!(!(parameter.required && parameter.default.is_some()), "{name}");
            let Some(default) = &parameter.default else { continue };
            assert!(parameter.one_of.is_empty() || parameter.one_of.contains(default), "{name}");
            if let Some(number) = default.as_f64() {
                assert!(parameter.min.is_none_or(|min| min <= number), "{name}");
                assert!(parameter.max.is_none_or(|max| number <= max), "{name}");
            }
        }
    }
}

fn media() -> impl Strategy<Value = Value> {
    let kinds =
        prop::sample::select(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::File]);
    let side = || prop::option::of(prop::sample::select(vec![0, 1, 2, 15, 16, 333, 1080, 9000, u32::MAX]));
    let length =
        prop::option::of(prop::sample::select(vec![-1.0, 0.0, 0.0001, 0.04, 3.3, 90_000.0, 1e300, f64::NAN]));
    let rate = prop::option::of(prop::sample::select(vec![0.0, 0.01, 23.976, 1e6, f64::INFINITY]));
    let rest = (prop::option::of(any::<bool>()), prop::sample::select(vec![0, 1, u64::MAX]));
    (kinds, side(), side(), length, rate, rest).prop_map(
        |(kind, width, height, duration, fps, (has_audio, bytes))| {
            let mime = match kind {
                MediaKind::Image => "image/png",
                MediaKind::Video => "video/mp4",
                MediaKind::Audio => "audio/wav",
                MediaKind::File => "-i /etc/passwd",
            };
            let digest = Digest::of(format!("{kind}{width:?}{duration:?}").as_bytes());
            Value::from(Artifact {
                digest,
                kind,
                mime: mime.into(),
                bytes,
                width,
                height,
                duration,
                fps,
                has_audio,
            })
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let number =
        prop::sample::select(vec![-1e300, -1.0, 0.0, 1e-9, 0.5, 1.0, 2.0, 3.7, 16.0, 640.0, 1e5, 1e300]);
    let words = [
        "fade",
        "cover",
        "zoom-in",
        "none",
        "16:9",
        "1:0",
        "NaN:1",
        "#fff",
        "boxed",
        "shortest",
        "mp3",
        "'],;[\\{x}\n",
        "",
    ];
    let leaf = prop_oneof![
        4 => media(),
        3 => number.prop_map(Value::from),
        3 => prop::sample::select(words.to_vec()).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(Value::Absent),
    ];
    leaf.prop_recursive(2, 12, 5, |inner| {
        let keys = ["media", "audio", "start", "duration", "volume", "offset", "fade_in", "word", "end"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::list),
            prop::collection::btree_map(prop::sample::select(keys.to_vec()), inner, 0..5)
                .prop_map(Value::map),
        ]
    })
}

fn request() -> impl Strategy<Value = (String, Map)> {
    prop::sample::select(contracts()).prop_flat_map(|contract| {
        let given: Vec<_> = contract
            .inputs
            .iter()
            .map(|parameter| {
                let name = parameter.name.clone();
                let wanted = if parameter.required { 0.99 } else { 0.3 };
                prop::option::weighted(wanted, value()).prop_map(move |value| Some((name.clone(), value?)))
            })
            .collect();
        given.prop_map(move |given| (contract.operation.clone(), given.into_iter().flatten().collect()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked for: a recipe whose arguments are all ours, or a refusal; never a panic.
    #[test]
    fn no_input_breaks_the_planner((operation, inputs) in request()) {
        match plan(&operation, &inputs, &motet_media::tracks::Known::new()) {
            Err(Failure { class, message, .. }) => {
                prop_assert!(matches!(class, Class::Invalid | Class::TooLarge));
                prop_assert!(message.chars().count() < 400 && !message.contains('\n'), "{message}");
            }
            Ok(recipe) => {
                let arguments = recipe.calls.iter().flat_map(|call| &call.arguments);
                for argument in arguments.filter(|argument| *argument != "info") {
                    for odd in ["NaN", "inf", "passwd", "{x}"] {
                        prop_assert!(!argument.contains(odd), "{argument}");
                    }
                }
                for (name, _) in &recipe.inputs {
                    prop_assert!(name.starts_with("in") && !name.contains('/'), "{name}");
                }
            }
        }
    }
}

use proptest::prelude::*;

use super::*;
use crate::contract::{Parameter, Work};
use crate::value::Map;
use crate::{Artifact, Digest, MediaKind, Span, Type};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn range(low: u64, likely: u64, high: u64) -> Range {
    Range::new(Amount::whole(low), Amount::whole(likely), Amount::whole(high))
}

fn rate(unit: Unit, per: u64, usd: &str, when: &str) -> Rate {
    let when = if when.is_empty() { Vec::new() } else { Condition::read_all(when).unwrap() };
    Rate { when, ..Rate::new(unit, per, usd.parse().unwrap()) }
}

fn number_of(inputs: &[&str], otherwise: Range) -> Factor {
    let from = inputs.iter().map(|input| Source::of(input, Measure::Number)).collect();
    Factor { from, otherwise, rounded_up: false, rough: false }
}

/// A model that makes video, as some are billed: by seconds, and dearer the sharper.
fn video() -> Contract {
    let price = Price {
        rates: vec![
            rate(Unit::OutputVideoSecond, 1, "0.03", "resolution = 480p"),
            rate(Unit::OutputVideoSecond, 1, "0.06", "resolution = 720p"),
            rate(Unit::OutputVideoSecond, 1, "0.15", "resolution = 1080p"),
        ],
        quantities: BTreeMap::new(),
    };
    Contract::new("example/video", Work::Model)
        .input(Parameter::optional("duration", Type::Number).range(2.0, 12.0).default(5_i64))
        .input(
            Parameter::optional("resolution", Type::Text).one_of(["480p", "720p", "1080p"]).default("1080p"),
        )
        .priced(price.counted(Unit::OutputVideoSecond, vec![number_of(&["duration"], range(2, 5, 12))]))
}

fn map(json: &str) -> Map {
    crate::value::journal::read(json).unwrap().as_map().unwrap().clone()
}

fn estimate(contract: &Contract, given: &str, unknown: &[&str]) -> Result<Estimate, Unpriced> {
    let unknown = unknown.iter().map(|name| (*name).to_owned()).collect();
    contract.estimate(&Facts { contract, given: &map(given), unknown: &unknown, job: None })
}

fn dollars(contract: &Contract, given: &str, unknown: &[&str]) -> String {
    match estimate(contract, given, unknown) {
        Ok(Estimate { low, likely, high, assumed }) => {
            format!("{low} {likely} {high}{}", if assumed { " assumed" } else { "" })
        }
        Err(unpriced) => unpriced.to_string(),
    }
}

#[test]
fn what_is_not_known_yet_widens_an_estimate() {
    let table: [(&str, &[&str], &str); 7] = [
        (r#"{"duration":5,"resolution":"480p"}"#, &[], "0.15 0.15 0.15"),
        (r#"{}"#, &[], "0.75 0.75 0.75"),
        (r#"{"resolution":"480p"}"#, &["duration"], "0.06 0.15 0.36"),
        (r#"{"duration":10}"#, &["resolution"], "0.3 0.6 1.5"),
        (r#"{}"#, &["resolution", "duration"], "0.06 0.3 1.8"),
        (r#"{"duration":{"$absent":true}}"#, &[], "0.75 0.75 0.75"),
        (r#"{"resolution":"4k"}"#, &[], "the price book has no price for `resolution` = 4k"),
    ];
    for (given, unknown, expected) in table {
        assert_eq!(dollars(&video(), given, unknown), expected, "{given} {unknown:?}");
    }
}

#[test]
fn a_condition_goes_before_the_rate_without_one() {
    let price = Price {
        rates: vec![
            rate(Unit::OutputVideoSecond, 1, "0.4", ""),
            rate(Unit::OutputVideoSecond, 1, "0.2", "generate_audio = false"),
        ],
        quantities: BTreeMap::new(),
    };
    let sound = Parameter::optional("generate_audio", Type::Boolean).default(true);
    let contract = Contract::new("example/film", Work::Model).input(sound).priced(price);
    for (given, unknown, expected) in [
        ("{}", &[][..], "0.4 0.4 0.4"),
        (r#"{"generate_audio":false}"#, &[], "0.2 0.2 0.2"),
        ("{}", &["generate_audio"], "0.2 0.4 0.4"),
    ] {
        assert_eq!(dollars(&contract, given, unknown), expected, "{given} {unknown:?}");
    }
}

#[test]
fn a_text_is_billed_by_its_unicode_characters() {
    let text = Factor {
        from: vec![Source::of("text", Measure::Characters)],
        otherwise: range(1, 500, 5000),
        rounded_up: false,
        rough: false,
    };
    let price =
        Price::of(rate(Unit::InputCharacter, 1000, "0.3", "")).counted(Unit::InputCharacter, vec![text]);
    let contract = Contract::new("example/voice", Work::Model)
        .input(Parameter { max: Some(10_000.0), ..Parameter::required("text", Type::Text) })
        .priced(price);
    for (given, unknown, expected) in [
        (r#"{"text":"abc"}"#, &[][..], "0.0009 0.0009 0.0009"),
        ("{\"text\":\"🎬e\u{301}\"}", &[], "0.0009 0.0009 0.0009"),
        ("{}", &["text"], "0.0003 0.15 3"),
    ] {
        assert_eq!(dollars(&contract, given, unknown), expected, "{given}");
    }
}

#[test]
fn the_length_of_media_is_billed_and_until_it_is_there_assumed() {
    let price = Price::of(rate(Unit::InputAudioSecond, 3600, "0.22", "")).counted(
        Unit::InputAudioSecond,
        vec![Factor {
            from: vec![Source::of("audio", Measure::Seconds)],
            otherwise: Range { assumed: true, ..range(1, 60, 3600) },
            rounded_up: false,
            rough: false,
        }],
    );
    let contract = Contract::new("example/ear", Work::Model)
        .input(Parameter::required("audio", Type::media(MediaKind::Audio)))
        .priced(price);
    assert_eq!(dollars(&contract, "{}", &["audio"]), "0.000061111111 0.003666666667 0.22 assumed");
    let recording = Artifact {
        digest: Digest::from_bytes([7; 32]),
        kind: MediaKind::Audio,
        mime: "audio/wav".to_owned(),
        bytes: 1,
        width: None,
        height: None,
        duration: Some(1800.0),
        fps: None,
        has_audio: None,
    };
    let given: Map = [("audio".to_owned(), Value::from(recording))].into();
    let facts = Facts { contract: &contract, given: &given, unknown: &BTreeSet::new(), job: None };
    assert_eq!(contract.estimate(&facts), Ok(Estimate::exactly("0.11".parse().unwrap())));
}

#[test]
fn pictures_are_billed_by_their_pixels_however_their_size_is_given() {
    let names = [("square_hd", 1024 * 1024_u64), ("landscape_4_3", 1024 * 768)];
    let size = Source {
        table: names.iter().map(|(name, pixels)| ((*name).to_owned(), Amount::whole(*pixels))).collect(),
        ..Source::of("image_size", Measure::Number)
    };
    let sides = Source { by: Some("height".to_owned()), ..Source::of("width", Measure::Number) };
    let per_megapixel = |source: Source| Source { per: 1 << 20, ..source };
    let megapixels = Factor {
        from: vec![per_megapixel(sides), per_megapixel(size)],
        otherwise: range(1, 1, 4),
        rounded_up: true,
        rough: false,
    };
    let count = number_of(&["count"], Range::exactly(Amount::ONE));
    let price = Price::of(rate(Unit::ImageMegapixel, 1, "0.003", ""))
        .counted(Unit::ImageMegapixel, vec![count, megapixels]);
    let contract = Contract::new("example/painter", Work::Model)
        .input(Parameter::optional("image_size", Type::Any).default("landscape_4_3"))
        .input(Parameter::optional("width", Type::Integer).stands_for("image_size"))
        .input(Parameter::optional("height", Type::Integer).stands_for("image_size"))
        .input(Parameter::optional("count", Type::Integer).range(1.0, 4.0).default(1_i64))
        .priced(price);
    for (given, unknown, expected) in [
        (r#"{}"#, &[][..], "0.003 0.003 0.003"),
        (r#"{"image_size":"square_hd","count":4}"#, &[], "0.012 0.012 0.012"),
        (r#"{"image_size":{"width":2048,"height":1025}}"#, &[], "0.009 0.009 0.009"),
        (r#"{"width":2048,"height":1025}"#, &[], "0.009 0.009 0.009"),
        (r#"{"height":1025}"#, &["width"], "0.003 0.003 0.012"),
        (r#"{}"#, &["count"], "0.003 0.003 0.012"),
    ] {
        assert_eq!(dollars(&contract, given, unknown), expected, "{given} {unknown:?}");
    }
}

#[test]
fn time_at_a_provider_is_reserved_three_times_or_as_long_as_the_job_may_run() {
    let time = Rate { typical: Some(amount("6.4")), ..rate(Unit::GpuSecond, 1, "0.000975", "") };
    let contract = Contract::new("example/time", Work::Model).priced(Price::of(time));
    let (given, unknown) = (Map::new(), BTreeSet::new());
    let reserved = |job: Option<Span>| {
        contract.estimate(&Facts { contract: &contract, given: &given, unknown: &unknown, job }).unwrap()
    };
    let Estimate { low, likely, high, assumed } = reserved(None);
    assert_eq!([low, likely, high].map(|amount| amount.to_string()), ["0.00312", "0.00624", "0.01872"]);
    assert!(!assumed, "the job is cancelled there");
    assert_eq!(reserved(Some(Span::seconds(10))).high.to_string(), "0.00975");
    assert_eq!(
        reserved(Some(Span::seconds(4))).likely.to_string(),
        "0.0039",
        "it can't take longer than it may"
    );
    assert_eq!(reserved(Some(Span::seconds(3600))).high, high);
}

#[test]
fn a_call_costs_what_it_used_or_what_follows_from_its_inputs() {
    let used = |pairs: &[(&str, f64)]| {
        let mut usage = Usage::default();
        pairs.iter().for_each(|(unit, amount)| usage.add(unit, *amount));
        usage
    };
    let cost = |contract: &Contract, given: &str, usage: &[(&str, f64)]| {
        let given = map(given);
        let facts = Facts { contract, given: &given, unknown: &BTreeSet::new(), job: None };
        let price = contract.price.as_ref().unwrap();
        price
            .cost(&facts, &used(usage))
            .map(|cost| cost.amount.to_string())
            .map_err(|unpriced| unpriced.reason)
    };
    let time = Rate { typical: Some(amount("6.4")), ..rate(Unit::GpuSecond, 1, "0.000975", "") };
    let time = Contract::new("example/time", Work::Model).priced(Price::of(time));
    let tokens = Contract::new("example/tokens", Work::Model).priced(Price {
        rates: vec![
            rate(Unit::InputToken, 1_000_000, "0.65", ""),
            rate(Unit::OutputToken, 1_000_000, "2.75", ""),
            Rate { estimate_only: true, ..rate(Unit::Image, 1, "0.039", "") },
        ],
        quantities: BTreeMap::new(),
    });
    let untold = "the provider didn't tell how much it used (`gpu_second`)";
    type Case<'c> = (&'c Contract, &'c str, &'c [(&'c str, f64)], Result<&'c str, &'c str>);
    let table: [Case<'_>; 10] = [
        (&video(), r#"{"duration":5,"resolution":"720p"}"#, &[], Ok("0.3")),
        (&video(), r#"{"duration":5,"resolution":"720p"}"#, &[("output_video_second", 5.2)], Ok("0.312")),
        (&time, "{}", &[("gpu_second", 7.321)], Ok("0.007137975")),
        (&time, "{}", &[("predict_seconds", 2.0)], Ok("0.00195")),
        (&time, "{}", &[("billable_units", 10.0)], Ok("0.00975")),
        (&time, "{}", &[("billable_units", 10_000.0)], Err(untold)),
        (&time, "{}", &[], Err(untold)),
        (&tokens, "{}", &[("input_token", 1234.0), ("output_token", 567.0)], Ok("0.00236135")),
        // One image is what an image costs, though that is only an estimate: better than nothing told.
        (&Contract { price: Some(only_estimated()), ..tokens.clone() }, "{}", &[], Ok("0.039")),
        (&video(), r#"{"resolution":"8k"}"#, &[], Err("the price book has no price for `resolution` = 8k")),
    ];
    for (contract, given, usage, expected) in table {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(cost(contract, given, usage), expected, "{} {given} {usage:?}", contract.operation);
    }
    let facts_of_nothing = Map::new();
    let facts = Facts { contract: &time, given: &facts_of_nothing, unknown: &BTreeSet::new(), job: None };
    let computed = time.price.as_ref().unwrap().cost(&facts, &used(&[("gpu_second", 1.0)])).unwrap();
    assert_eq!(computed.basis, crate::money::Basis::Computed);
}

fn only_estimated() -> Price {
    let time = rate(Unit::GpuSecond, 1, "0.001", "");
    Price {
        rates: vec![time, Rate { estimate_only: true, ..rate(Unit::Image, 1, "0.039", "") }],
        ..Price::default()
    }
}

#[test]
fn an_estimate_takes_what_is_there_for_estimates_and_never_both() {
    let contract = Contract::new("example/tokens", Work::Model).priced(only_estimated());
    assert_eq!(dollars(&contract, "{}", &[]), "0.039 0.039 0.039");
}

#[test]
fn a_measure_decides_where_the_request_could_not() {
    let contract = Contract::new("example/upscale", Work::Model).priced(Price {
        rates: vec![
            rate(Unit::OutputVideoSecond, 1, "0.01", ""),
            rate(Unit::OutputVideoSecond, 1, "0.08", "output height > 1080"),
        ],
        quantities: BTreeMap::new(),
    });
    assert_eq!(dollars(&contract, "{}", &[]), "0.01 0.08 0.08");
    let (given, unknown) = (Map::new(), BTreeSet::new());
    let facts = Facts { contract: &contract, given: &given, unknown: &unknown, job: None };
    for (height, expected) in [(720.0, "0.1"), (2160.0, "0.8")] {
        let mut usage = Usage::default();
        usage.add("output_video_second", 10.0);
        usage.add("output_height", height);
        let cost = contract.price.as_ref().unwrap().cost(&facts, &usage).unwrap();
        assert_eq!(cost.amount.to_string(), expected);
    }
}

#[test]
fn an_unknown_price_is_never_nothing() {
    let paid = Contract::new("example/new", Work::Model)
        .call(crate::contract::Call::paid(crate::contract::CallForm::Job));
    assert_eq!(dollars(&paid, "{}", &[]), "the price book has no price for example/new");
    let empty = Contract { price: Some(Price::default()), ..paid };
    assert_eq!(dollars(&empty, "{}", &[]), "the price book has no rate for it");
    assert_eq!(estimate(&Contract::new("media/trim", Work::Processor), "{}", &[]), Ok(Estimate::NOTHING));
    let flat = Contract::new("task/mail", Work::Task).priced(Price::flat("0.01".parse().unwrap()));
    assert_eq!(dollars(&flat, "{}", &[]), "0.01 0.01 0.01");
}

#[test]
fn a_price_is_stored_as_it_was() {
    let contract = video();
    let written = serde_json::to_string(&contract).unwrap();
    assert_eq!(serde_json::from_str::<Contract>(&written).unwrap(), contract);
    let plain = Contract::new("media/trim", Work::Processor);
    assert!(
        !serde_json::to_string(&plain).unwrap().contains("price"),
        "what has no price says nothing of it"
    );
}

#[test]
fn numbers_without_a_name_belong_to_the_only_unit() {
    assert_eq!(video().price.unwrap().only_unit(), Some(Unit::OutputVideoSecond));
    assert_eq!(only_estimated().only_unit(), Some(Unit::GpuSecond));
    assert_eq!(Price::default().only_unit(), None);
}

prop_compose! {
    fn some_range()(low in 0_u64..1000, more in 0_u64..1000, most in 0_u64..1000) -> Range {
        range(low, low + more, low + more + most)
    }
}

proptest! {
    #[test]
    fn the_least_is_never_above_the_likely_nor_that_above_the_most(
        factors in proptest::collection::vec(some_range(), 0..4),
        rates in proptest::collection::vec((0_u64..1_000_000, 1_u64..10_000, 0_usize..3), 1..6),
        knows in any::<bool>(),
    ) {
        let conditions = ["", "quality = low", "quality = low or high"];
        let rates = rates.into_iter().map(|(usd, per, when)| {
            rate(Unit::Image, per, &Money::from_units(i128::from(usd) * 1_000_003).to_string(), conditions[when])
        });
        let price = Price { rates: rates.collect(), quantities: BTreeMap::new() };
        let price = price.counted(Unit::Image, factors.into_iter().map(Factor::always).collect());
        let contract = Contract::new("example/any", Work::Model)
            .input(Parameter::optional("quality", Type::Text))
            .priced(price);
        let given = if knows { r#"{"quality":"low"}"# } else { "{}" };
        if let Ok(Estimate { low, likely, high, .. }) = estimate(&contract, given, &[]) {
            prop_assert!(low <= likely && likely <= high, "{low} {likely} {high}");
        }
    }

    #[test]
    fn more_never_costs_less(seconds in 2_u64..12, more in 0_u64..12) {
        let of = |seconds: u64| estimate(&video(), &format!(r#"{{"duration":{seconds}}}"#), &[]).unwrap();
        let (few, many) = (of(seconds), of(seconds + more));
        prop_assert!(few.low <= many.low && few.likely <= many.likely && few.high <= many.high);
    }

    #[test]
    fn what_becomes_known_lies_within_what_was_estimated(
        seconds in 2_u64..=12,
        resolution in prop_oneof![Just("480p"), Just("720p"), Just("1080p")],
    ) {
        let before = estimate(&video(), "{}", &["duration", "resolution"]).unwrap();
        let known = format!(r#"{{"duration":{seconds},"resolution":"{resolution}"}}"#);
        let after = estimate(&video(), &known, &[]).unwrap();
        prop_assert!(before.low <= after.low && after.high <= before.high);
    }

    #[test]
    fn no_input_is_a_panic(number in any::<f64>(), text in ".{0,20}") {
        for value in [Value::from(number), Value::from(text.as_str()), Value::list(vec![Value::from(number)])] {
            let given: Map = [("duration".to_owned(), value.clone()), ("resolution".to_owned(), value)].into();
            let contract = video();
            let facts = Facts { contract: &contract, given: &given, unknown: &BTreeSet::new(), job: None };
            if let Ok(estimate) = contract.estimate(&facts) {
                prop_assert!(estimate.low <= estimate.high);
            }
        }
    }
}

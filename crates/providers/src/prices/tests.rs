use motet_pipeline::price::Facts;
use motet_pipeline::value::Map;
use serde_json::json;

use super::*;
use crate::catalogue::Catalogue;

fn row(change: Json) -> Json {
    let mut row = json!({
        "provider": "fal", "model": "fal-ai/veo3", "unit": "output_video_second", "per": 1, "usd": "0.4",
        "source": "https://fal.ai/pricing", "as_of": "2026-09-20", "confidence": "A",
    });
    let entries = change.as_object().cloned().unwrap_or_default();
    row.as_object_mut().unwrap().extend(entries);
    row
}

fn book(rows: Vec<Json>) -> Result<PriceBook, BadBook> {
    PriceBook::read(&json!({ "currency": "USD", "prices": rows }).to_string())
}

#[test]
fn a_malformed_row_is_refused_in_words_with_its_place() {
    for (change, words) in [
        (json!({ "usd": 0.4 }), "`usd` must be a decimal in quotes, such as \"0.04\", so that it is exact"),
        (json!({ "usd": "0,4" }), "`usd` is not an amount"),
        (json!({ "usd": "-1" }), "`usd` must not be negative"),
        (json!({ "per": 0 }), "`per` must be at least 1"),
        (json!({ "per": "1" }), "invalid type"),
        (json!({ "unit": "seconds" }), "`seconds` is no unit; there are `input_token`"),
        (json!({ "when": "resolution is 4k" }), "`when`: `resolution is 4k` is no condition"),
        (json!({ "as_of": "yesterday" }), "`as_of` must be a day such as 2026-11-20, and is `yesterday`"),
        (json!({ "effective_from": "2026-13-01" }), "`effective_from` must be a day"),
        (json!({ "confidence": "E" }), "unknown variant"),
        (json!({ "typical_quantity": "0" }), "`typical_quantity` must be more than 0"),
        (json!({ "typical_quantity": "-2" }), "`typical_quantity` is not a quantity"),
        (json!({ "whem": "a = b" }), "unknown field `whem`"),
        (json!({ "model": "" }), "it names no `provider` or no `model`"),
    ] {
        let found = book(vec![row(json!({})), row(change.clone())]).unwrap_err().to_string();
        assert!(found.contains(words), "{change}: {found}");
        assert!(found.starts_with("row 2 (fal/"), "{found}");
    }
    for (text, words) in [
        ("", "the book is no JSON"),
        ("[]", "no list `prices`"),
        (r#"{"prices":{}}"#, "no list `prices`"),
        (r#"{"prices":[1]}"#, "row 1: "),
        (r#"{"prices":[],"currency":"EUR"}"#, "the book is in EUR; only USD is supported"),
        (r#"{"prices":[],"not_listed":[{"models":["x"]}]}"#, "`not_listed`: missing field `reason`"),
    ] {
        let found = PriceBook::read(text).unwrap_err().to_string();
        assert!(found.contains(words), "{text}: {found}");
    }
}

#[test]
fn two_rows_for_the_same_request_are_refused() {
    let twice = book(vec![
        row(json!({ "when": "a = 1, b = 2" })),
        row(json!({ "when": "b = 2, a = 1", "usd": "9" })),
    ]);
    assert_eq!(
        twice.unwrap_err().to_string(),
        "fal/fal-ai/veo3: there are two prices for `output_video_second` when a = 1, b = 2"
    );
    assert!(book(vec![row(json!({})), row(json!({ "when": "a = 1" }))]).is_ok());
    assert!(
        book(vec![
            row(json!({ "effective_until": "2026-10-06" })),
            row(json!({ "effective_from": "2026-10-07" }))
        ])
        .is_ok()
    );
}

fn eight_seconds(book: &PriceBook) -> Result<String, String> {
    let catalogue = Catalogue::priced(book);
    let veo = catalogue.get("fal/fal-ai/veo3").unwrap();
    let given: Map = [("prompt".to_owned(), "p".into())].into();
    let facts = Facts { contract: &veo.contract, given: &given, unknown: &BTreeSet::new(), job: None };
    veo.contract
        .estimate(&facts)
        .map(|estimate| estimate.high.to_string())
        .map_err(|unpriced| unpriced.reason)
}

#[test]
fn a_users_book_lies_over_ours_model_by_model() {
    let theirs =
        book(vec![row(json!({ "usd": "0.25" })), row(json!({ "model": "mine/own", "unit": "request" }))])
            .unwrap();
    let both = PriceBook::built_in().under(theirs);
    assert_eq!(both.rows("fal/fal-ai/veo3").len(), 1, "their rows hold and no others");
    assert_eq!(eight_seconds(&PriceBook::built_in()), Ok("3.2".to_owned()));
    assert_eq!(eight_seconds(&both), Ok("2".to_owned()));
    assert_eq!(both.rows("fal/mine/own").len(), 1);
    assert!(both.rows("fal/fal-ai/flux/dev").len() == 1, "ours stand beside them");
    let unknown = eight_seconds(&PriceBook::default()).unwrap_err();
    assert_eq!(unknown, "the price book has no price for fal/fal-ai/veo3");
}

fn dollars_of(book: &PriceBook, entry: &Entry) -> Vec<String> {
    book.price(entry).unwrap().tariffs.iter().map(|tariff| tariff.usd.to_string()).collect()
}

#[test]
fn a_price_holds_on_the_days_that_it_says() {
    let book = book(vec![
        row(json!({ "usd": "0.4", "effective_until": "2026-10-06" })),
        row(json!({ "usd": "0.2", "effective_from": "2026-10-07" })),
    ])
    .unwrap();
    let catalogue = Catalogue::built_in();
    let entry = &catalogue.get("fal/fal-ai/veo3").unwrap().entry;
    for (day, usd) in [("2026-10-06", "0.4"), ("2026-10-07", "0.2"), ("2027-01-01", "0.2")] {
        assert_eq!(dollars_of(&book.clone().on(day), entry), [usd], "{day}");
    }
    assert!(book.is_dated(entry) && !PriceBook::built_in().is_dated(entry));
    assert_eq!(dollars_of(&book, entry), ["0.2"], "what is over doesn't hold for new runs");
}

#[test]
fn a_price_that_is_known_only_from_a_later_day_on_holds_before_and_one_that_is_over_does_not() {
    let book = book(vec![
        row(json!({ "usd": "0.2", "effective_from": "2026-10-07", "effective_until": "2026-10-31" })),
        row(json!({ "usd": "0.3", "effective_from": "2026-11-01", "effective_until": "2026-11-30" })),
    ])
    .unwrap();
    let catalogue = Catalogue::built_in();
    let entry = &catalogue.get("fal/fal-ai/veo3").unwrap().entry;
    for (day, usd) in [("2026-01-01", "0.2"), ("2026-10-31", "0.2"), ("2026-11-01", "0.3")] {
        assert_eq!(dollars_of(&book.clone().on(day), entry), [usd], "{day}");
    }
    assert!(book.on("2026-12-01").price(entry).is_err());
}

#[test]
fn the_built_in_book_keeps_the_rows_as_they_were_compiled() {
    let book = PriceBook::built_in();
    assert_eq!(book.iter().map(|(_, rows)| rows.len()).sum::<usize>(), 151);
    for (model, rows) in book.iter() {
        for row in rows {
            assert!(
                !row.tariff.source.is_empty() && !row.tariff.as_of.is_empty(),
                "{model} says where it is from"
            );
        }
    }
    let schnell = &book.rows("replicate/black-forest-labs/flux-schnell")[0].tariff;
    assert_eq!(
        (schnell.per, schnell.usd.to_string().as_str(), schnell.confidence),
        (1000, "3", Confidence::A)
    );
    let unread = book.rows("replicate/stability-ai/stable-video-diffusion")[0].tariff.confidence;
    assert_eq!(unread, Confidence::D, "what nobody read says so");
}

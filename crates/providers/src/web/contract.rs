//! What `http/request` takes and gives.

use std::sync::{Arc, LazyLock};

use motet_pipeline::contract::{Contract, Outputs, Work};
use motet_pipeline::price::{Amount, Factor, Measure, Price, Range, Source, Tariff, Unit};
use motet_pipeline::{Money, Type};

use crate::catalogue::{Entry, Listing};
use crate::prices::PriceBook;

/// The one operation of this provider. It is called as a model is, but it is none: it stands in no catalogue of models.
pub fn request() -> Listing {
    static READ: LazyLock<Listing> = LazyLock::new(|| {
        let entry = Entry::read(include_str!("request.json")).unwrap_or_else(|error| panic!("{error}"));
        let listing = Listing::new(entry, &PriceBook::default());
        let contract = contract((*listing.contract).clone());
        Listing { contract: Arc::new(contract), ..listing }
    });
    READ.clone()
}

/// What no data file of a model says.
fn contract(mut contract: Contract) -> Contract {
    contract.work = Work::Request;
    for parameter in &mut contract.inputs {
        parameter.by_address = false;
        parameter.takes_secrets = parameter.name == "headers";
    }
    contract
        .output("headers", Type::map(Type::Text))
        .at_most_one(&super::BODIES)
        .judged_by(super::judge)
        .ruled_by(&["headers"], super::judge_headers)
        .ruled_by(&["query"], super::judge_query)
        .ruled_by(&["method", "json", "text", "file"], super::judge_method)
        .promises(|_| Outputs::of(["status_code", "headers"]))
        .priced(price())
}

/// As much as `cost` says, and nothing if it says nothing.
fn price() -> Price {
    let dollar = Tariff::new(Unit::Request, 1, Money::from_units(ONE_DOLLAR));
    let factor = Factor {
        from: vec![Source::of("cost", Measure::Number)],
        otherwise: Range::exactly(Amount::ZERO),
        rounded_up: false,
        rough: false,
    };
    Price::of(dollar).counted(Unit::Request, vec![factor])
}

/// In units of [`Money`].
const ONE_DOLLAR: i128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use motet_pipeline::price::{Estimate, Facts};
    use motet_pipeline::value::Map;
    use motet_pipeline::{Span, Value};

    use super::*;

    #[test]
    fn a_request_costs_what_its_step_says_and_nothing_if_it_says_nothing() {
        let contract = request().contract;
        let estimate = |given: Map| contract.estimate(&Facts::resolved(&contract, &given, Span(0))).unwrap();
        let url = ("url".to_owned(), Value::from("https://api.example.com"));
        assert_eq!(estimate([url.clone()].into()), Estimate::NOTHING);
        let cost = ("cost".to_owned(), Value::from(0.000_35));
        assert_eq!(estimate([url, cost].into()), Estimate::exactly("0.00035".parse().unwrap()));
    }

    #[test]
    fn all_that_a_step_gives_reaches_the_adapter_and_the_secrets_stay_names() {
        let given = serde_json::json!({
            "url": "https://api.example.com", "method": "PUT", "text": "hello",
            "headers": { "authorization": ["Bearer ", { "secret": "weather" }] },
            "query": { "q": "a b" },
        });
        let given = Value::from(given).as_map().unwrap().clone();
        let listing = request();
        assert!(listing.contract.validate(&given).is_empty());
        assert_eq!(listing.native(&given).unwrap().inputs, given);
    }
}

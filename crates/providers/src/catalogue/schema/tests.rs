use motet_pipeline::value::Map;
use serde_json::json;

use super::*;
use crate::catalogue::Listing;
use crate::prices::PriceBook;

/// As `GET /v1/models/{owner}/{name}` answers: providers/replicate.md §2; the schema as Cog writes it.
fn replicate() -> Json {
    json!({
        "url": "https://replicate.com/someone/theirs", "owner": "someone", "name": "theirs",
        "description": "Makes pictures.\nMore about it.", "visibility": "public", "run_count": 5,
        "default_example": { "output": ["https://replicate.delivery/pbxt/x/out-0.png"] },
        "latest_version": {
            "id": "9a2b".repeat(16), "created_at": "2026-01-01T00:00:00Z", "cog_version": "0.9.4",
            "openapi_schema": { "openapi": "3.0.2", "components": { "schemas": {
                "Input": {
                    "type": "object", "title": "Input", "required": ["prompt"],
                    "properties": {
                        "seed": { "type": "integer", "title": "Seed", "x-order": 3, "nullable": true, "description": "Random seed" },
                        "prompt": { "type": "string", "title": "Prompt", "x-order": 0, "description": "What to paint" },
                        "input_image": { "type": "string", "format": "uri", "x-order": 1, "description": "A picture" },
                        "scheduler": { "allOf": [{ "$ref": "#/components/schemas/scheduler" }], "default": "DDIM", "x-order": 4, "description": "How" },
                        "num_outputs": { "type": "integer", "default": 1, "minimum": 1, "maximum": 4, "x-order": 2, "description": "How many" },
                        "output_format": { "type": "string", "enum": ["webp", "jpg"], "default": "webp", "x-order": 5 }
                    }
                },
                "scheduler": { "enum": ["DDIM", "K_EULER"], "type": "string", "title": "scheduler" },
                "Output": { "type": "array", "items": { "type": "string", "format": "uri" }, "title": "Output" }
            } } }
        }
    })
}

/// As `GET api.fal.ai/v1/models?endpoint_id=…&expand=openapi-3.0` answers: providers/fal.md §11.
fn fal() -> Json {
    json!({ "models": [{
        "endpoint_id": "fal-ai/new-video",
        "metadata": { "display_name": "New", "category": "text-to-video", "description": "Makes videos.", "status": "active" },
        "openapi": {
            "openapi": "3.0.4", "info": { "title": "Queue OpenAPI for fal-ai/new-video" },
            "components": { "schemas": {
                "NewVideoInput": {
                    "type": "object", "required": ["prompt", "image_url"],
                    "properties": {
                        "prompt": { "type": "string", "description": "What is seen", "maxLength": 800 },
                        "image_url": { "type": "string", "description": "The first frame" },
                        "duration": { "type": "string", "enum": ["5s", "10s"], "default": "5s", "description": "How long" },
                        "image_size": { "anyOf": [{ "$ref": "#/components/schemas/ImageSize" }, { "enum": ["square", "landscape_16_9"], "type": "string" }] },
                        "seed": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                        "output_format": { "type": "string", "enum": ["jpeg", "png"], "default": "jpeg" }
                    }
                },
                "NewVideoOutput": {
                    "type": "object", "required": ["video"],
                    "properties": { "video": { "allOf": [{ "$ref": "#/components/schemas/File" }] }, "seed": { "type": "integer" } }
                },
                "File": { "type": "object", "properties": { "url": { "type": "string" } } },
                "ImageSize": { "type": "object", "properties": { "width": { "type": "integer" }, "height": { "type": "integer" } } }
            } },
            "paths": {
                "/fal-ai/new-video/requests/{request_id}/status": { "get": { "responses": { "200": { "content": { "application/json": { "schema": {} } } } } } },
                "/fal-ai/new-video": { "post": { "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/NewVideoInput" } } } } } },
                "/fal-ai/new-video/requests/{request_id}": { "get": { "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/NewVideoOutput" } } } } } } }
            }
        }
    }] })
}

fn listing(entry: &Entry) -> Listing {
    // As the command writes it into a file, and reads it again.
    let text = serde_json::to_string_pretty(entry).unwrap();
    Listing::new(Entry::read(&text).unwrap(), &PriceBook::built_in())
}

fn native(listing: &Listing, given: Json) -> Json {
    let given: Map = motet_pipeline::Value::from(given).as_map().cloned().unwrap();
    assert_eq!(listing.contract.validate(&given), []);
    motet_pipeline::Value::from(listing.native(&given).unwrap().inputs).to_json()
}

#[test]
fn a_schema_of_replicate_becomes_a_model_with_our_words() {
    let entry = from_replicate("someone/theirs", &replicate()).unwrap();
    assert_eq!(entry.summary, "Makes pictures.");
    assert_eq!(entry.version.as_deref(), Some("9a2b".repeat(16).as_str()));
    let listing = listing(&entry);
    let names: Vec<&str> = listing.contract.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(
        names,
        ["prompt", "image", "input_image", "count", "num_outputs", "seed", "scheduler", "output_format"]
    );
    assert_eq!(listing.contract.outputs.keys().collect::<Vec<_>>(), ["image", "images"]);
    let given =
        json!({ "prompt": "p", "image": "https://example.com/a.png", "count": 2, "output_format": "jpeg" });
    let sent = json!({ "prompt": "p", "input_image": "https://example.com/a.png", "num_outputs": 2, "output_format": "jpg" });
    assert_eq!(native(&listing, given), sent);
    assert!(
        listing
            .contract
            .misfit("scheduler", &"PNDM".into())
            .unwrap()
            .contains("must be one of `DDIM`, `K_EULER`")
    );
    assert!(listing.contract.misfit("count", &5_i64.into()).is_some());
    assert!(listing.contract.price.is_none(), "what it costs isn't published there");
}

#[test]
fn what_the_provider_runs_itself_is_called_by_its_name() {
    let mut model = replicate();
    model["is_official"] = true.into();
    assert_eq!(from_replicate("someone/theirs", &model).unwrap().version, None);
}

#[test]
fn a_schema_of_fal_becomes_a_model_with_our_words() {
    let entry = from_fal("fal-ai/new-video", &fal()).unwrap();
    let listing = listing(&entry);
    assert_eq!(listing.contract.operation, "fal/fal-ai/new-video");
    assert_eq!(listing.contract.outputs.keys().collect::<Vec<_>>(), ["seed", "video"]);
    let given = json!({ "prompt": "p", "image": "https://example.com/a.png", "duration": 10, "output_format": "jpg", "image_size": { "width": 1, "height": 2 } });
    let sent = json!({ "prompt": "p", "image_url": "https://example.com/a.png", "duration": "10s", "output_format": "jpeg", "image_size": { "width": 1, "height": 2 } });
    assert_eq!(native(&listing, given), sent);
    let bare = &fal()["models"][0]["openapi"];
    assert_eq!(
        from_fal("fal-ai/new-video", bare).unwrap().inputs,
        entry.inputs,
        "the document alone does as well"
    );
}

#[test]
fn other_shapes_of_outputs_are_read_by_what_they_are() {
    let with = |output: Json| {
        let mut model = replicate();
        model["latest_version"]["openapi_schema"]["components"]["schemas"]["Output"] = output;
        model["default_example"] = Json::Null;
        let outputs = from_replicate("a/b", &model).unwrap().outputs;
        outputs
            .into_iter()
            .map(|(name, output)| format!("{name} {:?} {}", output.form, output.at))
            .collect::<Vec<_>>()
    };
    assert_eq!(with(json!({ "type": "string" })), ["text Text "]);
    assert_eq!(with(json!({ "type": "string", "format": "uri" })), ["file File ", "files Files "]);
    assert_eq!(
        with(json!({ "type": "array", "items": { "type": "string" }, "x-cog-array-type": "iterator" })),
        ["text Text "]
    );
    assert_eq!(
        with(
            json!({ "type": "object", "properties": { "text": { "type": "string" }, "chunks": { "type": "array" } } })
        ),
        ["chunks Value chunks", "text Text text"]
    );
    assert_eq!(with(json!({})), ["result Value "]);
}

#[test]
fn what_is_no_schema_is_refused_in_words() {
    for (model, words) in [
        (json!(null), "it has no `openapi_schema`"),
        (json!({ "openapi_schema": {} }), "its schema has no `Input`"),
        (
            json!({ "openapi_schema": { "components": { "schemas": { "Input": {} } } } }),
            "its schema has no `Output`",
        ),
        (
            json!({ "openapi_schema": { "components": { "schemas": { "Input": {}, "Output": {} } } } }),
            "it has no version",
        ),
        (
            json!({ "id": "x", "openapi_schema": { "components": { "schemas": { "Input": {}, "Output": {} } } } }),
            "its inputs have no `properties`",
        ),
    ] {
        assert!(from_replicate("a/b", &model).unwrap_err().to_string().ends_with(words), "{words}");
    }
    for (model, words) in [
        (json!([]), "it has no `paths`"),
        (json!({ "paths": {} }), "it has no path `/a/b`"),
        (json!({ "paths": { "/a/b": {} } }), "it says nothing of the inputs"),
    ] {
        assert!(from_fal("a/b", &model).unwrap_err().to_string().ends_with(words), "{words}");
    }
    let many: serde_json::Map<String, Json> =
        (0..300).map(|index| (format!("p{index}"), json!({}))).collect();
    let mut model = replicate();
    model["latest_version"]["openapi_schema"]["components"]["schemas"]["Input"]["properties"] = many.into();
    assert!(from_replicate("a/b", &model).unwrap_err().to_string().contains("more than 200 inputs"));
}

#[test]
fn references_that_lead_in_circles_end() {
    let mut model = replicate();
    let schemas = &mut model["latest_version"]["openapi_schema"]["components"]["schemas"];
    schemas["Input"]["properties"]["loop"] = json!({ "$ref": "#/components/schemas/loop" });
    schemas["loop"] = json!({ "allOf": [{ "$ref": "#/components/schemas/loop" }] });
    schemas["Input"]["properties"]["lists"] = json!({ "$ref": "#/components/schemas/lists" });
    schemas["lists"] = json!({ "type": "array", "items": { "$ref": "#/components/schemas/lists" } });
    let entry = from_replicate("a/b", &model).unwrap();
    assert!(entry.inputs.iter().any(|input| input.name == "loop"));
}

proptest::proptest! {
    #[test]
    fn no_document_is_a_panic(at in 0_usize..40, junk in "[a-z#/\\[\\]{}\":0-9,$]{0,12}") {
        for (text, is_fal) in [(replicate().to_string(), false), (fal().to_string(), true)] {
            let at = (at * text.len() / 40..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let damaged = format!("{}{junk}{}", &text[..at], &text[at..]);
            if let Ok(json) = serde_json::from_str::<Json>(&damaged) {
                let read = if is_fal { from_fal("fal-ai/new-video", &json) } else { from_replicate("a/b", &json) };
                if let Ok(entry) = read {
                    let _ = Entry::read(&serde_json::to_string(&entry).unwrap()).map(|entry| Listing::new(entry, &PriceBook::default()));
                }
            }
        }
    }
}

/// The places of all values in `json`, as pointers.
fn places(json: &Json, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match json {
        Json::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{}", escaped(name)), into));
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), into));
        }
        _ => {}
    }
}

#[test]
fn hostile_descriptions_are_refused_in_words_or_become_entries_that_can_be_read() {
    let deep =
        (0..100).fold(json!({ "type": "array" }), |inner, _| json!({ "type": "array", "items": inner }));
    let many: serde_json::Map<String, Json> =
        (0..500).map(|number| (format!("p{number}"), json!({ "type": "string" }))).collect();
    let hostile = [
        Json::Null,
        json!(-1),
        json!(1e308),
        json!(""),
        json!("\u{1b}[2J\u{202e}x".repeat(3000)),
        json!([]),
        json!({}),
        json!({ "$ref": "#/components/schemas/Input" }),
        json!({ "anyOf": [{ "$ref": "#" }, { "type": "string" }] }),
        json!({ "properties": many, "type": "object" }),
        deep,
    ];
    type Reader = fn(&str, &Json) -> Result<Entry, BadSchema>;
    let readers: [(Json, &str, Reader); 2] =
        [(replicate(), "someone/theirs", from_replicate), (fal(), "fal-ai/new-video", from_fal)];
    let (mut read, mut refused) = (0, 0);
    for (whole, id, reader) in readers {
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        for place in all {
            for value in &hostile {
                let mut changed = whole.clone();
                *changed.pointer_mut(&place).unwrap() = value.clone();
                match reader(id, &changed).map_err(|error| error.to_string()).and_then(|entry| {
                    entry.remarks();
                    Entry::read(&entry.written()).map_err(|error| error.to_string())
                }) {
                    Ok(entry) => {
                        read += 1;
                        assert!(entry.written().len() < 1 << 20, "{place}");
                        Listing::new(entry, &PriceBook::built_in());
                    }
                    Err(words) => {
                        refused += 1;
                        assert!(
                            words.len() < 1000 && words.starts_with("this is no description"),
                            "{place}: {words}"
                        );
                    }
                }
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} {refused}");
}

#[test]
fn what_a_description_cannot_say_is_marked_and_listed() {
    let entry = from_fal("fal-ai/new-video", &fal()).unwrap();
    let doubtful = entry.inputs.iter().filter(|input| input.doubt.is_some());
    assert_eq!(doubtful.map(|input| input.name.as_str()).collect::<Vec<_>>(), ["image_size"]);
    let expected = [
        "`image_size` takes more than a description can say: what is given for it is sent as it is",
        "how long it takes isn't published: 1 to 600 s are assumed (`seconds`)",
        "its price isn't published: a row in a price book of yours says it",
    ];
    assert_eq!(entry.remarks(), expected);
    assert_eq!(entry.file_name(), "fal/fal-ai--new-video.json");
}

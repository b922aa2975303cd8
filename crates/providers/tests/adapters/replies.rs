//! What is read in the replies of the fixtures.

use std::collections::BTreeSet;

use motet_providers::Registry;

use crate::fixture;

#[test]
fn every_reply_is_read_as_its_snapshot_says() {
    for fixture in fixture::all() {
        assert!(fixture.from.len() > 5, "{} doesn't say where such a reply is from", fixture.name);
        let status = fixture.reply.status;
        insta::with_settings!({ description => fixture.from.clone(), omit_expression => true, snapshot_path => "../snapshots/replies", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(fixture.name.clone(), format!("{} {status}\n{}", fixture.read, fixture.told()));
        });
    }
}

#[test]
fn every_provider_has_fixtures() {
    let fixtures: BTreeSet<_> = fixture::all()
        .iter()
        .filter_map(|fixture| Some(fixture.name.split_once("__")?.0.to_owned()))
        .collect();
    let names: BTreeSet<_> =
        Registry::default().iter().map(|provider| provider.profile().name.clone()).collect();
    assert_eq!(fixtures, names);
}

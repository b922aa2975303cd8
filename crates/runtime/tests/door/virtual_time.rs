//! The door under virtual time: the same policy, and hours of waiting that pass at once.

use std::sync::Arc;

use motet::door::{Cause, Door};
use motet::language::Timestamp;
use motet::language::failure::Phase;
use motet::store::Store;
use motet::world::World;
use motet::world::virtual_time::{self, VirtualWorld};
use motet::world::wire::{self, Fault, Reply};

use crate::stage::{KEY, at, builder, create, of, read};

fn door(world: VirtualWorld) -> (Door, Arc<VirtualWorld>) {
    let world = Arc::new(world);
    let door = builder(world.clone(), Store::in_memory().unwrap(), &at("https://vendor.example/gate"));
    (door.build().unwrap(), world)
}

#[test]
fn a_function_answers_what_the_door_lets_through() {
    virtual_time::run(async {
        let world = VirtualWorld::new(Timestamp(0), 7).with_network(|request| async move {
            let sent = request.headers.iter().any(|(_, value)| value.as_bytes().ends_with(KEY.as_bytes()));
            assert!(!format!("{request:?}").contains("planted"));
            let (url, body) = (request.url.clone(), request.body.read().await.unwrap());
            let told = format!("{sent} {url} {}", String::from_utf8(body).unwrap());
            Ok(Reply::of(200, &[("x-request-id", "r1")], told))
        });
        let (door, _) = door(world);
        let reply = door.send(of(create())).await.unwrap();
        let body = String::from_utf8(reply.body).unwrap();
        assert_eq!(body, r#"true https://vendor.example/gate/create?wait=1 {"prompt":"a boat"}"#);
        // What it doesn't let through, nobody hears.
        assert_eq!(door.send(of(read("http://10.0.0.1/"))).await.unwrap_err().cause, Cause::OutOfReach);
    });
}

#[test]
fn a_network_that_never_answers_is_waited_for_exactly_as_long_as_was_said() {
    virtual_time::run(async {
        let silent = VirtualWorld::new(Timestamp(0), 7).with_network(|_| std::future::pending());
        let (door, world) = door(silent);
        let fault = door.send(of(create())).await.unwrap_err();
        assert_eq!((fault.cause, fault.phase), (Cause::TimedOut, Phase::Wait));
        assert_eq!(world.now(), Timestamp(120_000));
    });
}

#[test]
fn a_body_that_never_ends_is_waited_for_exactly_as_long_as_was_said() {
    use futures_util::StreamExt;
    virtual_time::run(async {
        let slow = VirtualWorld::new(Timestamp(0), 7).with_network(|_| async {
            let body = futures_util::stream::iter([Ok("half".into())]).chain(futures_util::stream::pending());
            Ok(Reply { body: body.boxed(), ..Reply::of(200, &[], "") })
        });
        let (door, world) = door(slow);
        let fault = door.send(of(create())).await.unwrap_err();
        assert_eq!((fault.cause, fault.phase), (Cause::TimedOut, Phase::Body));
        assert_eq!(world.now(), Timestamp(120_000));
    });
}

#[test]
fn a_world_without_a_network_and_one_with_faults_say_so() {
    virtual_time::run(async {
        let (nowhere, _) = door(VirtualWorld::new(Timestamp(0), 7));
        assert_eq!(nowhere.send(of(create())).await.unwrap_err().cause, Cause::Unresolved);
        let torn = |_| async { Err(Fault::new(Phase::Send, wire::Cause::Broken).because("torn")) };
        let (torn, _) = door(VirtualWorld::new(Timestamp(0), 7).with_network(torn));
        let fault = torn.send(of(create())).await.unwrap_err();
        insta::assert_snapshot!(fault);
    });
}

//! The test kit: stand-ins answer as they are told, and count.

use motet::Failure;
use std::time::Duration;

use motet::builder::{InputType, PipelineBuilder, Retry, animate, compose, scene};
use motet::kit::Kit;
use motet::language::contract::{Contract, Parameter, Work};
use motet::language::{Span, Timestamp, Type};
use motet::world::virtual_time::run;
use motet::{Audio, Class, Error, TaskContext, Value, Video};

#[test]
fn a_stand_in_that_fails_twice_and_then_works_is_called_three_times() {
    run(async {
        let mut kit = Kit::simulated(1);
        let picture = kit.image(640, 360);
        let clip = kit.video(640, 360, 5.0);
        let painter = kit.stand_in("local/scene").fails(2).then(picture);
        let animator = kit.stand_in("media/animate").always(clip.clone());
        let motet = kit.open().await.unwrap();
        let film = compose("film", animate(scene("a lighthouse").retry(Retry::attempts(3)), 5));
        let run = motet.start(&film.build(&motet).unwrap(), ()).await.unwrap();
        #[derive(serde::Deserialize)]
        struct Outputs {
            video: Video,
        }
        assert_eq!(run.typed_outputs::<Outputs>().await.unwrap().video, clip);
        assert_eq!((painter.count(), animator.count()), (3, 1));
        let attempts: Vec<_> = painter.calls().iter().map(|call| (call.step.clone(), call.attempt)).collect();
        assert_eq!(attempts, [1, 2, 3].map(|attempt| ("scene".to_owned(), attempt)));
        assert_eq!(painter.calls()[0].inputs.get("prompt"), Some(&"a lighthouse".into()));
    });
}

#[test]
fn a_failure_of_a_named_class_takes_the_fallback_that_names_it() {
    run(async {
        let mut kit = Kit::simulated(1);
        let plain = kit.image(64, 64);
        kit.stand_in("local/scene").fails_with(Class::Content, "too wild").then(plain);
        let motet = kit.open().await.unwrap();
        let film = compose("film", scene("wild").fallback_on([Class::Content], scene("tame")));
        let run = motet.start(&film.build(&motet).unwrap(), ()).await.unwrap();
        assert!(matches!(run.wait().await.unwrap(), motet::RunEnd::Completed { degraded: true, .. }));
    });
}

#[test]
fn stand_ins_work_beside_each_other_for_as_long_as_they_are_told() {
    run(async {
        let mut kit = Kit::simulated(1);
        let slow = kit
            .operation(
                Contract::new("task/slow", Work::Task)
                    .input(Parameter::required("n", Type::Integer))
                    .output("double", Type::Integer),
            )
            .takes(Duration::from_secs(60))
            .answers(|inputs| inputs.get("n").and_then(Value::as_i64).unwrap_or(0) * 2);
        let motet = kit.open().await.unwrap();
        let film = PipelineBuilder::new("film");
        let numbers = film.input("numbers", InputType::list(InputType::Integer));
        let doubled = film.step("doubled", "task/slow").each(&numbers, |step, item| step.with("n", item));
        film.output("doubled", doubled.all("double"));
        let begin = kit.now();
        let numbers: Value = serde_json::json!([1, 2, 3]).into();
        let run = motet.start(&film.build(&motet).unwrap(), [("numbers", numbers)]).await.unwrap();
        assert_eq!(run.outputs().await.unwrap().to_json(), serde_json::json!({ "doubled": [2, 4, 6] }));
        assert_eq!((slow.count(), kit.now().since(begin)), (3, Span::minutes(1)));
    });
}

#[test]
fn a_stand_in_that_was_told_nothing_says_so() {
    run(async {
        let mut kit = Kit::simulated(1);
        kit.stand_in("local/scene");
        let motet = kit.open().await.unwrap();
        let film = compose("film", scene("anything")).build(&motet).unwrap();
        let Err(Error::RunFailed { failure, .. }) = motet.start(&film, ()).await.unwrap().outputs().await
        else {
            panic!("it has no answer")
        };
        assert_eq!(failure.message, "the stand-in for local/scene was given no answer");
    });
}

#[test]
fn after_a_restart_nothing_finished_is_done_again() {
    run(async {
        let mut kit = Kit::simulated(1);
        let picture = kit.image(64, 64);
        let clip = kit.video(64, 64, 2.0);
        let painter = kit.stand_in("local/scene").always(picture);
        let animator = kit.stand_in("media/animate").takes(Duration::from_secs(60)).always(clip);
        let first = kit.open().await.unwrap();
        let film = compose("film", animate(scene("a lighthouse"), 2)).build(&first).unwrap();
        let id = first.start(&film, ()).await.unwrap().id().clone();
        tokio::time::sleep(Duration::from_secs(30)).await;
        first.close().await;
        let second = kit.open().await.unwrap();
        let runs = second.resume().await.unwrap();
        assert_eq!(runs.iter().map(|run| run.id()).collect::<Vec<_>>(), [&id]);
        runs[0].outputs().await.unwrap();
        assert_eq!((painter.count(), animator.count()), (1, 2));
        let keys: Vec<_> = animator.calls().into_iter().map(|call| call.idempotency_key).collect();
        assert_eq!(keys[0], keys[1], "the same attempt has the same key after a restart");
    });
}

#[test]
fn a_stand_in_that_asks_for_patience_is_given_it() {
    run(async {
        let mut kit = Kit::simulated(1);
        let picture = kit.image(8, 8);
        let tomorrow = Timestamp(kit.now().0 + 86_400_000);
        let busy = Failure::new(Class::Throttled, "come back tomorrow").retry_at(tomorrow);
        let painter = kit.stand_in("local/scene").fails_as(busy).then(picture);
        let motet = kit.open().await.unwrap();
        let film = compose("film", scene("a lighthouse").retry(Retry::attempts(2))).build(&motet).unwrap();
        motet.start(&film, ()).await.unwrap().outputs().await.unwrap();
        assert_eq!((painter.count(), kit.now()), (2, tomorrow));
    });
}

#[tokio::test]
async fn what_a_task_keeps_is_measured() {
    let mut kit = Kit::new();
    let sound = kit.audio(0.5);
    kit.task("copy", |context: TaskContext, sound: Audio| async move {
        let bytes = context.read(&sound).await?;
        Ok(Audio::try_from(context.keep(bytes).await?)?)
    });
    let motet = kit.open().await.unwrap();
    let film = PipelineBuilder::new("film");
    let input = film.input("sound", InputType::Audio);
    film.output("copy", film.step("copy", "task/copy").with("value", input).output("value"));
    let run = motet.start(&film.build(&motet).unwrap(), [("sound", sound.clone())]).await.unwrap();
    #[derive(serde::Deserialize)]
    struct Outputs {
        copy: Audio,
    }
    assert_eq!(run.typed_outputs::<Outputs>().await.unwrap().copy, sound);
}

#[test]
fn what_is_not_there_has_no_stand_in() {
    run(async {
        let mut kit = Kit::simulated(1);
        kit.stand_in("data/transform");
        kit.stand_in("local/scen");
        let Err(Error::Check(findings)) = kit.open().await else { panic!("neither can be stood in for") };
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "data/transform is done by the engine itself and can't be replaced",
                "there is no operation `local/scen` to stand in for; did you mean `local/scene`?",
            ]
        );
    });
}

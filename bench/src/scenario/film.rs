//! Films: what Motet takes to make one, beside one command of ffmpeg that makes such a film of the same pictures, voices and
//! music.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::figures::{Figures, processor_time_of_children};

/// Scenes of the narrated film, how long each is, how long somebody speaks in it, and how long it fades, in seconds.
const SCENES: usize = 4;
const SCENE: f64 = 5.7;
const VOICE: f64 = 4.5;
const FADE: f64 = 0.5;

/// Photographs of the slide show, and how long each is seen, in seconds.
const PHOTOGRAPHS: usize = 30;
const SEEN: f64 = 3.0;

pub fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    make_sources(folder.path());
    let ours = processor_time(|| film(folder.path()));
    let plain = processor_time(|| plain_film(folder.path()));
    let ours_of_photographs = processor_time(|| slides(folder.path()));
    let plain_of_photographs = processor_time(|| plain_slides(folder.path()));
    let ratio = |ours: Duration, plain: Duration| format!("{:.2}", ours.as_secs_f64() / plain.as_secs_f64());
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    vec![
        ("a narrated film, processor time".into(), seconds(ours)),
        ("÷ that of one command of ffmpeg (aim: at most 1.4)".into(), ratio(ours, plain)),
        ("thirty photographs with fades, processor time".into(), seconds(ours_of_photographs)),
        (
            "÷ that of one command of ffmpeg (aim: at most 0.7)".into(),
            ratio(ours_of_photographs, plain_of_photographs),
        ),
    ]
}

/// The processor time of all programs that `work` runs.
fn processor_time(work: impl FnOnce()) -> Duration {
    let before = processor_time_of_children();
    work();
    processor_time_of_children() - before
}

/// Pictures `p0.png` and photographs `p0.jpg` to `p3`, voices `v0.wav` to `v3.wav`, `music.wav`, and the captions of all.
fn make_sources(folder: &Path) {
    let scene = "motet: 1\nname: scene\ninputs: { prompt: string }\nsteps:\n  \
                 scene: { uses: local/scene, with: { prompt: \"{{ inputs.prompt }}\", width: 1280, height: 720 } }\n\
                 outputs: { image: \"{{ steps.scene.image }}\" }\n";
    std::fs::write(folder.join("scene.yaml"), scene).expect("the folder can be written");
    let prompts = ["the sea at dawn", "warm hills at noon", "a city in the evening", "a forest in the snow"];
    let mut captions = String::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let out = folder.join(format!("scene{index}"));
        let prompt = format!("prompt={prompt}");
        motet(folder, &["scene.yaml", "--input", &prompt, "--out", out.to_str().expect("a plain name")]);
        let run = std::fs::read_dir(&out).expect("outputs were laid out").next().expect("there is one");
        let image = run.expect("it can be read").path().join("image.png");
        std::fs::copy(image, folder.join(format!("p{index}.png"))).expect("the folder can be written");
        ffmpeg(folder, &format!("-i p{index}.png -vf scale=1920:1080 -q:v 2 p{index}.jpg"), &[]);
        let hertz = 200 + 100 * index;
        ffmpeg(folder, &format!("-f lavfi -i sine=frequency={hertz}:duration={VOICE} v{index}.wav"), &[]);
        let start = index as f64 * (SCENE - FADE) + 0.5;
        let clock = |seconds: f64| format!("00:00:{seconds:06.3}").replace('.', ",");
        let (from, to) = (clock(start), clock(start + VOICE));
        captions.push_str(&format!("{}\n{from} --> {to}\nThis is what scene {index} shows.\n\n", index + 1));
    }
    ffmpeg(folder, "-f lavfi -i sine=frequency=110:duration=30 music.wav", &[]);
    std::fs::write(folder.join("film.srt"), captions).expect("the folder can be written");
}

/// The narrated film, as a pipeline makes it.
fn film(folder: &Path) {
    let mut items = String::new();
    let mut inputs = vec!["--input".to_owned(), "music=@music.wav".to_owned()];
    let mut declared = "music: audio".to_owned();
    for index in 0..SCENES {
        items.push_str(&format!(
            "        - {{ media: '{{{{ inputs.p{index} }}}}', audio: '{{{{ inputs.v{index} }}}}', audio_offset: 0.5, \
             duration: {SCENE}, effect: zoom-in, words: [{{ word: This is what scene {index} shows., start: 0, end: {VOICE} }}] }}\n"
        ));
        declared.push_str(&format!(", p{index}: image, v{index}: audio"));
        inputs.extend(["--input".to_owned(), format!("p{index}=@p{index}.png")]);
        inputs.extend(["--input".to_owned(), format!("v{index}=@v{index}.wav")]);
    }
    let text = format!(
        "motet: 1\nname: film\ninputs: {{ {declared} }}\nsteps:\n  film:\n    uses: media/merge\n    with:\n      items:\n{items}      \
         music: '{{{{ inputs.music }}}}'\n      transition: fade\n      loudness: -16\n      captions: {{ style: karaoke }}\n\
         outputs: {{ video: '{{{{ steps.film.video }}}}' }}\n"
    );
    std::fs::write(folder.join("film.yaml"), text).expect("the folder can be written");
    let arguments = ["film.yaml"].into_iter().chain(inputs.iter().map(String::as_str));
    motet(folder, &arguments.collect::<Vec<_>>());
}

/// The same in one command.
fn plain_film(folder: &Path) {
    let (mut inputs, mut graph) = (String::new(), String::new());
    let frames = (SCENE * 25.0).round();
    for index in 0..SCENES {
        inputs.push_str(&format!("-i p{index}.png "));
        graph.push_str(&format!(
            "[{index}:v]scale=3840:2160,zoompan=z=1+0.0014*on:x=(iw-iw/zoom)/2:y=(ih-ih/zoom)/2:d={frames}:s=1280x720:fps=25[p{index}];"
        ));
    }
    let mut last = "p0".to_owned();
    for index in 1..SCENES {
        let offset = index as f64 * (SCENE - FADE);
        graph.push_str(&format!("[{last}][p{index}]xfade=duration={FADE}:offset={offset}[x{index}];"));
        last = format!("x{index}");
    }
    graph.push_str(&format!("[{last}]subtitles=film.srt,format=yuv420p[v];"));
    let mut voices = String::new();
    for index in 0..SCENES {
        inputs.push_str(&format!("-i v{index}.wav "));
        let delay = ((index as f64 * (SCENE - FADE) + 0.5) * 1000.0).round();
        let input = SCENES + index;
        graph.push_str(&format!("[{input}:a]adelay={delay}:all=1[a{index}];"));
        voices.push_str(&format!("[a{index}]"));
    }
    let music = 2 * SCENES;
    graph.push_str(&format!(
        "{voices}amix=inputs={SCENES}:normalize=0,asplit[s][k];[{music}:a]volume=0.5[m];\
         [m][k]sidechaincompress=threshold=0.02:ratio=3[b];[s][b]amix=inputs=2:normalize=0,loudnorm=I=-16,aresample=48000[a]"
    ));
    let inputs = format!("{inputs}-i music.wav");
    let codecs =
        "-map [v] -map [a] -c:v libx264 -preset veryfast -crf 18 -c:a aac -b:a 192k -shortest plain.mp4";
    ffmpeg(
        folder,
        &inputs,
        &[&["-filter_complex", &graph][..], &codecs.split(' ').collect::<Vec<_>>()].concat(),
    );
}

/// A slide show, as a pipeline makes it.
fn slides(folder: &Path) {
    let items = (0..PHOTOGRAPHS)
        .map(|index| format!("{{ media: '{{{{ inputs.p{} }}}}', duration: {SEEN} }}", index % SCENES));
    let text = format!(
        "motet: 1\nname: slides\ninputs: {{ p0: image, p1: image, p2: image, p3: image }}\nsteps:\n  film:\n    uses: media/merge\n    \
         with:\n      items: [{}]\n      transition: fade\n      width: 1280\n      height: 720\n\
         outputs: {{ video: '{{{{ steps.film.video }}}}' }}\n",
        items.collect::<Vec<_>>().join(", ")
    );
    std::fs::write(folder.join("slides.yaml"), text).expect("the folder can be written");
    let inputs: Vec<String> = (0..SCENES).map(|index| format!("p{index}=@p{index}.jpg")).collect();
    let arguments =
        ["slides.yaml"].into_iter().chain(inputs.iter().flat_map(|input| ["--input", input.as_str()]));
    motet(folder, &arguments.collect::<Vec<_>>());
}

/// The same in one command.
fn plain_slides(folder: &Path) {
    let (mut inputs, mut graph) = (Vec::new(), String::new());
    let mut last = "p0".to_owned();
    for index in 0..PHOTOGRAPHS {
        inputs.push(format!("-loop 1 -framerate 25 -t {SEEN} -i p{}.jpg", index % SCENES));
        graph.push_str(&format!("[{index}:v]scale=1280:720,setsar=1,format=yuv420p[p{index}];"));
    }
    for index in 1..PHOTOGRAPHS {
        let offset = index as f64 * (SEEN - FADE);
        graph.push_str(&format!("[{last}][p{index}]xfade=duration={FADE}:offset={offset}[x{index}];"));
        last = format!("x{index}");
    }
    graph.push_str(&format!("[{last}]null[v]"));
    let codecs = "-map [v] -c:v libx264 -preset veryfast -crf 18 plain-slides.mp4";
    let rest = [&["-filter_complex", &graph][..], &codecs.split(' ').collect::<Vec<_>>()].concat();
    ffmpeg(folder, &inputs.join(" "), &rest);
}

fn motet(folder: &Path, arguments: &[&str]) {
    let mut program = Command::new(super::motet());
    let output =
        program.arg("run").args(arguments).current_dir(folder).output().expect("the binary is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn ffmpeg(folder: &Path, arguments: &str, more: &[&str]) {
    let mut program = Command::new("ffmpeg");
    program.args(["-nostdin", "-v", "error", "-y"]).args(arguments.split_whitespace()).args(more);
    let output = program.current_dir(folder).output().expect("ffmpeg is installed");
    assert!(output.status.success(), "{arguments} {more:?}: {}", String::from_utf8_lossy(&output.stderr));
}

// The official JavaScript SDK of ElevenLabs, 2.73.0.

import { ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";
import { Hooks, bytes, check, equal, main, ok, thrown } from "./judge.mjs";

const VOICE = "21m00Tcm4TlvDq8ikWAM";

const client = (sim, apiKey = "t") => new ElevenLabsClient({ apiKey, baseUrl: sim.base("elevenlabs") });
const isMp3 = (audio) => audio.subarray(0, 3).toString() === "ID3" && audio.includes(Buffer.from([0xff, 0xfb]));

check("speech is answered whole", {}, async (sim) => {
  const audio = await bytes(await client(sim).textToSpeech.convert(VOICE, { text: "Hello world", modelId: "eleven_turbo_v2_5", outputFormat: "mp3_44100_64" }));
  ok(isMp3(audio), "MP3");
  const [post] = await sim.posts();
  ok(post.path.includes("output_format=mp3_44100_64"), post.path);
  equal(JSON.parse(post.body).model_id, "eleven_turbo_v2_5");
  const [line] = await sim.ledger();
  equal([line.model, line.charged_usd], ["eleven_turbo_v2_5", 0.00044]);
});

check("headers tell what it cost", {}, async (sim) => {
  const { data, rawResponse } = await client(sim).textToSpeech.convert(VOICE, { text: "Hello world" }).withRawResponse();
  ok(isMp3(await bytes(data)), "MP3");
  equal(rawResponse.headers.get("character-cost"), "11");
  ok(rawResponse.headers.get("request-id"), "the name of the request");
});

check("speech comes as a stream", {}, async (sim) => {
  const audio = await bytes(await client(sim).textToSpeech.stream(VOICE, { text: "Hello world", outputFormat: "pcm_16000" }));
  equal(audio.length, 2 * 16 * (400 + 65 * 11));
});

check("a stream that breaks off is noticed", {}, async (sim) => {
  await sim.scenario([{ fault: "reply_lost" }]);
  await thrown(async () => bytes(await client(sim).textToSpeech.stream(VOICE, { text: "Hello world" })));
});

check("characters have their times", { red: ["audio_base64", "character_start_times_seconds"] }, async (sim) => {
  const spoken = await client(sim).textToSpeech.convertWithTimestamps(VOICE, { text: "Hi you" });
  ok(isMp3(Buffer.from(spoken.audioBase64, "base64")), "MP3");
  equal(spoken.alignment.characters.join(""), "Hi you");
  equal(spoken.alignment.characterStartTimesSeconds.slice(1), spoken.alignment.characterEndTimesSeconds.slice(0, -1));
});

check("a stream has times too", { red: ["audio_base64"] }, async (sim) => {
  const parts = [];
  for await (const part of await client(sim).textToSpeech.streamWithTimestamps(VOICE, { text: "Hi you" })) parts.push(part);
  ok(isMp3(Buffer.concat(parts.map((part) => Buffer.from(part.audioBase64, "base64")))), "MP3");
  equal(parts.flatMap((part) => part.alignment?.characters ?? []).join(""), "Hi you");
});

check("sounds and music are made", {}, async (sim) => {
  ok(isMp3(await bytes(await client(sim).textToSoundEffects.convert({ text: "a door", durationSeconds: 2 }))), "a sound");
  ok(isMp3(await bytes(await client(sim).music.compose({ prompt: "a march", musicLengthMs: 10000 }))), "music");
  equal((await sim.ledger()).map((line) => line.charged_usd), [0.12, 0.05]);
});

check("music comes with its plan", {}, async (sim) => {
  const song = await client(sim).music.composeDetailed({ prompt: "a march", musicLengthMs: 10000 });
  const plan = song.json.compositionPlan ?? song.json.composition_plan;
  ok(plan.sections.length === 1 && isMp3(Buffer.from(song.audio)) && song.filename.endsWith(".mp3"), "plan and audio");
});

check("what was spoken is transcribed", { red: ["text", "words", "language_code"] }, async (sim) => {
  const audio = await bytes(await client(sim).textToSpeech.convert(VOICE, { text: "Good morning to you" }));
  const transcript = await client(sim).speechToText.convert({ modelId: "scribe_v1", file: new Blob([audio]) });
  equal([transcript.text, transcript.languageCode], ["Good morning to you", "eng"]);
  equal(transcript.words.filter((word) => word.type === "word").map((word) => word.text), transcript.text.split(" "));
});

check("a transcript comes later with a webhook", { red: ["transcription_id"] }, async (sim) => {
  const hooks = await Hooks.start();
  const settings = { auth_type: "hmac", name: "test", webhook_url: hooks.url() };
  const made = await (await fetch(`${sim.base("elevenlabs")}/v1/workspace/webhooks`, {
    method: "POST", headers: { "xi-api-key": "t" }, body: JSON.stringify({ settings }),
  })).json();
  const file = new Blob([Buffer.from("RIFF")]);
  const accepted = await client(sim).speechToText.convert({ modelId: "scribe_v1", file, webhook: true, webhookMetadata: JSON.stringify({ token: "abc" }) });
  const [{ headers, body }] = await hooks.wait(1);
  const event = await client(sim).webhooks.constructEvent(body, headers["elevenlabs-signature"], made.webhook_secret);
  equal([event.type, event.data.webhook_metadata], ["speech_to_text_transcription", { token: "abc" }]);
  equal(event.data.transcription_id, accepted.transcriptionId);
  await thrown(() => client(sim).webhooks.constructEvent(body, headers["elevenlabs-signature"], "wsec_other"));
  equal((await client(sim).speechToText.transcripts.get(accepted.transcriptionId)).text, event.data.transcription.text);
});

check("a lost reply is found in the history", { red: ["history_item_id", "history"] }, async (sim) => {
  await sim.scenario([{ fault: "reply_lost", first: 1 }]);
  await thrown(() => client(sim).textToSpeech.convert(VOICE, { text: "Lost words" }));
  equal((await sim.posts()).length, 1);
  const { history: [item] } = await client(sim).history.list();
  equal([item.text, item.historyItemId], ["Lost words", (await sim.jobs())[0]]);
  ok(isMp3(await bytes(await client(sim).history.getAudio(item.historyItemId))), "MP3");
  equal((await sim.jobs()).length, 1);
});

check("models and voices are listed", { red: ["model_id", "voices", "voice_id"] }, async (sim) => {
  ok((await client(sim).models.list()).some((model) => model.modelId === "eleven_turbo_v2_5"), "a model");
  equal((await client(sim).voices.search()).voices[0].name, "Rachel");
  equal((await client(sim).voices.search()).voices[0].voiceId, VOICE);
  ok(isMp3(await bytes(await client(sim).audioIsolation.convert({ audio: new Blob(["ID3"]) }))), "MP3");
});

check("errors have their status", {}, async (sim) => {
  const failing = async (voice, request, key) => {
    const error = await thrown(async () => bytes(await client(sim, key).textToSpeech.convert(voice, request)));
    ok(error instanceof ElevenLabsError, String(error));
    return error.statusCode;
  };
  equal(await failing("nobody", { text: "Hi" }), 404);
  equal(await failing(VOICE, { text: "x".repeat(10001) }), 400);
  equal(await failing(VOICE, { text: "Hi", seed: -1 }), 422);
  await sim.scenario([], { keys: { elevenlabs: ["right"] } });
  equal(await failing(VOICE, { text: "Hi" }, "wrong"), 401);
});

check("a post is repeated by this SDK", {}, async (sim) => {
  for (const fault of [{ fault: "throttle_no_hint" }, { fault: "error_before", status: 503 }]) {
    await sim.reset();
    await sim.scenario([{ ...fault, first: 1 }]);
    ok(isMp3(await bytes(await client(sim).textToSpeech.convert(VOICE, { text: "Hi" }))), "MP3");
    equal([(await sim.posts()).length, (await sim.jobs()).length], [2, 1]);
  }
});

check("an error after the work makes it pay twice", {}, async (sim) => {
  await sim.scenario([{ fault: "error_after", status: 500, first: 1 }]);
  ok(isMp3(await bytes(await client(sim).textToSpeech.convert(VOICE, { text: "Hi" }))), "MP3");
  equal([(await sim.posts()).length, (await sim.jobs()).length], [2, 2]);
});

await main();

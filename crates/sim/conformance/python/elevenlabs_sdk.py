"""The official Python SDK of ElevenLabs, 2.78.0."""

import base64
import json

import httpx
from elevenlabs import ElevenLabs
from elevenlabs.core.api_error import ApiError

from judge import Hooks, check, main, raises

VOICE = "21m00Tcm4TlvDq8ikWAM"


def client(sim, key="t"):
    return ElevenLabs(api_key=key, base_url=sim.base("elevenlabs"))


def is_mp3(audio):
    return audio[:3] == b"ID3" and b"\xff\xfb" in audio


@check()
def speech_is_answered_whole(sim):
    audio = b"".join(client(sim).text_to_speech.convert(VOICE, text="Hello world", model_id="eleven_turbo_v2_5", output_format="mp3_44100_64"))
    assert is_mp3(audio)
    (post,) = sim.posts()
    assert "output_format=mp3_44100_64" in post["path"] and json.loads(post["body"])["text"] == "Hello world"
    (line,) = sim.ledger()
    assert (line["model"], line["charged_usd"]) == ("eleven_turbo_v2_5", 0.00044)


@check()
def headers_tell_what_it_cost(sim):
    with client(sim).text_to_speech.with_raw_response.convert(VOICE, text="Hello world") as reply:
        assert is_mp3(b"".join(reply.data))
        headers = reply.headers
    assert headers["character-cost"] == "11" and headers["request-id"] and headers["history-item-id"]


@check()
def speech_comes_as_a_stream(sim):
    pieces = list(client(sim).text_to_speech.stream(VOICE, text="Hello world", output_format="pcm_16000"))
    assert len(pieces) > 1 and len(b"".join(pieces)) == 2 * 16 * (400 + 65 * 11)


@check()
def a_stream_that_breaks_off_is_noticed(sim):
    sim.scenario([{"fault": "reply_lost"}])
    raises(httpx.HTTPError, lambda: b"".join(client(sim).text_to_speech.stream(VOICE, text="Hello world")))
    assert len(sim.posts()) == 1


@check(red=["audio_base64", "alignment", "character_start_times_seconds"])
def characters_have_their_times(sim):
    spoken = client(sim).text_to_speech.convert_with_timestamps(VOICE, text="Hi you")
    assert is_mp3(base64.b64decode(spoken.audio_base_64))
    assert "".join(spoken.alignment.characters) == "Hi you"
    starts, ends = spoken.alignment.character_start_times_seconds, spoken.alignment.character_end_times_seconds
    assert starts[0] == 0 and starts[1:] == ends[:-1] and ends[-1] == 0.79


@check(red=["audio_base64", "alignment"])
def a_stream_has_times_too(sim):
    parts = list(client(sim).text_to_speech.stream_with_timestamps(VOICE, text="Hi you"))
    assert is_mp3(b"".join(base64.b64decode(part.audio_base_64) for part in parts))
    assert "".join("".join(part.alignment.characters) for part in parts if part.alignment) == "Hi you"


@check()
def sounds_and_music_are_made(sim):
    effect = b"".join(client(sim).text_to_sound_effects.convert(text="a door", duration_seconds=2))
    music = b"".join(client(sim).music.compose(prompt="a march", music_length_ms=10000))
    assert is_mp3(effect) and is_mp3(music) and 150_000 < len(music) < 170_000
    assert [(line["model"], line["charged_usd"]) for line in sim.ledger()] == [("eleven_text_to_sound_v2", 0.12), ("music_v1", 0.05)]


@check()
def music_comes_with_its_plan(sim):
    song = client(sim).music.compose_detailed(prompt="a march", music_length_ms=10000)
    assert is_mp3(song.audio) and song.filename.endswith(".mp3")
    sections = song.json["composition_plan"]["sections"]
    assert sections[0]["duration_ms" if "duration_ms" in sections[0] else "durationMs"] == 10000


@check(red=["text", "words", "language_code"])
def what_was_spoken_is_transcribed(sim):
    audio = b"".join(client(sim).text_to_speech.convert(VOICE, text="Good morning to you"))
    transcript = client(sim).speech_to_text.convert(model_id="scribe_v1", file=audio, timestamps_granularity="word", diarize=True)
    words = [word for word in transcript.words if word.type == "word"]
    assert transcript.text == "Good morning to you" and [word.text for word in words] == transcript.text.split()
    assert words[0].start == 0 and words[0].speaker_id == "speaker_0" and transcript.language_code == "eng"


@check(red=["request_id", "transcription_id"])
def a_transcript_comes_later_with_a_webhook(sim):
    hooks = Hooks()
    settings = {"settings": {"auth_type": "hmac", "name": "test", "webhook_url": hooks.url()}}
    made = httpx.post(sim.base("elevenlabs") + "/v1/workspace/webhooks", json=settings, headers={"xi-api-key": "t"}).json()
    accepted = client(sim).speech_to_text.convert(
        model_id="scribe_v1", file=b"RIFF", webhook=True, webhook_metadata=json.dumps({"token": "abc"})
    )
    ((_, headers, body),) = hooks.wait(1)
    signature = {name.lower(): value for name, value in headers.items()}["elevenlabs-signature"]
    event = client(sim).webhooks.construct_event(body.decode(), signature, made["webhook_secret"])
    data = event["data"]
    assert event["type"] == "speech_to_text_transcription" and data["webhook_metadata"] == {"token": "abc"}
    assert (data["request_id"], data["transcription_id"]) == (accepted.request_id, accepted.transcription_id)
    fetched = client(sim).speech_to_text.transcripts.get(accepted.transcription_id)
    assert fetched.text == data["transcription"]["text"] and sim.ledger()[0]["token"] == "abc"
    raises(Exception, client(sim).webhooks.construct_event, body.decode(), signature, "wsec_other")


@check()
def a_lost_reply_is_found_in_the_history(sim):
    sim.scenario([{"fault": "reply_lost", "first": 1}])
    raises(httpx.HTTPError, lambda: b"".join(client(sim).text_to_speech.convert(VOICE, text="Lost words")))
    assert len(sim.posts()) == 1
    (item,) = client(sim).history.list().history
    assert (item.text, item.voice_id, item.history_item_id) == ("Lost words", VOICE, sim.jobs()[0])
    assert is_mp3(b"".join(client(sim).history.get_audio(item.history_item_id))) and len(sim.jobs()) == 1


@check(red=["has_more", "last_history_item_id", "history"])
def the_history_has_pages(sim):
    for number in range(5):
        b"".join(client(sim).text_to_speech.convert(VOICE, text=f"Text {number}"))
    first = client(sim).history.list(page_size=3)
    assert first.has_more
    second = client(sim).history.list(page_size=3, start_after_history_item_id=first.last_history_item_id)
    assert [item.text for item in first.history + second.history] == [f"Text {n}" for n in (4, 3, 2, 1, 0)] and second.has_more is False


@check(red=["model_id", "voices"])
def models_and_voices_are_listed(sim):
    assert "eleven_turbo_v2_5" in [model.model_id for model in client(sim).models.list()]
    assert client(sim).voices.search().voices[0].name == "Rachel"
    cleaned = b"".join(client(sim).audio_isolation.convert(audio=b"ID3"))
    assert is_mp3(cleaned)


@check(red=["detail"])
def errors_have_their_status(sim):
    speak = client(sim).text_to_speech.convert
    error = raises(ApiError, lambda: b"".join(speak("nobody", text="Hi")))
    assert (error.status_code, error.body["detail"]["status"]) == (404, "voice_not_found")
    error = raises(ApiError, lambda: b"".join(speak(VOICE, text="x" * 10001)))
    assert (error.status_code, error.body["detail"]["status"]) == (400, "max_character_limit_exceeded")
    error = raises(ApiError, lambda: b"".join(speak(VOICE, text="Hi", seed=-1)))
    assert error.status_code == 422
    sim.scenario(keys={"elevenlabs": ["right"]})
    error = raises(ApiError, client(sim, "wrong").models.list)
    assert (error.status_code, error.body["detail"]["status"]) == (401, "invalid_api_key")
    sim.scenario(credit={"elevenlabs": 0})
    error = raises(ApiError, lambda: b"".join(speak(VOICE, text="Hi")))
    assert (error.status_code, error.body["detail"]["status"]) == (401, "quota_exceeded")
    assert sim.jobs() == []


@check()
def a_post_for_json_is_repeated_by_this_sdk(sim):
    for fault in [{"fault": "throttle_no_hint"}, {"fault": "error_before", "status": 503}]:
        sim.reset()
        sim.scenario([{**fault, "first": 1}])
        assert client(sim).text_to_speech.convert_with_timestamps(VOICE, text="Hi").audio_base_64
        assert (len(sim.posts()), len(sim.jobs())) == (2, 1)


@check()
def a_post_for_bytes_is_made_once(sim):
    for fault in [{"fault": "throttle_no_hint"}, {"fault": "error_before", "status": 500}]:
        sim.reset()
        sim.scenario([{**fault, "first": 1}])
        error = raises(ApiError, lambda: b"".join(client(sim).text_to_speech.convert(VOICE, text="Hi")))
        assert error.status_code in (429, 500) and (len(sim.posts()), len(sim.jobs())) == (1, 0)


@check()
def an_error_after_the_work_makes_it_pay_twice(sim):
    sim.scenario([{"fault": "error_after", "status": 500, "first": 1}])
    assert client(sim).text_to_speech.convert_with_timestamps(VOICE, text="Hi").audio_base_64
    assert (len(sim.posts()), len(sim.jobs())) == (2, 2)


main()

//! What each rule is about: `motet check --explain CODE`.

use super::Code;

impl Code {
    /// What the rule is about, with a small example.
    pub fn explain(self) -> &'static str {
        match self {
            Code::AliasBomb => {
                "Aliases (`*name`) stand for a value that is written elsewhere (`&name`). Aliases of aliases grow \
                 without bounds: a file of one page can expand to more data than a machine has. All aliases of a \
                 file together may expand to 10,000 values.\n\n  a: &a [x, x]\n  b: [*a, *a]    # fine: four values"
            }
            Code::BadClass => {
                "Retries and fallbacks are chosen by the class of a failure. There are eleven classes, and `any` \
                 for all of them.\n\n  retry: { on: [unavailable, timeout], attempts: 3 }"
            }
            Code::BadName => {
                "Expressions refer to steps, inputs, outputs and items by name. A name begins with a lower-case \
                 letter and continues with lower-case letters, digits and `_`; `-` would mean minus. The pipeline's own name \
                 may have `-` and capitals, since no expression uses it.\n\n  steps: { first_shot: { … } }    # not first-shot"
            }
            Code::BadPath => {
                "A pipeline may use files of its own project only: a path that begins with `/`, or that climbs out \
                 of the project's folder, is refused.\n\n  uses: ./parts/clip.yaml"
            }
            Code::BadSchema => {
                "Inputs and typed outputs are declared by a type (string, number, integer, boolean, array, object, \
                 image, video, audio, file) or by a JSON Schema, in which the media types are types too.\n\n  inputs:\n    \
                 prompt: string\n    scenes: { type: array, items: { type: string }, default: [] }"
            }
            Code::BadValue => {
                "The value doesn't fit the key or parameter: it is of another kind, out of range, or not \
                 one of the allowed words. Durations have a unit.\n\n  timeout: 90s    # not 90"
            }
            Code::Binary => {
                "The file has zero bytes in it, so it is not text. A pipeline is YAML or JSON in UTF-8."
            }
            Code::Cycle => {
                "A step starts when everything it refers to is done. Steps that refer to each other in a circle would \
                 wait forever; so would a step inside of a group that refers to the group. References of a fallback \
                 count: they are waited for when the fallback is reached.\n\n  a: { …, with: { value: \"{{ steps.b.value }}\" } }\n  \
                 b: { …, with: { value: \"{{ steps.a.value }}\" } }    # a → b → a"
            }
            Code::DoubtfulScalar => {
                "YAML 1.1 and YAML 1.2 read some words without quotes differently: `no` is false or text, `014` is \
                 twelve or fourteen, `16:9` is 969 or text. Rather than guess, Motet asks for quotes.\n\n  \
                 aspect_ratio: \"16:9\"\n  optional: true    # not yes"
            }
            Code::DuplicateKey => {
                "A key is written twice in one map. Many programs silently take the last one, so that a whole step \
                 can get lost when text is copied. Rename or remove one of the two."
            }
            Code::Empty => {
                "The file has no content, or only comments. `motet init` writes a pipeline to start from."
            }
            Code::ExpressionSyntax => {
                "The text between `{{` and `}}`, or between `{%` and `%}`, is Jinja, and this can't be read as \
                 such: a name, bracket or end is missing.\n\n  text: \"{{ inputs.title | upper }}\"\n  text: \"{% if inputs.title %}{{ \
                 inputs.title }}{% endif %}\""
            }
            Code::FailingExpression => {
                "The expression fails whatever the inputs are: it divides by zero, adds a number to a list, or asks \
                 for something that no value of its type has. Better now than after the first paid step."
            }
            Code::ForbiddenExpression => {
                "This is Jinja that is not supported here: pipelines can't include other templates, define macros or call \
                 what isn't on the list of functions. `motet schema` and the language guide list what there is."
            }
            Code::MisplacedKey => {
                "The key exists, but can't be used at this place: `quorum` needs `each`; `retry` and `fallback` \
                 belong to an operation, not to a group of steps.\n\n  shots:\n    each: \"{{ inputs.scenes }}\"\n    quorum: 80%"
            }
            Code::MisplacedSecret => {
                "A secret is not a value: it is named in the headers of `http/request` and filled in when the request is \
                 sent, to the hosts that the settings name for it. So it appears in no log and no store. It can't be part \
                 of an expression, and beside it there can be text only.\n\n  uses: http/request\n  with:\n    \
                 url: https://api.weather.example/now\n    headers: { authorization: \"Bearer {{ secrets.weather }}\" }"
            }
            Code::MissingKey => {
                "A required key is missing: a pipeline has `steps`, a step says what it does by \
                 `uses` or `steps`, a check says what must hold by `that`."
            }
            Code::MissingOutput => {
                "A fallback takes the place of the first target, so it must give every output of the step that \
                 anything refers to. `flow/fail` always fits: it never gives anything.\n\n  voice:\n    uses: local/speak\n    \
                 fallback: [{ uses: media/silence, with: { duration: 3 } }]    # gives `audio`, but no `words`"
            }
            Code::MissingParameter => {
                "The operation or pipeline that is used requires this parameter. What an operation takes is \
                 its contract; `motet plan` shows it with all defaults.\n\n  uses: local/scene\n  with: { prompt: a quiet sea }"
            }
            Code::NeverThere => {
                "What is given to the step decides which of its outputs it has, and this is none of them: it is absent \
                 in every run, and so is what is made of it. A scene is a picture, or with `length` a film; what cuts a \
                 sound gives a sound.\n\n  sea: { uses: local/scene, with: { prompt: sea, length: 5 } }\n  \
                 \"{{ steps.sea.video }}\""
            }
            Code::NotSupportedYet => {
                "The key, operation or name belongs to the language, but this version doesn't support it yet. It is refused \
                 rather than ignored: a `budget` that is silently ignored would be worse than none."
            }
            Code::NotUtf8 => {
                "The file is text in another encoding than UTF-8. Save it again as UTF-8; most editors have that in \
                 their save dialogue, and `iconv -f latin1 -t utf-8` does it for a file."
            }
            Code::Recursion => {
                "A file that is used is put in place of the step that uses it. A file that uses itself, directly or \
                 through others, would have no end. To do something again and again, fan out with `each`."
            }
            Code::Runaway => {
                "The template would use more time or memory than any template may, whatever the inputs are: a text \
                 of more than a mebibyte, a range without end, a loop in a loop in a loop.\n\n  \"{{ 'x' * 10**9 }}\"    \
                 # a gigabyte of x"
            }
            Code::Syntax => {
                "The file is not well-formed YAML or JSON, or uses a part of YAML that pipelines do without (tags, \
                 several documents). Indent with spaces; quote texts with a colon or with `{{ … }}` in them."
            }
            Code::TooDeep => "Maps and lists are nested more than 64 deep. Use a group or a file of its own.",
            Code::TooLarge => {
                "A pipeline's file may have one mebibyte, and a pipeline may use 256 files. Large data is an input: \
                 `motet run film.yaml --input script=@script.txt`."
            }
            Code::Type => {
                "The type of the value doesn't fit: every operation says which types it takes and \
                 gives, and references are followed from step to step, also into fallbacks.\n\n  clip: { uses: media/animate, \
                 with: { image: \"{{ steps.still.image }}\" } }    # a video or a text would be refused"
            }
            Code::UnknownField => {
                "The step, input or value has no such field. What a step gives is the contract of its operation, or \
                 the `outputs` of a group; every step has `status` and `error` as well, and a step with `each` gives \
                 `items`, `keys`, `by_key` and `failed` instead.\n\n  \"{{ steps.shots.items }}\""
            }
            Code::UnknownFilter => {
                "There is no filter of that name (the word after `|`). Filters are an allow-list.\n\n  \"{{ \
                 inputs.title | upper }}\""
            }
            Code::UnknownFunction => {
                "There is no function of that name. Functions are an allow-list; expressions can't call anything \
                 else.\n\n  \"{{ range(3) }}\""
            }
            Code::UnknownInput => "The file that is used declares no input of that name under its `inputs`.",
            Code::UnknownKey => {
                "There is no key of that name here. Keys are never ignored: a `retires` that is silently ignored would be a \
                 step that isn't tried again. `motet schema` prints a JSON Schema by which editors complete keys."
            }
            Code::UnknownName => {
                "Expressions know `inputs`, `steps` and `run`; in a step with `each` also `item` (or what `as` says) \
                 and `index`; in a `check` also `output`. Everything else is reached from there.\n\n  \"{{ inputs.title }}\"    \
                 # not {{ title }}"
            }
            Code::UnknownOperation => {
                "There is no operation of that name. Operations are `media/…`, `local/…`, `data/transform`, \
                 `data/rank`, `flow/sleep`, `flow/fail`, your own `task/…`, and other files (`./clip.yaml`)."
            }
            Code::UnknownParameter => {
                "The operation has no parameter of that name. A fallback takes over those parameters of the first \
                 target that it knows; it must know all that are written for the fallback itself."
            }
            Code::UnknownPool => {
                "The settings have no pool of that name. A pool limits how many attempts run in it at once, \
                 or how often one may begin, across all runs of a store.\n\n  # motet.toml\n  [pools]\n  gpu = 1\n  \
                 search = { slots = 4, rate = \"30/1m\" }"
            }
            Code::UnknownSecret => {
                "The settings have no secret of that name. They say where it is, never what it is, and which hosts may \
                 be told.\n\n  # motet.toml\n  [secrets.weather]\n  key = \"env:WEATHER_KEY\"\n  \
                 hosts = [\"api.weather.example\"]"
            }
            Code::UnknownStep => {
                "No step of that name is visible here. A step sees the steps beside it, and those of \
                 the scopes around its group; the steps inside of a group are seen through the group's `outputs`, \
                 and a file sees its own steps only.\n\n  \"{{ steps.still.image }}\""
            }
            Code::UnknownTest => {
                "There is no test of that name (the word after `is`).\n\n  \"{{ inputs.title is defined }}\""
            }
            Code::Unneeded => {
                "What is written here changes nothing. An input is for what steps and outputs refer to by `inputs.NAME`. \
                 `fit: auto` converts media where the operation's contract sets a largest size or length, formats, or mono."
            }
            Code::Unpriced => {
                "The pipeline, or a file that it uses, has a `budget`, and nobody knows what an operation costs: so \
                 nothing could be reserved for it, and the budget would not hold. Give the operation a price, or let \
                 it run outside of the budget.\n\n  budget: 2.00\n  allow_unpriced: true"
            }
            Code::Unquoted => {
                "Without quotes, YAML reads `{` as the start of a map, so an expression needs quotes around the \
                 whole value.\n\n  text: \"{{ inputs.title }}\""
            }
            Code::Unreadable => {
                "The file doesn't exist or can't be read. A path is relative to the file that it is written in.\n\n  \
                 uses: ./parts/clip.yaml"
            }
            Code::Unverified => {
                "Nobody has verified that the model has this parameter, or which of its values fit. It is sent as it \
                 is and recorded with the attempt; the provider may refuse it, or leave it out of account. `motet models \
                 show` tells what is verified."
            }
            Code::Version => {
                "The first line says which version of the language the file is written in, so that later programs \
                 read it as it was meant.\n\n  motet: 1"
            }
            Code::WrongArguments => {
                "A filter, test or function is called with the wrong arguments.\n\n  \"{{ inputs.words | \
                 join(', ') }}\""
            }
        }
    }
}

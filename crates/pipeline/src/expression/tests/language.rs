use super::table;

#[test]
fn a_scalar_keeps_its_type_or_is_text() {
    table(&[
        ("plain", r#""plain""#),
        ("{ not a marker }", r#""{ not a marker }""#),
        ("{{ inputs.seconds }}", "4"),
        ("\n{{ inputs.seconds }}\r\n\n", "4"),
        (" {{ inputs.seconds }}", r#"" 4""#),
        ("{{ inputs.prompt }}  ", r#""a boat  ""#),
        ("\t{{ inputs.tags }}\n", r#""\t[\"sea\",\"boat\"]\n""#),
        ("{{ inputs.seconds }}s", r#""4s""#),
        ("{{ inputs.seconds }}{{ inputs.rate }}", r#""41.5""#),
        ("{{ inputs.tags }}", r#"["sea","boat"]"#),
        ("tags: {{ inputs.tags }}", r#""tags: [\"sea\",\"boat\"]""#),
        ("{{ inputs.nothing }}", "null"),
        ("a\n{{ inputs.prompt }}\n", r#""a\na boat\n""#),
        ("{{ '{{' }}", r#""{{""#),
        ("{% raw %}{{ x }}{% endraw %}", r#""{{ x }}""#),
        ("a{# a comment #}b", r#""ab""#),
        ("a  {{- inputs.seconds -}}  b", r#""a4b""#),
    ]);
}

#[test]
fn numbers_stay_exact() {
    table(&[
        ("{{ inputs.big }}", "9007199254740993"),
        ("{{ inputs.big + 1 }}", "9007199254740994"),
        ("{{ inputs.huge }}", "18446744073709551615"),
        ("{{ inputs.huge == 18446744073709551615 }}", "true"),
        ("{{ inputs.huge + 1 }}", "error: the result is too large a number"),
        ("{{ 3 / 2 }}", "1.5"),
        ("{{ 3 // 2 }}", "1"),
        ("{{ 7 % 4 }}", "3"),
        ("{{ 2 ** 10 }}", "1024"),
        ("{{ 2 ** -1 }}", "0.5"),
        ("{{ -inputs.seconds }}", "-4"),
        ("{{ 0.10 }}", "0.1"),
        ("{{ 3 == 3.0 }}", "true"),
        ("{{ inputs.big == 9007199254740992.0 }}", "false"),
        ("{{ inputs.seconds / 0 }}", "error: this divides by zero"),
        ("{{ 1 / 0 }}", "refused: failing-expression: this divides by zero"),
        ("{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.345 | round(1) }} {{ 2.9 | int }}", r#""2 4 2.3 2""#),
        ("{{ '12' | int + 1 }}", "13"),
        ("{{ 'x' | int(7) }}", "7"),
        ("{{ 2.675 | round(2) }} {{ 1.005 | round(2) }} {{ 0.125 | round(2) }}", r#""2.67 1.0 0.12""#),
        ("{{ '9223372036854775809' | int }}", "9223372036854775809"),
        ("{{ 125 | round(-1) }} {{ 1234.5 | round(-2) }} {{ 7 | round }}", r#""120 1200 7""#),
        ("{{ 4.0 is even }} {{ 4.0 is divisibleby(3) }}", r#""true false""#),
        (
            "{{ 1.0 }} {{ 1e300 }} {{ 0.1 + 0.2 }} {{ 1 == true }}",
            r#""1.0 1e+300 0.30000000000000004 false""#,
        ),
    ]);
}

#[test]
fn operators_and_conditions() {
    table(&[
        ("{{ inputs.prompt ~ ', ' ~ inputs.seconds }}", r#""a boat, 4""#),
        ("{{ inputs.prompt + ' at sea' }}", r#""a boat at sea""#),
        ("{{ inputs.tags + ['x'] }}", r#"["sea","boat","x"]"#),
        ("{{ 'ab' * 3 }}", r#""ababab""#),
        ("{{ inputs.prompt + 1 }}", "error: `+` can't be used with text and a number; `~` joins texts"),
        ("{{ 1 < inputs.seconds <= 4 }}", "true"),
        ("{{ 'sea' in inputs.tags and 'x' not in inputs.tags }}", "true"),
        ("{{ inputs.seconds > 3 and inputs.loud }}", "true"),
        ("{{ not inputs.empty }}", "true"),
        ("{{ 'loud' if inputs.loud else 'calm' }}", r#""loud""#),
        ("{{ inputs.nothing or inputs.prompt }}", r#""a boat""#),
        ("{{ inputs.prompt < 3 }}", "error: text can't be compared with a number"),
        ("{{ inputs.tags[0] }} {{ inputs.tags[-1] }} {{ inputs.tags.1 }}", r#""sea boat boat""#),
        ("{{ inputs.deep.list[0][inputs.which] }}", r#""u1""#),
        ("{{ inputs['prompt'] }}", r#""a boat""#),
        ("{{ inputs.prompt[2:] }}", r#""boat""#),
        ("{{ inputs.tags[::-1] }}", r#"["boat","sea"]"#),
        ("{{ {'a': [1, 2.5, none, true], 'b': inputs.seconds} }}", r#"{"a":[1,2.5,null,true],"b":4}"#),
        ("{{ range(3) }}", "[0,1,2]"),
        ("{{ range(5, 1, -2) }}", "[5,3]"),
    ]);
}

#[test]
fn slices_are_those_of_python() {
    table(&[
        ("{{ range(5)[3:0:-1] }} {{ range(5)[-2:-4:-1] }} {{ range(5)[0:3:-1] }}", r#""[3,2,1] [3,2] []""#),
        ("{{ range(5)[::-2] }} {{ range(5)[9::-3] }} {{ range(5)[-9:2] }}", r#""[4,2,0] [4,1] [0,1]""#),
        ("{{ 'aéb'[::-1] }} {{ 'aéb'[-1] }} {{ 'aéb'[1:] }} {{ ''[::-1] }}", r#""béa b éb ""#),
        ("{{ range(5)[::0] }}", "refused: failing-expression: a slice can't have steps of zero"),
    ]);
}

#[test]
fn quotients_and_remainders_are_those_of_python() {
    table(&[
        ("{{ 7 // -2 }} {{ -7 // 2 }} {{ -7 // -2 }}", r#""-4 -4 3""#),
        ("{{ 7 % -2 }} {{ -7 % 2 }} {{ -7 % -2 }}", r#""-1 1 -1""#),
        ("{{ 7.5 // -2 }} {{ 7.5 % -2 }} {{ -7.5 % 2 }}", r#""-4.0 -0.5 0.5""#),
        ("{{ 0 ** -1 }}", "refused: failing-expression: this divides by zero"),
        ("{{ (-8) ** 0.5 }}", "refused: failing-expression: the result isn't a number"),
        (
            "{{ range(-9000000000000000000, 9000000000000000000, 6000000000000000000) }}",
            "[-9000000000000000000,-3000000000000000000,3000000000000000000]",
        ),
    ]);
}

#[test]
fn filters() {
    table(&[
        ("{{ inputs.prompt | upper }}", r#""A BOAT""#),
        ("{{ inputs.name | title }}", r#""Ada Lovelace""#),
        ("{{ inputs.name | capitalize }}", r#""Ada lovelace""#),
        ("{{ '  x ' | trim }}", r#""x""#),
        ("{{ inputs.tags | join(', ') }}", r#""sea, boat""#),
        ("{{ inputs.deep.list | map(attribute='url') }}", r#"["u1","u2"]"#),
        ("{{ inputs.deep.list | map(attribute='x', default='-') }}", r#"["-","-"]"#),
        ("{{ inputs.tags | map('upper') | list }}", r#"["SEA","BOAT"]"#),
        ("{{ inputs.tags | map('replace', 'a', 'o') }}", r#"["seo","boot"]"#),
        ("{{ [3, 1, 2] | sort }} {{ [3, 1, 2] | sort(reverse=true) }}", r#""[1,2,3] [3,2,1]""#),
        ("{{ ['b', 'A'] | sort }}", r#"["A","b"]"#),
        (
            "{{ [{'k': 'b', 'n': 1}, {'k': 'a', 'n': 2}, {'k': 'B', 'n': 3}] | groupby('k') }}",
            r#"[["a",[{"k":"a","n":2}]],["b",[{"k":"b","n":1},{"k":"B","n":3}]]]"#,
        ),
        (
            "{{ [{'k': 'b'}, {}, {'k': 'B'}] | groupby('k', default='?', case_sensitive=true) | map('first') }}",
            r#"["?","B","b"]"#,
        ),
        (
            "{% for k, all in [{'k': 2}, {'k': 1}] | groupby('k') %}{{ k }}:{{ all | length }} {% endfor %}",
            r#""1:1 2:1 ""#,
        ),
        ("{{ [1, 2, 1.0, 'a', 'a'] | unique }}", r#"[1,2,"a"]"#),
        ("{{ [1, 2, 3] | select('odd') }}", "[1,3]"),
        ("{{ [1, 2, 3] | reject('gt', 1) }}", "[1]"),
        ("{{ inputs.deep.list | selectattr('url', 'eq', 'u2') }}", r#"[{"url":"u2"}]"#),
        ("{{ [1, 2, 3] | sum }} {{ [1, 2, 3] | max }} {{ [1, 2, 3] | min }}", r#""6 3 1""#),
        ("{{ range(5) | batch(2) }}", "[[0,1],[2,3],[4]]"),
        ("{{ range(5) | slice(2) }}", "[[0,1,2],[3,4]]"),
        ("{{ 'A Boat, at Sea!' | slug }}", r#""a-boat-at-sea""#),
        ("{{ 'one two three' | words(2) }}", r#""one two…""#),
        ("{{ '%.2f $' | format(2) }}", r#""2.00 $""#),
        (
            "{{ '%s has %d%% of %r' | format('sea', 7.9, 1) }}",
            "refused: failing-expression: `format` knows %s, %d, %f, %e, %x, %o and %%, not `%r`",
        ),
        (
            "{{ '%05d|%-4s|%+.1f|%x|%X|%o|%5.1f|% d' | format(-42, 'ab', 1, 255, 255, 8, 2.25, 3) }}",
            r#""-0042|ab  |+1.0|ff|FF|10|  2.2| 3""#,
        ),
        ("{{ '%.3e' | format(12345.678) }}", r#""1.235e+04""#),
        ("{{ '%.3s' | format('boat') }} {{ '%s' | format(inputs.tags) }}", r#""boa [\"sea\",\"boat\"]""#),
        ("{{ '%d' | format }}", "refused: failing-expression: `format` has fewer values than places"),
        ("{{ 'x' | format(1) }}", "refused: failing-expression: `format` has more values than places"),
        (
            "{{ '%d' | format('x') }}",
            "refused: failing-expression: `%d` of `format` takes a number, not text",
        ),
        (
            "{{ '%999999999d' | format(1) }}",
            "refused: runaway: `format` goes up to 1000 characters and 100 decimals",
        ),
        ("{{ [1, 2.5] | map('string') | map('format') | list }}", r#"["1","2.5"]"#),
        ("{{ 'one two three' | truncate(7) }}", r#""one…""#),
        ("{{ 'one two three' | truncate(7, true, '..') }}", r#""one t..""#),
        ("{{ 'a\nb' | indent(2) }}", r#""a\n  b""#),
        ("{{ 'a b&c' | urlencode }}", r#""a%20b%26c""#),
        ("{{ inputs.json | fromjson }}", r#"{"a":[1,2]}"#),
        ("{{ (inputs.json | fromjson).a[1] }}", "2"),
        ("{{ inputs.deep | tojson }}", r#""{\"list\":[{\"url\":\"u1\"},{\"url\":\"u2\"}]}""#),
        ("{{ inputs.pairs | dictsort }}", r#"[["a",2],["b",1]]"#),
        ("{{ inputs.pairs | tojson(indent=2) }}", r#""{\n  \"a\": 2,\n  \"b\": 1\n}""#),
        ("{{ [[1], [2, 3]] | flatten }}", "[1,2,3]"),
        ("{{ inputs.prompt | length }} {{ inputs.tags | length }}", r#""6 2""#),
        ("{{ 'a,b' | split(',') | last }}", r#""b""#),
        (
            "{{ ' a  b c ' | split }} {{ ' a  b c ' | split(count=1) }}",
            r#""[\"a\",\"b\",\"c\"] [\"a\",\"b c \"]""#,
        ),
        ("{{ 'a\n\n b\n' | lines }}", r#"["a"," b"]"#),
        ("{{ ['b', 'A', 'a'] | unique }} {{ ['b', 'A'] | min }}", r#""[\"b\",\"A\"] A""#),
        ("{{ [1, 1.0, [1], [1.0]] | unique }}", "[1,[1]]"),
        ("{{ {'a': 2, 'b': 1} | dictsort(by='value') }}", r#"[["b",1],["a",2]]"#),
        ("{{ none | default('x') }} {{ '' | default('x', boolean=true) }}", r#""null x""#),
        ("{{ [3, 'a', 1] | sort }}", "refused: failing-expression: text can't be compared with a number"),
    ]);
}

#[test]
fn an_object_of_a_template_is_never_media_or_absence() {
    table(&[
        ("{{ {'$absent': true} }}", r#"{"$plain":[["$absent",true]]}"#),
        ("{{ '{\"$absent\":true}' | fromjson }}", r#"{"$plain":[["$absent",true]]}"#),
    ]);
}

#[test]
fn statements() {
    table(&[
        (
            "{% for tag in inputs.tags %}{{ loop.index }}. {{ tag }}{{ ', ' if not loop.last }}{% endfor %}",
            r#""1. sea, 2. boat""#,
        ),
        ("{% for x in inputs.empty %}{{ x }}{% else %}none{% endfor %}", r#""none""#),
        ("{% for x in range(6) if x is odd %}{{ x }}/{{ loop.length }} {% endfor %}", r#""1/3 3/3 5/3 ""#),
        ("{% for key, value in inputs.pairs | items %}{{ key }}={{ value }};{% endfor %}", r#""a=2;b=1;""#),
        (
            "{% set tone = 'calm' %}{% if inputs.loud %}{% set tone = 'loud' %}{% endif %}{{ tone }}",
            r#""loud""#,
        ),
        (
            "{% set n = 1 %}{% for x in [1, 2] %}{% if loop.first %}{% set n = 5 %}{% endif %}{{ n }}{% endfor %}{{ n }}",
            r#""511""#,
        ),
        (
            "{% if inputs.seconds > 5 %}long{% elif inputs.seconds > 3 %}middle{% else %}short{% endif %}",
            r#""middle""#,
        ),
        ("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}", r#""3""#),
        ("{% if inputs.loud and false %}{% set x = 1 %}{% endif %}{{ x }}", "error: `x` isn't set here"),
    ]);
}

#[test]
fn what_is_missing_is_named_and_something_near_suggested() {
    table(&[
        ("{{ inputs.promt }}", "error: `inputs` has no `promt`; did you mean `prompt`?"),
        ("{{ inputs.deep.x }}", "error: `inputs.deep` has no `x`, only `list`"),
        ("{{ input.prompt }}", "error: there is no name `input`; did you mean `inputs`?"),
        ("{{ steps.stil.image }}", "error: there is no step `stil`; did you mean `still`?"),
        ("{{ steps.still.imgae }}", "error: `steps.still` has no `imgae`; did you mean `image`?"),
        (
            "{{ steps.still.image.widht }}",
            "error: `steps.still.image` is an image, which has no `widht`; did you mean `width`?",
        ),
        ("{{ inputs.prompt.x }}", "error: `inputs.prompt` is text and has no `x`"),
        ("{{ inputs.tags[5] }}", "error: `inputs.tags` has 2 items, and none at 5"),
        ("{{ inputs.nope is defined }}", "false"),
        ("{{ inputs.nope.deeper is undefined }}", "true"),
        ("{{ inputs.nope | default('x') }}", r#""x""#),
        ("{{ inputs.nope.deeper | d('x') }}", r#""x""#),
        ("{{ inputs.empty | default('x', true) }}", r#""x""#),
        (
            "{{ inputs.nope or 'x' }}",
            "error: `inputs` has no `nope`, only `big`, `deep`, `empty`, `huge`, `json`, `loud` and 9 more",
        ),
    ]);
}

#[test]
fn media_has_its_measures_and_no_text() {
    table(&[
        ("{{ steps.still.image.width }}", "1024"),
        ("{{ steps.still.image.mime }}", r#""image/png""#),
        ("{{ steps.still.image.height is absent }}", "true"),
        (
            "{{ steps.still.image.duration }}",
            "error: `steps.still.image` is an image, which has no `duration`, only `digest`, `kind`, `mime`, `bytes`, `width` and `height`",
        ),
        (
            "see {{ steps.still.image }}",
            "error: an image can't be written as text; pass it on as a value of its own (`\"{{ … }}\"` and nothing else), or print one of its fields, such as `.digest` or `.mime`",
        ),
    ]);
}

#[test]
fn what_is_not_on_the_lists_is_refused() {
    table(&[
        ("{{ inputs.prompt | uper }}", "refused: unknown-filter: there is no filter `uper`"),
        ("{{ inputs.prompt is definde }}", "refused: unknown-test: there is no test `definde`"),
        ("{{ debug() }}", "refused: unknown-function: there is no function `debug`, only `range`"),
        ("{{ upper(inputs.prompt) }}", "refused: unknown-function: `upper` is a filter; write `… | upper`"),
        (
            "{{ inputs.prompt.upper() }}",
            "refused: forbidden-expression: a value has no functions; write `… | upper`",
        ),
        ("{{ inputs.tags | map('uper') }}", "refused: unknown-filter: there is no filter `uper`"),
        ("{{ inputs.tags | select('od') }}", "refused: unknown-test: there is no test `od`"),
        ("{{ inputs.prompt | replace('a') }}", "refused: wrong-arguments: `replace` needs an argument `new`"),
        ("{{ inputs.prompt | upper(1) }}", "refused: wrong-arguments: `upper` takes fewer arguments"),
        (
            "{{ inputs.tags | join(atribute=1) }}",
            "refused: wrong-arguments: `join` has no argument `atribute`; did you mean `attribute`?",
        ),
        ("{{ inputs.tags | join(', ', d='-') }}", "refused: wrong-arguments: `join` is given `d` twice"),
        ("{{ inputs.tags | map('upper', 1) }}", "refused: wrong-arguments: `upper` takes fewer arguments"),
        (
            "{{ inputs.tags | map('replace', 'a') }}",
            "refused: wrong-arguments: `replace` needs an argument `new`",
        ),
        ("{{ inputs.tags | select('eq') }}", "refused: wrong-arguments: `eq` needs an argument `other`"),
        ("{% include 'x' %}", "refused: forbidden-expression: {% include %} can't be used in a pipeline"),
        (
            "{% macro m() %}{% endmacro %}",
            "refused: forbidden-expression: {% macro %} can't be used in a pipeline",
        ),
        (
            "{% set x %}a{% endset %}",
            "refused: forbidden-expression: a {% set %} block can't be used in a pipeline; write {% set name = … %}",
        ),
        (
            "{% filter upper %}a{% endfilter %}",
            "refused: forbidden-expression: {% filter %} can't be used in a pipeline; write {{ … | filter }}",
        ),
        (
            "{% set steps = 1 %}x",
            "refused: forbidden-expression: `steps` can't be assigned to; take another name",
        ),
        (
            "{% for inputs in [1] %}x{% endfor %}",
            "refused: forbidden-expression: `inputs` can't be assigned to; take another name",
        ),
        (
            "{{ steps }}",
            "refused: forbidden-expression: `steps` can't be used as a whole; write `steps.` and a name",
        ),
        (
            "{{ steps[inputs.which].url }}",
            "refused: forbidden-expression: `steps[…]` needs a name that is written down, so that what it waits for is known before the run: `steps.name` or `steps['name']`",
        ),
        ("{{ a b }}", "refused: expression-syntax: unexpected identifier, expected end of variable block"),
        ("{{ a", "refused: expression-syntax: unexpected end of input, expected end of variable block"),
    ]);
}

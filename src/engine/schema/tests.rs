use super::random::Random;
use super::*;
use std::fmt::Write;

/// Whether an instance is valid, by the crate `jsonschema`.
fn judge(schema: &str, instance: &str) -> Result<(), String> {
    let schema: serde_json::Value = serde_json::from_str(schema).map_err(|e| e.to_string())?;
    let instance: serde_json::Value = serde_json::from_str(instance).map_err(|e| e.to_string())?;
    let validator =
        jsonschema::options().should_validate_formats(true).build(&schema).map_err(|e| e.to_string())?;
    validator.validate(&instance).map_err(|e| e.to_string())
}

/// An instance, held to all patterns.
fn instance(schema: &str, seed: u64) -> Result<Instance, NoInstance> {
    super::instance(schema, seed, Patterns::All, LONGEST, &Budget::default())
}

fn make(schema: &str) -> String {
    let made = instance(schema, 1).unwrap_or_else(|why| panic!("{schema}: {why:?}"));
    assert!(made.whole, "{schema}");
    made.json
}

#[test]
fn instances_are_small_but_say_something() {
    for (schema, part) in [
        (
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a","b"],"additionalProperties":false}"#,
            r#"{"a":""#,
        ),
        (r#"{"type":"array","items":{"const":7}}"#, "[7"),
        (r##"{"$ref":"#/$defs/x","$defs":{"x":{"enum":["only"]}}}"##, r#""only""#),
        (r#"{"type":["string","null"],"enum":[null]}"#, "null"),
        (r#"{"type":"object","additionalProperties":{"type":"integer"}}"#, r#"{"key1":"#),
        (r#"{"type":"string","format":"date"}"#, "\"202"),
        (r#"{}"#, "\""),
        ("true", "\""),
    ] {
        let json = make(schema);
        assert!(json.starts_with(part), "{schema}: {json}");
        assert_eq!(judge(schema, &json), Ok(()), "{schema}: {json}");
    }
}

#[test]
fn recursion_comes_to_an_end() {
    for schema in [
        r##"{"type":"object","properties":{"value":{"type":"string"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["value","next"],"additionalProperties":false}"##,
        r##"{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["children"],"additionalProperties":false}}}"##,
        r##"{"$ref":"#/$defs/e","$defs":{"e":{"anyOf":[{"$ref":"#/$defs/sum"},{"type":"number"}]},"sum":{"type":"object","properties":{"left":{"$ref":"#/$defs/e"},"right":{"$ref":"#/$defs/e"}},"required":["left","right"],"additionalProperties":false}}}"##,
    ] {
        for seed in 0..200 {
            let made = instance(schema, seed).expect("an end");
            assert!(made.whole && made.json.len() < 2000, "{}", made.json);
            assert_eq!(judge(schema, &made.json), Ok(()), "{schema}: {}", made.json);
        }
    }
}

#[test]
fn a_schema_without_an_instance_is_reported() {
    let endless = r##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##;
    for (schema, why) in [
        ("{", NoInstance::Unreadable),
        (r##"{"$ref":"#/$defs/none"}"##, NoInstance::Dangling("#/$defs/none".to_owned())),
        (r#"{"type":"string","pattern":"(?=x)"}"#, NoInstance::Pattern("(?=x)".to_owned())),
        (endless, NoInstance::Impossible),
        (r##"{"$ref":"#"}"##, NoInstance::Impossible),
        (r#"{"type":"integer","minimum":2,"maximum":1}"#, NoInstance::Impossible),
        (r#"{"type":"array","minItems":2,"maxItems":1}"#, NoInstance::Impossible),
        (r#"{"anyOf":[]}"#, NoInstance::Impossible),
        ("false", NoInstance::Impossible),
    ] {
        assert_eq!(instance(schema, 1), Err(why), "{schema}");
    }
}

#[test]
fn an_instance_beyond_all_measure_is_cut() {
    let mut defs = String::new();
    for i in 0..40 {
        write!(defs, r##""d{i}":{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d{}"}},"b":{{"$ref":"#/$defs/d{}"}}}},"required":["a","b"]}},"##, i + 1, i + 1)
            .expect("a string");
    }
    let schema = format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{defs}"d40":{{"type":"null"}}}}}}"##);
    let made = instance(&schema, 1).expect("a beginning");
    assert!(!made.whole && made.json.len() < 2 * LONGEST);
}

#[test]
fn a_format_goes_before_the_pattern_beside_it() {
    for (format, pattern, part) in [
        ("email", r"^(?:[a-z0-9]+\\.)*[a-z0-9_-]+@(?:[a-z0-9-]+\\.)+[a-z]{2,}$", "@example.com"),
        ("uuid", "^([0-9a-f]{8}-[0-9a-f-]+|ffffffff-ffff-ffff-ffff-ffffffffffff)$", "-4"),
        // It has another meaning here, and counts.
        ("date", "^x{3}$", "xxx"),
        ("unheard-of", "^x{3}$", "xxx"),
    ] {
        let schema = format!(r#"{{"type":"string","format":"{format}","pattern":"{pattern}"}}"#);
        for seed in 0..20 {
            let json = instance(&schema, seed).expect("an instance").json;
            assert!(json.contains(part), "{schema}: {json}");
        }
    }
}

#[test]
fn a_format_keeps_to_the_bounds_beside_it() {
    for (format, least, most) in [
        ("email", 0, 12),
        ("email", 6, 6),
        ("email", 60, 64),
        ("hostname", 0, 4),
        ("hostname", 40, 63),
        ("uri", 0, 8),
        ("uri", 300, 300),
        ("ipv4", 0, 8),
        ("ipv6", 0, 5),
        ("duration", 0, 4),
        ("date-time", 24, 24),
        ("json-pointer", 30, 40),
    ] {
        let schema =
            format!(r#"{{"type":"string","format":"{format}","minLength":{least},"maxLength":{most}}}"#);
        for seed in 0..9 {
            let json = instance(&schema, seed).expect(&schema).json;
            let text: String = serde_json::from_str(&json).expect("a string");
            assert!((least..=most).contains(&text.len()), "{schema}: {text}");
            assert!(
                format != "email"
                    || text.split('@').count() == 2 && text.ends_with(".co")
                    || text.ends_with("@example.com"),
                "{text}"
            );
        }
    }
    for (format, bound, keyword) in [
        ("email", r#""maxLength":5"#, "maxLength"),
        ("uuid", r#""maxLength":35"#, "maxLength"),
        ("date", r#""minLength":11"#, "minLength"),
    ] {
        let schema = format!(r#"{{"type":"string","format":"{format}",{bound}}}"#);
        assert_eq!(instance(&schema, 1), Err(NoInstance::Unmet(keyword)), "{schema}");
    }
}

#[test]
fn a_pattern_that_is_not_understood_spoils_no_more_than_it_must() {
    let lax = |schema: &str| super::instance(schema, 1, Patterns::Understood, LONGEST, &Budget::default());
    let schema = r#"{"type":"object","properties":{"pattern":{"type":"string","pattern":"^(?!a)b$"},"n":{"type":"integer"},"c":{"type":"string","pattern":"^c$"}},"required":["pattern","n","c"]}"#;
    let json = lax(schema).expect("an instance").json;
    let made: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(made["pattern"].is_string() && made["n"].is_i64() && made["c"] == "c", "{json}");
    assert_eq!(instance(schema, 1), Err(NoInstance::Pattern("^(?!a)b$".to_owned())));
}

#[test]
fn patterns_of_one_request_have_an_end_together() {
    let budget = Budget::default();
    let slow = r#"{"type":"string","pattern":"^(\\w?){6000}$(?:a)"}"#;
    let make = |schema: &str| super::instance(schema, 1, Patterns::All, LONGEST, &budget);
    assert_eq!(make(slow), Err(NoInstance::Exhausted(Exhausted)));
    assert_eq!(
        (make(r#"{"type":"string"}"#), budget.steps_spent()),
        (Err(NoInstance::Exhausted(Exhausted)), Budget::STEPS)
    );
}

#[test]
fn a_text_beside_a_number_can_be_read_as_one() {
    let decimal = r#"{"anyOf":[{"type":"number","maximum":50},{"type":"string","title":"A decimal"}]}"#;
    let read = |seed| instance(decimal, seed).expect("an instance").json;
    assert!((0..50).all(|seed| read(seed).trim_matches('"').parse::<f64>().is_ok_and(|n| n <= 50.0)));
    assert!(
        (0..50).any(|seed| read(seed).starts_with('"')) && (0..50).any(|seed| !read(seed).starts_with('"'))
    );
    let colours = r#"{"anyOf":[{"type":"number"},{"type":"string","enum":["red"]}]}"#;
    assert!((0..50).any(|seed| instance(colours, seed).expect("an instance").json == r#""red""#));
}

#[test]
fn what_lies_outside_the_strict_subset_is_met_as_well() {
    for schema in [
        r#"{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"integer","minimum":5}},"required":["b"]}]}"#,
        r##"{"allOf":[{"$ref":"#/$defs/base"},{"type":"object","properties":{"x":{"const":1}},"required":["x"]}],"$defs":{"base":{"type":"object","properties":{"id":{"type":"string","format":"uuid"}},"required":["id"]}}}"##,
        r#"{"type":"object","required":["free"],"minProperties":3}"#,
        r#"{"type":"array","uniqueItems":true,"minItems":3,"items":{"enum":[1,2,3]}}"#,
        r#"{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":2,"maxItems":2}"#,
        r#"{"type":"object","properties":{"k":{"type":"string"}},"required":["k"],"anyOf":[{"properties":{"z":{"type":"boolean"}},"required":["z"]}]}"#,
        r#"{"type":"string","minLength":40,"maxLength":41}"#,
        r#"{"properties":{"n":{"minimum":3}},"required":["n"]}"#,
    ] {
        for seed in 0..20 {
            let made = instance(schema, seed).unwrap_or_else(|why| panic!("{schema}: {why:?}"));
            assert_eq!(judge(schema, &made.json), Ok(()), "{schema}: {}", made.json);
        }
    }
}

#[test]
fn every_instance_of_5000_random_schemas_is_valid() {
    let mut random = Random::new(42);
    let mut longest = 0;
    for i in 0..5_000 {
        let schema = random.schema();
        let made = instance(&schema, i).unwrap_or_else(|why| panic!("{schema}: {why:?}"));
        longest = longest.max(made.json.len());
        assert!(made.whole, "{schema}");
        assert_eq!(judge(&schema, &made.json), Ok(()), "{i}: {schema}\n{}", made.json);
    }
    // Time goes with length: a few milliseconds for the longest.
    assert!(longest < 256 * 1024, "{longest}");
}

#[test]
fn every_instance_of_2000_random_schemas_of_all_keywords_is_valid() {
    let mut random = Random::new(7);
    for i in 0..2_000 {
        let schema = random.schema_of_all_keywords();
        let made = instance(&schema, i).unwrap_or_else(|why| panic!("{i} {schema}: {why:?}"));
        assert_eq!(judge(&schema, &made.json), Ok(()), "{i}: {schema}\n{}", made.json);
    }
}

#[test]
fn keywords_that_cannot_be_honoured_are_named() {
    for (schema, keyword) in [
        (r#"{"type":"string","pattern":"^a$","not":{"const":"a"}}"#, "not"),
        (r#"{"oneOf":[{"type":"string"},{"type":"string"}]}"#, "oneOf"),
        (r#"{"type":"array","items":{"const":1},"minItems":2,"uniqueItems":true}"#, "uniqueItems"),
        (r#"{"type":"array","items":{"type":"string"},"contains":{"type":"integer"}}"#, "contains"),
        (r#"{"type":"object","propertyNames":{"maxLength":1},"required":["long"]}"#, "propertyNames"),
        (
            r#"{"type":"object","properties":{"a":{}},"required":["a"],"dependentRequired":{"a":["b"]},"additionalProperties":false}"#,
            "dependentRequired",
        ),
        (r#"{"not":{}}"#, "not"),
    ] {
        assert_eq!(instance(schema, 1), Err(NoInstance::Unmet(keyword)), "{schema}");
    }
}

/// The steps and bytes that an instance takes, and how it ends.
fn cost(schema: &str) -> (u64, u64, Result<bool, NoInstance>) {
    let budget = Budget::for_body(schema.len());
    let made = super::instance(schema, 1, Patterns::Understood, LONGEST, &budget);
    (budget.steps_spent(), budget.peak_bytes(), made.map(|instance| instance.whole))
}

#[test]
fn schemas_that_multiply_are_answered_within_the_budget() {
    let numbered =
        |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let unique = numbered(10, &|k| match k {
        0 => r#""l0":{"const":1}"#.to_owned(),
        k => format!(
            r##""l{k}":{{"type":"array","uniqueItems":true,"prefixItems":[{{"$ref":"#/$defs/l{0}"}},{{"$ref":"#/$defs/l{0}"}}],"items":false}}"##,
            k - 1
        ),
    });
    let unique = format!(
        r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/l9"}}}},"required":["a"],"$defs":{{{unique}}}}}"##
    );
    let all = numbered(48, &|i| {
        let others = numbered(48, &|j| format!(r##"{{"$ref":"#/$defs/d{j}"}}"##));
        format!(r#""d{i}":{{"allOf":[{others}]}}"#)
    });
    let all =
        format!(r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{all}}}}}"##);
    let chain = numbered(200_000, &|i| format!(r##""d{i}":{{"$ref":"#/$defs/d{}"}}"##, i + 1));
    let chain = format!(
        r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d0"}}}},"required":["a"],"$defs":{{{chain},"d200000":{{"type":"integer"}}}}}}"##
    );
    let parts = numbered(40_000, &|i| {
        format!(r#"{{"properties":{{"p{i}":{{"type":"null"}}}},"required":["p{i}"]}}"#)
    });
    let parts = format!(r#"{{"type":"object","allOf":[{parts}]}}"#);
    let branches = numbered(400_000, &|_| r##"{"$ref":"#/$defs/s"}"##.to_owned());
    let branches = format!(
        r##"{{"type":"object","properties":{{"a":{}{{"anyOf":[{branches}]}}{}}},"required":["a"],"$defs":{{"s":{{"type":"string"}}}}}}"##,
        r#"{"type":"array","items":"#.repeat(60),
        "}".repeat(60)
    );
    for (name, schema, whole) in [
        ("unique", unique, Ok(true)),
        ("allOf", all, Ok(true)),
        ("chain", chain, Ok(true)),
        ("parts", parts, Ok(true)),
        ("branches", branches, Ok(true)),
    ] {
        let (steps, bytes, end) = cost(&schema);
        assert_eq!(end, whole, "{name}: {steps} steps, {bytes} bytes");
        assert!(steps <= Budget::STEPS / 3 * 2, "{name}: {steps} steps");
        assert!(bytes <= 8 * schema.len() as u64 + Budget::BYTES, "{name}: {bytes} bytes");
    }
}

/// Arrays in one another, each with `least` items.
fn nested(levels: usize, least: usize, innermost: &str) -> String {
    let open = format!(r#"{{"type":"array","minItems":{least},"items":"#);
    format!("{}{innermost}{}", open.repeat(levels), "}".repeat(levels))
}

#[test]
fn steps_are_as_many_as_the_work_takes_time() {
    // Each took 170 to 240 ns a step, of 30.
    let values = |count: usize| (0..count).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let parts = [r#"{"type":"integer"}"#; 20].join(",");
    let disjoint = format!(
        r#"{{"allOf":[{{"enum":[{}]}},{{"enum":["x",{}]}}]}}"#,
        values(2000),
        (2000..4000).map(|i| i.to_string()).collect::<Vec<_>>().join(",")
    );
    let unique = format!(
        r#"{{"type":"array","uniqueItems":true,"minItems":1000,"items":{{"enum":[{}]}}}}"#,
        values(1000)
    );
    for (name, schema, least) in [
        ("values", nested(2, 100, r#"{"type":"null"}"#), 64 * 10_000),
        ("parts", nested(2, 50, &format!(r#"{{"allOf":[{parts}]}}"#)), 20 * 3 * 8 * 2_500),
        ("comparisons", disjoint, 8 * 2000 * 2000),
        ("unique items", unique, 8 * 1000 * 999 / 2),
        // A name is found by going over all that is written.
        (
            "names",
            r#"{"type":"object","minProperties":3000,"additionalProperties":{"type":"null"}}"#.to_owned(),
            3000 / 2 * 3000 * 14 / 16,
        ),
        (
            "long numbers",
            nested(1, 1000, &format!(r#"{{"minimum":{}}}"#, "1".repeat(10_000))),
            1000 * 10_000 / 16,
        ),
    ] {
        let (steps, _, end) = cost(&schema);
        assert!(steps >= least, "{name}: {steps} of {least} steps, {end:?}");
    }
}

#[test]
fn no_instance_is_deeper_than_a_reader_of_json_follows() {
    let chain = |length: usize| {
        let links: Vec<String> = (0..length)
            .map(|i| {
                format!(
                    r##""d{i}":{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d{}"}}}},"required":["a"]}}"##,
                    i + 1
                )
            })
            .collect();
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d{length}":{{"type":"null"}}}}}}"##, links.join(","))
    };
    let deep = instance(&chain(100), 1).expect("an instance");
    assert!(serde_json::from_str::<serde_json::Value>(&deep.json).is_ok());
    assert_eq!(instance(&chain(180), 1), Err(NoInstance::Impossible));
}

#[test]
fn what_is_read_and_looked_up_for_each_instance_draws_on_the_budget() {
    let steps = |schema: &str| {
        let budget = Budget::default();
        let made = super::instance(schema, 1, Patterns::Understood, LONGEST, &budget);
        assert!(made.is_ok(), "{made:?}");
        assert_eq!(budget.reserved(), 0);
        budget.steps_spent()
    };
    let text = "\\n".repeat(200_000);
    assert!(steps(&format!(r#"{{"type":"string","description":"{text}"}}"#)) >= 100_000);
    let names = |count: usize| (0..count).map(|i| format!(r#""r{i}""#)).collect::<Vec<_>>().join(",");
    let denied = |count: usize| {
        let required = names(count);
        format!(r#"{{"type":"object","required":[{required}],"not":{{"required":["a",{required}]}}}}"#)
    };
    // Each denied name is searched for among all required ones.
    assert!(steps(&denied(2_000)) > 2_000 * 2_000 / 4);

    // What the names and the patterns take is part of the budget too.
    let within = |schema: &str, bytes: u64| {
        super::instance(schema, 1, Patterns::Understood, 1000, &Budget::new(Budget::STEPS, bytes))
    };
    let required = format!(r#"{{"type":"object","required":[{}]}}"#, names(5_000));
    assert_eq!(within(&required, 500_000), Err(NoInstance::Exhausted(Exhausted)));
    assert!(within(&required, 2_000_000).is_ok());
    let pattern = r#"{"type":"string","pattern":"^(a|b){0,1000}$"}"#;
    assert_eq!(within(pattern, 50_000), Err(NoInstance::Exhausted(Exhausted)));
    assert!(within(pattern, 2_000_000).is_ok());
}

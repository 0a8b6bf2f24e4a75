use super::*;
use std::fmt::Write;

/// Whether an instance is valid, judged by somebody else.
fn judge(schema: &str, instance: &str) -> Result<(), String> {
    let schema: serde_json::Value = serde_json::from_str(schema).map_err(|e| e.to_string())?;
    let instance: serde_json::Value = serde_json::from_str(instance).map_err(|e| e.to_string())?;
    let validator =
        jsonschema::options().should_validate_formats(true).build(&schema).map_err(|e| e.to_string())?;
    validator.validate(&instance).map_err(|e| e.to_string())
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
fn what_has_no_instance_is_told() {
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

/// Random schemas of the strict subset.
struct Random {
    draw: Draw,
    /// How many definitions there are to refer to.
    defs: u64,
}

impl Random {
    fn any(&mut self, depth: u32) -> String {
        let deepest = depth >= 4;
        match self.draw.below(if deepest { 6 } else { 12 }) {
            0 => self.string(),
            1 => self.number(),
            2 => r#"{"type":"boolean"}"#.to_owned(),
            3 => r#"{"type":["string","null"],"description":"maybe"}"#.to_owned(),
            4 => format!(r#"{{"type":"string","enum":["a","b","{}"]}}"#, self.draw.below(9)),
            5 => format!(r#"{{"const":{}}}"#, ["1", "\"x\"", "null", "true"][self.draw.below(4) as usize]),
            6 | 7 => self.object(depth),
            8 => self.array(depth),
            9 => {
                let branches: Vec<_> = (0..=self.draw.below(3)).map(|_| self.any(depth + 1)).collect();
                // Whatever is drawn, one branch ends.
                format!(r#"{{"anyOf":[{},{{"type":"null"}}]}}"#, branches.join(","))
            }
            10 if self.defs > 0 => {
                let target = self.draw.below(self.defs);
                format!(r##"{{"anyOf":[{{"$ref":"#/$defs/d{target}"}},{{"type":"null"}}]}}"##)
            }
            11 if self.defs > 0 => {
                let target = self.draw.below(self.defs);
                format!(r##"{{"type":"array","items":{{"$ref":"#/$defs/d{target}"}}}}"##)
            }
            _ => self.string(),
        }
    }

    fn string(&mut self) -> String {
        const FORMATS: [&str; 9] =
            ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
        const PATTERNS: [&str; 7] = [
            "^@[a-zA-Z0-9_]+$",
            "^[A-Z]{2,3}-[0-9]{1,5}$",
            r"^\\d{3}-\\d{4}$",
            r"^(\\([0-9]{3}\\))?[0-9]{3}-[0-9]{4}$",
            "^(red|green|blue)( (light|dark))?$",
            r"^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$",
            "x[0-9a-f]*y",
        ];
        match self.draw.below(4) {
            0 => format!(r#"{{"type":"string","format":"{}"}}"#, FORMATS[self.draw.below(9) as usize]),
            1 => format!(r#"{{"type":"string","pattern":"{}"}}"#, PATTERNS[self.draw.below(7) as usize]),
            2 => {
                let least = self.draw.below(30);
                format!(
                    r#"{{"type":"string","minLength":{least},"maxLength":{}}}"#,
                    least + self.draw.below(9)
                )
            }
            _ => r#"{"type":"string"}"#.to_owned(),
        }
    }

    fn number(&mut self) -> String {
        let low = self.draw.below(2000) as i64 - 1000;
        let high = low + 1 + self.draw.below(500) as i64;
        let kind = if self.draw.below(2) == 0 { "integer" } else { "number" };
        match self.draw.below(6) {
            0 => format!(r#"{{"type":"{kind}","minimum":{low},"maximum":{high}}}"#),
            1 => format!(r#"{{"type":"{kind}","exclusiveMinimum":{low},"exclusiveMaximum":{}}}"#, high + 1),
            2 => format!(r#"{{"type":"{kind}","multipleOf":{}}}"#, 1 + self.draw.below(20)),
            3 => format!(r#"{{"type":"number","minimum":{low}.5,"multipleOf":0.25}}"#),
            4 => r#"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.01}"#.to_owned(),
            _ => format!(r#"{{"type":"{kind}"}}"#),
        }
    }

    fn object(&mut self, depth: u32) -> String {
        let count = self.draw.below(6);
        let properties: Vec<_> = (0..count).map(|i| format!(r#""p{i}":{}"#, self.any(depth + 1))).collect();
        let names: Vec<_> = (0..count).map(|i| format!(r#""p{i}""#)).collect();
        format!(
            r#"{{"type":"object","properties":{{{}}},"required":[{}],"additionalProperties":false}}"#,
            properties.join(","),
            names.join(",")
        )
    }

    fn array(&mut self, depth: u32) -> String {
        let items = self.any(depth + 1);
        match self.draw.below(3) {
            0 => format!(r#"{{"type":"array","items":{items}}}"#),
            1 => format!(r#"{{"type":"array","items":{items},"minItems":{}}}"#, self.draw.below(4)),
            _ => format!(
                r#"{{"type":"array","items":{items},"minItems":1,"maxItems":{}}}"#,
                1 + self.draw.below(3)
            ),
        }
    }

    fn schema(&mut self) -> String {
        self.defs = self.draw.below(4);
        let defs: Vec<_> = (0..self.defs).map(|i| format!(r#""d{i}":{}"#, self.object(2))).collect();
        let root = self.object(0);
        format!(r#"{},"$defs":{{{}}}}}"#, &root[..root.len() - 1], defs.join(","))
    }
}

#[test]
fn every_instance_of_5000_random_schemas_is_valid() {
    let mut random = Random { draw: Draw::new(42), defs: 0 };
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

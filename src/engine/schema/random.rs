//! Random schemas, for the test of whether instances are valid and the benchmark of how long they take. The
//! benchmark includes this file, so it uses nothing of the crate.

/// A small generator of numbers that look random (xorshift), so that a failure can be seen again.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// Random schemas of the strict subset.
pub(super) struct Random {
    rng: Xorshift,
    /// How many definitions there are to refer to.
    defs: u64,
}

impl Random {
    /// The same schemas for the same seed, which is not 0.
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Xorshift(seed), defs: 0 }
    }

    /// The next schema: an object, with definitions it may refer to.
    pub(super) fn schema(&mut self) -> String {
        self.defs = self.rng.below(4);
        let defs: Vec<_> = (0..self.defs).map(|i| format!(r#""d{i}":{}"#, self.object(2))).collect();
        let root = self.object(0);
        format!(r#"{},"$defs":{{{}}}}}"#, &root[..root.len() - 1], defs.join(","))
    }

    fn any(&mut self, depth: u32) -> String {
        let deepest = depth >= 4;
        match self.rng.below(if deepest { 6 } else { 12 }) {
            0 => self.string(),
            1 => self.number(),
            2 => r#"{"type":"boolean"}"#.to_owned(),
            3 => r#"{"type":["string","null"],"description":"maybe"}"#.to_owned(),
            4 => format!(r#"{{"type":"string","enum":["a","b","{}"]}}"#, self.rng.below(9)),
            5 => format!(r#"{{"const":{}}}"#, ["1", "\"x\"", "null", "true"][self.rng.below(4) as usize]),
            6 | 7 => self.object(depth),
            8 => self.array(depth),
            9 => {
                let branches: Vec<_> = (0..=self.rng.below(3)).map(|_| self.any(depth + 1)).collect();
                // Whatever is drawn, one branch ends.
                format!(r#"{{"anyOf":[{},{{"type":"null"}}]}}"#, branches.join(","))
            }
            10 if self.defs > 0 => {
                let target = self.rng.below(self.defs);
                format!(r##"{{"anyOf":[{{"$ref":"#/$defs/d{target}"}},{{"type":"null"}}]}}"##)
            }
            11 if self.defs > 0 => {
                let target = self.rng.below(self.defs);
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
        match self.rng.below(4) {
            0 => format!(r#"{{"type":"string","format":"{}"}}"#, FORMATS[self.rng.below(9) as usize]),
            1 => format!(r#"{{"type":"string","pattern":"{}"}}"#, PATTERNS[self.rng.below(7) as usize]),
            2 => {
                let least = self.rng.below(30);
                format!(
                    r#"{{"type":"string","minLength":{least},"maxLength":{}}}"#,
                    least + self.rng.below(9)
                )
            }
            _ => r#"{"type":"string"}"#.to_owned(),
        }
    }

    fn number(&mut self) -> String {
        let low = self.rng.below(2000) as i64 - 1000;
        let high = low + 1 + self.rng.below(500) as i64;
        let kind = if self.rng.below(2) == 0 { "integer" } else { "number" };
        match self.rng.below(6) {
            0 => format!(r#"{{"type":"{kind}","minimum":{low},"maximum":{high}}}"#),
            1 => format!(r#"{{"type":"{kind}","exclusiveMinimum":{low},"exclusiveMaximum":{}}}"#, high + 1),
            2 => format!(r#"{{"type":"{kind}","multipleOf":{}}}"#, 1 + self.rng.below(20)),
            3 => format!(r#"{{"type":"number","minimum":{low}.5,"multipleOf":0.25}}"#),
            4 => r#"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.01}"#.to_owned(),
            _ => format!(r#"{{"type":"{kind}"}}"#),
        }
    }

    fn object(&mut self, depth: u32) -> String {
        let count = self.rng.below(6);
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
        match self.rng.below(3) {
            0 => format!(r#"{{"type":"array","items":{items}}}"#),
            1 => format!(r#"{{"type":"array","items":{items},"minItems":{}}}"#, self.rng.below(4)),
            _ => format!(
                r#"{{"type":"array","items":{items},"minItems":1,"maxItems":{}}}"#,
                1 + self.rng.below(3)
            ),
        }
    }

    /// The next schema outside the strict subset: an object whose properties use every keyword.
    pub(super) fn schema_of_all_keywords(&mut self) -> String {
        self.defs = 0;
        let properties: Vec<_> =
            (0..1 + self.rng.below(3)).map(|i| format!(r#""q{i}":{}"#, self.beyond(0))).collect();
        format!(
            r##"{{"type":"object","properties":{{{}}},"required":["q0"],"$defs":{{"a b/c":{{"type":"integer","minimum":5}},"s":{{"type":"string","maxLength":9}},"list":{{"type":"object","properties":{{"next":{{"oneOf":[{{"$ref":"#/$defs/list"}},{{"type":"null"}}]}}}},"required":["next"]}}}}}}"##,
            properties.join(",")
        )
    }

    /// A schema that has instances, and keywords beyond the strict subset.
    fn beyond(&mut self, depth: u32) -> String {
        let (low, high) = (self.rng.below(9), 10 + self.rng.below(9));
        let inner = if depth < 2 && self.rng.below(3) == 0 { self.beyond(depth + 1) } else { self.any(3) };
        let abc = format!(
            r#""type":"object","properties":{{"a":{inner},"b":{{"type":"string"}},"c":{{"type":"integer"}}}}"#
        );
        match self.rng.below(32) {
            0 => format!(r#"{{{abc},"oneOf":[{{"required":["a"]}},{{"required":["b"]}}]}}"#),
            1 => format!(r#"{{{abc},"required":["c"],"not":{{"required":["a"]}}}}"#),
            2 => format!(r#"{{{abc},"not":{{"required":["a","b"]}}}}"#),
            3 => format!(r#"{{{abc},"dependentRequired":{{"a":["b","d"]}},"required":["a"]}}"#),
            4 => format!(r#"{{{abc},"dependentSchemas":{{"a":{{"properties":{{"c":{{"minimum":{low}}}}},"required":["c"]}}}}}}"#),
            5 => format!(r#"{{{abc},"if":{{"properties":{{"c":{{"minimum":{low}}}}},"required":["c"]}},"then":{{"required":["b"]}},"else":{{"required":["a"]}}}}"#),
            6 => format!(r#"{{{abc},"if":{{"properties":{{"b":{{"const":"x"}}}}}},"then":{{"properties":{{"c":{{"const":{low}}}}},"required":["c"]}}}}"#),
            7 => r#"{"type":"object","patternProperties":{"^x_[a-z]+$":{"type":"integer"}},"additionalProperties":false,"minProperties":2}"#.to_owned(),
            8 => r#"{"type":"object","propertyNames":{"pattern":"^[a-z]{2,5}$"},"minProperties":3}"#.to_owned(),
            9 => format!(r#"{{{abc},"propertyNames":{{"enum":["a","c"]}}}}"#),
            10 => format!(r#"{{"type":"array","contains":{{"type":"integer","minimum":{low}}},"minContains":2}}"#),
            11 => format!(r#"{{"type":"array","items":{{"type":"integer","minimum":0,"maximum":20}},"contains":{{"const":{low}}},"maxContains":1,"minItems":3}}"#),
            12 => r#"{"type":"array","uniqueItems":true,"minItems":6,"items":{"enum":["a","b","c","d","e","f"]}}"#.to_owned(),
            13 => r#"{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false,"minItems":1}"#.to_owned(),
            14 => format!(r#"{{"oneOf":[{{"type":"integer","minimum":0,"maximum":{high}}},{{"type":"integer","minimum":{low},"maximum":30}}]}}"#),
            15 => format!(r#"{{"oneOf":[{{"type":"string"}},{inner},{{"type":"null"}}]}}"#).replace(&inner, r#"{"type":"array","items":{"type":"boolean"}}"#),
            16 => r#"{"type":"string","not":{"enum":["river","stone","garden"]}}"#.to_owned(),
            17 => format!(r#"{{"type":"integer","minimum":{low},"maximum":{high},"not":{{"const":{low}}}}}"#),
            18 => r#"{"type":["string","integer","boolean"],"not":{"type":"string"}}"#.to_owned(),
            19 => format!(r##"{{"$ref":"#/$defs/a%20b~1c","maximum":{high}}}"##),
            20 => r##"{"$ref":"#/$defs/s","minLength":7,"description":"beside"}"##.to_owned(),
            21 => r##"{"$ref":"#/$defs/list"}"##.to_owned(),
            22 => format!(r#"{{"allOf":[{{{abc}}},{{"properties":{{"d":{{"type":"boolean"}}}},"required":["d"]}}],"unevaluatedProperties":false}}"#),
            23 => format!(r#"{{"allOf":[{{"type":"number","minimum":{low}}},{{"multipleOf":3}},{{"multipleOf":2}},{{"maximum":60}}]}}"#),
            24 => r#"{"anyOf":[{"required":["a"]},{"required":["b"]}],"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"maxProperties":1}"#.to_owned(),
            25 => format!(r#"{{"type":"array","items":{inner},"not":{{"minItems":2}}}}"#),
            26 => r#"{"not":{"anyOf":[{"type":"string"},{"type":"number"},{"type":"object"}]},"type":["string","number","boolean","object"]}"#.to_owned(),
            27 => r#"{"type":"object","properties":{"kind":{"enum":["a","b"]},"v":{}},"required":["kind","v"],"oneOf":[{"properties":{"kind":{"const":"a"},"v":{"type":"string"}}},{"properties":{"kind":{"const":"b"},"v":{"type":"integer"}}}]}"#.to_owned(),
            28 => r#"{"allOf":[{"enum":[1,2,3,4]},{"enum":[3,4,5]},{"not":{"const":4}}]}"#.to_owned(),
            29 => format!(r#"{{{abc},"required":["b"],"not":{{"properties":{{"b":{{"maxLength":{high}}}}}}}}}"#),
            30 => r#"{"type":"array","prefixItems":[{"type":"string"}],"unevaluatedItems":false,"minItems":1}"#.to_owned(),
            _ => format!(r#"{{{abc},"required":["a"],"additionalProperties":{{"type":"integer"}},"minProperties":4}}"#),
        }
    }
}
